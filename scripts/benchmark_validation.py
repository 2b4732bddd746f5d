"""What validation takes beside training: whole windows one by one, and by the engines of prediction.

    python scripts/benchmark_validation.py HEVC --work WORK

A small TSFP-Net on HEVC, as the experiment small_hevc: its 9 validation videos, scored as that experiment
does (every tenth frame) and as papers do (the first 80 frames each), against --steps of training. One
process, one thread, CPU seconds. The share is of a run that validates after each epoch of 18 clips.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

import avsal
from avsal.training import Trainer, build_model
from avsal.training.validation import mean_scores, score_rows
from avsal.training.video_validation import score_videos
from avsal.workflows.experiment import compose, resolve
from avsal.workflows.training_data import sources

METRICS = ("nss", "cc", "sim", "kl", "auc_judd")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path, help="of HEVC")
    parser.add_argument("--work", type=Path, required=True, help="folder for the store")
    parser.add_argument("--steps", type=int, default=6, help="of training [%(default)s]")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    store = arguments.work / "stores" / "96x176" / "hevc"
    settings = avsal.PrepareSettings(size=(96, 176), compress=True)
    avsal.prepare(avsal.load_dataset("hevc", arguments.root), store, settings)
    words = ["experiment=small_hevc", f"data_root={arguments.work / 'stores'}", f"run_root={arguments.work}"]
    words += ["after=null", "from_scratch=true", "clips.workers=0", f"run.folder={arguments.work / 'run'}"]
    told, data = resolve(compose(words))
    model, start = build_model(told.model)
    clips, frames = sources(data, told, model.spec)
    trainer = Trainer(told, model, clips, frames, start)
    steps = trainer._steps_of_epoch()
    trainer._step(next(steps))
    began, count = time.process_time(), 0
    for share in steps:
        trainer._step(share)
        count += share.total
        if count >= arguments.steps * told.clips.batch_size:
            break
    per_clip = (time.process_time() - began) / count
    print(f"training: {per_clip:.2f} CPU s a clip; an epoch of 18 clips {18 * per_clip:.1f}")
    for name, changes in (
        ("every tenth frame (small_hevc)", {"first_frames": None, "frame_step": 10}),
        ("each of the first 80 frames", {"first_frames": 80, "frame_step": 1}),
    ):
        own = replace(told, validation=replace(told.validation, **changes))
        _, source = sources(data, own, model.spec)
        found = {}
        for way in ("whole windows", "engines"):
            began = time.process_time()
            if way == "engines":
                scored = score_videos(model, source, METRICS, batch_size=8)
                rows = [row for part in scored for row in part.rows]
            else:
                rows = [row for part, _, _ in score_rows(model, source, METRICS) for row in part]
            seconds = time.process_time() - began
            found[way] = mean_scores(rows, METRICS)
            share = seconds / (seconds + 18 * per_clip)
            print(
                f"{name}, {way}: {len(rows)} frames, {seconds:.1f} CPU s, {100 * share:.0f} % of the time",
                flush=True,
            )
        apart = max(abs(found["engines"][key] - found["whole windows"][key]) for key in METRICS)
        print(f"{name}: scores differ by {apart:.1e} at most")
    return 0


if __name__ == "__main__":
    sys.exit(main())
