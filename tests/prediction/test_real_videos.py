"""Real videos: as many maps as frames, at the container's times, and overlays whose sound is in step."""

from pathlib import Path

import av
import pytest
from listeners import Listener

from avsal.cli import main
from avsal.models import create_model
from avsal.prediction import predict
from avsal.weights import save_checkpoint

pytestmark = pytest.mark.data

DATA = Path(__file__).parents[3] / "shared" / "data"
SUFFIXES = {".mp4", ".avi", ".mkv", ".AVI"}
VIDEOS = sorted(path.relative_to(DATA) for path in DATA.rglob("*") if path.suffix in SUFFIXES)
#: one of each awkward kind, short enough to be painted in a test
PAINTED = [path for path in VIDEOS if path.parts[0] in {"clips", "mufvet"}]


def decoded_times(path: Path) -> list[float]:
    """Time stamps of the first picture stream's frames, in seconds of the container, by a plain loop."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return [float(frame.pts * stream.time_base) for frame in container.decode(stream)]


def packet_times(path: Path) -> list[float]:
    """Decoding times of the packets in order: when frames follow each other where nothing else tells."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return sorted(float(p.dts * stream.time_base) for p in container.demux(stream) if p.dts is not None)


@pytest.mark.parametrize("video", VIDEOS, ids=str)
def test_as_many_maps_as_frames_at_the_container_s_times(shared_data, video):
    stream = predict(Listener(), shared_data / video, batch_size=32)
    times = [prediction.time + stream.video.info.origin for prediction in stream]
    if stream.video.info.rebuilt_times:
        # AVI stores no times of display, and one MP4 gives wrong ones: what is left is the packets' order
        assert video.suffix == ".avi" or decoded_times(shared_data / video) != sorted(times)
        plain = packet_times(shared_data / video)
    else:
        plain = decoded_times(shared_data / video)
    assert times == pytest.approx(plain, abs=1e-6)
    assert not stream.video.damage, stream.video.damage.describe()


def sound_packets(path: Path, first: int) -> list[bytes]:
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        stream = max(container.streams.audio, key=lambda s: bool(s.disposition & 1))
        packets = []
        for packet in container.demux(stream):
            if packet.dts is not None:
                packets.append(bytes(packet))
            if len(packets) == first:
                break
        return packets


@pytest.mark.parametrize("video", PAINTED, ids=str)
def test_overlay_carries_the_sound_packets_in_step(shared_data, tmp_path, video):
    model = create_model("tsfpnet_av", width=0.05, num_frames=8, size=(32, 48))
    model.trained = True
    save_checkpoint(model, tmp_path / "small.safetensors")
    weights = str(tmp_path / "small.safetensors")
    source = shared_data / video
    end = "2.6" if video.parts[0] == "mufvet" else "0.5"  # pictures begin up to 2.3 s after the sound
    assert main(["predict", str(source), "-o", str(tmp_path), "--weights", weights, "--end", end, "-q"]) == 0
    overlay = tmp_path / f"{video.stem}_overlay.mp4"
    kept = sound_packets(overlay, 20)
    assert kept == sound_packets(source, len(kept))
    first_picture, first_sound = (start(source, kind) for kind in ("video", "audio"))
    if first_sound is None:
        assert start(overlay, "audio") is None
        return
    if video.suffix == ".avi":  # its frames carry the stamp of the packet after theirs
        first_picture = packet_times(source)[0]
    lag = start(overlay, "video") - start(overlay, "audio")
    assert lag == pytest.approx(first_picture - first_sound, abs=0.03)


def start(path: Path, kind: str) -> float | None:
    """Second of the first decoded frame of the first stream of a kind, None where there is none."""
    with av.open(str(path)) as container:
        streams = getattr(container.streams, kind)
        if not streams:
            return None
        frame = next(frame for frame in container.decode(streams[0]) if frame.pts is not None)
        return float(frame.pts * frame.time_base)
