import json

import pytest

from avsal.errors import ConfigError, DatasetError
from avsal.evaluation import EvaluationSettings, FrameRow, RowWriter
from avsal.evaluation.scores import ScoreCollector
from avsal.report import table_of_folders


def save_evaluation(folder, rows, *, fold=None, protocol="stavis", data="coutrot1", **settings):
    """Rows: by model, the value of each video's only frame."""
    (folder / "frames").mkdir(parents=True)
    for model, videos in rows.items():
        with RowWriter(folder / "frames" / f"{model}.csv") as writer:
            for video, value in videos.items():
                collector = ScoreCollector("coutrot1", video, model, "exact")
                collector.add(0, 0.0, FrameRow({"nss": value}, {}, 5))
                writer.write(collector.finished())
    about = {
        "choices": {"data": data, "split": "test", "fold": fold},
        "settings": EvaluationSettings(**settings).as_dict(),
        "protocol": {"name": protocol},
    }
    (folder / "evaluation.json").write_text(json.dumps(about))
    return folder


def values_of(table):
    return {row.name: row.cells["nss"].value for row in table.rows if row.kind != "cited"}


def test_folds_are_pooled_and_a_video_tested_twice_counts_twice(tmp_path):
    folders = [
        save_evaluation(
            tmp_path / "1", {"net": {"a": 1.0, "b": 2.0}, "uniform": {"a": 0.0, "b": 0.0}}, fold=1
        ),
        save_evaluation(tmp_path / "2", {"net": {"b": 4.0}, "uniform": {"b": 0.0}}, fold=2),
    ]
    table = table_of_folders(folders)
    assert values_of(table)["net"] == pytest.approx(7 / 3)
    assert table.title == "coutrot1, test, folds 1, 2 pooled"
    assert any(row.kind == "cited" and row.name.startswith("TSFP-Net") for row in table.rows)


def test_models_of_several_evaluations_stand_side_by_side(tmp_path):
    folders = [
        save_evaluation(tmp_path / name, {name: {"a": value}, "uniform": {"a": 0.0}})
        for name, value in (("net", 2.0), ("other", 3.0))
    ]
    assert values_of(table_of_folders(folders)) == {"uniform": 0.0, "net": 2.0, "other": 3.0}


@pytest.mark.parametrize(
    ("difference", "message"),
    [
        ({"family": "mit"}, "family 'mit'"),
        ({"height": 90}, "height 90"),
        ({"data": "diem"}, "data 'diem'"),
        ({"protocol": "dhf1k"}, "name 'dhf1k'"),
    ],
)
def test_numbers_of_different_definitions_do_not_share_a_table(tmp_path, difference, message):
    folders = [
        save_evaluation(tmp_path / "1", {"net": {"a": 1.0}}),
        save_evaluation(tmp_path / "2", {"other": {"a": 1.0}}, **difference),
    ]
    with pytest.raises(ConfigError, match=message):
        table_of_folders(folders)


def test_one_model_twice_on_one_fold_is_refused(tmp_path):
    folders = [save_evaluation(tmp_path / name, {"net": {"a": 1.0}}, fold=1) for name in "12"]
    with pytest.raises(ConfigError, match="both have 'net' on fold 1"):
        table_of_folders(folders)


def test_an_unfinished_evaluation_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="no finished evaluation"):
        table_of_folders([tmp_path])
    with pytest.raises(ConfigError, match="got none"):
        table_of_folders([])


def test_evaluations_by_earlier_versions_are_read(tmp_path):
    folders = [
        save_evaluation(tmp_path / name, {name: {"a": 2.0}, "uniform": {"a": 0.0}}) for name in ("net", "old")
    ]
    about = json.loads((folders[1] / "evaluation.json").read_text())
    about["settings"]["perspective"] = about["settings"].pop("baselines")
    (folders[1] / "evaluation.json").write_text(json.dumps(about))
    assert values_of(table_of_folders(folders)) == {"uniform": 0.0, "net": 2.0, "old": 2.0}
