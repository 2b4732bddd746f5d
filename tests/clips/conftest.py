"""Tiny videos whose frames tell their numbers, and recordings made of them."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from avsal.clips import Store, StoreSettings, prepare
from avsal.types import Fixations, Recording

SIZE = (24, 32)
RATE = 25
SAMPLE_RATE = 16000


def picture(index: int, size=SIZE) -> np.ndarray:
    """Left half 4 * index, right half 255 - 4 * index: the frame's number, and which side is which."""
    image = np.full((*size, 3), 255 - 4 * index, np.uint8)
    image[:, : size[1] // 2] = 4 * index
    return image


@dataclass
class VideoMaker:
    """Writes lossless videos into a folder."""

    folder: Path
    made: list[str] = field(default_factory=list)

    def video(self, name, num_frames=12, *, size=SIZE, rate=RATE, late=0.0, sound=None) -> Path:
        """`sound`: (A,) float32 at SAMPLE_RATE from 0; `late`: seconds by which the picture starts later."""
        path = self.folder / f"{name}.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("ffv1", rate=rate)
            stream.height, stream.width, stream.pix_fmt = *size, "bgr0"
            stream.codec_context.time_base = Fraction(1, 1000)
            heard = None
            if sound is not None:
                heard = container.add_stream("pcm_f32le", rate=SAMPLE_RATE)
                heard.layout = "mono"
            for index in range(num_frames):
                frame = av.VideoFrame.from_ndarray(picture(index, size), format="rgb24")
                frame.pts, frame.time_base = round(1000 * (late + index / rate)), Fraction(1, 1000)
                container.mux(stream.encode(frame.reformat(format="bgr0")))
            container.mux(stream.encode())
            if heard is not None:
                block = av.AudioFrame.from_ndarray(
                    np.asarray(sound, np.float32)[None], format="flt", layout="mono"
                )
                block.sample_rate, block.pts, block.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
                container.mux(heard.encode(block))
                container.mux(heard.encode())
        return path

    def recording(self, name, num_frames=12, *, points=None, size=SIZE, **options) -> Recording:
        """A video with gaze: two observers a frame, one left and one that goes right, unless given."""
        video = self.video(name, num_frames, size=size, **options)
        gaze = two_observers(num_frames, size) if points is None else points
        return Recording(
            name,
            "fake",
            video,
            video if options.get("sound") is not None else None,
            load_fixations=lambda: gaze,
        )

    def store(self, recordings, *, size=(12, 16), **settings) -> Store:
        """Prepare into a new folder."""
        folder = self.folder / f"store{len(self.made)}"
        self.made.append(folder.name)
        report = prepare(
            recordings, folder, StoreSettings(size, sample_rate=SAMPLE_RATE, **settings), workers=1
        )
        assert report.problems == ()
        return Store(folder)


def two_observers(num_frames, size=SIZE) -> Fixations:
    frame = np.arange(num_frames)
    x = np.concatenate([np.full(num_frames, 2.5), 4.0 + frame % (size[1] - 6)])
    y = np.concatenate([np.full(num_frames, 3.5), np.full(num_frames, size[0] - 4.25)])
    return Fixations(np.tile(frame, 2), x, y, np.repeat([1, 2], num_frames), size)


def click(seconds: float, at: float) -> np.ndarray:
    """Silence with one loud sample."""
    sound = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    sound[round(at * SAMPLE_RATE)] = 0.5
    return sound


@pytest.fixture
def maker(tmp_path) -> VideoMaker:
    return VideoMaker(tmp_path)
