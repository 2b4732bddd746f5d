"""Find out whether sound matters to a model: the same video and windows under several audio conditions.

avsal ablate clip.mp4                           report, video of original, zero and difference, curve, table
avsal ablate clip.mp4 --conditions original,zero,noise,shifted:0.2,gain:-20 -o out
avsal ablate clip.mp4 --other second.mp4        whose audio is swapped in
avsal ablate data=mufvet root=DIR every=10      does it help to predict gaze? choices as of avsal evaluate
avsal ablate data=coutrot1 root=DIR split=test fold=1,2,3 --conditions zero \\
    weights=runs/tsfpnet_av_six_split{fold}/best.safetensors \\
    --retrained zero=runs/tsfpnet_av_zero_six_split{fold}/best.safetensors      TSFP-Net, Table 7
avsal ablate --control synchrony                videos with a planted effect of sound; or identity, rhythm
avsal ablate --control synchrony model=A,B      a ladder: does one model use sound more than another?
avsal ablate --control irrelevant               videos whose gaze ignores the sound: nothing must be found
avsal ablate --control sounding_clips --root DIR     real clips side by side, one is heard; expected gaze

All conditions see the same frames, which are decoded and encoded once. No gaze is needed for a video.

Where there is gaze, videos are the unit of every test, and each condition gets a verdict against a margin
declared beforehand: better or worse, equivalent, different but negligible, or undecided. docs/statistics.md
says how. For a data set, data= and fold= may be lists, and {data}, {fold}, {seed} stand for each one's own in
weights=, root= and --retrained; scores of training seeds are averaged first.

Settings may be typed as --key value or as key=value, in any order.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any, Literal

from avsal.ablation.conditions import conditions_help
from avsal.cli.parsing import Parser, settings_of
from avsal.configuration import setting, setting_fields
from avsal.errors import ConfigError
from avsal.workflows.ablate_control import ALL_CONTROLS
from avsal.workflows.ablate_settings import AblateSettings
from avsal.workflows.model import ModelSettings

__all__ = ["AblateLine", "add_arguments", "run"]

_DATA, _CONTROL = "data set", "control"

#: settings that mean something in one use only
OF_VIDEO = ("start", "end", "audio", "other")
OF_DATA = ("training_seeds", "retrained", "subgroups", "players")
OF_CONTROL = ("control", "videos", "video_seed", "reruns", "root", "part", "fold")


@dataclass(frozen=True, kw_only=True)
class AblateLine(AblateSettings, ModelSettings):
    """All that a line says but the video; a data set's further choices are those of `avsal evaluate`."""

    out: Path = setting(Path("ablation"), help="where to write", metavar="DIR", flags=("-o", "--output"))
    overwrite: bool = setting(False, help="replace what is there")
    training_seeds: tuple[str, ...] = setting(
        (), help="seeds of training; put {seed} into weights=", metavar="LIST", group=_DATA
    )
    retrained: tuple[str, ...] = setting(
        (),
        help="checkpoint of a model that was trained under a condition, scored under it; may be repeated",
        metavar="CONDITION=FILE",
        group=_DATA,
    )
    subgroups: Path | None = setting(
        None,
        help="columns video, subgroup: subgroups declared beforehand, tested too",
        metavar="CSV",
        group=_DATA,
    )
    control: tuple[str, ...] = setting(
        (),
        help="synthetic videos instead: some of " + ", ".join(ALL_CONTROLS),
        metavar="CUES",
        group=_CONTROL,
    )
    videos: str | None = setting(
        None, help="synthetic videos of each cue [48]; of a data set: only these, by id", group=_CONTROL
    )
    video_seed: int = setting(3, help="of the videos; training uses 1 and 2", group=_CONTROL)
    reruns: int = setting(0, help="repeat with N new seeds and count the verdicts", group=_CONTROL)
    root: str | None = setting(
        None, help="folder of the data set; of sounding_clips: of clips.csv", metavar="DIR", group=_DATA
    )
    part: Literal["train", "test"] | None = setting(
        None, help="of sounding_clips: whom it shows, by fold [everybody]", group=_CONTROL
    )
    fold: str | None = setting(
        None, help="of the published lists; of sounding_clips: whom test holds out [0]", group=_DATA
    )

    def __post_init__(self) -> None:
        """Check each part."""
        AblateSettings.__post_init__(self)
        ModelSettings.__post_init__(self)
        for cue in self.control:
            if cue not in ALL_CONTROLS:
                raise ConfigError(f"`control`: expected some of {', '.join(ALL_CONTROLS)} but found {cue!r}")

    @property
    def hearing(self) -> AblateSettings:
        """The part that says what is heard."""
        return AblateSettings(**{name: getattr(self, name) for name in setting_fields(AblateSettings)})


