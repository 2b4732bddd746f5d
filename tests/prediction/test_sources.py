"""Every kind of source ends in the same frames, times and sounds."""

import http.server
import io
import json
import socket
import sys
import threading
from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch
import videos
from listeners import RATE, Listener

from avsal.cli import main
from avsal.errors import AvsalError, ConfigError, MediaError
from avsal.media import one_pass, open_frames
from avsal.media.arrays import mono_samples
from avsal.prediction import predict
from avsal.workflows.predict import PredictSettings, predict_video

FRAMES = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    for suffix in ("mp4", "ts"):
        videos.moving_dot(folder / f"clip.{suffix}", frames=FRAMES)
    return folder


@pytest.fixture(scope="module")
def pictures(folder):
    with open_frames(folder / "clip.mp4") as reader:
        return np.stack([frame.image for frame in reader])


def heard(source, **options):
    """Maps, times and what the model heard."""
    model = Listener()
    stream = predict(model, source, **options)
    maps = list(stream)
    return np.stack([one.map for one in maps]), [one.time for one in maps], model.sounds, maps


class Decord:
    """As decord's VideoReader: numbered frames that are turned into numpy, an average rate, times."""

    def __init__(self, pictures):
        self.pictures = pictures

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, number):
        return SimpleNamespace(asnumpy=lambda: self.pictures[number])

    def get_avg_fps(self):
        return 25.0

    def get_frame_timestamp(self, number):
        return np.array([number * 0.04, number * 0.04 + 0.04], np.float32)


class TorchCodec:
    """As torchcodec's VideoDecoder: frames (3, H, W) with their seconds."""

    metadata = SimpleNamespace(average_fps=25.0)

    def __init__(self, pictures):
        self.pictures = torch.from_numpy(pictures).permute(0, 3, 1, 2)

    def __len__(self):
        return len(self.pictures)

    def get_frame_at(self, number):
        return SimpleNamespace(data=self.pictures[number], pts_seconds=number / 25, duration_seconds=0.04)


class Capture:
    """As cv2.VideoCapture: pictures BGR, one after the other."""

    def __init__(self, pictures):
        self.left = list(pictures)

    def get(self, what):
        return {5: 25.0}[what]

    grab = None  # tells a capture from a file; nothing calls it

    def read(self):
        return (True, self.left.pop(0)[..., ::-1]) if self.left else (False, None)


FORMS = {
    "array": lambda pictures: (pictures, {"fps": 25}),
    "floats": lambda pictures: ((pictures / 255).astype(np.float32), {"fps": 25}),
    "tensor": lambda pictures: (torch.from_numpy(pictures), {"fps": 25}),
    "half": lambda pictures: (torch.from_numpy(pictures / 255).to(torch.float64), {"fps": 25}),
    "list": lambda pictures: (list(pictures), {"fps": 25}),
    "generator": lambda pictures: ((frame for frame in pictures), {"fps": 25}),
    "stamped": lambda pictures: ([(i / 25, frame) for i, frame in enumerate(pictures)], {}),
    "decord": lambda pictures: (Decord(pictures), {}),
    "torchcodec": lambda pictures: (TorchCodec(pictures), {}),
    "opencv": lambda pictures: (Capture(pictures), {}),
}


@pytest.mark.parametrize("form", FORMS)
def test_frames_in_memory_are_those_of_the_file(folder, pictures, form):
    expected, times, _, _ = heard(folder / "clip.mp4", audio="none")
    source, options = FORMS[form](pictures)
    maps, found, _, predictions = heard(source, pictures=True, **options)
    np.testing.assert_allclose(maps, expected, atol=0.02)  # scaled from RGB instead of the file's YUV
    np.testing.assert_allclose(found, times, atol=1e-6)
    np.testing.assert_array_equal(predictions[7].picture, pictures[7])


def test_samples_with_frames_are_heard_as_a_file_s_own_sound(folder, pictures):
    with av.open(str(folder / "clip.mp4")) as container:
        blocks = [frame.to_ndarray() for frame in container.decode(audio=0)]
    samples = np.concatenate(blocks, 1)[0]
    _, _, own, _ = heard(folder / "clip.mp4")
    for given in (samples, samples[:, None].repeat(2, 1), (samples * 32767).round().astype(np.int16)):
        _, _, sounds, _ = heard(pictures, fps=25, audio=(given, 44100))
        for first, second in zip(own, sounds, strict=True):
            np.testing.assert_allclose(first, second, atol=3e-4)


