import pytest
import torch

from avsal.clips import Clip, ClipBatch, normalise
from avsal.losses import create_loss
from avsal.metrics import batch as batch_metrics
from avsal.types import ClipSpec

SPEC = ClipSpec(2, (6, 8), (0.4, 0.5, 0.6), (0.2, 0.3, 0.4), sample_rate=100)


def clip(seed: int, num_points=(3, 0), audio: int | None = 7, size=(6, 8)) -> Clip:
    random = torch.Generator().manual_seed(seed)
    density = torch.rand(2, 6, 8, generator=random)
    points = tuple(
        torch.stack(
            [torch.randint(6, (count,), generator=random), torch.randint(8, (count,), generator=random)], 1
        )
        for count in num_points
    )
    return Clip(
        torch.randint(256, (2, *size, 3), dtype=torch.uint8, generator=random),
        None if audio is None else torch.randn(1, audio, generator=random),
        density / density.sum((1, 2), keepdim=True),
        points,
        torch.tensor([seed, seed + 1]),
        f"video{seed}",
        "fake",
    )


def test_frames_are_normalised_as_for_prediction():
    clips = [clip(0), clip(1)]
    batch = ClipBatch.collect(clips, SPEC)
    expected = torch.stack([normalise(list(item.images.numpy()), SPEC) for item in clips])
    assert torch.equal(batch.frames, expected)
    assert batch.frames.shape == (2, 3, 2, 6, 8)
    assert batch.frames.stride(1) == 1


def test_videos_of_different_shape_fit_into_one_batch():
    spec = ClipSpec(2, (6, 8), resize="fit", channels="bgr")
    clips = [clip(0, size=(6, 4)), clip(1, size=(3, 8))]
    batch = ClipBatch.collect(clips, spec)
    expected = torch.stack([normalise(list(item.images.numpy()), spec) for item in clips])
    assert torch.equal(batch.frames, expected)
    assert not batch.frames[0, ..., :2].any()


def test_points_are_padded_with_valid_pixels_under_a_mask():
    clips = [clip(0, (3, 0)), clip(1, (5, 2))]
    batch = ClipBatch.collect(clips, SPEC)
    assert batch.points.shape == (2, 2, 5, 2)
    assert batch.mask.sum(-1).tolist() == [[3, 0], [5, 2]]
    for index, item in enumerate(clips):
        for slot, points in enumerate(item.points):
            assert torch.equal(batch.points[index, slot][batch.mask[index, slot]], points)
    assert not batch.points[~batch.mask].any()


def test_losses_and_metrics_take_a_batch_as_it_is():
    batch = ClipBatch.collect([clip(0, (3, 0)), clip(1, (5, 2))], SPEC)
    maps = torch.rand(batch.density.shape, generator=torch.Generator().manual_seed(1))
    value = create_loss("tsfpnet")(maps, batch.density, batch.points, batch.mask)
    assert torch.isfinite(value.total)
    assert value.skipped["nss"] == 1
    scores = batch_metrics.nss(maps, batch.points, batch.mask)
    assert torch.isnan(scores).tolist() == [[False, True], [False, False]]
    torch.testing.assert_close(value.terms["nss"], -scores.nanmean())


def test_a_batch_without_any_fixation_is_possible():
    batch = ClipBatch.collect([clip(0, (0, 0))], SPEC)
    assert batch.points.shape == (1, 2, 0, 2)
    value = create_loss("tsfpnet")(torch.rand(1, 2, 6, 8), batch.density, batch.points, batch.mask)
    assert value.skipped["nss"] == 2


def test_sound_is_there_for_all_or_for_none():
    assert ClipBatch.collect([clip(0, audio=None), clip(1, audio=None)], SPEC).audio is None
    assert ClipBatch.collect([clip(0), clip(1)], SPEC).audio.shape == (2, 1, 7)
    with pytest.raises(ValueError, match=r"\[7, None\] samples"):
        ClipBatch.collect([clip(0), clip(1, audio=None)], SPEC)
    with pytest.raises(ValueError, match=r"\[7, 9\] samples"):
        ClipBatch.collect([clip(0), clip(1, audio=9)], SPEC)


def test_the_batch_says_which_frames_of_which_videos_it_holds():
    batch = ClipBatch.collect([clip(4), clip(9)], SPEC)
    assert batch.recordings == ("video4", "video9")
    assert batch.datasets == ("fake", "fake")
    assert batch.frame_numbers.tolist() == [[4, 5], [9, 10]]


def test_moving_a_batch_moves_every_tensor():
    batch = ClipBatch.collect([clip(0)], SPEC).to("meta")
    tensors = [*batch.images, batch.audio, batch.density, batch.points, batch.mask, batch.frame_numbers]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
