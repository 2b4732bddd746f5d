import csv
import io

import numpy as np
import pytest

from avsal.errors import ConfigError
from avsal.evaluation import FrameRow, bootstrap_interval, protocol
from avsal.evaluation.scores import ScoreCollector
from avsal.report import PublishedResult, ResultTable, TableRow, result_table
from avsal.report.table import Cell

NAN = float("nan")
VIDEOS = ("one", "two", "three", "four")


def scores_of(model, means, *, frames=range(4), metrics=("nss", "ig"), videos=VIDEOS):
    """One entry a video whose frames average to its mean."""
    made = []
    for video, mean in zip(videos, means, strict=True):
        collector = ScoreCollector("made", video, model, "exact")
        for frame in frames:
            value = mean + (frame - 1.5) / 10
            collector.add(frame, NAN, FrameRow(dict.fromkeys(metrics, value), {}, 5))
        made.append(collector.finished())
    return made


def published(model="STAViS", metric="nss", value=3.5, verified=True, note=""):
    source = "Some paper, Table 2"
    return PublishedResult("paper", model, "DIEM", "split", metric, value, source, verified, note)


def table_of(**options):
    scores = {
        "net": scores_of("net", [2.0, 3.0, 4.0, 3.0]),
        "gold_standard": scores_of("gold_standard", [4.0, 6.0, 8.0, 6.0]),
        "uniform": scores_of("uniform", [0.0] * 4),
    }
    return result_table("Videos", scores, protocol("stavis"), **options)


def row_of(table, name):
    (row,) = [row for row in table.rows if row.name == name]
    return row


def test_values_are_means_with_bootstrap_intervals_over_videos():
    cell = row_of(table_of(), "net").cells["nss"]
    assert cell.value == pytest.approx(3.0)
    assert (cell.low, cell.high) == pytest.approx(bootstrap_interval(np.array([2.0, 3.0, 4.0, 3.0])))


def test_perspective_comes_first_then_what_is_measured_then_what_is_cited():
    table = table_of(published=[published()])
    assert [row.kind for row in table.rows] == ["baseline", "baseline", "measured", "cited"]
    assert [row.name for row in table.rows][:2] == ["uniform", "gold standard (leave one observer out)"]


def test_information_gain_explained_is_the_share_of_the_gold_standards():
    table = table_of()
    assert row_of(table, "net").cells["ig_explained"].value == pytest.approx(0.5)
    gold = row_of(table, "gold standard (leave one observer out)")
    assert gold.cells["ig_explained"].value == pytest.approx(1)
    assert "50.0 %" in table.to_markdown()


def test_information_gain_explained_compares_the_same_videos():
    scores = {
        "net": scores_of("net", [2.0, 3.0, 4.0, 100.0]),
        "gold_standard": scores_of("gold_standard", [4.0, 6.0, 8.0], videos=VIDEOS[:3]),
    }
    table = result_table("Videos", scores, protocol("stavis"))
    row = row_of(table, "net")
    assert row.cells["ig_explained"].value == pytest.approx(0.5)
    assert (row.num_videos, row.cells["nss"].value) == (4, pytest.approx(27.25))
    assert row_of(table, "gold standard (leave one observer out)").num_videos == 3


def test_all_rows_are_on_the_frames_that_models_share():
    scores = {
        "net": scores_of("net", [2.0] * 4, frames=range(2)),
        "other": scores_of("other", [2.0] * 3, videos=VIDEOS[:3]),
        "uniform": scores_of("uniform", [0.0] * 4),
    }
    table = result_table("Videos", scores, protocol("stavis"))
    assert {(row.num_videos, row.num_frames) for row in table.rows} == {(3, 6)}
    assert any("6 frames of 3 videos" in note for note in table.notes)
    earlier = scores_of("earlier", [1.0] * 2, videos=VIDEOS[:2])
    table = result_table("Videos", scores, protocol("stavis"), common_with=[earlier])
    assert {(row.num_videos, row.num_frames) for row in table.rows} == {(2, 4)}


def test_models_without_a_common_frame_are_refused():
    scores = {
        "net": scores_of("net", [2.0] * 4, frames=[0]),
        "other": scores_of("other", [2.0] * 4, frames=[1]),
    }
    with pytest.raises(ConfigError, match="no frame is common"):
        result_table("Videos", scores, protocol("stavis"))


def test_cited_rows_bear_their_source_and_doubts():
    rows = table_of(published=[published(), published("Old", verified=False, note="may be mixed up")]).rows
    assert rows[-2].source == "Some paper, Table 2"
    assert rows[-1].source == "Some paper, Table 2 (unverified) (may be mixed up)"
    text = table_of(published=[published()]).to_markdown()
    assert "| STAViS | 3.500 | \u2013 | \u2013 |  |  | cited: Some paper, Table 2 |" in text
    assert "**net**" in text
    assert text.count("measured here") == 3


def test_metrics_that_nothing_measured_are_no_columns():
    table = table_of(published=[published(metric="s_auc")])
    assert list(table.metrics) == ["nss", "ig", "ig_explained"]
    assert all(row.kind != "cited" for row in table.rows)


def test_latex_is_escaped_and_balanced():
    table = ResultTable(
        "100 % of videos",
        ["nss", "ig_explained"],
        [TableRow("a_b & c", "measured", {"nss": Cell(1.25), "ig_explained": Cell(0.5)})],
        ["a note"],
    )
    text = table.to_latex()
    assert r"a\_b \& c & 1.250 & 50.0 \% & measured here \\" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    assert r"NSS $\uparrow$" in text
    assert all(line.startswith("%") or "%" not in line.replace(r"\%", "") for line in text.splitlines())


def test_csv_has_a_line_for_each_number():
    lines = list(csv.DictReader(io.StringIO(table_of(published=[published()]).to_csv())))
    assert len(lines) == 3 * 3 + 1
    (line,) = [line for line in lines if line["row"] == "net" and line["metric"] == "nss"]
    assert (line["value"], line["videos"], line["frames"], line["kind"]) == ("3", "4", "16", "measured")
    assert float(line["low"]) < 3 < float(line["high"])
    assert lines[-1]["source"] == "Some paper, Table 2"


def test_frames_without_a_value_are_told():
    collector = ScoreCollector("made", "one", "net", "exact")
    for frame in range(3):
        blind = frame == 1
        collector.add(
            frame,
            NAN,
            FrameRow(
                {"nss": NAN if blind else 1.0}, {"nss": "no fixation"} if blind else {}, 0 if blind else 4
            ),
        )
    table = result_table("Videos", {"net": [collector.finished()]}, protocol("stavis"))
    assert any("1 frames without a value (no fixation): net nss" in note for note in table.notes)
