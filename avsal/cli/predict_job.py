"""One video of `avsal predict`: from the source to its outputs and its summary."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

import avsal
from avsal.errors import ConfigError
from avsal.media.atomic import atomic_path
from avsal.media.audio import RESAMPLER
from avsal.models import SaliencyModel
from avsal.prediction import Prediction, PredictionStream
from avsal.render import OUTPUTS, Output, OutputRequest, colormap
from avsal.weights import load_model

DEFAULT_MODEL = "tsfpnet_av"

__all__ = ["DEFAULT_MODEL", "Job", "load", "pick_device"]


def pick_device(name: str) -> torch.device:
    """The device called `name`; ``auto`` takes CUDA, then MPS, then the CPU.

    Raises:
        ConfigError: no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():  # each process of a machine takes the next one
            local = os.environ.get("LOCAL_RANK", "0")
            number = int(local) if local.isdigit() else 0
            return torch.device("cuda", number % torch.cuda.device_count())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device {name!r} cannot be used ({reason}); try --device cpu") from error
    return device


def load(arguments: argparse.Namespace) -> SaliencyModel:
    """The model that the arguments ask for, on its device.

    Raises:
        ConfigError: unknown model or device, or untrained weights that were not asked for.
        CheckpointError: the weight file cannot be used.
    """
    colormap(arguments.colormap)  # an unknown name should fail before a video is read
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    device = pick_device(arguments.device)
    options = dict(arguments.option)
    if arguments.weights is not None and arguments.model is None:
        model = load_model(arguments.weights, **options)
    else:
        model = load_model(arguments.model or DEFAULT_MODEL, weights=arguments.weights, **options)
    if not model.trained and not arguments.untrained:
        raise ConfigError(
            f"{model.name!r} lacks trained weights: none are installed or were given, so its maps would mean "
            "nothing; give a checkpoint with --weights FILE (see `avsal weights list`), or go on with "
            "--untrained to see the machinery run"
        )
    return model.to(device)


