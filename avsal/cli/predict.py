"""Predict where people look in videos with sound.

avsal predict clip.mp4                         clip_overlay.mp4 with the original sound, and clip.json
avsal predict videos/ -o out --save overlay,h5  every video below a folder
avsal predict frames/ --fps 25 --audio x.wav   a folder of images and its sound
avsal predict clip.mp4 --audio zero            the same video heard as silence
torchrun --nproc-per-node 4 -m avsal predict videos/ --skip-existing
                                               videos shared out between processes; goes on where it stopped;
                                               accelerate launch -m avsal predict does the same
avsal predict videos/ --skip-existing --submit nodes=2,tasks_per_node=4,gpus_per_node=4,slurm_partition=gpu
                                               the same on a cluster, by submitit
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from avsal.errors import AvsalError, ConfigError

__all__ = ["add_arguments", "run"]

VIDEO_SUFFIXES = frozenset(
    (
        ".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts",
        ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m",
    )
)  # fmt: skip
IMAGE_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    from avsal.cli.arguments import comma_list, key_value, key_values, percentage, positive_int, seconds

    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="videos, folders of videos, or a folder of images with --fps",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("predictions"), metavar="DIR", help="[%(default)s]"
    )
    parser.add_argument(
        "--save",
        type=comma_list("overlay", "map", "png", "h5", "csv"),
        default=["overlay"],
        metavar="KINDS",
        help="some of overlay, map, png, h5, csv, with commas [overlay]; a JSON summary is always written",
    )
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
        help="argument of the model, such as levels=multi (see `avsal models --variants`); may be repeated",
    )
    model.add_argument("--weights", type=Path, metavar="FILE", help="a checkpoint; it knows its own model")
    model.add_argument(
        "--untrained", action="store_true", help="go on with random weights: the maps then mean nothing"
    )
    model.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps [%(default)s]")
    model.add_argument(
        "--precision",
        choices=("float32", "bfloat16", "float16"),
        default="float32",
        help="what the network computes in [%(default)s, never TF32]; half precision changes maps, on the "
        "bundled clip with the shipped weights by up to 2 %% (bfloat16) or 0.2 %% (float16) of their range, "
        "at a CC above 0.9999",
    )
    model.add_argument(
        "--engine",
        choices=("exact", "streaming", "live", "plain"),
        help="plain: every window from scratch; exact: the same maps for half the work; live and streaming: "
        "faster, but windows see the video's past (live) or past and the next 44 frames (streaming) at their "
        "ends, which changes maps [exact where the model can]",
    )
    model.add_argument(
        "--batch-size", type=positive_int, metavar="N", help="windows at once [the engine's choice]"
    )
    model.add_argument("--threads", type=positive_int, metavar="N", help="CPU threads [all]")
    video = parser.add_argument_group("video and sound")
    video.add_argument(
        "--audio",
        default="own",
        metavar="WHAT",
        help="own: the video's; none: as without sound; zero: as silence; or a sound file [%(default)s]",
    )
    video.add_argument("--fps", type=float, metavar="RATE", help="frame rate of a folder of images")
    video.add_argument("--start", type=seconds, metavar="TIME", help="in seconds or h:mm:ss")
    video.add_argument("--end", type=seconds, metavar="TIME", help="in seconds or h:mm:ss")
    video.add_argument(
        "--every",
        type=positive_int,
        default=1,
        metavar="N",
        help="compute each N-th map and interpolate the others; live and streaming go through all frames "
        "nevertheless, so that it saves them little [%(default)s]",
    )
    look = parser.add_argument_group("pictures")
    look.add_argument(
        "--colormap", default="inferno", metavar="NAME", help="inferno, magma, viridis, turbo, jet, grey"
    )
    look.add_argument(
        "--alpha", type=percentage, default=0.7, metavar="A", help="opacity at the peak, 0 to 1 [%(default)s]"
    )
    look.add_argument("--bits", type=int, choices=(8, 16), default=8, help="of PNG maps [%(default)s]")
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument(
        "--skip-existing", action="store_true", help="leave videos alone that are already done"
    )
    existing.add_argument("--overwrite", action="store_true", help="replace what is there")
    parser.add_argument(
        "--submit",
        type=key_values,
        default={},
        metavar="KEY=VALUE,...",
        help="hand the command to a cluster's queue: options of submitit's executor, such as nodes=2, "
        "tasks_per_node=4, slurm_partition=NAME; cluster=local starts the processes here",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell more of each video")


def run(arguments: argparse.Namespace) -> int:
    """Predict every source; return 0 when all were done, 1 when some failed or were damaged, else 2."""
    from avsal.cli.predict_job import Job, load
    from avsal.cli.predict_launch import place_in_launch, submit, wait_for_others

    if arguments.submit:
        job = submit(arguments)
        print(f"submitted {job.job_id}: logs in {job.paths.folder}")
        return 0
    rank, num_processes = place_in_launch()
    found = name_jobs(find_sources(arguments.sources, arguments.fps), arguments.output)
    jobs = found[rank::num_processes]
    if not jobs:  # more processes than videos
        wait_for_others(rank, num_processes)
        return 0
    model = load(arguments)
    failed = damaged = 0
    for number, (source, base) in enumerate(jobs, start=1):
        try:
            prefix = f"[{number}/{len(jobs)}] " if len(jobs) > 1 else ""
            damaged += not Job(arguments, model, source, base, prefix).run()
        except AvsalError as error:
            if arguments.debug:
                raise
            failed += 1
            print(f"avsal: error: {error}", file=sys.stderr, flush=True)
    wait_for_others(rank, num_processes)
    if failed == len(jobs):
        return 2
    return 1 if failed or damaged else 0


def find_sources(sources: list[str], frame_rate: float | None) -> list[tuple[Path, Path]]:
    """What to predict, and the path each should be named after.

    A folder gives the videos below it, named with their sub-folders; a folder of images is one video.

    Raises:
        ConfigError: a folder holds neither, or images without a frame rate.
    """
    found: list[tuple[Path, Path]] = []
    for source in map(Path, sources):
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
    return found


def name_jobs(found: list[tuple[Path, Path]], output: Path) -> list[tuple[Path, Path]]:
    """Each source with the path of its outputs up to their suffix, no two alike."""
    stems = [path.with_suffix("") for _, path in found]
    taken: set[Path] = set()
    jobs = []
    for (source, path), stem in zip(found, stems, strict=True):
        name = stem if stems.count(stem) == 1 else path.with_name(path.name.replace(".", "_"))
        unique, number = name, 2
        while unique in taken:
            unique = name.with_name(f"{name.name}_{number}")
            number += 1
        taken.add(unique)
        jobs.append((source, output / unique))
    return jobs
