"""The papers' tables that `avsal reproduce` makes: which experiments, which data, which rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from avsal.configuration import Checked, setting
from avsal.errors import ConfigError, did_you_mean
from avsal.types import Split

__all__ = ["PAPER_TABLES", "PaperTable", "ReproduceSettings", "ScoredRow", "paper_table"]

_SIX = (1, 2, 3)
_USUAL = ("auc_judd", "sim", "cc", "nss")


@dataclass(frozen=True, kw_only=True)
class ReproduceSettings(Checked):
    """Where things are and what may differ from the paper."""

    root: Path = setting(help="folder of the data sets, or of the folders that they are in", metavar="DIR")
    out: Path = setting(Path("runs"), help="where runs and tables go", metavar="DIR", flags=("-o",))
    stores: Path = setting(Path("stores"), help="where prepared data go", metavar="DIR")
    initial: Path | None = setting(
        None, help="a checkpoint to start from, in place of the first stage", metavar="FILE"
    )
    folds: tuple[int, ...] | None = setting(
        None, help="folds of the published lists, such as 1,2 [the table's]"
    )
    protocol: str = setting("published", help="clean: choose checkpoints on held-out training videos")
    from_scratch: bool = setting(False, help="do without published weights")
    allow_missing: bool = setting(False, help="leave out videos that are not there, and say so")
    train: Mapping[str, Any] = setting(
        factory=dict, help="setting of every training, such as train.steps=2", prefix="train"
    )
    evaluate: Mapping[str, Any] = setting(
        factory=dict, help="setting of every evaluation, such as evaluate.every=25", prefix="evaluate"
    )


@dataclass(frozen=True)
class ScoredRow:
    """A trained model that is scored on test videos.

    Attributes:
        name: of the row.
        experiment: that trains it, with the stages that it comes after.
        audio: what it is given when it is scored, as of `avsal evaluate`.
    """

    name: str
    experiment: str
    audio: Literal["own", "none", "zero"] = "own"


@dataclass(frozen=True)
class PaperTable:
    """One table.

    Attributes:
        title: paper and number.
        sweep: an experiment whose rows are the table's, validated while they are trained; None for tables of
            scores on test videos.
        rows: of such a table.
        data: that are scored, one part of the table each.
        split: of the data.
        folds: over which is averaged.
        choices: arguments of the models for a data set, where they act differently on it.
        source: of the cited rows, as `published_results.csv` has it; empty: all that are comparable.
        metrics: of the table.
        about: what one must know.
    """

    title: str
    sweep: str | None = None
    rows: tuple[ScoredRow, ...] = ()
    data: tuple[str, ...] = ()
    split: Split | None = "test"
    folds: tuple[int | None, ...] = (None,)
    choices: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    source: str = ""
    metrics: tuple[str, ...] = _USUAL
    about: str = ""

    @property
    def experiments(self) -> tuple[str, ...]:
        """That have to be trained, without the stages before them."""
        own = () if self.sweep is None else (self.sweep,)
        return tuple(dict.fromkeys((*own, *(row.experiment for row in self.rows))))


_UNISAL = (ScoredRow("unisal", "unisal"),)
_JOINT = (
    "One network, trained on DHF1K, Hollywood-2, UCF Sports and SALICON in turns, scored in the domain of "
    "the data."
)

_TSFPNET = (ScoredRow("tsfpnet", "tsfpnet_six"), ScoredRow("tsfpnet_av", "tsfpnet_av"))

PAPER_TABLES: dict[str, dict[str, PaperTable]] = {
    "tsfpnet": {
        "table1": PaperTable("TSFP-Net, Table 1", sweep="ablation_frames"),
        "table4": PaperTable(
            "TSFP-Net, Table 4",
            rows=(
                ScoredRow("tsfpnet_hollywood2", "tsfpnet_hollywood2"),
                ScoredRow("tsfpnet_ucf_sports", "tsfpnet_ucf_sports"),
            ),
            data=("hollywood2", "ucf_sports"),
            source="TSFP-Net Table 4",
            about="Each row is fine-tuned on one of the two data sets; both are scored on both.",
        ),
        "table5": PaperTable(
            "TSFP-Net, Table 5",
            rows=_TSFPNET,
            data=("diem", "coutrot1", "coutrot2"),
            folds=_SIX,
            source="TSFP-Net Table 5",
        ),
        "table6": PaperTable(
            "TSFP-Net, Table 6",
            rows=_TSFPNET,
            data=("avad", "etmd", "summe"),
            folds=_SIX,
            source="TSFP-Net Table 6",
        ),
        "table7": PaperTable(
            "TSFP-Net, Table 7",
            rows=(
                ScoredRow("tsfpnet_av", "tsfpnet_av"),
                ScoredRow("tsfpnet_av zero audio", "tsfpnet_av", "zero"),
            ),
            data=("coutrot1",),
            folds=_SIX,
            source="TSFP-Net Table 7",
            about="Zero audio read as zeros at test time; table7_retrained has the other reading too.",
        ),
        "table7_retrained": PaperTable(
            "TSFP-Net, Table 7, zero audio retrained",
            rows=(
                ScoredRow("tsfpnet_av", "tsfpnet_av"),
                ScoredRow("tsfpnet_av zero audio", "tsfpnet_av", "zero"),
                ScoredRow("tsfpnet_av retrained on zero audio", "tsfpnet_av_zero", "zero"),
            ),
            data=("coutrot1",),
            folds=_SIX,
            source="TSFP-Net Table 7",
            about="Both readings of zero audio: at test time, and in training as well.",
        ),
        "table8": PaperTable("TSFP-Net, Table 8", sweep="ablation_levels"),
        "table9": PaperTable("TSFP-Net, Table 9", sweep="ablation_loss"),
    },
    "esan": {
        "table3": PaperTable("ESAN-VSP, Table 3", sweep="ablation_esan"),
        "dhf1k": PaperTable(
            "ESAN-VSP, setting (i), on DHF1K",
            rows=(ScoredRow("esan", "esan_dhf1k"),),
            data=("dhf1k",),
            split="val",
            about="The paper scores DHF1K's test videos, whose gaze is held out: here its validation.",
        ),
    },
    "resnet3d": {"table4": PaperTable("3D-ResNet, Table 4 and section V-C", sweep="ablation_resnet3d")},
    "sal3d": {"table3": PaperTable("3DSAL, Table 3, base against weighted", sweep="ablation_sal3d")},
    "stavis": {
        "six": PaperTable(
            "STAViS on the six audio-visual sets",
            rows=(ScoredRow("stavis_visual", "stavis_visual"), ScoredRow("stavis", "stavis")),
            data=("diem", "coutrot1", "coutrot2", "avad", "etmd", "summe"),
            folds=_SIX,
        ),
    },
    "vinet": {
        "dhf1k": PaperTable(
            "ViNet on DHF1K", rows=(ScoredRow("vinet", "vinet_dhf1k"),), data=("dhf1k",), split="val"
        ),
        "six": PaperTable(
            "AViNet on the six audio-visual sets",
            rows=(ScoredRow("avinet", "avinet_six"),),
            data=("diem", "coutrot1", "coutrot2", "avad", "etmd", "summe"),
            folds=_SIX,
        ),
    },
    "tased": {
        "dhf1k": PaperTable(
            "TASED-Net on DHF1K", rows=(ScoredRow("tased", "tased_dhf1k"),), data=("dhf1k",), split="val"
        ),
    },
    "unisal": {
        "dhf1k": PaperTable("UNISAL on DHF1K", rows=_UNISAL, data=("dhf1k",), split="val", about=_JOINT),
        "dhf1k_alone": PaperTable(
            "UNISAL on DHF1K, trained on it alone",
            rows=(ScoredRow("unisal_dhf1k", "unisal_dhf1k"),),
            data=("dhf1k",),
            split="val",
        ),
        "hollywood2_ucf_sports": PaperTable(
            "UNISAL on Hollywood-2 and UCF Sports",
            rows=_UNISAL,
            data=("hollywood2", "ucf_sports"),
            choices={"hollywood2": {"domain": "hollywood"}, "ucf_sports": {"domain": "ucf_sports"}},
            source="TSFP-Net Table 4",
            about=_JOINT,
        ),
        "salicon": PaperTable(
            "UNISAL on SALICON",
            rows=_UNISAL,
            data=("salicon",),
            split="val",
            choices={"salicon": {"domain": "salicon"}},
            about=f"{_JOINT} The gaze of SALICON's test photographs is held out: here its validation.",
        ),
    },
}


def paper_table(paper: str, table: str) -> PaperTable:
    """A table of a paper.

    Raises:
        ConfigError: there is no such paper or table; the nearest is named.
    """
    if paper not in PAPER_TABLES:
        raise ConfigError(
            f"expected one of the papers {', '.join(PAPER_TABLES)} but found {paper!r}"
            f"{did_you_mean(paper, PAPER_TABLES)}"
        )
    own = PAPER_TABLES[paper]
    if table not in own:
        raise ConfigError(
            f"expected one of the tables {', '.join(own)} of {paper} but found {table!r}"
            f"{did_you_mean(table, own)}"
        )
    return own[table]
