"""Predicting many videos: which ones, under which names, shared out, gone on with, and listed at the end."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from avsal.errors import AvsalError, ConfigError
from avsal.media.atomic import atomic_path, only_one, write_text
from avsal.media.images import SUFFIXES as IMAGE_SUFFIXES
from avsal.media.sources import ADDRESS, VIDEO_SUFFIXES, each, is_plain_path
from avsal.models import SaliencyModel
from avsal.prediction import PredictionStream
from avsal.prediction.prefetch import Prefetcher
from avsal.workflows.predict import (
    OpenedVideo,
    PredictedVideo,
    PredictSettings,
    Progress,
    open_video,
    predict_video,
    summary_of,
    write_video,
)
from avsal.workflows.results import write_table

__all__ = ["Outcome", "find_sources", "list_outputs", "name_outputs", "predict_each"]

#: what ends a video's prediction and not that of the others
Failure = AvsalError | OSError


@dataclass(frozen=True)
class Outcome:
    """What became of one source.

    Attributes:
        source: as given.
        found: its outputs; None where it failed.
        error: why it failed.
    """

    source: Any
    found: PredictedVideo | None = None
    error: Failure | None = None


def find_sources(sources: Sequence[Any], frame_rate: float | None = None) -> list[tuple[Any, Path]]:
    """What to predict, and the path each should be named after.

    A folder gives the videos below it, named with their sub-folders; a folder of images is one video. A
    pattern gives what it names. Other sources are those of `avsal.predict`. A file that is named twice, by
    itself and by its folder for instance, is one.

    Raises:
        ConfigError: a folder holds neither, or images without a frame rate; a pattern names nothing.
    """
    found: list[tuple[Any, Path]] = []
    for given in (one for source in sources for one in each(source)):
        if given == "":  # which would be the folder that one stands in
            raise ConfigError("expected a video, a folder or a pattern but found an empty name")
        if not is_plain_path(given):
            found.append((given, Path(_name(given))))
            continue
        source = Path(given)
        if not source.is_dir():
            found.append((source, Path(source.name)))
            continue
        below = sorted(path for path in source.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
        videos = [path for path in below if path.is_file()]
        images = any(path.suffix.lower() in IMAGE_SUFFIXES for path in source.iterdir())
        if images and (frame_rate is not None or not videos):
            if frame_rate is None:
                raise ConfigError(f"{source} holds images: say their frame rate, for instance --fps 25")
            found.append((source, Path(f"{source.resolve().name}.frames")))
        elif videos:
            found.extend((video, video.relative_to(source)) for video in videos)
        else:
            raise ConfigError(f"{source} holds neither videos nor images: give a video, or a folder of them")
    kept: dict[Any, tuple[Any, Path]] = {}
    for one, name in found:
        kept.setdefault(one.resolve() if isinstance(one, Path) else id(one), (one, name))
    return list(kept.values())


def _name(given: Any) -> str:
    """What outputs of a source are named after that is no plain path."""
    text = str(given) if isinstance(given, str | Path | int) else getattr(given, "name", "frames")
    if text == "-":
        return "stdin"
    if text.isdigit():
        return f"camera{text}"
    return Path(text.partition("?")[0].rstrip("/") if ADDRESS.match(text) else text).name or "video"


def name_outputs(found: Sequence[tuple[Any, Path]], out: Path) -> list[tuple[Any, Path]]:
    """Each source with the path of its outputs up to their suffix, no two alike."""
    stems = [_stem(path) for _, path in found]
    taken: set[Path] = set()
    named = []
    for (source, path), stem in zip(found, stems, strict=True):
        name = stem if stems.count(stem) == 1 else path.with_name(path.name.replace(".", "_"))
        unique, number = name, 2
        while unique in taken:
            unique = name.with_name(f"{name.name}_{number}")
            number += 1
        taken.add(unique)
        named.append((source, out / unique))
    return named


def _stem(path: Path) -> Path:
    """A path without its suffix; of a name such as `..mp4` that would be a way out of the folder."""
    if path.stem in ("", ".", ".."):
        return path.with_name(path.name.replace(".", "_"))
    return path.with_suffix("")


def predict_each(
    model: SaliencyModel,
    named: Sequence[tuple[Any, Path]],
    settings: PredictSettings,
    *,
    keep_failures: bool = True,
    progress: Callable[[int], Progress] | None = None,
    opened: Callable[[int, PredictionStream], None] | None = None,
) -> Iterator[Outcome]:
    """Predict sources one after the other; the next one is opened and decoded while one is computed.

    Of several, a source that fails leaves a note beside where its outputs would be (``NAME.failed.json``),
    until it is predicted after all.

    Args:
        model: model on its device.
        named: sources, and the paths of their outputs up to the suffix.
        settings: how.
        keep_failures: whether such notes are left.
        progress: for the number of a source from 0, a place to show progress.
        opened: told of the number of a source and its stream.

    Yields:
        what became of each, in order.
    """
    begun_ahead: deque[PredictionStream] = deque(maxlen=3)
    with ExitStack() as stack:
        stack.callback(_close, begun_ahead)
        ahead = stack.enter_context(Prefetcher(_opened(model, named, settings, begun_ahead), 1))
        for number, ((source, base), begun) in enumerate(zip(named, ahead, strict=True)):

            def tell(stream: PredictionStream, number: int = number) -> None:
                if opened is not None:
                    opened(number, stream)

            watch = None if progress is None else progress(number)
            note = base.with_name(base.name + ".failed.json")
            try:
                if isinstance(begun, AvsalError | OSError):
                    raise begun
                if isinstance(begun, OpenedVideo):
                    begun = write_video(begun, progress=watch, opened=tell)
                elif begun is None:
                    begun = predict_video(model, source, base, settings, progress=watch, opened=tell)
                note.unlink(missing_ok=True)
                yield Outcome(source, begun)
            except (AvsalError, OSError) as error:
                if keep_failures and not isinstance(error, ConfigError):
                    with suppress(AvsalError, OSError):
                        base.parent.mkdir(parents=True, exist_ok=True)
                        write_text(note, json.dumps({"source": str(source), "error": str(error)}))
                yield Outcome(source, error=error)


def _opened(
    model: SaliencyModel,
    named: Sequence[tuple[Any, Path]],
    settings: PredictSettings,
    begun: deque[PredictionStream],
) -> Iterator[OpenedVideo | PredictedVideo | Failure | None]:
    """Videos as they are opened ahead, or why they cannot be; None for what is read when its turn comes."""
    for source, base in named:
        if not is_plain_path(source):
            yield None
            continue
        try:
            video = open_video(model, source, base, settings)
            if isinstance(video, OpenedVideo):
                begun.append(video.stream)
                video.stream.decode_ahead()
            yield video
        except (AvsalError, OSError) as error:
            yield error


def _close(streams: Iterable[PredictionStream]) -> None:
    for stream in streams:
        stream.close()


def list_outputs(named: Sequence[tuple[Any, Path]], out: Path) -> list[dict[str, Any]]:
    """Write what lies in a folder of these sources as ``outputs.csv``, and ``outputs.parquet`` with pyarrow.

    Rows are told by the files alone, so that every process of several may write the table when it is done:
    the last one's is complete.

    Args:
        named: all sources, those of other processes too.
        out: the folder.

    Returns:
        the rows: ``source``, ``status`` (done, damaged, failed, missing), ``summary`` and ``outputs`` (paths
        in the folder, several with spaces), ``frames``, ``first_time``, ``last_time``, ``seconds``,
        ``model``, ``weights`` (SHA-256), ``sound``, ``damage``, ``error``.

    Raises:
        MediaError: the table cannot be written.
    """
    with only_one(out, "listing outputs", wait=True):
        rows = [_row(source, base, out) for source, base in named]
        write_table(out / "outputs.csv", rows)
        if find_spec("pyarrow") is not None:
            import pyarrow  # type: ignore[import-untyped]
            from pyarrow import parquet

            table = pyarrow.Table.from_pylist(rows)
            with atomic_path(out / "outputs.parquet") as temporary:
                parquet.write_table(table, temporary)
        (out / ".lock").unlink(missing_ok=True)
    return rows


def _row(source: Any, base: Path, out: Path) -> dict[str, Any]:
    """What the files say of one source."""
    summary, failed = (
        _facts(path) for path in (summary_of(base), base.with_name(base.name + ".failed.json"))
    )
    outputs = [base.with_name(str(name)) for name in dict(summary.get("outputs") or {}).values()]
    whole = bool(summary) and all(path.exists() for path in outputs)
    damage = summary.get("damage") or ""
    model = dict(summary.get("model") or {})
    return {
        "source": str(source),
        "status": ("damaged" if damage else "done") if whole else "failed" if failed else "missing",
        "summary": str(summary_of(base).relative_to(out)) if whole else "",
        "outputs": " ".join(str(path.relative_to(out)) for path in outputs) if whole else "",
        "frames": summary.get("frames") if whole else None,
        "first_time": summary.get("first_time") if whole else None,
        "last_time": summary.get("last_time") if whole else None,
        "seconds": summary.get("seconds") if whole else None,
        "model": str(model.get("name", "")),
        "weights": str(model.get("sha256", "")),
        "sound": str(summary.get("sound", "")),
        "damage": str(damage),
        "error": "" if whole else str(failed.get("error", "")),
    }


def _facts(path: Path) -> dict[str, Any]:
    """What a JSON file holds; nothing where there is none, or it is somebody else's."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