def test_stamped_frames_keep_their_times_and_a_part_is_cut_by_them(pictures):
    stamps = [0.1, 0.14, 0.3, 0.31, 0.5, 0.9, 1.0, 1.3, 1.35, 1.4, 1.6]
    frames = list(zip(stamps, pictures, strict=False))
    stream = predict(Listener(), iter(frames))
    found = list(stream)
    assert [one.time for one in found] == pytest.approx(stamps)
    assert [one.duration for one in found[:3]] == pytest.approx([0.04, 0.16, 0.01])
    assert [one.time for one in predict(Listener(), frames, start=0.3, end=1.0)] == pytest.approx(stamps[2:6])


@pytest.fixture(scope="module")
def server(folder):
    """A web server of the folder; what begins with `live` comes without its length."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            content = (
                folder / self.path.partition("?")[0].rpartition("/")[2].removeprefix("live_")
            ).read_bytes()
            self.send_response(200)
            if "live" not in self.path:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def sent_once(content):
    """The port of a socket that sends some bytes to the first who connects."""
    listening = socket.create_server(("127.0.0.1", 0))

    def send():
        with listening, listening.accept()[0] as connection:
            connection.sendall(content)

    threading.Thread(target=send, daemon=True).start()
    return listening.getsockname()[1]


@pytest.mark.parametrize("way", ["fetched", "live", "tcp", "file object", "file://"])
def test_what_comes_through_addresses_and_pipes_is_seen_and_heard_as_the_file(folder, server, way):
    path = folder / "clip.ts"
    content = path.read_bytes()
    source = {
        "fetched": lambda: f"{server}/clip.ts",
        "live": lambda: f"{server}/live_clip.ts?key=1",
        "tcp": lambda: f"tcp://127.0.0.1:{sent_once(content)}",
        "file object": lambda: io.BytesIO(content),
        "file://": lambda: path.absolute().as_uri(),
    }[way]()
    expected, times, own, _ = heard(path)
    maps, found, sounds, predictions = heard(source, pictures=True)
    np.testing.assert_array_equal(maps, expected)
    np.testing.assert_allclose(np.diff(found), np.diff(times), atol=1e-6)
    assert predictions[3].picture.shape == (48, 64, 3)
    # a live stream's clock begins with its first picture: its samples lie up to half a sample apart
    np.testing.assert_allclose(sounds[12], own[12], atol=0.3 * np.pi * 440 / RATE)


def test_an_address_leads_nowhere_else(folder, server):
    (folder / "list.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:2,\nclip.ts\n#EXT-X-ENDLIST\n"
    )
    for address in (f"{server}/list.m3u8", f"{server}/live_list.m3u8"):
        with pytest.raises(MediaError, match=r"list of other files|cannot open"):
            predict(Listener(), address)
    for address in ("concat://x", "data://x", "pipe://0", "subfile://x", "ftp://host/x.mp4"):
        with pytest.raises(ConfigError, match="expected an address of http://"):
            predict(Listener(), address)
    with pytest.raises(MediaError, match="cannot fetch"):
        predict(Listener(), "http://127.0.0.1:1/clip.mp4")


@pytest.fixture
def camera(monkeypatch):
    """A stand-in for a camera: FFmpeg's generator of pictures, a device of libavdevice as cameras are."""
    monkeypatch.setattr(
        one_pass, "camera_device", lambda _: ("testsrc=size=64x48:rate=25:duration=1", "lavfi")
    )


def test_a_camera_is_read_once_until_it_is_told_to_end(camera):
    stream = predict(Listener(), 0, end=0.6)
    assert stream.source.live
    found = list(stream)
    assert [one.time for one in found] == pytest.approx([0.04 * i for i in range(15)])
    assert found[0].picture is None
    with pytest.raises(MediaError, match="comes once"):
        stream.source.frames((24, 32))
    with pytest.raises(MediaError, match="cannot open camera7"):
        one_pass.OnePass("/dev/video77", "camera7", format_name="v4l2")


def test_ctrl_c_ends_a_camera_and_its_overlay_is_whole(camera, tmp_path):
    def pressed(stream):
        for number, prediction in enumerate(stream):
            if number == 9:
                raise KeyboardInterrupt
            yield prediction

    found = predict_video(
        Listener(), "0", tmp_path / "seen", PredictSettings(save=("overlay", "csv")), progress=pressed
    )
    assert found.num_maps == 9
    with av.open(str(found.outputs["overlay"])) as container:
        assert sum(1 for _ in container.decode(video=0)) == 9
    assert len(found.outputs["csv"].read_text().splitlines()) == 10


