import numpy as np
import pytest
import torch

from avsal.clips import ClipDataset, Store, StoreSettings, prepare
from avsal.clips.camera import CLOSEST, PAN, ZOOM, Views, camera_views
from avsal.errors import ConfigError
from avsal.groundtruth import density_recipe
from avsal.types import ClipSpec, Fixations, Recording

SIZE = (48, 64)


def still(points):
    x, y = np.array(points, float).T
    return Fixations(np.zeros(len(x)), x, y, np.arange(len(x)), SIZE)


def disc(x, y):
    """A bright disc on black."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    return np.where((columns - x) ** 2 + (rows - y) ** 2 < 9, 250, 0).astype(np.uint8)


def middle(picture):
    """(x, y) of what is bright."""
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]] + 0.5
    values = np.asarray(picture, float)
    return np.array([(columns * values).sum(), (rows * values).sum()]) / values.sum()


def test_a_camera_stays_in_the_picture_and_moves_slowly():
    kinds = set()
    for seed in range(60):
        views = camera_views(np.random.default_rng(seed), 32, 25.0, 0.7)
        kinds.add(bool((views.sides == 1).all()))
        assert (views.sides >= CLOSEST - 1e-9).all()
        assert (views.corners >= 0).all()
        assert (views.corners + views.sides[:, None] <= 1 + 1e-9).all()
        seconds = 31 / 25
        assert abs(np.log(views.sides[-1] / views.sides[0])) <= ZOOM * seconds + 1e-9
        # a zoom takes the corner along by the change of the sides at most
        change = abs(views.sides[-1] - views.sides[0])
        assert (np.abs(views.corners[-1] - views.corners[0]) <= PAN * seconds + change + 1e-9).all()
    assert kinds == {True, False}


def test_picture_points_and_map_move_along_together():
    views = Views(np.array([[0.0, 0.0], [0.25, 0.125], [0.3, 0.2]]), np.array([1.0, 0.5, 0.6]))
    picture = disc(38, 22)
    images = views.images(torch.from_numpy(picture[..., None].repeat(3, 2))).numpy()
    maps = views.maps(picture.astype(np.float32))
    points = views.points(still([(38, 22)]))
    assert images.shape == (3, *SIZE, 3)
    assert points.frame.tolist() == [0, 1, 2]
    for index in range(3):
        at = np.array([points.x[index], points.y[index]])
        np.testing.assert_allclose(middle(images[index, ..., 0]), at, atol=0.3)
        np.testing.assert_allclose(middle(maps[index]), at, atol=0.3)
    np.testing.assert_array_equal(images[0, ..., 0], picture)


def test_fixations_outside_the_view_are_left_out():
    views = Views(np.array([[0.0, 0.0], [0.5, 0.5]]), np.array([1.0, 0.5]))
    points = views.points(still([(10, 10), (60, 40)]))
    assert (points.frame.tolist(), points.observer.tolist()) == ([0, 0, 1], [0, 1, 1])
    assert (points.x[-1], points.y[-1]) == (56, 32)


@pytest.fixture
def store(tmp_path):
    from PIL import Image

    Image.fromarray(disc(38, 22)).save(tmp_path / "still.png")
    gaze = still([(38, 22), (39, 23), (3, 3)])
    drawn = Recording("drawn", "stills", tmp_path / "still.png", load_fixations=lambda: gaze)
    mapped = Recording(
        "mapped", "stills", tmp_path / "still.png", load_density=lambda frame: disc(38, 22).astype(np.float32)
    )
    prepare([drawn, mapped], tmp_path / "store", StoreSettings(SIZE))
    return Store(tmp_path / "store")


@pytest.mark.parametrize("predicts", ["last", "all"])
def test_a_photograph_becomes_clips_under_a_moving_camera(store, predicts):
    spec = ClipSpec(num_frames=8, size=SIZE, predicts=predicts)
    recordings = store.select(ids=["drawn"])
    recipe = density_recipe("dhf1k")
    clips = ClipDataset(recordings, spec, recipe, seed=1, clips_per_recording=6, camera=1.0, context=2)
    moved = 0
    for clip in [clips[index] for index in range(6)]:
        assert clip.images.shape == (12, *SIZE, 3)
        maps = 8 if predicts == "all" else 1
        assert clip.density.shape == (maps, *SIZE)
        assert clip.frames.tolist() == [0] * maps
        moved += int((clip.images[0] != clip.images[-1]).any())
        for slot in range(maps):
            seen = clip.images[2 + (slot if predicts == "all" else 7), ..., 0].numpy()
            if seen.max() > 200:
                rows, columns = clip.points[slot].T.numpy()
                at = middle(seen)
                assert np.hypot(columns + 0.5 - at[0], rows + 0.5 - at[1]).min() < 2
                assert clip.density[slot].sum() == pytest.approx(1, rel=1e-4)
    assert moved >= 5
    again = ClipDataset(recordings, spec, recipe, seed=1, clips_per_recording=6, camera=1.0, context=2)
    torch.testing.assert_close(again[3].images, clips[3].images, rtol=0, atol=0)


def test_published_maps_move_along_too(store):
    spec = ClipSpec(num_frames=4, size=SIZE)
    clips = ClipDataset(store.select(ids=["mapped"]), spec, None, seed=2, clips_per_recording=4, camera=1.0)
    for index in range(4):
        clip = clips[index]
        seen = clip.images[-1, ..., 0].numpy()
        if seen.max() > 200:
            np.testing.assert_allclose(middle(clip.density[0].numpy()), middle(seen), atol=1.0)


def test_without_a_moving_camera_every_frame_is_the_same(store):
    spec = ClipSpec(num_frames=4, size=SIZE)
    clips = ClipDataset(store.select(ids=["mapped"]), spec, None, seed=2)
    assert (clips[0].images == clips[0].images[:1]).all()


def test_a_camera_stands_in_place_of_random_crops(store):
    with pytest.raises(ConfigError, match=r"`camera` must lie in 0\.\.1, and in place of `crop`"):
        ClipDataset(store.recordings, ClipSpec(4, (24, 32)), None, seed=0, camera=0.5, crop=True)
