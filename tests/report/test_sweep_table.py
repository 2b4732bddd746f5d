"""Tables of sweeps from what runs left, without training."""

from dataclasses import replace
from pathlib import Path

import pytest

from avsal.errors import ConfigError
from avsal.models import create_model
from avsal.report import SweepRun, sweep_table
from avsal.training.rows import RowSettings, TableSettings
from avsal.weights import CheckpointHeader

TABLE = TableSettings(
    "TSFP-Net, Table 9",
    ("TSFP-Net Table 9",),
    {
        "kl": RowSettings("only KL loss", {"loss": {"kl": 1}}, ("TSFP-Net (only KL loss)",)),
        "full": RowSettings("TSFP-Net", cited=("TSFP-Net",)),
    },
    "full",
)
SPEC = create_model("resnet3d", width=0.05).spec


def run(row, nss, *choices, seed=0, **changes):
    scores = {"nss": nss, "cc": 0.4, "kl": None, "recordings": 3, "frames": 30}
    header = CheckpointHeader("resnet3d", {}, SPEC, True, "0", protocol={"step": 7}, scores=scores)
    made = SweepRun(
        Path("runs") / f"{row}_seed{seed}",
        row,
        TABLE,
        [f"row={row}", "data=hevc", *choices],
        "hevc",
        None,
        settings={"validation": {"select": "nss"}, "seed": seed, "protocol": "clean"},
        frames="abc",
        header=header,
        parameters=2_500_000,
        steps=9,
        end={"above": {"centre_bias": 0.2, "mean_map": 0.1}},
    )
    return replace(made, **changes)


def rows(table, kind="measured"):
    return {
        row.name: {name: cell.value for name, cell in row.cells.items()}
        for row in table.rows
        if row.kind == kind
    }


def test_measured_and_cited_rows_stand_in_the_papers_order_with_their_changes():
    table = sweep_table([run("full", 2.0), run("kl", 1.5)])
    assert rows(table) == {
        "only KL loss": {"nss": 1.5, "cc": 0.4, "parameters": 2.5, "change in NSS": -0.5},
        "TSFP-Net": {"nss": 2.0, "cc": 0.4, "parameters": 2.5},
    }
    assert list(rows(table)) == ["only KL loss", "TSFP-Net"]
    cited = rows(table, "cited")
    assert list(cited) == ["TSFP-Net (only KL loss)", "TSFP-Net"]
    assert cited["TSFP-Net (only KL loss)"]["change in NSS"] == pytest.approx(2.9876 - 3.0086)
    assert table.metrics == ["nss", "cc", "sim", "auc_judd", "change in NSS", "parameters"]
    assert [row.num_videos for row in table.rows if row.kind == "measured"] == [3, 3]
    assert any("best after 7: runs/kl_seed0/best.safetensors" in note for note in table.notes)
    assert not any("WORSE" in note or "DIFFERENT" in note for note in table.notes)


def test_rows_of_several_seeds_are_compared_within_their_seed():
    runs = [
        run(row, nss, f"seed={seed}", seed=seed)
        for row, nss, seed in (("kl", 1.0, 0), ("kl", 1.5, 1), ("full", 2.0, 0), ("full", 3.0, 1))
    ]
    found = rows(sweep_table(runs))
    assert found["only KL loss, seed=0"]["change in NSS"] == -1.0
    assert found["only KL loss, seed=1"]["change in NSS"] == -1.5


def test_how_a_run_was_resumed_is_no_part_of_its_name():
    assert set(rows(sweep_table([run("kl", 1.0, "run.resume=auto"), run("full", 2.0)]))) == {
        "only KL loss",
        "TSFP-Net",
    }


def test_failed_and_unfinished_runs_are_named():
    failed = run("kl", 1.0, error="the loss is no number", header=None, parameters=None, end=None, steps=3)
    unfinished = run("full", 2.0, end=None)
    table = sweep_table([failed, unfinished])
    assert rows(table)["only KL loss (FAILED)"] == {}
    assert rows(table)["TSFP-Net (unfinished)"]["nss"] == 2.0
    assert any("the loss is no number; 3 steps so far" in note for note in table.notes)


def test_numbers_that_mean_nothing_are_called_so():
    worse = run("kl", 1.0, end={"above": {"centre_bias": -0.2, "mean_map": 0.1}})
    table = sweep_table([worse, run("full", 2.0, frames="other")])
    assert any(
        "WORSE than the training clips' centre bias: its numbers say nothing" in note for note in table.notes
    )
    assert any("DIFFERENT frames" in note for note in table.notes)


def test_strides_are_rows_and_the_models_own_is_what_they_are_a_change_of():
    scores = {
        str(stride): {"nss": nss, "recordings": 3, "frames": 240, "fps": 10.0 * stride}
        for stride, nss in ((4, 2.5), (8, 2.0), (16, 1.5))
    }
    found = rows(sweep_table([run("full", 9.0, strides={"scores": scores, "device": "cpu"})]))
    assert found["TSFP-Net, stride 16"]["change in NSS"] == -0.5
    assert found["TSFP-Net, stride 4"]["change in NSS"] == 0.5
    assert "change in NSS" not in found["TSFP-Net, stride 8"]
    assert found["TSFP-Net, stride 16"]["fps"] == 160


def test_a_sweep_without_a_papers_table_names_rows_by_what_was_varied():
    runs = [
        run(None, nss, f"++model.arguments.width={width}", table=None) for width, nss in ((1, 2.0), (2, 3.0))
    ]
    table = sweep_table(runs)
    assert set(rows(table)) == {"model.arguments.width=1", "model.arguments.width=2"}
    assert rows(table, "cited") == {}


def test_impossible_tables_are_refused():
    with pytest.raises(ConfigError, match="expected runs"):
        sweep_table([])
    with pytest.raises(ConfigError, match="must be one of kl, full but is 'all'"):
        replace(TABLE, against="all")
