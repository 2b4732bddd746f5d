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

import argparse
import sys

from avsal.cli.parsing import Parser
from avsal.errors import ConfigError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: Parser) -> None:
    """Declare the verb's arguments."""
    from avsal.workflows.experiment import experiments

    parser.take_any_word("overrides", help="choices, see above")
    parser.add_argument("-m", "--multirun", action="store_true", help="sweep over a=1,2,3")
    parser.add_argument("--show", action="store_true", help="print the composed settings and leave")
    parser.epilog = "experiments:\n" + "\n".join(f"  {command}" for command in experiments().values())


def run(arguments: argparse.Namespace) -> int:
    """Compose the settings and train; return 0, 1 where runs failed, or 128 and the number of a signal."""
    from avsal.training.stopping import StoppedError
    from avsal.workflows.experiment import compose
    from avsal.workflows.sweep import SweepResult
    from avsal.workflows.train import launch

    for word in arguments.overrides:
        if "=" not in word and not word.startswith("~"):
            raise ConfigError(f"expected choices as key=value but found {word!r}: see avsal train --help")
    if arguments.show:
        from omegaconf import OmegaConf

        print(OmegaConf.to_yaml(compose(arguments.overrides)), end="")
        return 0
    try:
        result = launch(arguments.overrides, multirun=arguments.multirun)
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
