"""Find out whether sound matters to a model: the same video and windows under several audio conditions.

avsal ablate clip.mp4                           report, video of original, zero and difference, curve, table
avsal ablate clip.mp4 --conditions original,zero,noise,shifted:0.2,gain:-20 -o out
avsal ablate clip.mp4 --other second.mp4        whose audio is swapped in
avsal ablate data=mufvet root=DIR every=10      does it help to predict gaze? choices as of avsal evaluate
avsal ablate data=coutrot1 root=DIR split=test fold=1,2,3 --conditions zero \\
    weights=runs/tsfpnet_av_six_split{fold}/best.safetensors \\
    --retrained zero=runs/tsfpnet_av_zero_six_split{fold}/best.safetensors      TSFP-Net, Table 7
avsal ablate --control synchrony                videos with a planted effect of sound; or identity, rhythm
avsal ablate --control irrelevant               videos whose gaze ignores the sound: nothing must be found
avsal ablate --control sounding_clips --root DIR     real clips side by side, one is heard; expected gaze

conditions: original, zero (silence), noise (white, as loud), swapped (another video's audio), shifted:SECONDS
(positive: later), reversed, gain:DECIBEL, video_only (no audio at all: the visual network alone). All see
the same frames, which are decoded and encoded once. No gaze is needed for a video.

A report.html that opens anywhere shows the videos with every sound on one clock, beside tables and intervals.
For a data set, data= and fold= may be lists, and {data}, {fold}, {seed} stand for each one's own in weights=,
root= and --retrained. Videos are the unit of every test; scores of training seeds are averaged first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from avsal.cli.parsing import Parser

if TYPE_CHECKING:
    from avsal.workflows.model import ModelSettings

__all__ = ["CONTROLS", "add_arguments", "model_settings", "run"]

CONTROLS = ("identity", "rhythm", "synchrony", "irrelevant", "sounding_clips")

#: options that mean something in one use only, with their defaults
OF_MODEL: dict[str, object] = {
    "model": None,
    "option": [],
    "weights": None,
    "untrained": False,
    "engine": None,
    "device": "auto",
}
OF_VIDEO: dict[str, object] = {"start": None, "end": None, "audio": None, "other": None, "every": 1}
OF_DATA: dict[str, object] = {"training_seeds": [], "retrained": [], "subgroups": None, "players": 6}
OF_SCORES: dict[str, object] = {"margin": None}
OF_CONTROL: dict[str, object] = {
    "videos": 48,
    "video_seed": 3,
    "reruns": 0,
    "root": None,
    "part": None,
    "fold": 0,
}
DEFAULTS = OF_MODEL | OF_VIDEO | OF_DATA | OF_SCORES | OF_CONTROL


def add_arguments(parser: Parser) -> None:
    """Declare the verb's arguments."""
    from avsal.cli.arguments import comma_list, key_value, names, positive_int, seconds

    parser.add_argument(
        "source", nargs="*", metavar="VIDEO or key=value", help="a video with sound, or a data set's choices"
    )
    parser.add_argument(
        "--control",
        type=comma_list(*CONTROLS),
        metavar="CUES",
        help="synthetic videos instead: some of " + ", ".join(CONTROLS),
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("ablation"), metavar="DIR", help="[%(default)s]"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")
    audio = parser.add_argument_group("audio")
    audio.add_argument(
        "--conditions",
        default=None,
        metavar="LIST",
        help="with commas; original is always among them [original,zero,noise,reversed,"
        "video_only, shifted:0.2 (data sets: shifted:1), and swapped where there is another video]",
    )
    audio.add_argument("--other", type=Path, metavar="FILE", help="file whose audio is swapped in")
    audio.add_argument(
        "--audio", type=Path, metavar="FILE", help="the video's sound, where it is a file of its own"
    )
    parser.add_argument(
        "--margin",
        metavar="NUMBER or METRIC:NUMBER,...",
        help="the smallest difference that matters [0.05 of NSS, 0.01 of CC; the control: 5 %% of the gain "
        "that sound can bring where it decides]",
    )
    audio.add_argument("--seed", type=int, default=0, help="of all chance [%(default)s]")
    model = parser.add_argument_group("model")
    model.add_argument(
        "--model", metavar="NAME", help="see `avsal models`; the checkpoint's own, else tsfpnet_av"
    )
    model.add_argument(
        "-O",
        "--option",
        type=key_value,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="argument of the model, such as fusion=bilinear; may be repeated",
    )
    model.add_argument("--weights", type=Path, metavar="FILE", help="a checkpoint; it knows its own model")
    model.add_argument("--untrained", action="store_true", help="go on with random weights: means nothing")
    model.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps [%(default)s]")
    model.add_argument(
        "--engine", choices=("exact", "streaming", "live", "plain"), help="see avsal predict --help"
    )
    model.add_argument("--threads", type=positive_int, metavar="N", help="CPU threads [all]")
    video = parser.add_argument_group("video")
    video.add_argument("--start", type=seconds, metavar="TIME", help="in seconds or h:mm:ss")
    video.add_argument("--end", type=seconds, metavar="TIME", help="in seconds or h:mm:ss")
    video.add_argument(
        "--every", type=positive_int, default=1, metavar="N", help="compute each N-th frame [%(default)s]"
    )
    data = parser.add_argument_group("data set")
    data.add_argument(
        "--training-seeds",
        type=names,
        default=[],
        metavar="LIST",
        help="seeds of training, with commas; put {seed} into weights=",
    )
    data.add_argument(
        "--retrained",
        action="append",
        default=[],
        metavar="CONDITION=FILE",
        help="checkpoint of a model that was trained under a condition, scored under it; may be repeated",
    )
    data.add_argument(
        "--subgroups",
        type=Path,
        metavar="CSV",
        help="columns video, subgroup: subgroups declared beforehand, tested too",
    )
    data.add_argument(
        "--players",
        type=int,
        default=6,
        metavar="N",
        help="videos in the report, those that sound moves most [%(default)s]",
    )
    control = parser.add_argument_group("control")
    control.add_argument(
        "--videos", type=positive_int, default=48, help="synthetic videos of each cue [%(default)s]"
    )
    control.add_argument(
        "--video-seed", type=int, default=3, help="of the videos; training uses 1 and 2 [%(default)s]"
    )
    control.add_argument(
        "--reruns",
        type=int,
        default=0,
        metavar="N",
        help="repeat with N new seeds and count the verdicts [%(default)s]",
    )
    control.add_argument("--root", type=Path, metavar="DIR", help="of sounding_clips: folder of clips.csv")
    control.add_argument(
        "--part", choices=("train", "test"), help="of sounding_clips: whom it shows, by --fold [everybody]"
    )
    control.add_argument(
        "--fold", type=int, default=0, help="of sounding_clips: whom test holds out, 0 to 2 [%(default)s]"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def run(arguments: argparse.Namespace) -> int:
    """Ablate a video, or the control's videos; return 0 when all was read, 1 when the video was damaged."""
    from avsal.errors import ConfigError

    words: list[str] = arguments.source
    if bool(words) == (arguments.control is not None):
        raise ConfigError("expected a video, data=NAME root=DIR, or --control: see avsal ablate --help")
    if any(word.partition("=")[0] in ("data", "root") for word in words):
        if arguments.players < 0:
            raise ConfigError(f"expected --players of at least 0 but found {arguments.players}")
        _refuse(
            arguments, (*OF_MODEL, *OF_VIDEO, *OF_CONTROL), "a data set, whose choices are words like every=N"
        )
        from avsal.cli.ablate_data import ablate_data

        return ablate_data(arguments, words)
    if len(words) > 1:
        raise ConfigError(f"expected one video but found {len(words)}: {', '.join(words)}")
    if arguments.control is not None:
        _refuse(arguments, (*OF_VIDEO, *OF_DATA, "engine"), "the control")
        from avsal.cli.ablate_control import ablate_control

        return ablate_control(arguments)
    _refuse(arguments, (*OF_DATA, *OF_SCORES, *OF_CONTROL), "a video")
    from avsal.cli.ablate_video import ablate_video

    arguments.source = Path(words[0])
    return ablate_video(arguments)


def model_settings(arguments: argparse.Namespace) -> ModelSettings:
    """The model that the arguments name."""
    from avsal.workflows.model import ModelSettings

    return ModelSettings(
        model=arguments.model,
        weights=None if arguments.weights is None else str(arguments.weights),
        arguments=dict(arguments.option),
        untrained=arguments.untrained,
        device=arguments.device,
        threads=arguments.threads,
    )


def _refuse(arguments: argparse.Namespace, options: Iterable[str], use: str) -> None:
    """Raise ConfigError for options that were given and would do nothing."""
    from avsal.errors import ConfigError

    for option in options:
        if getattr(arguments, option) != DEFAULTS[option]:
            raise ConfigError(f"--{option.replace('_', '-')} does nothing for {use}: leave it out")