def add_arguments(parser: Parser) -> None:
    """Declare the verb's arguments."""
    parser.epilog = fill(f"conditions: {conditions_help()}", 100)
    parser.add_settings(AblateLine)
    parser.take_any_word(
        "sources", help="a video with sound, or a data set's choices", metavar="VIDEO or key=value"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def run(arguments: argparse.Namespace) -> int:
    """Ablate a video, a data set or the control's videos; return 0 when all was read, else 1."""
    words: list[str] = arguments.sources
    line = settings_of(arguments, AblateLine)
    given = arguments.texts
    dataset = any(word.startswith("data=") for word in words)
    if dataset:
        _refuse(given, (*OF_VIDEO, *(set(OF_CONTROL) - {"videos", "root", "fold"})), "a data set")
        from avsal.cli.ablate_data import ablate_data

        return ablate_data(line, words, given, quiet=arguments.quiet)
    if line.control:
        if words:
            raise ConfigError(f"the control makes its own videos: leave {words[0]!r} out")
        _refuse(given, (*OF_VIDEO, *OF_DATA, "engine", "every"), "the control")
        return _control(line, quiet=arguments.quiet)
    if not words:
        if line.root is not None:
            raise ConfigError("`data` is missing: give data=NAME; see avsal ablate --help")
        raise ConfigError("expected a video, data=NAME root=DIR, or --control: see avsal ablate --help")
    if len(words) > 1:
        raise ConfigError(f"expected one video but found {len(words)}: {', '.join(words)}")
    _refuse(given, (*OF_DATA, *OF_CONTROL, "margin"), "a video")
    return _video(Path(words[0]), line, quiet=arguments.quiet)


def _video(source: Path, line: AblateLine, *, quiet: bool) -> int:
    from tqdm import tqdm

    from avsal.weights import model_identity
    from avsal.workflows.ablate_video import ablate_video, output_paths
    from avsal.workflows.model import load
    from avsal.workflows.predict import expected_maps
    from avsal.workflows.results import require_free

    for path in output_paths(line.out, source.name).values():
        require_free(path, overwrite=line.overwrite)
    model = load(line)

    def progress(stream: Any) -> Any:
        return tqdm(
            stream,
            total=expected_maps(stream),
            desc=source.name,
            unit="frame",
            file=sys.stderr,
            disable=True if quiet else None,
            leave=False,
            dynamic_ncols=True,
        )

    found = ablate_video(model, source, line.hearing, progress=progress)
    paths = found.save(line.out, overwrite=line.overwrite)
    if found.damage:
        print(f"avsal: warning: {source}: {found.damage}", file=sys.stderr)
    if not quiet:
        print(model_identity(model).describe())
        print(found)
        print("-> " + ", ".join(str(path) for path in paths.values()))
    return 1 if found.damage else 0


def _control(line: AblateLine, *, quiet: bool) -> int:
    from tqdm import tqdm

    from avsal.weights import model_identity
    from avsal.workflows.ablate_control import ControlAblation, ablate_control
    from avsal.workflows.model import load_each
    from avsal.workflows.results import require_free
    from avsal.workflows.sources import named_models

    for path in ControlAblation.paths(line.out).values():
        require_free(path, overwrite=line.overwrite)
    num_videos, fold = _number("videos", line.videos, 48), _number("fold", line.fold, 0)
    models = named_models(load_each(line))
    with tqdm(unit="round", file=sys.stderr, disable=True if quiet else None, leave=False) as bar:

        def progress(number: int, total: int, cue: str) -> None:
            bar.total = total
            bar.update(number - bar.n)

        found = ablate_control(
            models,
            line.control,
            line.hearing,
            num_videos=num_videos,
            video_seed=line.video_seed,
            reruns=line.reruns,
            root=None if line.root is None else Path(line.root),
            part=line.part,
            fold=fold,
            progress=progress,
        )
    paths = found.save(line.out, overwrite=line.overwrite)
    if not quiet:
        for model in models.values():
            print(model_identity(model).describe())
        print(found)
        print("-> " + ", ".join(str(path) for path in paths.values()))
    return 0


def _number(name: str, text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isdecimal() or (name == "videos" and int(text) < 2):
        raise ConfigError(f"`{name}`: expected a whole number for the control but found {text!r}")
    return int(text)


def _refuse(given: Iterable[str], settings: Iterable[str], use: str) -> None:
    """Raise ConfigError for settings that were given and would do nothing."""
    for name in settings:
        if name in given:
            raise ConfigError(f"--{name.replace('_', '-')} does nothing for {use}: leave it out")
