"""Videos, sounds and images that lie, name other files, or have a clock of their own."""

import re
import struct
import subprocess
import sys
import tempfile
import wave
import zlib
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
import videos
from hostile.corpus import Input, cases, check_refused, device, fifo, text, unix_socket
from PIL import Image

from avsal.clips.soundtrack import LONGEST_HOLD, excerpt
from avsal.clips.windows import Window
from avsal.errors import MediaError
from avsal.media import ImageFolderReader, SoundReader, VideoReader, VideoWriter, has_sound, load_sound
from avsal.media.container import check_picture_size
from avsal.media.image_files import list_images, open_image
from datasets_av.frame_images import image_size, read_grey
from datasets_av.video_clock import video_clock
from datasets_av.video_facts import sound_seconds, video_facts

SECRET = "neighbour.mp4"

TEXTS = {
    "ffconcat": f"ffconcat version 1.0\nfile '{SECRET}'\n",
    "ffconcat_absolute": "ffconcat version 1.0\nfile '/etc/passwd'\n",
    "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{SECRET}\n#EXT-X-ENDLIST\n",
    "m3u8_address": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "m3u8_file": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{SECRET}\n#EXT-X-ENDLIST\n",
    "dash": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>{SECRET}'
    "</BaseURL></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "smooth": '<?xml version="1.0"?><SmoothStreamingMedia MajorVersion="2"></SmoothStreamingMedia>',
    "subtitles": "1\n00:00:00,000 --> 00:00:01,000\nhello\n",
    "ass": "[Script Info]\nTitle: x\n[Events]\nDialogue: 0,0:00:00.00,0:00:01.00,x,,0,0,0,,hi\n",
    "svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{SECRET}"/></svg>',
    "prose": "Once upon a time there was a video.\n" * 40,
    "rle": "BM" + "x" * 400,
    "zeros": b"\0" * 4096,
    "elf": b"\x7fELF" + bytes(range(256)) * 8,
    "zip": b"PK\x03\x04" + bytes(2000),
    "pickle": b"\x80\x04cposix\nsystem\nX\x02\0\0\0ls\x85R.",
}


@cache
def neighbour():
    with tempfile.TemporaryDirectory() as folder:
        return videos.moving_dot(Path(folder) / SECRET, frames=4).read_bytes()


def beside_a_video(name, content):
    """The text as a file, a video beside it that it names."""

    def make(folder):
        (folder / SECRET).write_bytes(neighbour())
        return text(name, content)(folder)

    return make


def picture(reader):
    return lambda path: next(iter(reader(path)))


READERS = {
    "video": picture(VideoReader),
    "sound": lambda path: load_sound(path, 8000),
    "has_sound": has_sound,
    "facts": video_facts,
    "clock": video_clock,
}

NO_VIDEO = [
    Input(f"{kind}{suffix}-{reader}", beside_a_video(f"video{suffix}", content), READERS[reader], "video")
    for kind, content in TEXTS.items()
    for suffix, reader in ((".mp4", "video"), (".m3u8", "sound"), (".nfo", "has_sound"))
] + [
    Input(f"{kind}.ts-{reader}", beside_a_video("a.ts", TEXTS[kind]), READERS[reader], "a.ts")
    for kind in ("ffconcat", "m3u8", "prose")
    for reader in ("facts", "clock")
]

NO_FILE = [
    Input(f"{what}-{reader}", make("a.mp4"), read, "a.mp4")
    for what, make in (("fifo", fifo), ("socket", unix_socket), ("device", device))
    for reader, read in READERS.items()
] + [
    Input("empty", text("a.mp4", b""), READERS["video"], "empty"),
    Input("folder", lambda folder: folder, READERS["video"], "is a folder"),
    Input("no file", lambda folder: folder / "a.mp4", READERS["video"], "no such file"),
    Input("long name", lambda folder: folder / ("a" * 300), READERS["video"], "cannot be read"),
    Input(
        "control characters", lambda folder: folder / "a\x1b[2Jb\n.mp4", READERS["video"], r"\\x1b\[2Jb\\n"
    ),
    Input("turned writing", lambda folder: folder / "a\u202e4pm.exe", READERS["video"], r"\\u202e"),
    Input("broken unicode", lambda folder: folder / "a\udcff.mp4", READERS["video"], r"\\udcff"),
    Input("fifo.wav", fifo("a.wav"), sound_seconds, "expected the sound"),
]


