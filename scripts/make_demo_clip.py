"""Render avsal/assets/demo.mp4, the clip with sound that ships with the package; all of it is made here.

    python scripts/make_demo_clip.py

Four objects pulse at one rate, each with a phase of its own; at any time one of them is heard, and its sound
swells as it opens and flashes. Only who listens can tell which it is (`datasets_av.sounding_objects`, cue
`synchrony`).
"""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import soundfile

from avsal.media import VideoWriter
from datasets_av.sounding_objects import SoundingObjects

TARGET = Path(__file__).parents[1] / "avsal" / "assets" / "demo.mp4"
VIDEOS = SoundingObjects(
    "decides", "synchrony", seed=7, num_frames=190, size=(192, 336), frame_rate=25.0, switch_every=2.5
)


def main() -> None:
    # the first video of the sequence with four objects and three turns
    clip = next(c for c in VIDEOS if c.scene.num_objects == 4 and len(set(c.scene.heard.tolist())) >= 3)
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.wav"
        soundfile.write(sound, clip.sound, clip.sample_rate)
        with VideoWriter(
            TARGET,
            VIDEOS.size,
            time_base=Fraction(1, 12800),
            frame_rate=VIDEOS.frame_rate,
            crf=23,
            preset="veryslow",
            sound_from=sound,
        ) as video:
            for image, time in zip(clip.frames, clip.scene.times, strict=True):
                video.write(image, float(time))
    heard = clip.scene.heard.tolist()
    turns = [
        (i / VIDEOS.frame_rate, heard[i]) for i in range(len(heard)) if i == 0 or heard[i] != heard[i - 1]
    ]
    print(f"{TARGET.name}: {len(clip.frames)} frames, {TARGET.stat().st_size / 1000:.0f} kB")
    for start, number in turns:
        x, y = clip.scene.tracks[round(start * VIDEOS.frame_rate), number]
        print(f"  from {start:4.1f} s one hears object {number}, then at x {x:.0f}, y {y:.0f}")


if __name__ == "__main__":
    main()