class Job:
    """One source, its outputs and its summary.

    Args:
        arguments: of the command line.
        model: on its device.
        source: video or folder of images.
        base: path of the outputs up to their suffix.
        prefix: of lines printed about it, such as [2/5].
    """

    def __init__(
        self, arguments: argparse.Namespace, model: SaliencyModel, source: Path, base: Path, prefix: str
    ) -> None:
        self.arguments, self.model, self.source, self.prefix = arguments, model, source, prefix
        self.summary_path = base.with_name(base.name + ".json")
        self.paths = {kind: base.with_name(base.name + OUTPUTS[kind].suffix) for kind in arguments.save}

    def run(self) -> bool:
        """Predict and write; True unless the video was damaged.

        Raises:
            MediaError: the video cannot be read or an output cannot be written.
            ConfigError: outputs are there and neither replacing nor skipping was asked for.
        """
        arguments = self.arguments
        there = [path for path in (*self.paths.values(), self.summary_path) if path.exists()]
        if arguments.skip_existing and len(there) == len(self.paths) + 1:
            self._say(f"{self.source}: done before, skipped")
            return True
        if there and not (arguments.overwrite or arguments.skip_existing):
            raise ConfigError(
                f"{there[0]} exists: replace it with --overwrite, leave finished videos alone with "
                "--skip-existing, or write elsewhere with -o"
            )
        began = time.perf_counter()
        stream = PredictionStream(
            self.model,
            self.source,
            audio=arguments.audio,
            frame_rate=arguments.fps,
            start=arguments.start,
            end=arguments.end,
            every=arguments.every,
            engine=arguments.engine,
            batch_size=arguments.batch_size,
            precision=arguments.precision,
            threads=arguments.threads,
        )
        info = stream.video.info
        if arguments.audio != "own" and not self.model.info.sound:
            self._warn(f"{self.model.name} takes no sound, so --audio changes nothing")
        if arguments.verbose:
            height, width = info.size
            self._say(
                f"{self.source}: {width}x{height}, {info.frame_rate:.3f} frames a second, {info.codec}, "
                f"{'with' if info.sound else 'without'} sound; the model hears: {stream.sound}"
            )

        about = self._about(stream)
        request = OutputRequest(
            self.source,
            info,
            sound_from=self._sound_file(stream),
            frame_rate=arguments.fps,
            start=arguments.start,
            end=arguments.end,
            colormap=arguments.colormap,
            alpha=arguments.alpha,
            bits=arguments.bits,
            about=about,
        )
        count, interpolated, first, last = 0, 0, 0.0, 0.0
        with contextlib.ExitStack() as stack:
            outputs: list[Output] = [
                stack.enter_context(OUTPUTS[kind](path, request)) for kind, path in self.paths.items()
            ]
            for prediction in self._progress(stream):
                for output in outputs:
                    output.write(prediction)
                first = prediction.time if count == 0 else first
                last = prediction.time
                count += 1
                interpolated += prediction.interpolated
        elapsed = time.perf_counter() - began
        damage = "; ".join(lost.describe() for lost in stream.damage)
        summary = about | {
            "frames": count,
            "interpolated": interpolated,
            "first_time": first,
            "last_time": last,
            "outputs": {kind: path.name for kind, path in self.paths.items()},
            "damage": damage or None,
            "seconds": round(elapsed, 3),
            "seconds_per_map": round(elapsed / count, 4),
            "windows": stream.num_windows,
        }
        with atomic_path(self.summary_path) as temporary:
            temporary.write_text(json.dumps(summary, indent=2) + "\n")
        if damage:
            self._warn(f"{self.source}: {damage}; the rest was predicted")
        written = ", ".join(str(path) for path in self.paths.values())
        self._say(f"{self.source}: {count} maps in {elapsed:.1f} s -> {written}")
        return not damage

    def _progress(self, stream: PredictionStream) -> Iterator[Prediction]:
        """The stream with a bar on a terminal, and none in a pipe or when quiet."""
        info, arguments = stream.video.info, self.arguments
        total = info.num_frames
        if info.duration is not None:
            begin = arguments.start or 0.0
            end = info.duration if arguments.end is None else min(arguments.end, info.duration)
            total = max(1, round((end - begin) * info.frame_rate))
        return tqdm(
            stream,
            total=total,
            desc=f"{self.prefix}{self.source.name}",
            unit="map",
            file=sys.stderr,
            disable=True if arguments.quiet else None,
            leave=False,
            dynamic_ncols=True,
        )

    def _sound_file(self, stream: PredictionStream) -> Path | None:
        """Whose sound goes with the overlay: what the model was given to hear, else the video's own."""
        if self.arguments.audio not in ("own", "none", "zero"):
            return Path(self.arguments.audio)
        return self.source if stream.video.info.sound else None

    def _about(self, stream: PredictionStream) -> dict[str, Any]:
        arguments, model = self.arguments, self.model
        return {
            "avsal": avsal.__version__,
            "torch": torch.__version__,
            "source": str(self.source),
            "video": stream.video.info.facts(),
            "model": {
                "name": model.name,
                "arguments": dict(model.arguments),
                "trained": model.trained,
                "weights": str(arguments.weights) if arguments.weights else None,
                "paper": model.info.paper,
                "input": asdict(model.spec),
            },
            "sound": stream.sound,
            "resampler": RESAMPLER,
            "device": str(next(model.parameters()).device),
            "precision": arguments.precision,
            "engine": stream.engine.name,
            "batch_size": stream.engine.batch_size,
            "every": arguments.every,
            "start": arguments.start,
            "end": arguments.end,
            "colormap": arguments.colormap,
            "alpha": arguments.alpha,
        }

    def _say(self, line: str) -> None:
        if not self.arguments.quiet:
            print(f"{self.prefix}{line}", flush=True)

    def _warn(self, line: str) -> None:
        print(f"avsal: warning: {self.prefix}{line}", file=sys.stderr, flush=True)
