import csv

import numpy as np
import pytest
from gaze_recordings import made_recordings

from avsal.errors import DatasetError
from avsal.evaluation import (
    Evaluation,
    EvaluationSettings,
    PredictedMap,
    by_area,
    read_areas,
    write_fixations,
)
from avsal.evaluation.areas import Box, area_of

SIZE = (36, 64)


class Noise:
    """Maps of chance, smaller than the gaze's."""

    name = "noise"

    def __call__(self, truth):
        draw = np.random.default_rng(len(truth.video))
        return (PredictedMap(frame, None, draw.random((18, 32))) for frame in range(6))

    def unused(self, videos):
        return []


def areas_of(path, lines):
    path.write_text("video,frame,area,left,top,right,bottom\n" + "".join(f"{line}\n" for line in lines))
    return path


def test_means_of_the_rows_are_the_scores_of_frames(tmp_path):
    settings = EvaluationSettings(
        metrics=("nss", "auc_judd"), baselines=("uniform",), fixations=True, height=18
    )
    made = Evaluation.prepare(made_recordings(2), settings, source=Noise())
    boxes = [f"video 0,{frame},left,0,0,32,36" for frame in range(6)]
    boxes += [f"video 0,{frame},all,0,0,64,36" for frame in range(6)]
    made.areas = read_areas(areas_of(tmp_path / "areas.csv", boxes))
    results = list(made.score())
    for result in results:
        (looks,) = result.fixations
        assert looks.row == "noise"
        assert len(looks.frame) == 6 * 8
        for frame, nss, auc in zip(
            result.maps.frames, result.maps.values["nss"], result.maps.values["auc_judd"], strict=True
        ):
            own = looks.frame == frame
            assert looks.saliency[own].mean() == pytest.approx(nss, abs=1e-5)
            assert looks.rank[own].mean() == pytest.approx(auc, abs=1e-9)
            assert sorted(looks.observer[own]) == list(range(8))
    first, second = (result.fixations[0] for result in results)
    assert set(second.area) == {""}
    np.testing.assert_array_equal(first.area == "left", first.x < 16)  # boxes are scaled as gaze is
    table = by_area([first, second])
    assert {area for _, _, area in table} == {"left", "all", ""}
    assert sum(one["fixations"] for one in table.values()) == 96
    assert sum(one["share"] for one in table.values()) == pytest.approx(1)
    path = tmp_path / "fixations.csv"
    write_fixations(path, [first, second])
    with path.open() as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == 96
    assert lines[0].keys() == {
        "dataset", "video", "condition", "observer", "frame", "time", "x", "y", "saliency", "rank", "area",
    }  # fmt: skip
    assert float(lines[8]["time"]) == pytest.approx(0.04)


def test_the_first_area_counts_where_boxes_overlap():
    boxes = [Box("speaker", 0, 0, 10, 10), Box("face", 0, 0, 20, 20)]
    found = area_of(np.array([5.0, 10.0, 25.0]), np.array([5.0, 5.0, 5.0]), boxes)
    assert found.tolist() == ["speaker", "face", ""]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a,0,face,5,0,5,9", "line 2: expected a frame from 0"),
        ("a,-1,face,0,0,5,9", "line 2"),
        ("a,0,,0,0,5,9", "line 2"),
        ("a,0,face,x,0,5,9", "line 2"),
        ("", "expected a line for each box"),
    ],
)
def test_damaged_areas_name_their_line(tmp_path, line, message):
    with pytest.raises(DatasetError, match=message):
        read_areas(areas_of(tmp_path / "areas.csv", [line] if line else []))
    (tmp_path / "other.csv").write_text("video,frame\n")
    with pytest.raises(DatasetError, match="there is no area"):
        read_areas(tmp_path / "other.csv")