def pattern(folder):
    for number in range(3):
        Image.new("RGB", (16, 16)).save(folder / f"f{number}.png")
    (folder / "f%d.png").write_bytes((folder / "f0.png").read_bytes())
    return folder / "f%d.png"


NO_VIDEO.append(Input("pattern of names", pattern, picture(VideoReader), "a pattern or text"))


def png(width, height, *, colour=2, chunks=(), depth=8, data=b"\0" * 64):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), *(chunk(*one) for one in chunks),
         chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    )  # fmt: skip


BOMB = zlib.compress(b"\0" * 80_000_000, 9)


def tiff(width, height):
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 16),
    ]  # fmt: skip
    table = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8) + table + b"\0" * 32


IMAGES = {
    "bomb.png": png(50000, 50000),
    "wide.png": png(2**31 - 1, 1),
    "nothing.png": png(0, 0),
    "text_bomb.png": png(4, 4, chunks=[(b"zTXt", b"a\0\0" + BOMB)]),
    "profile_bomb.png": png(4, 4, chunks=[(b"iTXt", b"a\0\1\0\0\0" + BOMB)]),
    "odd_depth.png": png(4, 4, depth=3),
    "short.png": png(400, 400)[:-30],
    "bomb.tif": tiff(60000, 60000),
    "bomb.bmp": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 70, 0, 0, 54, 40, 60000, 60000, 1, 24, *[0] * 6),
    "script.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) (w) file\n",
    "pnm.png": b"P6 60000 60000 255\n" + bytes(100),
    "gif.png": b"GIF89a" + bytes(40),
    "text.png": b"hello",
    "empty.png": b"",
}  # fmt: skip


def pixels(path):
    with open_image(path) as image:
        return np.asarray(image.convert("RGB"))


BAD_IMAGES = [
    Input(f"{name}-{reader}", text(name, content), read, name.replace(".", r"\."))
    for name, content in IMAGES.items()
    for reader, read in (("pixels", pixels), ("grey", read_grey))
] + [
    Input("bomb.png-size", text("bomb.png", IMAGES["bomb.png"]), image_size, "million pixels"),
    Input("fifo.png", fifo("a.png"), read_grey, "pipe, device or socket"),
    Input("device.png", device("a.png"), pixels, "pipe, device or socket"),
    Input("socket.png", unix_socket("a.png"), pixels, "pipe, device or socket"),
]


@cases(NO_VIDEO)
def test_what_is_no_video_is_refused_and_opens_nothing(hostile, tmp_path):
    check_refused(hostile, tmp_path)


@cases(NO_FILE)
def test_what_is_no_file_is_refused_at_once(hostile, tmp_path):
    check_refused(hostile, tmp_path)


@cases(BAD_IMAGES)
def test_images_that_lie_are_refused_before_room_is_made_for_them(hostile, tmp_path):
    check_refused(hostile, tmp_path)


def test_a_folder_with_every_frame_as_png_and_jpeg_says_so(tmp_path):
    for name in ("1.png", "1.jpg"):
        Image.new("RGB", (16, 16)).save(tmp_path / name)
    with pytest.raises(MediaError, match=r"1\.jpg and 1\.png, one frame twice"):
        ImageFolderReader(tmp_path, 25)


def test_one_order_of_numbered_names_for_all_readers(tmp_path):
    for name in ("1-b.png", "1.png", "B2.png", "a3.png", "b1.png", "b10.png"):
        (tmp_path / name).touch()
    found = [path.name for path in list_images(tmp_path, frozenset({".png"}))]
    assert found == ["1.png", "1-b.png", "a3.png", "b1.png", "B2.png", "b10.png"]


def joined(folder):
    """Two transport streams end to end: white flash and click at 0.6 s of each second."""
    part = videos.flash_and_click(folder / "part.ts", at=15, frames=25, size=(48, 64))
    whole = folder / "whole.ts"
    whole.write_bytes(part.read_bytes() * 3)
    return whole


