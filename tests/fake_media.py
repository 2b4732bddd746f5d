"""Tiny videos, sounds, images and MATLAB files for fake data sets."""

from pathlib import Path

import av
import numpy as np
import scipy.io
import soundfile
from PIL import Image


def write_video(
    path: Path, *, num_frames: int = 6, size=(32, 48), rate: int = 25, sound: bool = True
) -> Path:
    """A grey video, each frame a little brighter, with a quiet tone of the same length."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=rate)
        picture.height, picture.width, picture.pix_fmt = *size, "yuv420p"
        tone = (
            container.add_stream("pcm_s16le" if path.suffix == ".avi" else "aac", rate=16000)
            if sound
            else None
        )
        for index in range(num_frames):
            image = np.full((*size, 3), 40 + 10 * index % 200, np.uint8)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(picture.encode())
        if tone is not None:
            samples = (1000 * np.sin(np.arange(16000 * num_frames // rate) / 5)).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate = 16000
            container.mux(tone.encode(frame))
            container.mux(tone.encode())
    return path


def write_wav(path: Path, *, seconds: float = 1.0, rate: int = 22050) -> Path:
    """A quiet tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.sin(np.arange(round(seconds * rate)) / 7), rate)
    return path


def write_image(path: Path, values) -> Path:
    """An 8-bit image; the suffix decides the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, dtype=np.uint8)).save(path)
    return path


def write_mat(path: Path, content: dict) -> Path:
    """A MATLAB v5 file, compressed as MATLAB does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, content, do_compression=True)
    return path
