"""What all results share: facts of the model that made them, tables as CSV, places that must be free."""

from __future__ import annotations

import csv
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.errors import ConfigError
from avsal.media import atomic_path
from avsal.media.atomic import only_one, sweep
from avsal.media.cells import cell

if TYPE_CHECKING:
    from avsal.models import SaliencyModel

__all__ = [
    "ScratchFolder",
    "model_facts",
    "require_free",
    "weights_words",
    "whole_result",
    "write_table",
]


class ScratchFolder:
    """A temporary folder that lives as long as the result that holds it.

    Those of processes that were killed are removed when the next one is made: nobody locks them any more.

    Attributes:
        path: of the folder.
    """

    def __init__(self) -> None:
        for left in Path(tempfile.gettempdir()).glob("avsal-*/.lock"):
            with suppress(OSError, ConfigError), only_one(left.parent, "keeping videos"):
                shutil.rmtree(left.parent, ignore_errors=True)
        self.path = Path(tempfile.mkdtemp(prefix="avsal-"))
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, self.path, ignore_errors=True)
            stack.enter_context(only_one(self.path, "keeping videos"))
            weakref.finalize(self, stack.pop_all().close)


def model_facts(model: object) -> dict[str, Any] | None:
    """What a result says of the model that made it, see `avsal.weights.ModelIdentity`; None for no model."""
    from avsal.models import SaliencyModel
    from avsal.weights import model_identity

    if not isinstance(model, SaliencyModel):
        return None
    return {**model_identity(model).to_json(), "trained": model.trained}


def weights_words(model: SaliencyModel) -> str:
    """Which weights a page is made with: what they are, and their hash."""
    from avsal.weights import model_identity

    identity = model_identity(model)
    return f"{identity.label}, {identity.origin}, SHA-256 {identity.sha256[:12]}"


def require_free(*paths: Path, overwrite: bool) -> None:
    """Raise ConfigError where an output exists, and `overwrite` is False."""
    for path in paths:
        if path.exists() and not overwrite:
            raise ConfigError(
                f"{path} exists: replace it with overwrite=true, or write elsewhere with out=DIR"
            )


@contextmanager
def whole_result(paths: Iterable[Path], *, overwrite: bool) -> Iterator[None]:
    """Within, the files of one result may be written into their folder, by this process alone.

    What a killed run left half-written beside them is removed, and so is the last file, by whose presence a
    result is seen to be whole; it must be written last.

    Raises:
        ConfigError: one is there already, and `overwrite` is False.
        MediaError: the folder cannot be made or written.
    """
    *_, last = paths = list(paths)
    with only_one(last.parent, "writing results", wait=True):
        require_free(*paths, overwrite=overwrite)
        for path in paths:
            sweep(path)
        last.unlink(missing_ok=True)
        yield
        (last.parent / ".lock").unlink(missing_ok=True)


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of equal keys as CSV, whole or not at all; numbers with nine digits.

    Raises:
        MediaError: the file cannot be written.
    """
    with (
        atomic_path(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        if rows:
            writer.writerow(rows[0])
        for row in rows:
            writer.writerow(
                [f"{value:.9g}" if isinstance(value, float) else cell(value) for value in row.values()]
            )
