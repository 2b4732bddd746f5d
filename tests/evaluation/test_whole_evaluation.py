import dataclasses
from functools import partial

import numpy as np
import pytest
from gaze_recordings import followed_gaze, made_recording, made_recordings
from PIL import Image

from avsal.errors import ConfigError, DatasetError
from avsal.evaluation import (
    BASELINES,
    Evaluation,
    EvaluationSettings,
    MapCollection,
    PredictedMap,
    VideoTruth,
    frame_statement,
)
from avsal.metrics import MapError, create_sampler, score_frame
from avsal.types import Fixations

SIZE = (36, 64)
ONLY_MAPS = EvaluationSettings(baselines=())


def save_maps(folder, videos, *, number=6, seed=0):
    generator = np.random.default_rng(seed)
    for video in videos:
        (folder / video).mkdir(parents=True)
        for frame in range(number):
            values = generator.integers(0, 256, SIZE, dtype=np.uint8)
            Image.fromarray(values).save(folder / video / f"{frame + 1:05d}.png")
    return folder


class ArrayMaps:
    """Maps given as arrays, by video."""

    name = "arrays"

    def __init__(self, maps):
        self.maps = maps

    def __call__(self, truth):
        return (PredictedMap(frame, None, values) for frame, values in enumerate(self.maps[truth.video]))

    def unused(self, videos):
        return []


def evaluated(recordings, source, settings=ONLY_MAPS, workers=1, **options):
    made = Evaluation.prepare(recordings, settings, source=source, **options)
    return made, list(made.score(workers))


def test_a_folder_with_a_missing_frame_a_wrong_size_and_an_extra_video(tmp_path):
    folder = save_maps(tmp_path / "net", ["video 0", "video 1", "video 2", "video 9"])
    (folder / "video 0" / "00003.png").unlink()
    Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6)).save(folder / "video 1" / "00005.png")
    (folder / "video 2" / "00001.png").write_bytes(b"nothing")
    made, results = evaluated(made_recordings(4), MapCollection(folder))
    texts = {problem.kind: problem.text for problem in made.problems.found}
    assert made.problems.counts == {
        "missing map": 1,
        "wrong size": 1,
        "unreadable map": 1,
        "extra video": 1,
        "video without maps": 1,
    }
    assert "video 0: 1 of 6 frames (from 0): 2" in texts["missing map"]
    assert "00005.png is 6x4, expected 64x36, resized" in texts["wrong size"]
    assert "video 2/0" in texts["unreadable map"]
    assert "video 9" in texts["extra video"]
    assert "video 3" in texts["video without maps"]
    assert made.problems.excluding == 2
    assert [None if r.maps is None else r.maps.frames.tolist() for r in results] == [
        [0, 1, 3, 4, 5],
        [0, 1, 2, 3, 4, 5],
        [1, 2, 3, 4, 5],
        None,
    ]


@pytest.mark.parametrize("spoilt", ["missing", "size", "extra", "unreadable"])
def test_strictness_fails_on_each_of_them(tmp_path, spoilt):
    folder = save_maps(tmp_path / "net", ["video 0", "video 1"])
    image = folder / "video 1" / "00002.png"
    if spoilt == "missing":
        image.unlink()
    elif spoilt == "size":
        Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6)).save(image)
    elif spoilt == "extra":
        save_maps(folder, ["video 7"])
    else:
        image.write_bytes(b"nothing")
    settings = EvaluationSettings(baselines=(), strict=True)
    with pytest.raises(DatasetError, match=r"video (1|7).*strict"):
        evaluated(made_recordings(2), MapCollection(folder), settings)


def test_scores_are_those_of_the_metrics_with_negatives_of_the_other_videos():
    recordings = made_recordings(3)
    generator = np.random.default_rng(0)
    maps = {entry.id: generator.random((6, *SIZE)) for entry in recordings}
    settings = EvaluationSettings(baselines=(), metrics=("nss", "s_auc", "cc"))
    _, results = evaluated(recordings, ArrayMaps(maps), settings)
    gaze = {entry.id: entry.load_fixations() for entry in recordings}
    sampler = create_sampler("other_videos", gaze)
    for result in results:
        plain = score_frame(
            maps[result.video][4],
            frame="x",
            fixations=gaze[result.video].at(4),
            others=sampler(result.video, 4),
            metrics=("nss", "s_auc"),
        )
        assert result.maps.values["nss"][4] == plain["nss"]
        assert result.maps.values["s_auc"][4] == plain["s_auc"]
        assert result.maps.samplers == {"s_auc": "other_videos"}
        assert result.maps.times[4] == 4 / 25


