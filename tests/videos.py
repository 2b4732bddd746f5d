"""Tiny videos for the tests, made on the spot: the same arguments give the same video.

`moving_dot` and `flash_and_click` choose pictures and samples, `write_video` puts any into a container. Times
are seconds of the container.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

CLICK_WIDTH = 0.0003
"""Standard deviation of the click in seconds: narrow, yet with nothing above 4 kHz to lose in resampling."""

MP4_OPTIONS = {"movflags": "+faststart", "movie_timescale": "90000"}
"""A cut-off file keeps its index, and the start of a late stream is not rounded to milliseconds."""

X264_OPTIONS = {"crf": "12", "x264-params": "mbtree=0"}
"""The macroblock tree of x264 makes its output differ from run to run."""

LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}

BLOCK = 1024
"""Samples that are handed to an encoder at once."""


@dataclass(frozen=True)
class Sound:
    """A sound track.

    Attributes:
        codec: FFmpeg's name of the encoder.
        rate: in Hz.
        channels: 1 to 8.
        start: second of the first sample.
        seconds: how long it is; None for as long as the picture.
    """

    codec: str = "aac"
    rate: int = 44100
    channels: int = 1
    start: float = 0.0
    seconds: float | None = None


AAC = Sound()


def dot(index: int, size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """(H, W, 3) picture: a bright dot on a grey slope, at another place in each frame."""
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    y = (0.5 + 0.35 * np.sin(0.31 * index + seed)) * height
    x = (0.5 + 0.35 * np.cos(0.23 * index + seed)) * width
    spot = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (0.01 * height * width))
    slope = 40 + 60 * columns / width
    return np.stack([slope + (255 - slope) * spot, slope, slope * (1 - spot)], axis=-1).astype(np.uint8)


def tone(rate: int, seconds: float, frequency: float = 440.0) -> NDArray[np.float32]:
    """(A,) sine of moderate level."""
    return (0.3 * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def click(rate: int, seconds: float, at: float) -> NDArray[np.float32]:
    """(A,) silence with one smooth pulse centred at `at` seconds."""
    time = np.arange(round(rate * seconds)) / rate
    return (0.8 * np.exp(-0.5 * ((time - at) / CLICK_WIDTH) ** 2)).astype(np.float32)


def click_time(samples: NDArray[np.float32], rate: int) -> float:
    """Seconds from the first sample to the centre of the click in `samples`."""
    peak = int(np.abs(samples).argmax())
    begin = max(0, peak - round(4 * CLICK_WIDTH * rate))
    energy = samples[begin : 2 * peak - begin + 1].astype(np.float64) ** 2
    return float((energy * (begin + np.arange(len(energy)))).sum() / energy.sum() / rate)


def moving_dot(
    path: Path,
    *,
    frames: int = 25,
    frame_rate: float | Fraction = 25,
    times: Sequence[float] | None = None,
    size: tuple[int, int] = (48, 64),
    sounds: Sequence[Sound] = (AAC,),
    **options: Any,
) -> Path:
    """A video of a moving dot, each of its sounds a tone of its own; for `options` see `write_video`."""
    times, seconds = frame_times(frames, frame_rate, times)
    pictures = (dot(index, size) for index in range(len(times)))
    tracks = [
        (sound, tone(sound.rate, sound.seconds or seconds, 440.0 * (1 + number)))
        for number, sound in enumerate(sounds)
    ]
    return write_video(path, pictures, times, tracks, size=size, frame_rate=frame_rate, **options)


def flash_and_click(
    path: Path,
    *,
    at: int = 15,
    frames: int = 25,
    frame_rate: float | Fraction = 25,
    times: Sequence[float] | None = None,
    size: tuple[int, int] = (48, 64),
    sound: Sound = AAC,
    **options: Any,
) -> Path:
    """A dark video whose frame number `at` is white, with a click centred at the time of that frame."""
    times, seconds = frame_times(frames, frame_rate, times)
    pictures = (np.full((*size, 3), 255 if index == at else 16, np.uint8) for index in range(len(times)))
    heard = options.get("picture_start", 0.0) + times[at] - sound.start
    tracks = [(sound, click(sound.rate, sound.seconds or seconds, heard))]
    return write_video(path, pictures, times, tracks, size=size, frame_rate=frame_rate, **options)


def frame_times(
    frames: int, frame_rate: float | Fraction, times: Sequence[float] | None = None
) -> tuple[Sequence[float], float]:
    """When each frame is shown, and when the last one ends."""
    rate = Fraction(frame_rate).limit_denominator(1001)
    if times is None:
        times = [float(index / rate) for index in range(frames)]
    return times, times[-1] + float(1 / rate)


def write_video(
    path: Path,
    pictures: Iterable[NDArray[np.uint8]],
    times: Iterable[float],
    tracks: Sequence[tuple[Sound, NDArray[np.float32]]],
    *,
    size: tuple[int, int],
    frame_rate: float | Fraction = 25,
    picture_codec: str = "libx264",
    picture_options: dict[str, str] | None = None,
    pixel_format: str = "yuv420p",
    picture_start: float = 0.0,
    num_pictures: int = 1,
    rotation: int = 0,
    aspect: Fraction | None = None,
    key_every: int = 12,
) -> Path:
    """Encode a video; pictures may come from a generator, nothing is kept in memory.

    Args:
        path: its suffix names the container.
        pictures: (H, W, 3) uint8 RGB.
        times: when each is shown, from the start of the picture on.
        tracks: sounds and their samples, (A,) for all channels or (channels, A), full scale +-1.
        size: (H, W).
        frame_rate: nominal.
        picture_codec: FFmpeg's name of the encoder.
        picture_options: of the encoder.
        pixel_format: FFmpeg's name.
        picture_start: second of the first frame.
        num_pictures: picture streams; they are alike but for the second, which is inverted.
        rotation: degrees clockwise that players turn the picture (.mp4 and .mov).
        aspect: sample aspect ratio.
        key_every: frames from one key frame to the next.
    """
    rate = Fraction(frame_rate).limit_denominator(1001)
    time_base = 1 / rate if path.suffix == ".avi" else 1 / (rate * 512)
    options = {"threads": "1"} | (X264_OPTIONS if picture_codec.startswith("libx264") else {})
    container_options = MP4_OPTIONS if path.suffix in {".mp4", ".mov"} else {}
    with av.open(str(path), "w", container_options=container_options) as output:
        picture_streams = []
        for _ in range(num_pictures):
            stream = output.add_stream(picture_codec, rate=rate, options=options | (picture_options or {}))
            stream.height, stream.width = size
            stream.pix_fmt = pixel_format
            stream.codec_context.time_base = time_base
            stream.codec_context.gop_size = key_every
            if aspect is not None:
                stream.codec_context.sample_aspect_ratio = aspect
            picture_streams.append(stream)
        sources: list[Iterator[tuple[float, int, Any, Any]]] = [
            picture_events(picture_streams, pictures, times, picture_start, time_base)
        ]
        for number, (sound, samples) in enumerate(tracks, start=1):
            sources.append(sound_events(add_sound(output, sound), sound, samples, number))
        for _, _, stream, frame in heapq.merge(*sources, key=lambda event: event[:2]):
            output.mux(stream.encode(frame))
        for stream in output.streams:
            output.mux(stream.encode(None))
    if rotation:
        rotate(path, rotation)
    return path


def add_sound(output: Any, sound: Sound) -> Any:
    """Add a sound stream to a container that is open for writing."""
    options = {"strict": "-2"} if sound.codec in {"opus", "vorbis"} else {}
    stream = output.add_stream(sound.codec, rate=sound.rate, options=options)
    stream.layout = LAYOUTS[sound.channels]
    return stream


def picture_events(
    streams: list[Any],
    pictures: Iterable[NDArray[np.uint8]],
    times: Iterable[float],
    start: float,
    time_base: Fraction,
) -> Iterator[tuple[float, int, Any, Any]]:
    """Yield (second, 0, stream, frame) of each picture and stream."""
    for picture, time in zip(pictures, times, strict=True):
        for number, stream in enumerate(streams):
            frame = av.VideoFrame.from_ndarray(255 - picture if number == 1 else picture, "rgb24")
            frame.pts = round((start + time) / time_base)
            frame.time_base = time_base
            yield start + time, 0, stream, frame


def sound_events(
    stream: Any, sound: Sound, samples: NDArray[np.float32], number: int
) -> Iterator[tuple[float, int, Any, Any]]:
    """Yield (second, `number`, stream, frame) of a sound, cut into blocks."""
    samples = np.broadcast_to(np.atleast_2d(samples), (sound.channels, samples.shape[-1])).astype(np.float32)
    for begin in range(0, samples.shape[1], BLOCK):
        block = samples[:, begin : begin + BLOCK]
        packed = np.ascontiguousarray(block.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=LAYOUTS[sound.channels])
        frame.sample_rate = sound.rate
        frame.pts = round(sound.start * sound.rate) + begin
        frame.time_base = Fraction(1, sound.rate)
        yield sound.start + begin / sound.rate, number, stream, frame


def write_sound(path: Path, sound: Sound, samples: NDArray[np.float32]) -> Path:
    """A file with one sound and no picture."""
    with av.open(str(path), "w") as output:
        stream = add_sound(output, sound)
        for *_, frame in sound_events(stream, sound, samples, 0):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def rotate(path: Path, degrees: int, mirrored: bool = False) -> None:
    """Have players turn an MP4's first picture clockwise, by writing the matrix of its track header.

    ISO/IEC 14496-12, 8.3.2: after the box's version come 36 (or 48) bytes of other fields, then the matrix
    a, b, u, c, d, v, x, y, w, which sends (x, y) to (a x + c y, b x + d y), y pointing down. A mirrored
    picture is mirrored left to right before it is turned.
    """
    content = bytearray(path.read_bytes())
    version_at = content.index(b"tkhd") + 4
    matrix_at = version_at + (40 if content[version_at] == 0 else 52)
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    sign = -1 if mirrored else 1
    one = 1 << 16
    matrix = (sign * cosine * one, sign * sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30)
    content[matrix_at : matrix_at + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(content)


def truncate(path: Path, fraction: float) -> Path:
    """Cut a file off after a fraction of its bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    return path


def corrupt(path: Path, begin: float, end: float, seed: int = 0) -> Path:
    """Overwrite the bytes between two fractions of a file by noise."""
    content = bytearray(path.read_bytes())
    first, last = int(len(content) * begin), int(len(content) * end)
    content[first:last] = np.random.default_rng(seed).bytes(last - first)
    path.write_bytes(content)
    return path
