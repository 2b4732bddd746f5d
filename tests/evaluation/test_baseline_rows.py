import dataclasses

import numpy as np
import pytest
from gaze_recordings import followed_gaze, made_recording, made_recordings

from avsal.evaluation import (
    BASELINES,
    Evaluation,
    EvaluationSettings,
    VideoBaselines,
    VideoTruth,
    undefined_reason,
)
from avsal.evaluation.kernel_density import Kernels
from avsal.evaluation.truth import FrameTruth
from avsal.metrics import Map, nss
from avsal.types import Fixations

CENTRE = np.full((36, 64), 1 / (36 * 64), np.float32)


def perspective_of(gaze: Fixations, centre=CENTRE, num_frames=6, **settings):
    truth = VideoTruth(made_recording("video", gaze, num_frames=num_frames), EvaluationSettings(**settings))
    return VideoBaselines(truth, centre)


def frame_of(baselines, frame) -> FrameTruth:
    known = list(baselines.truth)[frame]
    return dataclasses.replace(known, baseline=Map(CENTRE))


def test_rows_rise_from_chance_to_the_ceiling():
    settings = EvaluationSettings()
    evaluation = Evaluation.prepare(made_recordings(5, num_observers=16, spread=3), settings)
    rows = [row for row in BASELINES if row != "motion"]  # these videos have no pictures
    means = {row: [] for row in rows}
    for result in evaluation.score():
        for row, scores in result.baselines.items():
            means[row].append({metric: np.nanmean(values) for metric, values in scores.values.items()})
    averages = {
        row: {metric: np.mean([video[metric] for video in videos]) for metric in videos[0]}
        for row, videos in means.items()
    }
    for metric in ("nss", "auc_judd", "ig"):
        rising = [averages[row][metric] for row in rows]
        assert rising == sorted(rising), metric
    for metric in ("cc", "sim"):
        rising = [averages[row][metric] for row in rows[:4]]
        assert rising == sorted(rising), metric
    assert averages["uniform"] | {"sim": 0, "kl": 0, "ig": 0, "s_auc": 0} == pytest.approx(
        {"nss": 0, "cc": 0, "auc_judd": 0.5, "sim": 0, "kl": 0, "ig": 0, "s_auc": 0}
    )
    assert averages["centre_bias"]["ig"] == pytest.approx(0)


def test_split_half_is_the_mean_of_both_ways_on_disjoint_observers():
    baselines = perspective_of(followed_gaze(), metrics=("nss", "cc"))
    first, second = baselines.halves
    assert set(first) | set(second) == set(range(8))
    assert len(first) == len(second) == 4
    frame = frame_of(baselines, 2)
    row = dict(baselines.score(frame, 0.0))["split_half"]
    gaze, mixture = frame.fixations, baselines.mixture
    expected = {"nss": [], "cc": []}
    for predicting, predicted in ((first, second), (second, first)):
        known = gaze.select(np.isin(gaze.observer, predicting))
        shown = gaze.select(np.isin(gaze.observer, predicted))
        kernels = Kernels(known, mixture.width * 64).image()
        image = mixture.kernel * kernels / 4 + mixture.centre * CENTRE + mixture.uniform / CENTRE.size
        expected["nss"].append(nss(image, shown))
        density = baselines.truth.recipe.draw(shown)
        expected["cc"].append(np.corrcoef(image.ravel(), density.ravel())[0, 1])
    assert row.values["nss"] == pytest.approx(np.mean(expected["nss"]), rel=1e-4)
    assert row.values["cc"] == pytest.approx(np.mean(expected["cc"]), rel=1e-4)
    assert row.num_fixations == 8


def test_gold_standard_leaves_each_observer_out_in_turn():
    gaze = followed_gaze()
    doubled = gaze.select(gaze.observer == 0)  # observer 0 has two fixations on each frame
    columns = [
        np.concatenate([getattr(gaze, c), getattr(doubled, c)]) for c in ("frame", "x", "y", "observer")
    ]
    gaze = Fixations(*columns, gaze.size)
    baselines = perspective_of(gaze, metrics=("nss",))
    frame = frame_of(baselines, 1)
    row = dict(baselines.score(frame, 0.0))["gold_standard"]
    mixture, on_frame = baselines.mixture, frame.fixations
    values = []
    for who in range(8):
        others = on_frame.select(on_frame.observer != who)
        kernels = Kernels(others, mixture.width * 64).image() / len(others)
        image = mixture.kernel * kernels + mixture.centre * CENTRE + mixture.uniform / CENTRE.size
        own = on_frame.select(on_frame.observer == who)
        values += [nss(image, own)] * len(own)
    assert row.values["nss"] == pytest.approx(np.mean(values), rel=1e-4)


def test_infinite_observers_extrapolate_an_error_that_falls_as_one_over_n():
    baselines = perspective_of(followed_gaze(), metrics=("nss", "auc_judd", "cc"))
    rows = dict(baselines.score(frame_of(baselines, 3), 0.0))
    for metric in ("nss", "auc_judd"):
        gold, half = rows["gold_standard"].values[metric], rows["split_half"].values[metric]
        # two equations v(n) = limit - slope / n, n = 7 and 4, solved by least squares
        (limit, _), *_ = np.linalg.lstsq(np.array([[1, -1 / 7], [1, -1 / 4]]), [gold, half])
        assert rows["infinite_observers"].values[metric] == pytest.approx(limit)
    assert set(rows["infinite_observers"].values) == {"nss", "auc_judd"}