class Twice(ArrayMaps):
    name = "twice"


def test_several_models_are_scored_as_each_alone_and_gaze_is_drawn_once(monkeypatch):
    recordings = made_recordings(2)
    generator = np.random.default_rng(0)
    first, second = ({one.id: generator.random((6, *SIZE)) for one in recordings} for _ in range(2))
    alone = [evaluated(recordings, source)[1] for source in (ArrayMaps(first), Twice(second))]
    drawn = []
    draw = VideoTruth.density_at
    monkeypatch.setattr(VideoTruth, "density_at", lambda self, *args: drawn.append(args) or draw(self, *args))
    _, together = evaluated(recordings, [ArrayMaps(first), Twice(second)])
    assert len(drawn) == 12
    for number, result in enumerate(together):
        assert list(result.models) == ["arrays", "twice"]
        for name, (results) in zip(result.models, alone, strict=True):
            for metric, values in results[number].maps.values.items():
                np.testing.assert_array_equal(result.models[name].values[metric], values)


def test_several_processes_give_the_same_scores(tmp_path):
    source = MapCollection(save_maps(tmp_path / "net", ["video 0", "video 1", "video 2"]))
    settings = EvaluationSettings(every=3)
    _, alone = evaluated(made_recordings(3), source, settings)
    _, together = evaluated(made_recordings(3), source, settings, workers=2)
    for one, two in zip(alone, together, strict=True):
        assert (one.video, one.mixture) == (two.video, two.mixture)
        assert [entry.model for entry in one.scores] == [
            "net",
            *(row for row in BASELINES if row != "motion"),
        ]
        for mine, theirs in zip(one.scores, two.scores, strict=True):
            for metric, values in mine.values.items():
                np.testing.assert_array_equal(values, theirs.values[metric])


def test_a_damaged_file_of_maps_costs_its_video_but_not_the_perspective_rows(tmp_path):
    folder = save_maps(tmp_path / "net", ["video 0"])
    (folder / "video 1.h5").write_bytes(b"no hdf5")
    settings = EvaluationSettings(baselines=("uniform",), metrics=("nss",))
    made, results = evaluated(made_recordings(2), MapCollection(folder), settings)
    assert made.problems.counts == {"unreadable map": 1, "video without maps": 6}
    assert "video 1.h5 is no readable HDF5" in made.problems.found[0].text
    assert [result.maps is None for result in results] == [False, True]
    assert len(results[1].baselines["uniform"].frames) == 6


def test_constant_maps_are_counted_and_scored_as_uniform():
    recordings = made_recordings(2)
    maps = {entry.id: np.full((6, *SIZE), 0.25) for entry in recordings}
    made, results = evaluated(recordings, ArrayMaps(maps))
    assert made.problems.counts == {"constant map": 12}
    assert made.problems.excluding == 0
    np.testing.assert_array_equal(results[0].maps.values["auc_judd"], 0.5)


def test_a_map_that_is_not_finite_stops_the_run_and_names_the_frame():
    recordings = made_recordings(2)
    maps = {entry.id: np.random.default_rng(0).random((6, *SIZE)) for entry in recordings}
    maps["video 1"][2, 0, 0] = np.inf
    with pytest.raises(MapError, match="video 1/2"):
        evaluated(recordings, ArrayMaps(maps))


def test_frames_without_fixations_are_counted_with_the_reason():
    gaze = followed_gaze()
    recordings = [made_recording("video 0", gaze.select(gaze.frame != 3)), *made_recordings(2)[1:]]
    _, results = evaluated(recordings, None, EvaluationSettings(baselines=("uniform",)))
    uniform = results[0].baselines["uniform"]
    assert uniform.excluded("nss") == uniform.excluded("cc") == {"no fixation": 1}
    assert uniform.num_fixations.tolist() == [8, 8, 8, 0, 8, 8]


