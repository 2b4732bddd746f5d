"""Writing sounding objects out as videos with sound, gaze tables and a manifest.

root/
    manifest.json             what was written: the generator's arguments, and each video's split
    videos/000000.mp4          H.264 picture, FLAC sound (lossless: the cue `synchrony` needs every sample)
    gaze/000000.csv           frame,x,y,observer: simulated fixations, one row per observer and frame
    expected/000000.csv       frame,aim,x,y,weight,with_sound,without_sound: the mixture that gaze was
                              drawn from, and what could be known of it; aim K is the centre of the frame
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from avsal.errors import DatasetError, MediaError
from avsal.types import Split
from datasets_av.sounding_objects.generator import SoundingObjects, SyntheticClip

__all__ = ["EXPECTED_COLUMNS", "GAZE_COLUMNS", "MANIFEST_FORMAT", "write_videos"]

#: Raised whenever the tree or its columns change.
MANIFEST_FORMAT = 1
GAZE_COLUMNS = ("frame", "x", "y", "observer")
EXPECTED_COLUMNS = ("frame", "aim", "x", "y", "weight", "with_sound", "without_sound")


def write_videos(folder: str | Path, videos: SoundingObjects, counts: Mapping[Split, int]) -> Path:
    """Write videos to a new folder, which appears only when it is whole.

    Args:
        folder: must not exist yet.
        videos: where they come from.
        counts: how many videos each split gets: indices count up from 0 through the splits in this order.

    Returns:
        The folder, which the data set `sounding_objects` reads.

    Raises:
        DatasetError: `folder` exists already.
        MediaError: a video cannot be written.
        ValueError: no video is asked for, or H.264 cannot hold frames of this size.
    """
    folder = Path(folder)
    if folder.exists():
        raise DatasetError(
            f"expected to make a new folder but {folder} exists; remove it or give another name"
        )
    if min(counts.values(), default=0) < 0 or sum(counts.values()) < 1:
        raise ValueError(f"`counts` must ask for at least one video but is {dict(counts)}")
    if videos.size[0] % 2 or videos.size[1] % 2:
        raise ValueError(f"videos in H.264 need even height and width but `size` is {videos.size}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    splits = [split for split, count in counts.items() for _ in range(count)]
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
        root = Path(beside) / folder.name
        for part in ("videos", "gaze", "expected"):
            (root / part).mkdir(parents=True)
        entries = []
        for index, split in enumerate(splits):
            clip = videos[index]
            name = f"{index:06d}"
            _write_video(root / "videos" / f"{name}.mp4", clip)
            _write_table(root / "gaze" / f"{name}.csv", GAZE_COLUMNS, _gaze_rows(clip))
            _write_table(root / "expected" / f"{name}.csv", EXPECTED_COLUMNS, _expected_rows(clip))
            entries.append(
                {
                    "id": name,
                    "split": split,
                    "num_objects": clip.scene.num_objects,
                    "dropped": dict(clip.fixations.dropped),
                }
            )
        manifest = {
            "dataset": "sounding_objects",
            "format": MANIFEST_FORMAT,
            "arguments": asdict(videos),
            "videos": entries,
        }
        (root / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        root.rename(folder)
    return folder


def _gaze_rows(clip: SyntheticClip) -> Iterable[Sequence[float]]:
    gaze = clip.fixations
    return zip(gaze.frame.tolist(), gaze.x.tolist(), gaze.y.tolist(), gaze.observer.tolist(), strict=True)


def _expected_rows(clip: SyntheticClip) -> Iterable[Sequence[float]]:
    gaze = clip.gaze
    frame, aim = np.indices(gaze.weights.shape).reshape(2, -1)
    x, y = gaze.aims.reshape(-1, 2).T
    weights = (gaze.weights, gaze.weights_with_sound, gaze.weights_without_sound)
    columns = (frame, aim, x, y, *(weight.ravel() for weight in weights))
    return zip(*(column.tolist() for column in columns), strict=True)


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[float]]) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(header)
        table.writerows(rows)


def _write_video(path: Path, clip: SyntheticClip) -> None:
    """Frame i at i / frame_rate seconds, sample j at j / sample_rate seconds, both from 0."""
    import av

    T, H, W, _ = clip.frames.shape
    rate = Fraction(clip.frame_rate).limit_denominator(1001)
    try:
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as video:
            picture = video.add_stream("libx264", rate=rate, options={"crf": "12"})
            picture.width, picture.height, picture.pix_fmt = W, H, "yuv420p"
            sound = video.add_stream("flac", rate=clip.sample_rate, layout="mono")
            for i in range(T):
                frame = av.VideoFrame.from_ndarray(clip.frames[i], format="rgb24")
                frame.pts, frame.time_base = i, 1 / rate
                video.mux(picture.encode(frame))
            video.mux(picture.encode(None))
            samples = np.round(clip.sound * 32767).astype(np.int16)
            heard = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            heard.sample_rate, heard.pts, heard.time_base = clip.sample_rate, 0, Fraction(1, clip.sample_rate)
            video.mux(sound.encode(heard))
            video.mux(sound.encode(None))
    except (av.FFmpegError, OSError) as error:
        raise MediaError(f"cannot write {path.name}: {error}; check free space and permissions") from error
