"""Train a model by an experiment file, or by choices on the line.

    avsal train experiment=tsfpnet_av data=diem split=1
    avsal train experiment=small_hevc optim.learning_rate=1e-3 run.folder=runs/try
    avsal train experiment=tsfpnet_dhf1k run.resume=auto
    avsal train -m experiment=ablation_esan              a paper's table: a run for each row, then the table
    avsal train -m experiment=ablation_esan row=full,plain seed=0,1 run.resume=auto     two of its rows
    avsal train -m experiment=tsfpnet_av split=1,2,3 hydra/launcher=submitit_slurm

Choices are `key=value` (or --key value); `--show` prints all keys with their values. data_root= is the folder
of the stores that `avsal data prepare` wrote, run_root= the folder that runs go to. A model's arguments, such
as its variant, are model.arguments.KEY=VALUE. The clean protocol is the default: checkpoints are chosen on a
part of the training videos; protocol=published chooses on what the paper did.

A sweep (-m) ends with the table of its runs beside the paper's, kept in its folder as sweep.md and sweep.csv.
A run that fails is named and does not stop the others. A stopped sweep goes on by its line, run.resume=auto
added.

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
    from avsal.workflows.train import experiments

    parser.take_any_word("overrides", help="choices, see above")
    parser.add_argument("-m", "--multirun", action="store_true", help="sweep over a=1,2,3")
    parser.add_argument("--show", action="store_true", help="print the composed settings and leave")
    parser.epilog = "experiments:\n" + "\n".join(f"  {command}" for command in experiments().values())


def run(arguments: argparse.Namespace) -> int:
    """Compose the settings and train; return 0, 1 where runs failed, or 128 and the number of a signal."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from avsal.training.stopping import StoppedError
    from avsal.workflows.train import compose, launch, one_line

    for word in arguments.overrides:
        if "=" not in word and not word.startswith("~"):
            raise ConfigError(f"expected choices as key=value but found {word!r}: see avsal train --help")
    try:
        if arguments.show:
            from omegaconf import OmegaConf

            print(OmegaConf.to_yaml(compose(arguments.overrides)), end="")
            return 0
        result = launch(arguments.overrides, multirun=arguments.multirun)
    except StoppedError as error:
        print(f"avsal: {error}", file=sys.stderr)
        return error.code
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(one_line(error)) from error
    if result is None:
        return 0
    for text in result.failed:
        print(f"avsal: error: {text}", file=sys.stderr)
    print(result.table.to_markdown())
    print(f"-> {', '.join(map(str, result.files))}")
    return 1 if result.failed else 0