def test_joined_parts_keep_picture_and_sound_together(tmp_path):
    path = joined(tmp_path)
    reader = VideoReader(path)
    frames = [(frame.time, frame.image.mean()) for frame in reader]
    flashes = [time for time, level in frames if level > 150]
    samples, _ = load_sound(path, 16000, origin=reader.info.origin)
    loud = np.flatnonzero(np.abs(samples) > 0.4) / 16000
    clicks = [part.mean() for part in np.split(loud, np.flatnonzero(np.diff(loud) > 0.1) + 1)]
    assert len(frames) == 75
    assert len(flashes) == len(clicks) == 3
    assert np.diff([time for time, _ in frames]).min() > 0
    np.testing.assert_allclose(flashes, clicks, atol=0.012)
    for start in (0.5, 1.7, 2.9):  # in each part
        later = [(frame.time, frame.image.mean()) for frame in VideoReader(path, start=start)]
        assert later == [found for found in frames if found[0] >= start - 1e-6]
        heard = SoundReader(path, 16000, origin=reader.info.origin).read(start, start + 0.2)
        whole = samples[round(start * 16000) :][: len(heard)]
        np.testing.assert_allclose(heard[: len(whole)], whole, atol=1e-6)
    with VideoWriter(
        tmp_path / "out.mp4", (48, 64), time_base=reader.info.time_base, frame_rate=25, sound_from=path,
        origin=reader.info.origin,
    ) as writer:  # fmt: skip
        for frame in reader:
            writer.write(frame.image, frame.time, frame.duration)
    copied, _ = load_sound(tmp_path / "out.mp4", 16000, origin=0.0)
    loud = np.flatnonzero(np.abs(copied) > 0.4) / 16000
    again = [part.mean() for part in np.split(loud, np.flatnonzero(np.diff(loud) > 0.1) + 1)]
    np.testing.assert_allclose(again, flashes, atol=0.03)


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_one_stamp_astray_moves_nothing_and_fills_nothing(tmp_path, kind):
    path = videos.flash_and_click(tmp_path / "a.flv", at=30, frames=40)
    content = bytearray(path.read_bytes())
    place, count = 13, 0
    while count < 12:  # tags: kind, length, three bytes of milliseconds and a fourth, the highest
        count += content[place] == {"audio": 8, "video": 9}[kind]
        tag = place
        place += 15 + int.from_bytes(content[place + 1 : place + 4], "big")
    content[tag + 7] = 0x40
    path.write_bytes(content)
    reader = VideoReader(path)
    frames = list(reader)
    assert len(frames) == 40
    assert frames[-1].time < 1.7
    samples, _ = load_sound(path, 16000, origin=reader.info.origin)
    assert len(samples) < 16000 * 1.8
    flash = next(frame.time for frame in frames if frame.image.mean() > 150)
    assert videos.click_time(samples, 16000) == pytest.approx(flash, abs=0.012)


def test_a_stream_that_a_file_tells_of_late_is_left_out_and_the_picture_goes_on(tmp_path):
    """FLV adds a stream when its first packet comes; PyAV lists those of the beginning."""
    path = tmp_path / "late.flv"
    with av.open(path, "w") as file:
        stream = file.add_stream("flv", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(400):
            picture = np.full((48, 64, 3), number % 200, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        file.mux(stream.encode())
    content = path.read_bytes()
    place = 13  # after the header; tags: kind, three bytes of size, ..., the payload, four bytes of size
    while content[place] != 9 or place < len(content) * 0.9:
        place += 15 + int.from_bytes(content[place + 1 : place + 4], "big")
    stamp = content[place + 4 : place + 8]
    sound = b"\x3e" + b"\0" * 400  # 44.1 kHz, 16 bits, one channel, not compressed
    tag = b"\x08" + len(sound).to_bytes(3, "big") + stamp + b"\0\0\0" + sound
    path.write_bytes(content[:place] + tag + struct.pack(">I", len(tag)) + content[place:])

    reader = VideoReader(path)
    frames = list(reader)

    assert len(frames) == 400
    assert reader.damage or int(av.__version__.split(".")[0]) >= 19  # which leaves such streams out itself


def test_sound_ends_with_the_picture_where_that_is_asked_for(tmp_path):
    path = videos.moving_dot(tmp_path / "a.mkv", frames=10, sounds=[videos.Sound(seconds=4.0)])
    assert len(load_sound(path, 8000, end=0.4)[0]) == 3200


def test_a_window_hears_two_seconds_of_a_frame_that_is_shown_for_an_hour():
    spans = [(0.0, 0.04), (0.04, 3600.0), (3600.0, 3600.04)]
    asked = []

    def read(first, samples):
        asked.append((first, samples))
        return np.full(samples, first, np.float32)

    sound = excerpt(Window((0, 1, 2), ((0, 2),)), spans, 1000, 120, read)
    assert len(sound) == 40 + LONGEST_HOLD * 1000 + 40
    assert asked == [(0.0, 2040), (3600.0, 40)]
    backwards = excerpt(Window((2, 1, 0), ((0, 0),)), spans[::-1], 1000, 120, read)
    assert (backwards[0], backwards[-1]) == (3600.0, 0.0)


def test_the_moving_stream_is_taken_where_the_first_is_an_unmarked_still(tmp_path):
    video = videos.moving_dot(tmp_path / "a.mp4", frames=20)
    path = tmp_path / "b.mkv"
    with av.open(str(video)) as container, av.open(str(path), "w") as output:
        still = output.add_stream("mjpeg", rate=25)
        still.width, still.height, still.pix_fmt = 64, 48, "yuvj420p"
        copies = {stream.index: output.add_stream_from_template(stream) for stream in container.streams}
        picture = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8)).reformat(format="yuvj420p")
        output.mux(still.encode(picture) + still.encode(None))
        for packet in container.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream_index]
                output.mux(packet)
    reader = VideoReader(path)
    assert reader.info.stream == 1
    assert len(list(reader)) == len(video_clock(path).times) == 20
    assert len(list(VideoReader(path, stream=0))) == 1


