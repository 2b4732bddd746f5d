import numpy as np
import torch
from PIL import Image

from avsal.training.pictures import spotlight, write_picture
from avsal.types import ClipSpec


def test_the_spotlight_leaves_the_peak_as_bright_as_it_was():
    image = np.full((4, 5, 3), 200, np.uint8)
    saliency = torch.zeros(4, 5)
    saliency[1, 2] = 0.3
    lit = spotlight(image, saliency)
    assert (lit[1, 2] == 200).all()
    assert (lit[0, 0] == 40).all()
    assert (spotlight(image, torch.zeros(4, 5)) == 40).all()


def test_a_picture_shows_the_frame_as_recorded_beside_truth_and_prediction(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 6, 3)).astype(np.uint8)
    for spec in (ClipSpec(1, (8, 6)), ClipSpec(1, (8, 6), (104.0, 117.0, 123.0), (1, 1, 1), 255.0, "bgr")):
        values = torch.from_numpy(pixels).float().permute(2, 0, 1)
        values = values.flip(0) if spec.channels == "bgr" else values
        mean, std = torch.tensor(spec.mean)[:, None, None], torch.tensor(spec.std)[:, None, None]
        given = (values * spec.value_range / 255 - mean) / std
        path = tmp_path / spec.channels / "picture.png"
        write_picture(path, given, spec, torch.ones(8, 6), torch.zeros(8, 6))
        drawn = np.asarray(Image.open(path))
        assert drawn.shape == (8, 18, 3)
        assert np.array_equal(drawn[:, :6], pixels)
        assert np.array_equal(drawn[:, 6:12], pixels)
        assert np.array_equal(drawn[:, 12:], np.round(pixels * 0.2).astype(np.uint8))
