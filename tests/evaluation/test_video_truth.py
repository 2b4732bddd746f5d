import dataclasses

import numpy as np
import pytest
from gaze_recordings import followed_gaze, made_recording

from avsal.errors import ConfigError, DatasetError
from avsal.evaluation import EvaluationSettings, VideoTruth
from avsal.groundtruth import density_recipe
from avsal.types import Recording


def truth_of(recording=None, times=None, **settings):
    recording = recording or made_recording("video", followed_gaze())
    return VideoTruth(recording, EvaluationSettings(**settings), times)


def with_maps(size=(36, 64), **fields) -> Recording:
    recording = made_recording("video", followed_gaze(), **fields)
    maps = np.random.default_rng(0).random((6, *size), dtype=np.float32)
    return dataclasses.replace(recording, load_density=lambda frame: maps[frame])


def test_each_third_frame_among_the_first_five():
    truth = truth_of(every=3, max_frames=5)
    np.testing.assert_array_equal(truth.frames, [0, 3])
    np.testing.assert_allclose(truth.times, [0, 3 / 25])


def test_the_videos_own_stamps_count():
    stamps = np.array([0.0, 0.1, 0.15, 0.3, 0.4, 0.7])
    np.testing.assert_array_equal(truth_of(times=stamps, every=2).times, stamps[::2])


def test_fewer_frames_in_the_video_than_in_the_list_are_told_and_their_gaze_left_out():
    truth = truth_of(times=np.arange(4) / 25)
    assert len(truth.frames) == 4
    assert len(truth.fixations) == 4 * 8
    assert "the list says 6 frames, the video has 4" in truth.notes[0]
    assert "16 fixations after the last frame" in truth.notes[1]


def test_unknown_number_of_frames_is_an_error():
    recording = dataclasses.replace(made_recording("video", followed_gaze()), num_frames=None)
    with pytest.raises(DatasetError, match="how many frames"):
        truth_of(recording)


def test_points_are_scaled_and_density_is_drawn_at_the_height_asked_for():
    gaze = followed_gaze()
    truth = truth_of(made_recording("video", gaze), height=18, density="mit")
    assert truth.size == (18, 32)
    assert truth.video_size == (36, 64)
    np.testing.assert_allclose(truth.fixations_at(2).x, gaze.at(2).x / 2)
    # the recipe's 24 px are pixels of the video, so 12 of the map
    frame = next(iter(truth))
    np.testing.assert_array_equal(frame.density, density_recipe("mit").draw(gaze.at(0), (18, 32)))


def test_density_of_some_observers_is_that_of_their_fixations():
    gaze = followed_gaze()
    truth = truth_of(made_recording("video", gaze))
    chosen = gaze.select((gaze.frame == 1) & (gaze.observer < 3))
    np.testing.assert_array_equal(truth.density_at(1, [0, 1, 2]), density_recipe("dhf1k").draw(chosen))


def test_prepared_maps_are_taken_and_decide_the_size():
    truth = truth_of(with_maps(size=(18, 32)))
    assert truth.size == truth.video_size == (18, 32)
    assert truth.recipe is None
    frames = list(truth)
    np.testing.assert_array_equal(frames[3].density, truth.recording.load_density(3))
    np.testing.assert_allclose(frames[3].fixations.y, followed_gaze().at(3).y / 2)


def test_prepared_maps_are_never_resized():
    with pytest.raises(ConfigError, match="no ground truth is resized"):
        truth_of(with_maps(), height=18)
    assert truth_of(with_maps(), height=18, density="dhf1k").size == (18, 32)


def test_prepared_maps_that_are_not_there_are_asked_for_in_vain():
    with pytest.raises(ConfigError, match="no prepared density maps"):
        truth_of(density="prepared")


def test_prepared_maps_of_different_sizes_are_an_error_that_names_the_frame():
    recording = dataclasses.replace(
        with_maps(), load_density=lambda frame: np.ones((36, 64 if frame < 4 else 60), np.float32)
    )
    with pytest.raises(DatasetError, match="frame 4 is 60x36"):
        list(truth_of(recording))


def test_metrics_follow_from_the_ground_truth():
    assert truth_of().metrics == ("nss", "cc", "sim", "kl", "auc_judd", "s_auc", "ig")
    assert "auc_borji" in truth_of(family="mit").metrics
    maps_only = dataclasses.replace(with_maps(), load_fixations=None)
    assert truth_of(maps_only).metrics == ("cc", "sim", "kl")
    with pytest.raises(ConfigError, match="'nss' is not possible on video"):
        truth_of(maps_only, metrics=("nss",))


def test_masks_are_ground_truth_of_their_own():
    mask = np.zeros((36, 64), dtype=bool)
    mask[:10] = True
    recording = dataclasses.replace(
        made_recording("video", followed_gaze()), load_fixations=None, load_mask=lambda frame: mask
    )
    truth = truth_of(recording)
    assert truth.masks
    assert truth.metrics == ("plcc", "auc", "nss")
    assert all(frame.mask is mask for frame in truth)
    with pytest.raises(ConfigError, match="no mask is resized"):
        truth_of(recording, height=10)


def test_a_recording_without_ground_truth_is_an_error():
    recording = dataclasses.replace(made_recording("video", followed_gaze()), load_fixations=None)
    with pytest.raises(DatasetError, match="nothing to score"):
        truth_of(recording)
