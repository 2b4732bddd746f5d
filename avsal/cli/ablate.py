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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any, Literal

from avsal.ablation.conditions import conditions_help
from avsal.cli.parsing import Action, Given, Parser
from avsal.cli.telling import Quiet, Teller
from avsal.configuration import setting, setting_fields, settings_from
from avsal.errors import ConfigError
from avsal.workflows.ablate_settings import AblateSettings
from avsal.workflows.controls import ALL_CONTROLS
from avsal.workflows.evaluate_settings import EvaluateChoices
from avsal.workflows.model import ModelSettings
from avsal.workflows.results import require_free

__all__ = ["VERB", "AblateLine", "texts_of"]

_DATA, _CONTROL = "data set", "control"

#: by use: groups of settings that mean nothing to it, further settings, and those of the groups that do
USES = {
    "a data set": ({"a video without gaze", _CONTROL}, set(), {"videos"}),
    "the control": ({"a video without gaze", _DATA}, {"engine", "every"}, {"root", "fold"}),
    "a video": ({_DATA, _CONTROL}, {"margin"}, set()),
}


@dataclass(frozen=True, kw_only=True)
class AblateLine(Quiet, AblateSettings, ModelSettings):
    """All that a line says; a data set's further choices are those of `avsal evaluate`."""

    sources: tuple[str, ...] = setting(
        (), help="a video with sound, or a data set's choices", metavar="VIDEO or key=value", position="words"
    )
    out: Path = setting(Path("ablation"), help="where to write", metavar="DIR", flags=("-o", "--output"))
    overwrite: bool = setting(False, help="replace what is there")
    training_seeds: tuple[str, ...] = setting(
        (), help="seeds of training, of which {seed} in weights= stands for each", metavar="LIST", group=_DATA
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
        known=ALL_CONTROLS,
        group=_CONTROL,
    )
    videos: str | None = setting(
        None, help="synthetic videos of each cue [48]; of a data set: only these, by id", group=_CONTROL
    )
    video_seed: int = setting(3, help="seed of synthetic videos; training uses 1 and 2", group=_CONTROL)
    reruns: int = setting(0, help="repeat with N new seeds and count the verdicts", group=_CONTROL)
    root: str | None = setting(
        None, help="folder of the data set; of sounding_clips: of clips.csv", metavar="DIR", group=_DATA
    )
    part: Literal["train", "test"] | None = setting(
        None, help="whom sounding_clips shows, by fold [everybody]", group=_CONTROL
    )
    fold: str | None = setting(
        None, help="which of the published lists; of sounding_clips: whom test holds out [0]", group=_DATA
    )

    @property
    def hearing(self) -> AblateSettings:
        """The part that says what is heard."""
        return settings_from(AblateSettings, self)


def run(given: Given) -> int:
    """Ablate a video, a data set or the control's videos; return 0 when all was read, else 1."""
    line, texts = given.read(AblateLine), given.texts
    if any(word.startswith("data=") for word in line.sources):
        _refuse(texts, "a data set")
        return _data(line, texts)
    if line.control:
        if line.sources:
            raise ConfigError(f"the control makes its own videos: leave {line.sources[0]!r} out")
        _refuse(texts, "the control")
        return _control(line)
    if not line.sources:
        if line.root is not None:
            raise ConfigError("`data` is missing: give data=NAME; see avsal ablate --help")
        raise ConfigError("expected a video, data=NAME root=DIR, or --control: see avsal ablate --help")
    if len(line.sources) > 1:
        raise ConfigError(f"expected one video but found {len(line.sources)}: {', '.join(line.sources)}")
    _refuse(texts, "a video")
    return _video(Path(line.sources[0]), line)


def texts_of(texts: Mapping[str, Any]) -> dict[str, Any]:
    """The choices of `avsal evaluate` in a line: its words, and those settings that both verbs have."""
    words = Parser(EvaluateChoices, prog="avsal ablate").read(texts.get("sources", ()))
    own = {"seed", "players", "out", "overwrite"}  # mean something else to `avsal evaluate`
    both = set(setting_fields(EvaluateChoices)) - own
    shared = {name: text for name, text in texts.items() if name in both}
    if twice := sorted(set(words.texts) & set(shared) - {"arguments", "reader"}):
        raise ConfigError(f"`{twice[0]}` is given twice: give it once")
    return words.texts | shared


def _data(line: AblateLine, texts: Mapping[str, Any]) -> int:
    from avsal.workflows.ablate_sets import ablate_parts, parse_retrained
    from avsal.workflows.data_ablation import DataAblation
    from avsal.workflows.evaluate_sets import expand
    from avsal.workflows.scores import Scores

    teller = Teller(line)
    parts = expand(texts_of(texts), line.training_seeds, line.out)
    require_free(*DataAblation.paths(line.out).values(), overwrite=line.overwrite)

    def scored(found: Scores) -> None:
        if not line.quiet:
            print(found)
        teller.problems(found.problems)

    with teller.rounds() as progress:
        result = ablate_parts(
            parts,
            line.hearing,
            retrained=parse_retrained(line.retrained),
            subgroups=line.subgroups,
            overwrite=line.overwrite,
            progress=progress,
            scored=scored,
        )
    teller.result(result, result.save(line.out, overwrite=line.overwrite).values())
    return 0 if result.complete else 1


def _video(source: Path, line: AblateLine) -> int:
    from avsal.workflows.ablate_video import ablate_video, output_paths
    from avsal.workflows.model import load

    require_free(*output_paths(line.out, source.name).values(), overwrite=line.overwrite)
    teller, model = Teller(line), load(line)
    found = ablate_video(model, source, line.hearing, progress=teller.stream)
    paths = found.save(line.out, overwrite=line.overwrite)
    if found.damage:
        teller.warn(f"{source}: {found.damage}")
    teller.result(found, paths.values(), [model])
    return 1 if found.damage else 0


def _control(line: AblateLine) -> int:
    from avsal.workflows.ablate_control import ControlAblation, ablate_control
    from avsal.workflows.model import load_each
    from avsal.workflows.sources import named_models

    require_free(*ControlAblation.paths(line.out).values(), overwrite=line.overwrite)
    numbers = {"videos": line.videos or "48", "fold": line.fold or "0"}
    for name, text in numbers.items():
        if not text.isdecimal():
            raise ConfigError(f"`{name}`: expected a whole number for the control but found {text!r}")
    teller, models = Teller(line), named_models(load_each(line))
    with teller.rounds("round") as progress:
        found = ablate_control(
            models,
            line.control,
            line.hearing,
            num_videos=int(numbers["videos"]),
            video_seed=line.video_seed,
            reruns=line.reruns,
            root=None if line.root is None else Path(line.root),
            part=line.part,
            fold=int(numbers["fold"]),
            progress=progress,
        )
    teller.result(found, found.save(line.out, overwrite=line.overwrite).values(), models.values())
    return 0


def _refuse(given: Iterable[str], use: str) -> None:
    """Raise ConfigError for settings that were given and would do nothing."""
    groups, more, but = USES[use]
    for name in given:
        group = setting_fields(AblateLine)[name].metadata["group"]
        if name in more or (group in groups and name not in but):
            raise ConfigError(f"--{name.replace('_', '-')} does nothing for {use}: leave it out")


VERB = Action(AblateLine, run, epilog=lambda: fill(f"conditions: {conditions_help()}", 100))
