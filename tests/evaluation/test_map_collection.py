from fractions import Fraction

import h5py
import numpy as np
import pytest
from gaze_recordings import followed_gaze, made_recording
from PIL import Image

from avsal.errors import DatasetError
from avsal.evaluation import EvaluationSettings, MapCollection, VideoTruth, normalised_name
from avsal.media import VideoWriter

SIZE = (36, 64)


def truth_of(name="Video 1", num_frames=6, **settings):
    recording = made_recording(name, followed_gaze(num_frames=num_frames), num_frames=num_frames)
    return VideoTruth(recording, EvaluationSettings(**settings))


def maps_of(seed=0, number=6, size=SIZE):
    return np.random.default_rng(seed).integers(0, 256, (number, *size), dtype=np.uint8)


def save_images(folder, maps, *, first=1, pattern="{:05d}.png"):
    folder.mkdir(parents=True, exist_ok=True)
    for index, values in enumerate(maps):
        Image.fromarray(values).save(folder / pattern.format(index + first))


def save_video(path, maps):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = VideoWriter(path, maps[0].shape, time_base=Fraction(1, 25), frame_rate=25, grey=True, crf=0)
    with writer:
        for index, values in enumerate(maps):
            writer.write(values, index / 25)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BasketballDrive", "Basketball Drive"),
        ("001", "0001"),
        ("clip-A", "clip_a_maps"),
        ("video", "Video_map"),
        ("Straße", "strasse"),
    ],
)
def test_names_that_differ_in_writing_only_are_one(one, other):
    assert normalised_name(one) == normalised_name(other)


def test_names_that_differ_stay_apart():
    assert len({normalised_name(name) for name in ("roadmap", "road", "12", "120", "road 2")}) == 5


@pytest.mark.parametrize("first", [0, 1])
def test_images_are_numbered_from_one_unless_there_is_a_zero(tmp_path, first):
    maps = maps_of()
    save_images(tmp_path / "video_1", maps, first=first, pattern="frame_{:03d}.png")
    # a video whose first frame is missing follows the others
    save_images(tmp_path / "video 2", maps[1:], first=first + 1, pattern="{:03d}.png")
    collection = MapCollection(tmp_path)
    assert collection.first == first
    found = list(collection(truth_of()))
    assert [entry.frame for entry in found] == list(range(6))
    for entry in found:
        np.testing.assert_array_equal(entry.map, maps[entry.frame])
        assert entry.problem is None
    assert [entry.frame for entry in collection(truth_of("video 2"))] == [1, 2, 3, 4, 5]


def test_only_wanted_frames_are_read(tmp_path):
    save_images(tmp_path / "video_1", maps_of())
    assert [entry.frame for entry in MapCollection(tmp_path)(truth_of(every=4))] == [0, 4]


def test_images_may_lie_one_folder_deeper_and_be_jpeg_or_of_16_bits(tmp_path):
    deep = (maps_of()[0].astype(np.uint16) * 257).copy()
    (tmp_path / "video 1" / "maps").mkdir(parents=True)
    Image.fromarray(deep).save(tmp_path / "video 1" / "maps" / "1.png")
    smooth = np.repeat(np.arange(64, dtype=np.uint8)[None] * 4, 36, axis=0)
    Image.fromarray(smooth).save(tmp_path / "video 1" / "maps" / "2.jpg", quality=95)
    first, second = MapCollection(tmp_path)(truth_of())
    np.testing.assert_array_equal(first.map, deep)
    assert np.abs(second.map.astype(int) - smooth).max() < 6


def test_what_is_not_as_expected_is_told_by_name(tmp_path):
    maps = maps_of()
    save_images(tmp_path / "video 1", maps)
    Image.fromarray(maps[0][::2, ::2]).save(tmp_path / "video 1" / "00002.png")
    (tmp_path / "video 1" / "00003.png").write_bytes(b"\x89PNG broken")
    coloured = np.zeros((*SIZE, 3), np.uint8)
    coloured[..., 0] = 200
    Image.fromarray(coloured).save(tmp_path / "video 1" / "00004.png")
    Image.fromarray(maps[4]).convert("RGBA").save(tmp_path / "video 1" / "00005.png")
    Image.fromarray(maps[0]).save(tmp_path / "video 1" / "mean.png")
    (tmp_path / "empty").mkdir()
    collection = MapCollection(tmp_path)
    assert sum("mean.png: no frame number" in text for text in collection.problems) == 1
    assert sum("empty: a folder without images" in text for text in collection.problems) == 1
    found = list(collection(truth_of()))
    assert [entry.map is None for entry in found] == [False, False, True, True, False, False]
    assert found[1].problem.endswith("00002.png is 32x18, expected 64x36")
    assert "00003.png is no readable image" in found[2].problem
    assert "00004.png is coloured" in found[3].problem
    np.testing.assert_array_equal(found[4].map, maps[4])