def test_the_centre_bias_is_fitted_to_the_training_videos_where_there_are_some():
    recordings, training = made_recordings(2), made_recordings(5)[2:]
    made, _ = evaluated(recordings, None, EvaluationSettings(every=6), training=training)
    assert not made.centre.held_out
    assert made.centre.num_videos == 3
    made, _ = evaluated(recordings, None, EvaluationSettings(every=6))
    assert made.centre.held_out


def test_a_single_video_has_no_centre_bias_and_says_so():
    _, (result,) = evaluated(made_recordings(1), None, EvaluationSettings(every=6))
    assert "centre_bias" not in result.baselines
    assert "at least 2 videos" in result.absent["centre_bias"]
    assert "ig" not in result.baselines["uniform"].values
    assert "gold_standard" in result.baselines
    with pytest.raises(ConfigError, match="information gain needs a centre bias"):
        evaluated(made_recordings(1), None, EvaluationSettings(metrics=("ig",)))


def unreadable():
    raise DatasetError("gaze.mat is damaged")


def test_a_recording_that_cannot_be_read_is_left_out_and_counted():
    recordings = made_recordings(3)
    recordings[1] = dataclasses.replace(recordings[1], load_fixations=unreadable)
    made, results = evaluated(recordings, None, EvaluationSettings(every=6))
    assert [result.video for result in results] == ["video 0", "video 2"]
    assert made.problems.counts == {"unusable recording": 1}
    with pytest.raises(DatasetError, match=r"gaze\.mat is damaged"):
        evaluated(recordings, None, EvaluationSettings(strict=True))
    with pytest.raises(DatasetError, match=r"expected recordings to score but found none.*gaze\.mat"):
        evaluated(recordings[1:2], None, EvaluationSettings())


def square(frame, *, left):
    mask = np.zeros(SIZE, bool)
    mask[8:20, left + frame : left + frame + 16] = True
    return mask


def test_object_masks_have_a_uniform_and_a_centre_row_and_tell_why_no_others():
    recordings = [
        dataclasses.replace(
            made_recording(f"video {index}", followed_gaze()),
            load_fixations=None,
            load_mask=partial(square, left=20 + 2 * index),
        )
        for index in range(3)
    ]
    maps = {
        f"video {index}": np.stack([square(f, left=20 + 2 * index) for f in range(6)]) for index in range(3)
    }
    _, results = evaluated(recordings, ArrayMaps(maps), EvaluationSettings())
    for result in results:
        assert list(result.baselines) == ["uniform", "centre_bias"]
        assert result.absent["gold_standard"] == "masks have no observers"
        np.testing.assert_allclose(result.maps.values["auc"], 1)
        np.testing.assert_allclose(result.baselines["uniform"].values["auc"], 0.5)
        assert (result.baselines["centre_bias"].values["auc"] > 0.8).all()
        assert result.maps.family == "objects"


def test_unknown_observers_leave_four_rows_out():
    recordings = []
    for entry in made_recordings(2):
        gaze = entry.load_fixations()
        recordings.append(
            made_recording(entry.id, Fixations(gaze.frame, gaze.x, gaze.y, np.full(len(gaze), -1), SIZE))
        )
    _, results = evaluated(recordings, None, EvaluationSettings(every=6))
    assert list(results[0].baselines) == ["uniform", "centre_bias"]
    assert set(results[0].absent) == set(BASELINES[2:])


def test_what_cannot_be_scored_in_one_run_is_refused():
    twice = made_recordings(1) * 2
    with pytest.raises(DatasetError, match="two recordings have one id"):
        evaluated(twice, None, EvaluationSettings())
    with pytest.raises(ConfigError, match="nothing to score"):
        evaluated(made_recordings(1), None)
    with pytest.raises(DatasetError, match="no maps for any of the 2 recordings"):
        evaluated(made_recordings(2), ArrayMapsOfNothing())


class ArrayMapsOfNothing(ArrayMaps):
    def __init__(self):
        super().__init__({})

    def __call__(self, truth):
        return None


def test_the_frame_set_is_told_in_words():
    made, _ = evaluated(made_recordings(2), None, EvaluationSettings(every=2, max_frames=5))
    text = frame_statement(made.truths, made.settings)
    assert text == "one frame in 2, from the first, among the first 5 of 2 videos: 6 frames"
