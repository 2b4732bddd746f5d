"""The negatives of shuffled AUC, sampler by sampler."""

import numpy as np
import pytest

from avsal.errors import ConfigError
from avsal.metrics import create_sampler, score_frame, shuffled_auc
from avsal.types import Fixations


def gaze(size, *rows) -> Fixations:
    """Fixations from (frame, row, column)."""
    frame, y, x = np.array(rows, dtype=float).reshape(-1, 3).T
    return Fixations(frame.astype(int), x + 0.5, y + 0.5, np.zeros(len(x), dtype=int), size)


@pytest.fixture
def three_videos() -> dict[str, Fixations]:
    return {
        "a": gaze((4, 8), (0, 1, 1), (0, 1, 1), (1, 2, 3), (2, 1, 1), (2, 3, 7)),
        "b": gaze((4, 8), (0, 0, 0), (0, 0, 0), (5, 3, 7)),
        "c": gaze((8, 16), (3, 6, 15), (4, 0, 1)),
    }


def counted(points) -> dict[tuple[int, int], int]:
    rows, columns = np.divmod(points.pixels, points.size[1])
    return dict(zip(zip(rows.tolist(), columns.tolist(), strict=True), points.counts.tolist(), strict=True))


def test_other_videos_gives_all_their_fixations_with_repeats_on_this_videos_frame(three_videos):
    negatives = create_sampler("other_videos", three_videos)("a", 0)
    assert negatives.sampler == "other_videos"
    assert negatives.size == (4, 8)
    assert counted(negatives) == {(0, 0): 3, (3, 7): 2}  # the video of 8 x 16 at half size


def test_other_videos_scales_points_up_as_well(three_videos):
    negatives = create_sampler("other_videos", three_videos)("c", 3)
    assert negatives.size == (8, 16)
    assert counted(negatives) == {(3, 3): 3, (5, 7): 1, (7, 15): 2, (1, 1): 2}


def test_same_video_gives_each_pixel_of_the_other_frames_once_without_this_frames(three_videos):
    sampler = create_sampler("same_video", three_videos)
    assert counted(sampler("a", 0)) == {(2, 3): 1, (3, 7): 1}
    assert counted(sampler("a", 1)) == {(1, 1): 1, (3, 7): 1}
    assert counted(sampler("a", 99)) == {(1, 1): 1, (2, 3): 1, (3, 7): 1}
    assert counted(sampler("b", 0)) == {(3, 7): 1}
    assert sampler("a", 0).sampler == "same_video"


def test_dhf1k_10_gives_the_pixels_of_frames_of_the_whole_set_each_once(three_videos):
    negatives = create_sampler("dhf1k_10", three_videos, seed=7)("a", 0)
    # fewer than ten frames have fixations, so all are drawn
    assert counted(negatives) == {(0, 0): 1, (1, 1): 1, (2, 3): 1, (3, 7): 1}
    assert negatives.sampler == "dhf1k_10(seed=7)"


def test_dhf1k_10_draws_ten_frames_by_seed_video_and_frame_whatever_the_order():
    videos = {name: gaze((9, 60), *((i, 2 * k, i) for i in range(60))) for k, name in enumerate("vw")}
    first, again = (create_sampler("dhf1k_10", videos, seed=3) for _ in range(2))
    asked = [("v", 4), ("w", 4), ("v", 5)]
    there = [first(*frame).pixels.tolist() for frame in asked]
    back = [again(*frame).pixels.tolist() for frame in reversed(asked)][::-1]
    assert there == back
    assert all(len(pixels) == 10 for pixels in there)
    assert there[0] != there[1] != there[2]
    assert create_sampler("dhf1k_10", videos, seed=4)("v", 4).pixels.tolist() != there[0]


def test_a_size_places_all_videos_on_the_ground_truths_frame(three_videos):
    for name, seed in (("other_videos", None), ("same_video", None), ("dhf1k_10", 0)):
        sampler = create_sampler(name, three_videos, seed=seed, size=(2, 4))
        negatives = sampler("a", 0)
        assert negatives.size == (2, 4)
        assert negatives.pixels.max() < 8


def test_samplers_differ_in_what_they_measure():
    """A predictor of one persistent target does well against other videos, not against its own."""
    generator = np.random.default_rng(0)
    target = [(i, *generator.normal((10, 50), 1)) for i in range(40) for _ in range(5)]
    elsewhere = [(i, *generator.normal((20, 30), 4)) for i in range(40) for _ in range(5)]
    videos = {"target": gaze((40, 60), *target), "elsewhere": gaze((40, 60), *elsewhere)}
    rows, columns = np.mgrid[:40, :60]
    saliency = np.exp(-((rows - 10.5) ** 2 + (columns - 50.5) ** 2) / 8)
    values = {}
    for name in ("other_videos", "same_video"):
        sampler = create_sampler(name, videos)
        values[name] = np.mean(
            [shuffled_auc(saliency, videos["target"].at(i), sampler("target", i)) for i in range(40)]
        )
    assert values["other_videos"] > 0.95
    assert values["same_video"] < 0.8


def test_the_samplers_name_travels_with_the_score(three_videos):
    saliency = np.arange(32.0).reshape(4, 8)
    for name, seed in (("other_videos", None), ("same_video", None), ("dhf1k_10", 5)):
        negatives = create_sampler(name, three_videos, seed=seed)("a", 0)
        scores = score_frame(saliency, frame="a/0", fixations=three_videos["a"].at(0), others=negatives)
        assert scores.scores["s_auc"].sampler == negatives.sampler
        assert scores.scores["nss"].sampler is None
    given = score_frame(saliency, frame="a/0", fixations=([0], [1]), others=([1], [1]))
    assert given.scores["s_auc"].sampler == "given"


def test_a_video_alone_in_its_set_has_no_negatives():
    alone = {"a": gaze((4, 8), (0, 1, 1))}
    negatives = create_sampler("other_videos", alone)("a", 0)
    scores = score_frame(np.eye(4, 8), frame="a/0", fixations=alone["a"], others=negatives)
    assert scores.scores["s_auc"].reason == "no fixation of others"


def test_wrong_use_is_refused_with_the_remedy(three_videos):
    with pytest.raises(ConfigError, match="expected one of other_videos, same_video, dhf1k_10"):
        create_sampler("others", three_videos)
    with pytest.raises(ConfigError, match="give it a `seed`"):
        create_sampler("dhf1k_10", three_videos)
    with pytest.raises(ConfigError, match="leave `seed` out"):
        create_sampler("same_video", three_videos, seed=1)
    with pytest.raises(ConfigError, match="no gaze on video 'd'"):
        create_sampler("other_videos", three_videos)("d", 0)