def test_two_maps_of_one_frame_or_video_are_an_error(tmp_path):
    save_images(tmp_path / "a" / "video 1", maps_of())
    save_images(tmp_path / "a" / "video 1", maps_of(number=1), pattern="{:d}.png")
    with pytest.raises(DatasetError, match="both maps of frame 1"):
        MapCollection(tmp_path / "a")
    save_images(tmp_path / "b" / "video 1", maps_of())
    save_images(tmp_path / "b" / "Video_1_maps", maps_of())
    with pytest.raises(DatasetError, match="both maps of one video"):
        MapCollection(tmp_path / "b")


def test_videos_without_a_recording_are_named(tmp_path):
    for name in ("video 1", "extra"):
        save_images(tmp_path / name, maps_of())
    (unused,) = MapCollection(tmp_path).unused(["Video 1"])
    assert "extra: no recording of this name" in unused


def test_a_grey_video_gives_its_pictures_in_order(tmp_path):
    maps = maps_of()
    save_video(tmp_path / "video_1.mp4", maps)
    found = list(MapCollection(tmp_path)(truth_of(every=2)))
    assert [entry.frame for entry in found] == [0, 2, 4]
    for entry in found:  # limited range keeps 220 of 256 levels
        assert np.abs(entry.map.astype(int) - maps[entry.frame]).max() <= 3
        assert entry.problem is None


def test_a_row_that_coding_added_to_an_odd_video_is_taken_off(tmp_path):
    maps = maps_of(size=(35, 63))
    save_video(tmp_path / "video_1.mp4", maps)
    gaze = followed_gaze(size=(35, 63))
    truth = VideoTruth(made_recording("video 1", gaze), EvaluationSettings())
    found = list(MapCollection(tmp_path)(truth))
    assert {entry.map.shape for entry in found} == {(35, 63)}
    assert all(entry.problem is None for entry in found)


def save_hdf5(path, maps, *, time=None, video_size=None, name="maps"):
    with h5py.File(path, "w") as file:
        file[name] = maps
        if time is not None:
            file["time"] = time
        if video_size is not None:
            file.attrs["video_size"] = video_size


def test_hdf5_maps_of_a_models_size_are_expected_where_the_video_size_is_stated(tmp_path):
    maps = maps_of(size=(18, 32)).astype(np.float32)
    save_hdf5(tmp_path / "video_1.h5", maps, video_size=SIZE)
    save_hdf5(tmp_path / "video_2.h5", maps, name="saliency")
    collection = MapCollection(tmp_path)
    found = list(collection(truth_of()))
    assert [entry.problem for entry in found] == [None] * 6
    np.testing.assert_array_equal(found[3].map, maps[3])
    assert all("is 32x18, expected 64x36" in entry.problem for entry in collection(truth_of("video 2")))


def test_hdf5_maps_belong_to_the_frame_shown_at_their_time(tmp_path):
    maps = maps_of().astype(np.float32)
    save_hdf5(tmp_path / "video_1.h5", maps[2:5], time=np.arange(2, 5) / 25)
    found = list(MapCollection(tmp_path)(truth_of()))
    assert [entry.frame for entry in found] == [2, 3, 4]
    np.testing.assert_array_equal(found[0].map, maps[2])
    assert [entry.frame for entry in MapCollection(tmp_path)(truth_of(every=3))] == [3]


def test_hdf5_without_maps_or_damaged_is_an_error(tmp_path):
    with h5py.File(tmp_path / "video_1.h5", "w") as file:
        file["peaks"] = np.zeros(4)
    (tmp_path / "video_2.h5").write_bytes(b"no hdf5")
    collection = MapCollection(tmp_path)
    with pytest.raises(DatasetError, match="expected an array `maps`"):
        list(collection(truth_of()))
    with pytest.raises(DatasetError, match=r"video_2\.h5 is no readable HDF5"):
        list(collection(truth_of("video 2")))


def test_a_single_folder_or_file_can_be_given_another_name(tmp_path):
    save_images(tmp_path / "anything", maps_of())
    collection = MapCollection(tmp_path / "anything")
    assert collection(truth_of()) is None
    collection.rename_single("Video 1")
    assert len(list(collection(truth_of()))) == 6


def test_nothing_that_holds_maps_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="there is nothing"):
        MapCollection(tmp_path / "absent")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DatasetError, match="found none of them"):
        MapCollection(tmp_path)


def test_hdf5_maps_by_earlier_versions_state_the_size_too(tmp_path):
    save_hdf5(tmp_path / "video_1.h5", maps_of(size=(18, 32)).astype(np.float32))
    with h5py.File(tmp_path / "video_1.h5", "a") as file:
        file.attrs["film_size"] = SIZE
    assert [entry.problem for entry in MapCollection(tmp_path)(truth_of())] == [None] * 6
