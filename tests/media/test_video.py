"""Every frame of a video, upright, in its colours and at its own time."""

import os
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
import videos
from videos import Sound

from avsal.errors import MediaError
from avsal.media.damage import Damage
from avsal.media.stamps import StampRule, Stamps
from avsal.media.video import VideoReader, open_frames


def times_of(reader):
    return [frame.time for frame in reader]


def plain_loop(path, stream=0):
    """Stamps in seconds as the plainest PyAV loop gives them."""
    with av.open(str(path)) as container:
        chosen = container.streams.video[stream]
        return [float(frame.pts * chosen.time_base) for frame in container.decode(chosen)]


def error_of(*arguments, **options):
    with pytest.raises(MediaError) as caught:
        open_frames(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".ts", ".flv"])
def test_every_frame_comes_at_the_containers_time(tmp_path, suffix):
    path = videos.moving_dot(tmp_path / f"video{suffix}", frames=30)
    with open_frames(path) as reader:
        frames = list(reader)
    seconds = plain_loop(path)
    assert len(frames) == len(seconds) == 30
    assert [frame.index for frame in frames] == list(range(30))
    assert np.allclose([frame.time + reader.info.origin for frame in frames], seconds, atol=1e-9)
    assert [frame.pts * reader.info.time_base - reader.info.origin for frame in frames] == times_of(frames)
    assert np.allclose([frame.duration for frame in frames], 0.04, atol=0.0011)  # Matroska rounds to 1 ms
    assert not reader.damage
    assert reader.damage.decoded == 30
    assert reader.damage.repaired_times == 0


def test_the_pictures_are_those_that_were_recorded(tmp_path):
    path = videos.moving_dot(tmp_path / "video.mp4", frames=30, pixel_format="yuv444p")
    for frame in open_frames(path):
        errors = [np.abs(frame.image.astype(int) - videos.dot(index, (48, 64))).mean() for index in range(30)]
        assert frame.image.dtype == np.uint8
        assert np.argmin(errors) == frame.index
        assert min(errors) < 1.5


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_variable_frame_rates_keep_their_times(tmp_path, suffix):
    times = [0, 0.04, 0.08, 0.32, 0.36, 1.0, 1.02, 1.04, 1.5, 2.8, 2.84]
    path = videos.moving_dot(tmp_path / f"video{suffix}", times=times)
    frames = list(open_frames(path))
    assert np.allclose(times_of(frames), times, atol=0.0006)
    assert np.allclose([frame.duration for frame in frames[:-1]], np.diff(times), atol=0.0011)


def test_ntsc_rates_do_not_drift(tmp_path):
    rate = Fraction(30000, 1001)
    path = videos.moving_dot(tmp_path / "video.mp4", frames=90, frame_rate=rate, sounds=[])
    reader = open_frames(path, (12, 16))
    assert np.allclose(times_of(reader), [float(index / rate) for index in range(90)], atol=1e-9)
    assert reader.info.frame_rate == pytest.approx(29.97002997)


def test_what_is_known_of_a_video_beforehand(tmp_path):
    path = videos.moving_dot(tmp_path / "video.mp4", frames=30, sounds=[Sound(channels=2)])
    info = open_frames(path).info
    assert (info.size, info.coded_size, info.num_frames, info.codec) == ((48, 64), (48, 64), 30, "h264")
    assert info.duration == pytest.approx(1.2)
    assert info.sound
    assert info.origin == info.first_time == 0
    assert info.facts()["time_base"] == "1/12800"
    assert (
        not videos.moving_dot(tmp_path / "silent.mp4", sounds=[])
        or not open_frames(tmp_path / "silent.mp4").info.sound
    )


@pytest.mark.parametrize(("picture", "sound"), [(0.0, 0.5), (1.08, 0.0), (2.3, 0.7), (0.7, 2.0), (0.5, 0.5)])
def test_the_clock_begins_with_the_first_of_picture_and_sound(tmp_path, picture, sound):
    path = videos.moving_dot(
        tmp_path / "video.mp4", picture_start=picture, sounds=[Sound("flac", start=sound)]
    )
    info = open_frames(path).info
    times = times_of(open_frames(path, (12, 16)))
    assert info.first_time == times[0] == pytest.approx(max(0.0, picture - sound), abs=1e-4)
    assert np.allclose(np.diff(times), 0.04, atol=1e-9)


