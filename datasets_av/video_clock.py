"""When each frame of a video is shown: what turns gaze in seconds into gaze on frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError, MediaError
from avsal.media.container import demux, open_container, picture_stream
from avsal.media.damage import Damage
from avsal.media.images import is_still
from avsal.media.video import VideoReader, open_frames

__all__ = ["VideoClock", "video_clock"]


@dataclass(frozen=True)
class VideoClock:
    """The frames of a video in time.

    Attributes:
        times: (F,) seconds on the video clock, ascending: 0 is where picture or sound begins, whichever is
            first.
        size: (height, width) on display.
    """

    times: NDArray[np.float64]
    size: tuple[int, int]


def video_clock(path: Path) -> VideoClock:
    """Read the frame times of a video; the answer is kept until the file changes.

    They come from the packets alone where the container says how many frames it holds and each has its own
    stamp, which takes a tenth of the time of decoding or less. Else the video is decoded.

    Raises:
        DatasetError: the video is missing, damaged or has no frame.
    """
    try:
        status = path.stat()
        return _video_clock(path, status.st_mtime_ns, status.st_size)
    except (OSError, MediaError) as error:
        raise DatasetError(f"the frame times of {path} cannot be read ({error}); extract it again") from error


@lru_cache(maxsize=1024)
def _video_clock(path: Path, changed_at: int, num_bytes: int) -> VideoClock:
    if is_still(path):
        return VideoClock(np.zeros(1), open_frames(path).info.size)
    reader = VideoReader(path, (8, 8))  # only times are wanted, so pictures are made as small as can be
    info = reader.info
    stamps = _packet_stamps(path, info.stream)
    if len(stamps) == info.num_frames and (np.diff(stamps) > 0).all():
        times = info.first_time + (stamps - stamps[0]) * float(info.time_base)
    else:
        times = np.array([frame.time for frame in reader])
    times.setflags(write=False)
    return VideoClock(times, info.size)


def _packet_stamps(path: Path, index: int) -> NDArray[np.int64]:
    """The presentation stamps of the picture's packets, sorted; none where a packet has none or is not shown.

    Sorted, because packets lie in the order of decoding. Containers whose stamps are not those of display
    (AVI) still have one for each frame at its distance from the first.
    """
    stamps: list[int] = []
    damage = Damage()
    with open_container(path) as container:
        stream = picture_stream(container, path, index)
        for packet in demux(container, [stream], damage):
            if packet.pts is None or packet.is_discard or packet.is_corrupt:
                return np.empty(0, dtype=np.int64)
            stamps.append(packet.pts)
    return np.array([] if damage.failed else sorted(stamps), dtype=np.int64)
