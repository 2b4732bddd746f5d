"""An evaluation by several processes: each scores its share of the videos, the last one joins them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from avsal.errors import AvsalError, ConfigError, DatasetError
from avsal.evaluation import FixationRows, Mixture, VideoScores, VideoTruth
from avsal.evaluation.problems import Problem
from avsal.evaluation.run import Scorer
from avsal.evaluation.video import VideoResult
from avsal.media.atomic import atomic_path, only_one
from avsal.workflows.launch import place_in_launch, wait_for_others

__all__ = ["OthersGoOn", "Shares"]

#: of arrays that are not of real numbers
_KINDS: dict[str, Any] = {
    **dict.fromkeys(("frames", "num_fixations", "frame", "observer"), np.int64),
    "area": np.str_,
}


class OthersGoOn(AvsalError):  # noqa: N818
    """This process's share is scored; others still score theirs, and the last one joins them all."""


class Shares:
    """What was scored so far, a file for each video, by which every process sees what is left to do.

    A process takes every N-th video of which there is no file. Whoever then finds them all reads them and
    goes on alone, holding a lock; a process that was killed is made up for by starting it, or one process
    alone, again. As a context manager it ends with the evaluation saved, then the files go; with torchrun,
    which ends all processes with the first that fails, it waits for the others.

    Args:
        folder: for the files; those of other weights or settings are not mixed with them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = ExitStack()

    @classmethod
    def below(cls, out: Path, *, overwrite: bool) -> AbstractContextManager[Shares | None]:
        """Those of an evaluation that is written to a folder; None where one process does it all.

        Raises:
            ConfigError: processes of a launch are to begin anew, each over the others.
            OthersGoOn: the others have joined all.
        """
        folder = out / ".shares"
        if place_in_launch()[1] == 1:
            return cls(folder) if folder.exists() else nullcontext()
        if overwrite:
            raise ConfigError("processes of a launch go on with what is there: leave `overwrite` out")
        if (out / "evaluation.json").exists():
            raise OthersGoOn(f"{out / 'evaluation.json'} is there: nothing is left to do")
        return cls(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._stack.close()
        if kind is None or kind is OthersGoOn:
            wait_for_others(*place_in_launch())

    def of(self, facts: Mapping[str, Any]) -> Scorer:
        """What scores videos by shares, of an evaluation of which so much is known."""
        told = json.dumps(facts, sort_keys=True, default=str)
        folder = self.folder / hashlib.sha256(told.encode()).hexdigest()[:16]

        def scored(
            truths: Sequence[VideoTruth], score: Callable[[VideoTruth], VideoResult]
        ) -> Iterator[VideoResult]:
            rank, count = place_in_launch()
            folder.mkdir(parents=True, exist_ok=True)
            files = [folder / f"{number}.json" for number in range(len(truths))]
            for number in range(rank, len(truths), count):
                if not files[number].exists():
                    with atomic_path(files[number]) as temporary:
                        temporary.write_text(json.dumps(asdict(score(truths[number])), default=_listed))
            left = sum(not file.exists() for file in files)
            if left:
                raise OthersGoOn(f"{left} of {len(files)} videos are left to other processes, which go on")
            try:
                self._stack.enter_context(only_one(folder, "joining"))
            except ConfigError:
                raise OthersGoOn(f"all {len(files)} videos are scored; another process joins them") from None
            yield from map(_read, files)

        return scored


def _listed(value: Any) -> Any:
    return value.tolist()


def _read(path: Path) -> VideoResult:
    """What `Shares` wrote of a video.

    Raises:
        DatasetError: the file is damaged.
    """
    try:
        known = json.loads(path.read_text("utf-8"))
        for row in ("models", "baselines", "conditions"):
            known[row] = {name: VideoScores(**_arrays(one)) for name, one in known[row].items()}
        known["mixture"] = None if known["mixture"] is None else Mixture(**known["mixture"])
        known["problems"] = [Problem(**one) for one in known["problems"]]
        known["fixations"] = [FixationRows(**_arrays(one)) for one in known["fixations"]]
        return VideoResult(**known)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path} is damaged ({error}): remove it to score its video again") from error


def _arrays(known: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of scores or rows, with their lists as arrays again and positions as numbers."""
    found: dict[str, Any] = {
        key: np.array(value, _KINDS.get(key, np.float64)) if isinstance(value, list) else value
        for key, value in known.items()
    }
    if "values" in found:
        found["values"] = {name: np.array(value, np.float64) for name, value in found["values"].items()}
        found["reasons"] = {
            metric: {int(at): why for at, why in reasons.items()}
            for metric, reasons in found["reasons"].items()
        }
    return found