@pytest.mark.parametrize(("size", "pixel_format"), [((45, 63), "yuv444p"), ((254, 454), "yuv420p")])
def test_odd_sizes(tmp_path, size, pixel_format):
    path = videos.moving_dot(tmp_path / "video.mp4", frames=3, size=size, pixel_format=pixel_format)
    for frame in open_frames(path):
        assert frame.image.shape == (*size, 3)
        assert np.abs(frame.image.astype(int) - videos.dot(frame.index, size)).mean() < 3
    assert next(iter(open_frames(path, (31, 17)))).image.shape == (31, 17, 3)


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_videos_of_a_turned_camera_stand_upright(tmp_path, degrees, mirrored):
    stored = videos.moving_dot(tmp_path / "stored.mp4", frames=4)
    turned = videos.moving_dot(tmp_path / "turned.mp4", frames=4)
    videos.rotate(turned, degrees, mirrored)
    reader = open_frames(turned)
    assert reader.info.size == ((48, 64) if degrees == 180 else (64, 48))
    for upright, lying in zip(reader, open_frames(stored), strict=True):
        expected = np.fliplr(lying.image) if mirrored else lying.image
        assert (upright.image == np.rot90(expected, -degrees // 90)).all()
    if not mirrored:
        assert reader.info.rotation == degrees
    assert next(iter(open_frames(turned, (20, 30)))).image.shape == (20, 30, 3)


def test_wide_pixels_become_square(tmp_path):
    path = videos.moving_dot(tmp_path / "video.mp4", frames=3, aspect=Fraction(3, 2))
    reader = open_frames(path)
    assert reader.info.size == (48, 96)
    assert reader.info.coded_size == (48, 64)
    assert reader.info.sample_aspect_ratio == Fraction(3, 2)
    assert np.abs(next(iter(reader)).image.astype(int) - videos.dot(0, (48, 96))).mean() < 4
    turned = videos.moving_dot(tmp_path / "turned.mp4", frames=3, aspect=Fraction(3, 2), rotation=90)
    assert open_frames(turned).info.size == (96, 48)


@pytest.mark.parametrize(
    ("codec", "pixel_format", "suffix"),
    [
        ("libx264", "yuv420p10le", ".mp4"),
        ("libx264", "yuv422p", ".mp4"),
        ("libx264", "gray", ".mp4"),
        ("ffv1", "gray16le", ".mkv"),
        ("ffv1", "bgra", ".mkv"),
        ("ffv1", "yuva420p", ".mkv"),
        ("libx264rgb", "rgb24", ".mkv"),
        ("mjpeg", "yuvj420p", ".avi"),
        ("mpeg4", "yuv420p", ".avi"),
        ("libx265", "yuv420p", ".mp4"),
        ("libvpx-vp9", "yuv420p", ".webm"),
        ("gif", "rgb8", ".gif"),
    ],
)
def test_any_codec_and_pixel_format_becomes_rgb(tmp_path, codec, pixel_format, suffix):
    options = {"x265-params": "log-level=none:pools=none"} if codec == "libx265" else None
    path = videos.moving_dot(
        tmp_path / f"video{suffix}",
        frames=6,
        sounds=[],
        picture_codec=codec,
        pixel_format=pixel_format,
        picture_options=options,
    )
    frames = list(open_frames(path))
    assert len(frames) == 6
    for frame in frames:
        recorded = videos.dot(frame.index, (48, 64)).astype(int)
        if pixel_format.startswith("gray"):
            recorded = np.repeat((recorded @ [0.299, 0.587, 0.114])[..., None], 3, axis=2)
        assert np.abs(frame.image - recorded).mean() < (20 if codec == "gif" else 9)


def test_the_picture_stream_can_be_chosen(tmp_path):
    path = videos.moving_dot(tmp_path / "video.mp4", frames=3, num_pictures=2, sounds=[Sound(), Sound()])
    first, second = (next(iter(VideoReader(path, stream=number))).image for number in (0, 1))
    assert np.abs(first.astype(int) + second - 255).mean() < 4
    with pytest.raises(MediaError, match=r"2 picture streams, numbered from 0, but number 2"):
        VideoReader(path, stream=2)


def test_a_cover_picture_is_no_video(tmp_path):
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as output:
        sound = videos.add_sound(output, Sound("libmp3lame"))
        cover = output.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic.value
        image = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 99, np.uint8), "rgb24")
        output.mux(cover.encode(image) + cover.encode(None))
        for *_, frame in videos.sound_events(sound, Sound("libmp3lame"), videos.tone(44100, 0.5), 0):
            output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    assert "no picture that can be decoded" in error_of(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi", ".flv"])
@pytest.mark.parametrize("start", [0.0, 0.02, 0.4, 0.44, 1.3, 3.999])
def test_starting_in_the_midst_gives_the_very_frames_of_the_whole_video(tmp_path, suffix, start):
    path = videos.moving_dot(tmp_path / f"video{suffix}", frames=110)
    whole = [frame for frame in open_frames(path) if frame.time >= start - 1e-6]
    part = list(open_frames(path, start=start))
    assert times_of(part) == times_of(whole)
    assert [frame.pts for frame in part] == [frame.pts for frame in whole]
    assert [frame.index for frame in part] == list(range(len(whole)))
    assert all((a.image == b.image).all() for a, b in zip(part, whole, strict=True))


def test_starting_is_exact_where_frames_before_a_key_frame_refer_to_ones_before_it(tmp_path):
    options = {"x264-params": "mbtree=0:open-gop=1:bframes=3:b-adapt=0:scenecut=0"}
    path = videos.moving_dot(tmp_path / "video.mp4", frames=60, picture_options=options, sounds=[])
    whole = list(open_frames(path))
    for start in np.arange(0, 59) / 25:
        part = next(iter(open_frames(path, start=start)))
        (same,) = [frame for frame in whole if abs(frame.time - start) < 1e-6]
        assert part.time == same.time
        assert (part.image == same.image).all()


def test_start_and_end_bound_what_is_read(tmp_path):
    path = videos.moving_dot(tmp_path / "video.mp4", frames=60, picture_start=1.0)
    times = times_of(open_frames(path, start=1.4, end=2.0))
    assert np.allclose(times, np.arange(1.4, 1.999, 0.04), atol=1e-9)
    last = list(open_frames(path, end=2.0))[-1]
    assert last.duration == pytest.approx(0.04)
    assert times_of(open_frames(path, start=100)) == []
    assert times_of(open_frames(path, end=0.5)) == []
    with pytest.raises(ValueError, match="`end` must lie after `start`"):
        open_frames(path, start=2, end=2)
    with pytest.raises(ValueError, match="`size`"):
        open_frames(path, (0, 10))


def test_two_passes_and_more_threads_give_the_same_frames(tmp_path):
    path = videos.moving_dot(tmp_path / "video.mp4", frames=40)
    reader = open_frames(path)
    first, second = list(reader), list(reader)
    third = list(open_frames(path, threads=3))
    for a, b, c in zip(first, second, third, strict=True):
        assert a.time == b.time == c.time
        assert (a.image == b.image).all()
        assert (a.image == c.image).all()


def test_leaving_a_video_early_closes_it(tmp_path):
    path = videos.moving_dot(tmp_path / "video.mp4", frames=40)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    with open_frames(path) as reader:
        assert next(iter(reader)).index == 0
    if before is not None:
        assert len(os.listdir("/proc/self/fd")) == before


def remux(source, target, change):
    """Copy the first picture's packets after `change`, which returns the packet, None or several."""
    with av.open(str(source)) as container, av.open(str(target), "w") as output:
        stream = container.streams.video[0]
        copy = output.add_stream_from_template(stream)
        for packet in container.demux(stream):
            if packet.dts is not None:
                packet = change(packet)
                packet.stream = copy
                output.mux(packet)
    return target


def with_decoding_stamps(packet):
    packet.pts = packet.dts = packet.dts + 1024  # two frames, so that nothing lies before 0
    return packet


@pytest.mark.parametrize("quiet_start", [False, True])
def test_times_are_rebuilt_where_videos_were_cut_with_stamps_in_decoding_order(tmp_path, quiet_start):
    # Pictures that have nothing in common are coded without B-frames: of such a start, the first frames show
    # nothing of the disorder to come.
    noise = np.random.default_rng(0).integers(0, 256, (40, 48, 64, 3), dtype=np.uint8)
    pictures = [noise[k] if k < 40 and quiet_start else videos.dot(k, (48, 64)) for k in range(80)]
    times, _ = videos.frame_times(80, 25)
    good = videos.write_video(tmp_path / "good.mp4", pictures, times, [], size=(48, 64))
    bad = remux(good, tmp_path / "bad.mp4", with_decoding_stamps)
    disordered = plain_loop(bad)
    assert disordered != sorted(disordered)
    assert (disordered[:30] == sorted(disordered[:30])) == quiet_start
    reader = open_frames(bad)
    assert reader.info.rebuilt_times
    frames = list(reader)
    assert np.allclose(np.diff(times_of(frames)), 0.04, atol=1e-9)
    for frame, shown in zip(frames, open_frames(good), strict=True):
        assert (frame.image == shown.image).all()
    assert not reader.damage
    assert not open_frames(good).info.rebuilt_times
    part = list(open_frames(bad, start=1.6))
    assert times_of(part) == [frame.time for frame in frames if frame.time >= 1.6 - 1e-6]


def test_avi_with_b_frames_is_shown_at_its_frame_rate(tmp_path):
    path = videos.flash_and_click(tmp_path / "video.avi", frames=50, at=31, sound=Sound("pcm_s16le"))
    assert plain_loop(path) != sorted(plain_loop(path))
    reader = open_frames(path)
    frames = list(reader)
    assert np.allclose(times_of(frames), np.arange(50) / 25)
    assert max(frames, key=lambda frame: frame.image.mean()).index == 31
    assert not reader.damage


def test_a_bare_stream_without_stamps_runs_at_the_usual_rate(tmp_path):
    path = videos.moving_dot(tmp_path / "video.h264", frames=30, sounds=[])
    reader = open_frames(path)
    frames = list(reader)
    assert len(frames) == 30
    assert np.allclose(np.diff(times_of(frames)), 1 / reader.info.frame_rate, atol=1e-6)
    assert not reader.damage


def test_a_video_of_one_frame(tmp_path):
    reader = open_frames(videos.moving_dot(tmp_path / "video.mp4", frames=1, sounds=[]))
    (frame,) = reader
    assert (frame.time, frame.index) == (0.0, 0)
    assert frame.duration == pytest.approx(0.04)


def stamped(pts_list, **rule):
    damage = Damage()
    stamps = Stamps(StampRule(first=5, period=40, second=1000, **rule), damage)
    return [stamps.stamp(SimpleNamespace(pts=pts)) for pts in pts_list], damage


def test_missing_stamps_follow_the_last_by_a_period():
    assert stamped([None, None, 85, None, 200])[0] == [5, 45, 85, 125, 200]
    assert stamped([None, None, 85, None, 200])[1].repaired_times == 3


def test_repeated_and_slightly_earlier_stamps_advance_by_a_tick():
    stamps, damage = stamped([0, 40, 40, 80, 70, 120])
    assert stamps == [0, 40, 41, 80, 81, 120]
    assert damage.repaired_times == 2
    assert not damage


def test_videos_joined_end_to_end_go_on():
    assert stamped([0, 40, 5000, 0, 40, 80])[0] == [0, 40, 5000, 5040, 5080, 5120]


def test_a_joined_transport_stream_is_read_to_its_end(tmp_path):
    parts = [
        videos.moving_dot(tmp_path / f"{number}.ts", frames=60, sounds=[]).read_bytes() for number in (0, 1)
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(parts[0] + parts[1])
    times = times_of(open_frames(path, (12, 16)))
    assert len(times) == 120
    assert np.allclose(np.diff(times), 0.04, atol=1e-3)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".flv", ".mov"])
