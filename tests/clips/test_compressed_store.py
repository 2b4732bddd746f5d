"""Stores whose frames are pieces of video: small, close to the frames, readable anywhere."""

import numpy as np
import pytest

from avsal.clips import ClipDataset, Store, StoreSettings, prepare
from avsal.clips.frame_chunks import LENGTH, MOST_ERROR, FrameChunks, read_frames, rms
from avsal.errors import DatasetError
from avsal.groundtruth import density_recipe
from avsal.types import ClipSpec, Fixations, Recording

SIZE = (48, 80)


def natural(count, size=SIZE):
    """Frames with edges, colours, movement and grain."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[: size[0], : size[1]]
    grain = random.normal(0, 1.5, (*size, 3))
    frames = []
    for index in range(count):
        wave = np.sin((columns + 3 * index) / 5)[..., None] * [50, 20, -40]
        square = 80 * ((abs(rows - 20) < 9) & (abs(columns - 10 - 2 * index) < 9))[..., None]
        frames.append(np.clip(110 + wave + square + grain, 0, 255).astype(np.uint8))
    return frames


def test_frames_are_within_two_grey_levels_in_any_order_and_far_smaller(tmp_path):
    frames = natural(2 * LENGTH + 3)
    with FrameChunks(tmp_path / "frames.h264") as written:
        for frame in frames:
            written.append(frame)
    assert written.num_rows == len(frames)
    for indices in (range(len(frames)), [5, 5, 4, 18], range(17, 6, -1)):
        found = read_frames(tmp_path / "frames.h264", list(indices), SIZE, len(frames))
        assert rms(list(found), [frames[index] for index in indices]) <= MOST_ERROR * 1.2
    whole = read_frames(tmp_path / "frames.h264", range(len(frames)), SIZE, len(frames))
    assert rms(list(whole[:LENGTH]), frames[:LENGTH]) <= MOST_ERROR
    assert (tmp_path / "frames.h264").stat().st_size < sum(frame.nbytes for frame in frames) / 5


@pytest.fixture
def stores(tmp_path):
    """The same recording raw and compressed, with maps."""
    from PIL import Image

    (tmp_path / "video").mkdir()
    frames = natural(20)
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / "video" / f"{index:03}.png")
    count = 20
    gaze = Fixations(
        np.arange(count), np.linspace(10, 60, count), np.full(count, 20.0), np.zeros(count), SIZE
    )

    def density(index):
        rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
        return np.exp(-((rows - 20) ** 2 + (columns - 10 - 2 * index) ** 2) / 60).astype(np.float32)

    recording = Recording(
        "one",
        "made",
        tmp_path / "video",
        None,
        25.0,
        load_fixations=lambda: gaze,
        load_density=density,
    )
    needs = []
    for compress in (False, True):
        settings = StoreSettings(SIZE, maps=True, compress=compress)
        prepare([recording], tmp_path / str(compress), settings, workers=1, announce=needs.append)
    assert needs[1].num_bytes < needs[0].num_bytes / 10
    assert all(need.seconds > 0 for need in needs)
    return Store(tmp_path / "False"), Store(tmp_path / "True")


def test_a_compressed_store_gives_the_clips_of_a_raw_one(stores):
    raw, small = stores
    spec = ClipSpec(num_frames=8, size=SIZE)
    assert raw.fingerprint != small.fingerprint
    for recipe in (None, density_recipe("dhf1k")):
        pairs = zip(*(ClipDataset(list(store), spec, recipe, seed=0) for store in stores), strict=True)
        for one, other in pairs:
            assert one.frames.equal(other.frames)
            assert one.points[0].equal(other.points[0])
            assert rms([one.images.numpy()], [other.images.numpy()]) <= MOST_ERROR * 1.2
            np.testing.assert_allclose(one.density, other.density, atol=0.004 * float(one.density.max()))


@pytest.mark.parametrize("name", ["frames.h264", "frames.index.npy", "maps.png", "maps.index.npy"])
@pytest.mark.parametrize("harm", ["short", "noise", "gone"])
def test_a_damaged_file_is_one_clear_error(stores, name, harm):
    (recording,) = stores[1]
    path = recording.folder / name
    content = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-40] if harm == "short" else b"\x00" * len(content))
    read = recording.target_map if name.startswith("maps") else lambda index: recording.frames([index])
    with pytest.raises(DatasetError, match="prepare again") as raised:
        read(19)
    assert "\n" not in str(raised.value)
