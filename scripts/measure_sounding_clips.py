"""What can be scored on composites of sounding clips: ceilings, and a measure made by hand.

    python scripts/measure_sounding_clips.py CLIPS [--composites 300]

CLIPS is the folder of `clips.csv`. Gaze is expected, not measured. `by hand` is the share of composites in
which the heard one is picked by the movement of mouths against loudness (`motion_against_loudness`).
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np

from datasets_av.sounding_clips import CONDITIONS, Composite, SoundingClips, motion_against_loudness


def main() -> None:
    """Print one line a number of sources and length."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clips", help="folder of clips.csv")
    parser.add_argument("--composites", type=int, default=300, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("K  frames  NSS           CC            by hand: " + ", ".join(CONDITIONS[:3]))
    for num_frames, K in product((32, 64), (2, 3, 4)):
        made = SoundingClips(arguments.clips, num_sources=(K, K), num_frames=num_frames, seed=arguments.seed)
        rows = np.array([measured(made[index]) for index in range(arguments.composites)])
        nss, cc, picked = rows[:, :2].mean(0), rows[:, 2:4].mean(0), rows[:, 4:].mean(0)
        shares = ", ".join(f"{share:.2f}" for share in picked)
        print(f"{K}  {num_frames:6}  {nss[0]:.2f} -> {nss[1]:.2f}  {cc[0]:.3f} -> {cc[1]:.3f}  {shares}")


def measured(composite: Composite) -> list[float]:
    """NSS and CC of the best maps of the last frame, without and with sound, and whom the measure picks."""
    last = len(composite.frames) - 1
    rows, columns = composite.fixations.at(last).rows_and_columns()
    best = [composite.gaze.best_map(-1, sound=sound) for sound in (False, True)]
    nss = [float(((one - one.mean()) / one.std())[rows, columns].mean()) for one in best]
    cc = [float(np.corrcoef(one.ravel(), composite.target.ravel())[0, 1]) for one in best]
    fits = [
        motion_against_loudness(
            composite.frames,
            composite.sounds[condition],
            composite.faces,
            frame_rate=composite.frame_rate,
            sample_rate=composite.sample_rate,
        )
        for condition in CONDITIONS[:3]
    ]
    return [*nss, *cc, *(float(fit.argmax() == composite.heard) for fit in fits)]


if __name__ == "__main__":
    main()