@pytest.mark.parametrize("fraction", [0.4, 0.8])
def test_a_video_that_is_cut_off_gives_what_is_there_and_says_what_is_not(tmp_path, suffix, fraction):
    sound = Sound("pcm_s16le", 8000) if suffix == ".avi" else Sound(rate=44100)
    path = videos.moving_dot(tmp_path / f"video{suffix}", frames=100, size=(96, 128), sounds=[sound])
    whole = list(open_frames(path))
    reader = open_frames(videos.truncate(path, fraction))
    frames = list(reader)
    assert 10 < len(frames) < 100
    # The last B-frames may have been cut off while the frame after them was not.
    assert times_of(frames[:-3]) == times_of(whole[: len(frames) - 3])
    assert set(times_of(frames)) <= set(times_of(whole))
    for cut, kept in zip(frames[:-8], whole, strict=False):
        assert (cut.image == kept.image).all()
    assert reader.damage
    assert reader.damage.missing_seconds == pytest.approx((100 - len(frames)) / 25, abs=0.3)
    assert reader.damage.describe().startswith(
        f"picture: about {reader.damage.missing_seconds:.2f} s missing"
    )


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".ts"])
def test_a_damaged_video_gives_the_same_in_every_run_and_says_so(tmp_path, suffix):
    sound = Sound("pcm_s16le", 8000) if suffix == ".avi" else Sound()
    path = videos.moving_dot(tmp_path / f"video{suffix}", frames=100, size=(96, 128), sounds=[sound])
    videos.corrupt(path, 0.5, 0.6)
    runs = []
    for _ in range(2):
        reader = open_frames(path)
        runs.append((list(reader), reader.damage))
    (first, damage), (second, again) = runs
    assert damage == again
    assert len(first) >= 60
    assert np.all(np.diff(times_of(first)) > 0)
    for a, b in zip(first, second, strict=True):
        assert a.time == b.time
        assert (a.image == b.image).all()
    assert damage
    assert (
        "missing" in damage.describe() or "unreadable" in damage.describe() or "errors" in damage.describe()
    )