def test_a_video_of_one_motion_jpeg_stream_stays_what_it_is(tmp_path):
    path = videos.moving_dot(tmp_path / "a.mkv", frames=5, picture_codec="mjpeg", pixel_format="yuvj420p")
    assert (VideoReader(path).info.stream, len(list(VideoReader(path)))) == (0, 5)


def test_pcm_of_many_channels_is_read_without_a_crash(tmp_path):
    wave = (1000 * np.sin(np.arange(8000) / 9)).astype(np.int16)
    layouts = [(7, "6.1"), (8, "7.1"), (8, "octagonal"), (16, "hexadecagonal")]
    paths = [tmp_path / f"{layout}.{suffix}" for _, layout in layouts for suffix in ("mov", "caf")]
    for path, channels in zip(paths, np.repeat([channels for channels, _ in layouts], 2), strict=True):
        with av.open(str(path), "w") as output:
            stream = output.add_stream("pcm_s16le", rate=8000, layout=path.stem)
            samples = np.repeat(wave, channels)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=path.stem)
            frame.sample_rate = 8000
            output.mux(stream.encode(frame) + stream.encode(None))
    code = (
        "import sys; from avsal.media import load_sound\n"
        "for path in sys.argv[1:]:\n    print(len(load_sound(path, 8000)[0]))"
    )
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, ["8000"] * len(paths)), done.stderr[-300:]


@pytest.mark.parametrize("channels", [0, 32769, 65535])
def test_a_sound_of_an_impossible_number_of_channels_is_refused(tmp_path, channels):
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(8000))
    content = bytearray(path.read_bytes())
    content[22:24] = channels.to_bytes(2, "little")
    path.write_bytes(content)
    with pytest.raises(MediaError, match=re.escape(str(path))):
        load_sound(path, 8000)


def test_a_container_that_lies_of_the_size_is_not_believed(tmp_path):
    path = videos.moving_dot(tmp_path / "a.mp4", frames=3, sounds=[])
    content = path.read_bytes()
    entry = content.index(b"avc1", content.index(b"stsd"))  # size of the picture in its sample entry
    lying = content[: entry + 28] + struct.pack(">HH", 65535, 65535) + content[entry + 32 :]
    (tmp_path / "b.mp4").write_bytes(lying)
    assert VideoReader(tmp_path / "b.mp4").info.coded_size == (48, 64)


@pytest.mark.parametrize(("height", "width"), [(48, 19200), (100_000, 1), (16384, 16384)])
def test_pictures_of_an_impossible_size_are_refused(height, width):
    with pytest.raises(MediaError, match=f"claims pictures of {width}x{height} pixels"):
        check_picture_size(Path("a.mp4"), height, width)


def test_the_last_frame_is_shown_until_the_end_asked_for(tmp_path):
    source = videos.moving_dot(tmp_path / "a.mp4", times=[0.0, 0.1, 5.0], frame_rate=10)
    reader = VideoReader(source, end=3.0)
    with VideoWriter(
        tmp_path / "b.mp4",
        (48, 64),
        time_base=reader.info.time_base,
        frame_rate=10,
        sound_from=source,
        end=3.0,
    ) as writer:
        for frame in reader:
            writer.write(frame.image, frame.time, frame.duration)
    with av.open(str(tmp_path / "b.mp4")) as container:
        stream = container.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(3.0, abs=0.02)
