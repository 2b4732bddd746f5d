"""Cutting a video to another aspect ratio, after where people look."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avsal.errors import ConfigError, MediaError, counted
from avsal.media import VideoWriter
from avsal.media.atomic import write_text
from avsal.media.sources import as_source
from avsal.media.video import open_frames
from avsal.models import SaliencyModel
from avsal.prediction import PredictionStream
from avsal.render.crop_path import CropPath, CropPlanner, cropped
from avsal.workflows.predict import Progress
from avsal.workflows.results import model_facts, whole_result
from avsal.workflows.video_settings import CropSettings

__all__ = ["Crop", "CropSettings", "crop"]


@dataclass(frozen=True)
class Crop:
    """What became of a video.

    Attributes:
        path: the crop of each frame.
        facts: what the JSON file holds beside it.
        outputs: what was written, by kind: ``json`` and ``video``.
    """

    path: CropPath
    facts: dict[str, Any]
    outputs: dict[str, Path]

    def __repr__(self) -> str:
        height, width = self.path.size
        return (
            f"<Crop of {counted(len(self.path.times), 'frame')} to {width}x{height}: holds "
            f"{self.path.kept.mean():.0%} of the saliency, {self.path.kept_centre.mean():.0%} in the middle>"
        )


def crop(
    model: SaliencyModel,
    source: Any,
    base: str | Path,
    settings: CropSettings | None = None,
    *,
    progress: Progress | None = None,
) -> Crop:
    """Cut a video to another aspect ratio, after where people look.

    Examples:
        >>> made = avsal.crop(avsal.load_model(), "clip.mp4", "out/clip", avsal.CropSettings(aspect="1:1"))
        >>> made.outputs["video"], made.path.kept.mean()

    Args:
        model: model on its device.
        source: a video, or whatever else `avsal.predict` takes and can be read twice.
        base: path of the outputs up to their suffix: ``_crop.json`` and ``_crop.mp4``.
        settings: how; None: the defaults.
        progress: gives the predictions on; a place to show progress.

    Raises:
        ConfigError: outputs are there already, or the source cannot be read twice.
        MediaError: the video cannot be read or an output cannot be written.
    """
    told, base = settings or CropSettings(), Path(base)
    opened = as_source(source)
    if opened.path is None:
        raise ConfigError(f"a crop reads its video twice, which {opened} does not allow: save it to a file")
    paths = {} if told.path_only else {"video": base.with_name(f"{base.name}_crop.mp4")}
    paths["json"] = base.with_name(f"{base.name}_crop.json")
    info = opened.info
    planner = CropPlanner(info.size, told.aspect, told.speed)
    with whole_result(paths.values(), overwrite=told.overwrite):
        stream = PredictionStream(
            model,
            opened,
            audio=told.audio,
            start=told.start,
            end=told.end,
            every=told.every,
            threads=told.threads,
            shots=True,
            **told.running,
        )
        shots = 0
        with closing(stream):
            for one in stream if progress is None else progress(stream):
                before, shots = shots, sum(time <= one.time for time in stream.cut_times)
                planner.add(one.map, one.time, begins=shots > before)
        path = planner.path()
        if not told.path_only:
            _write(paths["video"], opened.path, path, told, info)
        facts = {
            "source": str(opened),
            "video": info.facts(),
            "model": model_facts(model),
            "aspect": str(told.aspect).replace("/", ":"),
            "speed_limit": told.speed,
            "fastest": round(path.fastest, 4),
            "kept": round(float(path.kept.mean()), 4),
            "kept_by_the_middle": round(float(path.kept_centre.mean()), 4),
            "shots": [round(float(path.times[first]), 6) for first in path.shots],
            "colours": "8 bits a sample" if info.bits > 8 or info.hdr else None,
            "damage": "; ".join(lost.describe() for lost in stream.damage) or None,
        }
        boxes = [path.box(number) for number in range(len(path.times))]
        frames = [
            {"time": round(float(time), 6), "x": round(x, 2), "y": round(y, 2), "width": w, "height": h}
            for time, (x, y, w, h) in zip(path.times, boxes, strict=True)
        ]
        write_text(paths["json"], json.dumps({**facts, "frames": frames}, indent=1) + "\n")
    return Crop(path, facts, paths)


def _write(target: Path, source: Path, path: CropPath, told: CropSettings, info: Any) -> None:
    """The video of the crop, with the original sound."""
    reader = open_frames(source, stream=info.stream, start=told.start, end=told.end)
    writer = VideoWriter(
        target,
        path.size,
        time_base=info.time_base,
        frame_rate=info.frame_rate,
        sound_from=source if info.sound else None,
        origin=info.origin,
        start=told.start or 0.0,
        end=told.end,
    )
    with reader as frames, writer as video:
        count = 0
        for number, frame in enumerate(frames):
            if number == len(path.times) or abs(frame.time - path.times[number]) > 1e-6:
                break
            video.write(cropped(frame.image, path.box(number)), frame.time, frame.duration)
            count += 1
        if count < len(path.times):
            raise MediaError(
                f"{source}: reading the video again did not give the frame at {path.times[count]:.3f} s; was "
                "the file changed meanwhile?"
            )
