"""Train a model by an experiment file, or by choices on the line.

    avsal train experiment=tsfpnet_av data=diem split=1
    avsal train experiment=small_hevc optim.learning_rate=1e-3 run.folder=runs/try
    avsal train experiment=tsfpnet_dhf1k run.resume=auto
    avsal train -m experiment=ablation_esan              a paper's table: a run for each row, then the table
    avsal train -m experiment=ablation_esan row=full,plain seed=0,1 run.resume=auto     two of its rows
    avsal train experiment=tsfpnet_av split=1,2,3 stages=run
    avsal train experiment=tsfpnet_av split=1,2,3 hydra/launcher=submitit_slurm

Experiments name the published weights that their networks start from (avsal weights fetch NAME) and the
experiment that they come after; stages=run trains what is missing first, in order, and from_scratch=true does
without published weights. A run lies in run_root/NAME, or NAME_seed1 for another seed.

Choices are `key=value` (or --key value); `--show` prints all keys with their values. data_root= is the folder
of the stores that `avsal data prepare` wrote, run_root= the folder that runs go to. A model's arguments, such
as its variant, are model.arguments.KEY=VALUE. The clean protocol is the default: checkpoints are chosen on a
part of the training videos; protocol=published chooses on what the paper did.

A list of values, or -m for an experiment of a paper's table, makes it a sweep: it ends with the table of its
runs beside the paper's, kept beside them as *sweep.md and *sweep.csv. A run that fails is named and does not
stop the others. A stopped sweep goes on by its line, run.resume=auto added.

Several GPUs or machines: accelerate launch -m avsal train ..., or torchrun -m avsal train ...
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from avsal.cli.parsing import Action, Given
from avsal.configuration import setting
from avsal.errors import ConfigError
from avsal.workflows.experiment import experiments

__all__ = ["VERB", "TrainLine"]


@dataclass(frozen=True, kw_only=True)
class TrainLine:
    """All that a line says."""

    overrides: tuple[str, ...] = setting((), help="choices, see above", metavar="key=value", position="words")
    multirun: bool = setting(False, help="sweep over a=1,2,3", flags=("-m",))
    show: bool = setting(False, help="print the composed settings and leave")


def run(given: Given) -> int:
    """Compose the settings and train; return 0, 1 where runs failed, or 128 and the number of a signal."""
    from avsal.workflows.experiment import compose

    line = given.read(TrainLine)
    for word in line.overrides:
        if "=" not in word and not word.startswith("~"):
            raise ConfigError(f"expected choices as key=value but found {word!r}: see avsal train --help")
    if line.show:
        from omegaconf import OmegaConf

        print(OmegaConf.to_yaml(compose(line.overrides)), end="")
        return 0

    from avsal.training.stopping import StoppedError
    from avsal.workflows.sweep import SweepResult
    from avsal.workflows.train import launch

    try:
        result = launch(line.overrides, multirun=line.multirun)
    except StoppedError as error:
        print(f"avsal: {error}", file=sys.stderr)
        return error.code
    if not isinstance(result, SweepResult) or result.table is None:
        return 0
    for text in result.failed:
        print(f"avsal: error: {text}", file=sys.stderr)
    print(result.table.to_markdown())
    print(f"-> {', '.join(map(str, result.files))}")
    return 1 if result.failed else 0


def known() -> str:
    """The experiments there are, a line each."""
    return "experiments:\n" + "\n".join(f"  {command}" for command in experiments().values())


VERB = Action(TrainLine, run, epilog=known)