def test_video_mean_is_one_map_for_the_whole_video():
    baselines = perspective_of(followed_gaze(wander=0), metrics=("nss",))
    moving = perspective_of(followed_gaze(wander=0.12), metrics=("nss",))
    ratio = []
    for made in (baselines, moving):
        rows = [dict(made.score(frame_of(made, frame), 0.0)) for frame in range(6)]
        means = {row: np.mean([r[row].values["nss"] for r in rows]) for row in ("video_mean", "split_half")}
        ratio.append(means["video_mean"] / means["split_half"])
    assert ratio[0] > 0.9 > ratio[1]


def test_a_frame_without_fixations_has_no_value_and_says_why():
    gaze = followed_gaze()
    baselines = perspective_of(gaze.select(gaze.frame != 4))
    rows = dict(baselines.score(frame_of(baselines, 4), 0.0))
    assert set(rows) == set(BASELINES) - {"motion"}
    for row in rows.values():
        assert row.values
        assert all(np.isnan(value) for value in row.values.values())
        assert set(row.reasons.values()) == {"no fixation"}


def test_a_frame_with_one_half_only_is_scored_one_way():
    gaze = followed_gaze()
    baselines = perspective_of(gaze, metrics=("nss",))
    one_half = gaze.select((gaze.frame != 2) | np.isin(gaze.observer, baselines.halves[0]))
    baselines = perspective_of(one_half, metrics=("nss",))
    row = dict(baselines.score(frame_of(baselines, 2), 0.0))["split_half"]
    assert np.isfinite(row.values["nss"])


def test_too_few_fixations_are_of_the_whole_frame():
    baselines = perspective_of(followed_gaze(), min_fixations=8)
    rows = dict(baselines.score(frame_of(baselines, 0), 0.0))
    assert np.isfinite(rows["gold_standard"].values["nss"])
    baselines = perspective_of(followed_gaze(), min_fixations=9)
    rows = dict(baselines.score(frame_of(baselines, 0), 0.0))
    assert {reason for row in rows.values() for reason in row.reasons.values()} == {"fewer than 9 fixations"}
    assert set(rows["gold_standard"].values) == {"nss", "auc_judd", "ig"}


@pytest.mark.parametrize(
    ("observers", "reason"),
    [
        (np.full(48, -1), "does not tell observers apart"),
        (np.repeat(0, 48), "fewer than 4 observers"),
    ],
)
def test_rows_without_known_observers_are_absent_with_a_reason(observers, reason):
    gaze = followed_gaze()
    baselines = perspective_of(Fixations(gaze.frame, gaze.x, gaze.y, observers, gaze.size))
    assert baselines.rows == ("uniform", "centre_bias")
    assert set(baselines.absent) == set(BASELINES[2:])
    assert baselines.absent.pop("motion") == "its pictures cannot be read"
    assert all(reason in text for text in baselines.absent.values())


def test_without_a_centre_bias_observers_rows_do_without_it():
    baselines = perspective_of(followed_gaze(), centre=None)
    why = "no gaze to fit it to"
    assert baselines.absent == {"centre_bias": why, "motion": f"no centre bias ({why})"}
    assert baselines.mixture.centre == 0


def test_scores_that_cannot_be_compared_are_not_given_for_held_out_observers():
    mit = EvaluationSettings(family="mit")
    assert "fewer" in undefined_reason("auc_judd", "gold_standard", mit)
    assert undefined_reason("nss", "gold_standard", mit) is None
    assert undefined_reason("cc", "gold_standard", EvaluationSettings()) is not None
    assert undefined_reason("cc", "split_half", EvaluationSettings()) is None
    baselines = perspective_of(followed_gaze(), family="mit", metrics=("nss", "auc_judd"))
    assert set(dict(baselines.score(frame_of(baselines, 0), 0.0))["gold_standard"].values) == {"nss"}


def test_prepared_maps_give_no_density_of_half_the_observers():
    maps = np.random.default_rng(0).random((6, 36, 64), dtype=np.float32)
    recording = dataclasses.replace(made_recording("video", followed_gaze()), load_density=lambda f: maps[f])
    baselines = VideoBaselines(VideoTruth(recording, EvaluationSettings()), CENTRE)
    rows = dict(baselines.score(frame_of(baselines, 1), 0.0))
    assert set(rows["centre_bias"].values) == {"nss", "cc", "sim", "kl", "auc_judd", "ig"}
    assert set(rows["split_half"].values) == {"nss", "auc_judd", "ig"}
    reason = undefined_reason("cc", "split_half", EvaluationSettings(), drawn=False)
    assert "prepared maps are of all observers" in reason


def test_halves_depend_on_the_videos_name_only():
    once, again = perspective_of(followed_gaze(seed=1)), perspective_of(followed_gaze(seed=2))
    np.testing.assert_array_equal(once.halves[0], again.halves[0])
