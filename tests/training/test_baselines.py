import numpy as np
import pytest
import torch

from avsal.errors import ConfigError
from avsal.training.centre_bias import centre_gaussian, mean_map
from avsal.training.validation import ValidationRow, better, mean_scores


def gaze(num, seed=0):
    random = np.random.default_rng(seed)
    return np.clip(random.normal((0.4, 0.6), (0.05, 0.1), (num, 2)), 0, 0.999)


def test_the_centre_bias_is_the_gaussian_of_all_fixations():
    points = gaze(5000)
    image = centre_gaussian(points, (100, 200)).double().numpy()
    assert image.sum() == pytest.approx(1)
    rows, columns = (np.arange(100) + 0.5) / 100, (np.arange(200) + 0.5) / 200
    down, across = image.sum(1), image.sum(0)
    assert (down * rows).sum() == pytest.approx(points[:, 0].mean(), abs=1e-3)
    assert (across * columns).sum() == pytest.approx(points[:, 1].mean(), abs=1e-3)
    deviation = np.sqrt((across * columns**2).sum() - (across * columns).sum() ** 2)
    assert deviation == pytest.approx(points[:, 1].std(), rel=0.02)


def test_the_mean_map_has_a_peak_wherever_people_look():
    points = np.concatenate([np.full((100, 2), 0.26), np.full((100, 2), 0.74)])
    image = mean_map(points, (64, 64))
    assert float(image.sum()) == pytest.approx(1, abs=1e-5)
    assert image[16, 16] > 100 * image[32, 32]
    assert torch.allclose(image, image.flip(0, 1), atol=1e-6)


def test_scores_are_means_over_recordings_and_undefined_frames_are_counted():
    nan = float("nan")
    found = [
        ValidationRow("a", 0, {"nss": 1.0}),
        ValidationRow("a", 1, {"nss": 3.0}),
        ValidationRow("a", 2, {"nss": nan}),
        ValidationRow("b", 0, {"nss": 6.0}),
    ]
    assert mean_scores(found, ("nss",)) == {
        "nss": 4.0,
        "recordings": 2,
        "frames": 4,
        "undefined": {"nss": 1},
    }
    with pytest.raises(ConfigError, match="no frame of the validation clips has what nss needs"):
        mean_scores(found[2:3], ("nss",))


def test_less_is_better_for_kl_alone_and_nothing_is_no_score():
    assert better("nss", 2.0, 1.0)
    assert better("kl", 1.0, 2.0)
    assert not better("kl", 2.0, 1.0)
    assert better("cc", 0.1, None)
    assert not better("cc", float("nan"), None)
