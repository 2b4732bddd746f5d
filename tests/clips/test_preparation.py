import numpy as np
import pytest
import torch

from avsal.clips import content_region, content_size, crop_to_content, normalise, normalise_clips
from avsal.types import ClipSpec

VIDEOS = [(720, 1280), (1280, 720), (100, 100), (416, 1000), (3, 5000)]


@pytest.mark.parametrize("video", VIDEOS)
@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_normalising_is_the_formula_of_the_spec_and_padding_is_zero(video, channels):
    spec = ClipSpec(2, (20, 36), (104, 117, 123), (1, 2, 3), 255.0, channels, "fit")
    size = content_size(spec, video)
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    expected = np.zeros((3, 2, 20, 36))
    top, left = (20 - size[0]) // 2, (36 - size[1]) // 2
    colours = images if channels == "rgb" else images[..., ::-1]
    values = (colours.astype(float) - spec.mean) / spec.std
    expected[:, :, top : top + size[0], left : left + size[1]] = values.transpose(3, 0, 1, 2)
    result = normalise(list(images), spec)
    np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-5)
    both = normalise_clips([torch.from_numpy(images)] * 2, spec)
    assert torch.equal(both, torch.stack([result, result]))


@pytest.mark.parametrize("video", VIDEOS)
@pytest.mark.parametrize("map_size", [(20, 36), (10, 18), (40, 72), (5, 9)])
def test_the_region_of_a_map_is_where_the_video_s_picture_lies(video, map_size):
    spec = ClipSpec(1, (20, 36), resize="fit")
    rows, columns = content_region(spec, video, map_size)
    height, width = content_size(spec, video)
    scale = map_size[0] / 20
    assert 1 <= rows.stop - rows.start <= map_size[0]
    assert abs((rows.stop - rows.start) - height * scale) <= 1
    assert abs((columns.stop - columns.start) - width * scale) <= 1
    assert abs((rows.start + rows.stop) / 2 - map_size[0] / 2) <= 1
    assert crop_to_content(torch.zeros(2, *map_size), spec, video).shape == (
        2,
        rows.stop - rows.start,
        columns.stop - columns.start,
    )


def test_stretched_videos_fill_the_map():
    spec = ClipSpec(1, (20, 36))
    assert content_region(spec, (720, 500), (10, 18)) == (slice(0, 10), slice(0, 18))
