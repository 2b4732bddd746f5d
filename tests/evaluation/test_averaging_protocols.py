import numpy as np
import pytest

from avsal.errors import ConfigError, DatasetError
from avsal.evaluation import FrameRow, aggregate, common_frames, on_frames, protocol
from avsal.evaluation.scores import ScoreCollector

NAN = float("nan")


def scores_of(video, values, *, model="net", frames=None, family="exact"):
    collector = ScoreCollector("made", video, model, family)
    for frame, value in zip(frames or range(len(values)), values, strict=True):
        reasons = {"nss": "no fixation"} if np.isnan(value) else {}
        collector.add(frame, NAN, FrameRow({"nss": value}, reasons, 3))
    return collector.finished()


LONG = scores_of("long", [1.0, 2.0, 3.0, NAN])
SHORT = scores_of("short", [6.0])


def test_stavis_averages_each_video_first():
    result = aggregate([LONG, SHORT], protocol("stavis"))["nss"]
    assert result.value == pytest.approx((2 + 6) / 2)
    np.testing.assert_array_equal(result.counts, [3, 1])
    assert result.excluded == {"no fixation": 1}


def test_dhf1k_pools_frames():
    result = aggregate([LONG, SHORT], protocol("dhf1k"))["nss"]
    assert result.value == pytest.approx((1 + 2 + 3 + 6) / 4)
    assert np.average(result.means, weights=result.weights) == pytest.approx(result.value)


def test_a_video_tested_in_two_folds_counts_twice():
    result = aggregate([LONG, SHORT, SHORT], protocol("stavis"))["nss"]
    assert result.value == pytest.approx((2 + 6 + 6) / 3)
    assert result.videos == ("long", "short", "short")


def test_diem20_counts_the_first_300_frames():
    long = scores_of("video", [1.0] * 300 + [100.0] * 50)
    result = aggregate([long], protocol("diem20"))["nss"]
    assert (result.value, result.counts.tolist()) == (1.0, [300])


def test_a_video_without_any_value_is_left_out_and_counted():
    result = aggregate([scores_of("blind", [NAN, NAN]), SHORT], protocol("stavis"))["nss"]
    assert (result.value, result.videos) == (6.0, ("short",))
    assert result.excluded == {"no fixation": 2}
    assert np.isnan(aggregate([scores_of("blind", [NAN])], protocol("stavis"))["nss"].value)


def test_scores_of_different_definitions_are_never_averaged():
    with pytest.raises(DatasetError, match=r"different definitions \(exact, mit\)"):
        aggregate([LONG, scores_of("short", [1.0], family="mit")], protocol("stavis"))
    with pytest.raises(ValueError, match="expected one model"):
        aggregate([LONG, scores_of("short", [1.0], model="other")], protocol("stavis"))


def test_common_frames_are_those_that_every_model_has_a_map_of():
    ours = [LONG, SHORT]
    theirs = [scores_of("long", [9.0, 9.0], frames=[1, 3]), scores_of("third", [1.0])]
    frames = common_frames(ours, theirs)
    assert {video: kept.tolist() for video, kept in frames.items()} == {"long": [1, 3]}
    (kept,) = on_frames(ours, frames)
    assert aggregate([kept], protocol("stavis"))["nss"].value == 2.0
    assert common_frames(ours)["long"].tolist() == [0, 1, 2, 3]
    assert common_frames(ours, [scores_of("long", [1.0], frames=[77])]) == {}


def test_an_unknown_protocol_is_an_error_with_a_hint():
    with pytest.raises(ConfigError, match="did you mean 'stavis'"):
        protocol("stavi")