def test_an_array_with_samples_becomes_an_overlay_with_sound(pictures, tmp_path):
    tone = videos.tone(22050, FRAMES / 25)
    settings = PredictSettings(frame_rate=25)
    found = predict_video(Listener(), pictures, tmp_path / "made", settings, audio=(tone, 22050))
    with av.open(str(found.outputs["overlay"])) as container:
        assert sum(1 for _ in container.decode(video=0)) == FRAMES
    with av.open(str(found.outputs["overlay"])) as container:
        samples = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], 1)
    assert np.abs(samples).max() == pytest.approx(0.3, abs=0.05)
    assert json.loads((tmp_path / "made.json").read_text())["sound"] == "samples"


def test_lists_and_patterns_give_a_stream_each(folder):
    streams = list(predict(Listener(), str(folder / "clip.*")))
    assert [stream.source.name for stream in streams] == ["clip.mp4", "clip.ts"]
    assert [len(list(stream)) for stream in streams] == [FRAMES, FRAMES]
    both = predict(Listener(), [folder / "clip.mp4", [str(folder / "*.ts")]])
    assert [stream.source.name for stream in both] == ["clip.mp4", "clip.ts"]
    with pytest.raises(ConfigError, match="no file is named"):
        list(predict(Listener(), str(folder / "*.avi")))


def test_the_command_takes_patterns_and_standard_input(folder, tmp_path, monkeypatch, capsys):
    with (folder / "clip.ts").open("rb") as file:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=file, isatty=lambda: False))
        line = ["predict", "-", str(folder / "clip.*"), "-o", str(tmp_path), "--save", "csv", "--end", "0.08"]
        assert main([*line, "--model", "tsfpnet_av-small"]) == 0
    names = {path.name for path in tmp_path.glob("*.csv")}
    assert names == {"clip_mp4.csv", "clip_ts.csv", "stdin.csv", "outputs.csv"}
    assert json.loads((tmp_path / "stdin.json").read_text())["source"] == "standard input"
    assert "standard input: 2 maps" in capsys.readouterr().out


WRONG = {
    "no rate": (lambda p: p, {}, "fps=25"),
    "channels first": (lambda p: p.transpose(0, 3, 1, 2), {"fps": 25}, r"transpose\(0, 2, 3, 1\)"),
    "grey": (lambda p: p[..., 0], {"fps": 25}, r"shape \(20, 48, 64\)"),
    "one frame": (lambda p: p[0], {"fps": 25}, "T, H, W, 3"),
    "none": (lambda p: p[:0], {"fps": 25}, "holds none"),
    "0 to 255 floats": (lambda p: p.astype(np.float32), {"fps": 25}, "divide by 255"),
    "uint16": (lambda p: p.astype(np.uint16), {"fps": 25}, "found uint16"),
    "NaN": (lambda p: np.where(p > 300, 0, np.nan), {"fps": 25}, "NaN"),
    "negative": (lambda p: p / 255.0 - 0.5, {"fps": 25}, "from 0 to 1"),
    "sizes": (lambda p: [p[0], p[1][:-1]], {"fps": 25}, "frames of one video have one size"),
    "backwards": (lambda p: [(0.2, p[0]), (0.1, p[1])], {}, "ascend"),
    "backwards later": (lambda p: [(0.1, p[0]), (0.2, p[1]), (0.2, p[2])], {}, "frame 2: expected times"),
    "rate": (lambda p: p, {"fps": float("nan")}, "frames a second"),
    "rate of words": (lambda p: p, {"fps": "25"}, "frames a second"),
    "dict": (lambda p: {"frames": p}, {"fps": 25}, "found builtins.dict"),
    "nothing": (lambda p: None, {}, "found builtins.NoneType"),
    "empty": (lambda p: iter(()), {"fps": 25}, "expected frames but there are none"),
    "empty pipe": (lambda p: io.BytesIO(b""), {}, "nothing came"),
    "text": (lambda p: io.BytesIO(b"hello"), {}, "complete"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_video_is_told_in_one_line(pictures, wrong):
    made, options, message = WRONG[wrong]
    with pytest.raises(AvsalError, match=message) as told:
        list(predict(Listener(), made(pictures), **options))
    assert "\n" not in str(told.value)


def test_frames_that_come_once_are_not_read_twice(pictures):
    stream = predict(Listener(), iter(pictures), fps=25)
    assert len(list(stream)) == FRAMES
    with pytest.raises(ConfigError, match="only once"):
        list(stream.source.frames((24, 32)))


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros((2, 3, 4)), 8000, "shape"),
        (np.array([0.0, np.nan]), 8000, "NaN"),
        (np.full(9, 3000.0), 8000, "full scale"),
        (np.zeros(9, bool), 8000, "bool"),
        (np.zeros(9), None, "rate in Hz"),
        (np.zeros(9), 0, "rate in Hz"),
    ],
)
def test_sounds_that_are_none_are_told(samples, rate, message):
    with pytest.raises(ConfigError, match=message):
        mono_samples(samples, rate)