def test_what_cannot_be_a_video_is_refused_in_one_line(tmp_path):
    assert "no such file" in error_of(tmp_path / "missing.mp4")
    (tmp_path / "empty.mp4").touch()
    assert "is empty" in error_of(tmp_path / "empty.mp4")
    (tmp_path / "text.mp4").write_text("It was a dark and stormy night.\n" * 50)
    assert "cannot read" in error_of(tmp_path / "text.mp4")
    sound = videos.write_sound(tmp_path / "sound.mp4", Sound(), videos.tone(44100, 1))
    assert "no picture" in error_of(sound)
    cut = videos.truncate(videos.moving_dot(tmp_path / "cut.mp4"), 0.1)
    assert "cut.mp4" in error_of(cut)
    video = videos.moving_dot(tmp_path / "video.mp4")
    assert "leave the frame rate out" in error_of(video, frame_rate=25)


@pytest.mark.parametrize(
    "name", ["a:b.mp4", "50%.mp4", "-x.mp4", "file:x.mp4", "Schöne Grüße.mp4", "%03d.mp4"]
)
def test_any_file_name_will_do(tmp_path, name, monkeypatch):
    videos.moving_dot(tmp_path / "video.mp4", frames=3).rename(tmp_path / name)
    assert len(list(open_frames(tmp_path / name))) == 3
    monkeypatch.chdir(tmp_path)
    assert len(list(open_frames(name))) == 3


def test_a_video_that_changed_on_disk_is_looked_at_anew(tmp_path):
    path = videos.moving_dot(tmp_path / "video.mp4", frames=3)
    assert open_frames(path).info.size == (48, 64)
    videos.moving_dot(path, frames=3, size=(64, 96))
    assert open_frames(path).info.size == (64, 96)


def test_damage_is_described_in_words():
    assert not Damage()
    assert Damage().describe() == "picture: nothing missing"
    damage = Damage("sound", decoded=7, failed=1, missing_seconds=1.204)
    assert damage.describe() == "sound: about 1.20 s missing, 1 packet unreadable"
    assert Damage(patched=2).describe() == "picture: 2 frames decoded with errors"
    assert not Damage(repaired_times=3)
