"""A folder of tiny sounding clips: faces whose mouths flicker as their tones sound."""

import csv
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SMALL = {"num_frames": 20, "size": (64, 96), "sample_rate": 8000}
FIELDS = ("file", "kind", "speaker", "seconds", "face_x0", "face_y0", "face_x1", "face_y1")
FACE = (0.2, 0.1, 0.8, 0.9)


def talk(path, seed, seconds=2.0, size=(48, 64), rate=25, sample_rate=8000):
    """A face whose mouth flickers as strongly as its tone is loud, at random."""
    rng = np.random.default_rng(seed)
    number = round(seconds * rate)
    loudness = np.repeat(rng.random(-(-number // 3)), 3)[:number]
    container = av.open(str(path), "w")
    with container:
        picture = container.add_stream("mpeg4", rate=rate)
        picture.width, picture.height, picture.pix_fmt = size[1], size[0], "yuv420p"
        picture.bit_rate = 2_000_000
        tone = container.add_stream("aac", rate=sample_rate, layout="mono")
        for index, value in enumerate(loudness):
            image = np.full((*size, 3), 90, np.uint8)
            image[28:44, 18:46] = round(128 + 110 * value * (-1) ** index)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(picture.encode())
        envelope = np.repeat(loudness, sample_rate // rate) ** 2
        samples = np.sin(np.arange(len(envelope)) * (0.3 + 0.1 * seed)) * envelope * 20000
        frame = av.AudioFrame.from_ndarray(samples.astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, 0, Fraction(1, sample_rate)
        container.mux(tone.encode(frame))
        container.mux(tone.encode())


def write_sounding_clips(folder: Path) -> Path:
    """Five people of one corpus, one of them in two clips, two of another, and a bell."""
    people = ["one_A", "one_B", "one_C", "one_D", "one_E", "one_A", "two_A", "two_B"]
    with (folder / "clips.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, FIELDS)
        table.writeheader()
        for number, who in enumerate(people):
            talk(folder / f"{number}.mp4", number, 1.2 if who.startswith("two") else 2.0)
            row = {"file": f"{number}.mp4", "kind": "face", "speaker": who}
            row["seconds"] = 1.2 if who.startswith("two") else 2.0
            table.writerow(row | dict(zip(FIELDS[4:], FACE, strict=True)))
        talk(folder / "bell.mp4", 9)
        table.writerow({"file": "bell.mp4", "kind": "object", "seconds": 2.0})
    return folder
