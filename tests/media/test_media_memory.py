"""Memory does not grow with the length of a video."""

import subprocess
import sys
from pathlib import Path

import pytest
import videos
from videos import Sound

READ_HEAR_AND_WRITE = """
import re, sys
from avsal.media import VideoWriter, SoundReader, VideoReader

source, target = sys.argv[1:]
reader = VideoReader(source)
info = reader.info
sound = SoundReader(source, 48000, origin=info.origin)
with VideoWriter(target, info.size, time_base=info.time_base, frame_rate=info.frame_rate, preset="ultrafast",
                sound_from=source, origin=info.origin) as writer:
    for frame in reader:
        window = sound.read(frame.time - 1.5, frame.time + 1.5)
        writer.write(frame.image, frame.time)
# Not ru_maxrss: a process that was forked inherits the peak of the one that forked it.
print(reader.damage.decoded, re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_five_minutes_need_no_more_memory_than_ten_seconds(tmp_path):
    """Were they held, the pictures would take 44 MB more and the samples 56 MB."""
    megabytes = []
    for seconds in (10, 300):
        path = videos.moving_dot(
            tmp_path / f"{seconds}.mp4",
            frames=seconds,
            frame_rate=1,
            size=(192, 256),
            sounds=[Sound("aac", 16000)],
        )
        command = [sys.executable, "-c", READ_HEAR_AND_WRITE, str(path), str(tmp_path / "out.mp4")]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        frames, kilobytes = map(int, result.stdout.split())
        assert frames == seconds
        megabytes.append(kilobytes / 1024)
    assert megabytes[1] - megabytes[0] < 20
