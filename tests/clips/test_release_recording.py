"""Recordings read where their release lies give what a raw store gives."""

import numpy as np
import pytest
from fake_media import write_image, write_mat, write_video, write_wav

from avsal.clips import ClipDataset, ReleaseRecording, Store, StoreSettings, prepare
from avsal.errors import DatasetError
from avsal.groundtruth import density_recipe
from avsal.types import ClipSpec, Fixations, Recording
from datasets_av.frame_images import DensityImages, FixationImages
from datasets_av.video_clock import video_clock

SPEC = ClipSpec(num_frames=8, size=(24, 40), sample_rate=22050)
COUNT = 20


def of_images(root):
    """Frames, fixations and maps as one file a frame, with a WAV beside them."""
    random = np.random.default_rng(0)
    for index in range(COUNT):
        write_image(root / "frames" / f"{index:03}.png", random.integers(0, 255, (36, 48, 3)))
        points = np.zeros((36, 48), np.uint8)
        points[10, 5 + index] = points[20, 8] = 1
        write_mat(root / "points" / f"{index:03}.mat", {"I": points})
        write_image(root / "maps" / f"{index:03}.png", 200 * points + 3)
    files = {name: sorted((root / name).iterdir()) for name in ("points", "maps")}
    return Recording(
        "images", "made", root / "frames", write_wav(root / "sound.wav", seconds=COUNT / 25), 25.0, COUNT,
        load_fixations=FixationImages(files["points"]), load_density=DensityImages(files["maps"]),
    )  # fmt: skip


def of_video(root):
    video = write_video(root / "video.mp4", num_frames=COUNT)
    frames = np.arange(COUNT).repeat(2)
    gaze = Fixations(frames, np.linspace(1, 40, 2 * COUNT), np.full(2 * COUNT, 9.0), frames % 2, (32, 48))
    return Recording("video", "made", video, video, load_fixations=lambda: gaze)


@pytest.mark.parametrize("made", [of_images, of_video])
def test_clips_are_those_of_a_store(made, tmp_path):
    recording = made(tmp_path)
    settings = StoreSettings(SPEC.size, maps=recording.load_density is not None)
    assert not prepare([recording], tmp_path / "store", settings, workers=1).problems
    times = None if recording.frames.is_dir() else video_clock(recording.frames).times
    direct = ReleaseRecording.of(recording, SPEC, times)
    (stored,) = Store(tmp_path / "store")
    assert (direct.num_frames, direct.size, direct.has_sound) == (stored.num_frames, stored.size, True)
    np.testing.assert_allclose(direct.spans, stored.spans, atol=1e-6)
    recipes = [density_recipe("dhf1k"), *([None] if recording.load_density else [])]
    for recipe in recipes:
        sets = [ClipDataset([one], SPEC, recipe, seed=0, clips_per_recording=4) for one in (direct, stored)]
        for mine, expected in zip(*sets, strict=True):
            assert mine.images.equal(expected.images)
            assert mine.points[0].tolist() == expected.points[0].tolist()
            np.testing.assert_allclose(mine.density, expected.density, atol=2e-5)
            np.testing.assert_allclose(mine.audio, expected.audio, atol=1e-3)
    assert len(direct.some_fixations()) == len(stored.fixations)
    with pytest.raises(DatasetError, match="neither gaze nor maps"):
        ReleaseRecording.of(Recording("none", "made", recording.frames, None, recording.frame_rate), SPEC)
