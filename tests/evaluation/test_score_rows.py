import csv

import numpy as np
import pytest

from avsal.errors import DatasetError
from avsal.evaluation import FrameRow, RowWriter, read_rows
from avsal.evaluation.scores import ScoreCollector


def scores_of(video="video", frames=3):
    collector = ScoreCollector("made", video, "net", "exact")
    for frame in range(frames):
        values = {"nss": 1 / (frame + 3), "s_auc": 0.5 + frame / 8}
        reasons = {}
        if frame == 1:
            values["nss"] = float("nan")
            reasons["nss"] = "no fixation, they say"
        collector.add(
            frame * 2, frame / 12.5, FrameRow(values, reasons, 4 + frame, {"s_auc": "other_videos"})
        )
    return collector.finished()


def test_there_is_one_line_for_each_frame_and_metric(tmp_path):
    path = tmp_path / "net.csv"
    with RowWriter(path) as writer:
        writer.write(scores_of())
    assert writer.num_rows == 6
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 6
    assert rows[0] == {
        "dataset": "made",
        "video": "video",
        "frame": "0",
        "time": "0.000000",
        "metric": "nss",
        "value": "0.333333333",
        "family": "exact",
        "sampler": "",
        "num_fixations": "4",
        "reason": "",
    }
    assert rows[1]["sampler"] == "other_videos"
    assert (rows[2]["frame"], rows[2]["value"], rows[2]["reason"]) == ("2", "", "no fixation, they say")


def test_rows_can_be_read_again(tmp_path):
    with RowWriter(tmp_path / "net.csv") as writer:
        for video in ("video", "other"):
            writer.write(scores_of(video))
    read = read_rows(tmp_path / "net.csv")
    assert [entry.video for entry in read] == ["video", "other"]
    wanted = scores_of("other")
    for field in ("frames", "times", "num_fixations"):
        np.testing.assert_allclose(getattr(read[1], field), getattr(wanted, field))
    for metric, values in wanted.values.items():
        np.testing.assert_allclose(read[1].values[metric], values, rtol=1e-8)
    assert read[1].reasons["nss"] == {1: "no fixation, they say"}
    assert read[1].samplers == {"s_auc": "other_videos"}
    assert (read[1].model, read[1].family) == ("net", "exact")


def test_an_interrupted_evaluation_leaves_no_file(tmp_path):
    def interrupted():
        with RowWriter(tmp_path / "net.csv") as writer:
            writer.write(scores_of())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("frame,value\n1,2\n", "expected the columns dataset"),
        (
            "dataset,video,frame,time,metric,value,family,sampler,num_fixations,reason\nmade,video,x,,nss,1\n",
            "a line is damaged",
        ),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    (tmp_path / "net.csv").write_text(content)
    with pytest.raises(DatasetError, match=message):
        read_rows(tmp_path / "net.csv")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"absent\.csv cannot be read"):
        read_rows(tmp_path / "absent.csv")


def test_a_part_of_the_frames_keeps_values_and_reasons_together():
    part = scores_of().on(np.array([2, 4, 99]))
    np.testing.assert_array_equal(part.frames, [2, 4])
    assert part.reasons["nss"] == {0: "no fixation, they say"}
    assert part.values["s_auc"][1] == 0.75
    assert part.excluded("nss") == {"no fixation, they say": 1}
