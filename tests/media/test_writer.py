"""Videos are written whole or not at all, in step with their sound, with the very packets of the source."""

import os
import resource
from fractions import Fraction

import av
import numpy as np
import pytest
import videos
from videos import Sound

from avsal.errors import MediaError
from avsal.media.audio import SoundReader, has_sound, load_sound
from avsal.media.video import VideoReader, open_frames
from avsal.media.writer import VideoWriter

RATE = 16000


def rewrite(source, target, *, start=None, end=None, **options):
    """Write a video's frames into another video, as prediction does; returns what became of the sound."""
    info = open_frames(source).info
    options = {"sound_from": source, "origin": info.origin} | options
    with VideoWriter(
        target,
        info.size,
        time_base=info.time_base,
        frame_rate=info.frame_rate,
        start=start or 0.0,
        end=end,
        **options,
    ) as writer:
        for frame in open_frames(source, start=start, end=end):
            writer.write(frame.image, frame.time)
    return writer.sound


def sound_packets(path):
    with av.open(str(path)) as container:
        return [
            bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.dts is not None
        ]


def lag(path):
    """Seconds by which the click comes after the flash."""
    flash = max(open_frames(path, (8, 8)), key=lambda frame: frame.image.mean()).time
    samples, _ = load_sound(path, RATE, origin=open_frames(path).info.origin)
    return videos.click_time(samples, RATE) - flash


@pytest.mark.parametrize("target", ["out.mp4", "out.mkv"])
@pytest.mark.parametrize(
    ("suffix", "codec", "rate"),
    [
        (".mp4", "aac", 44100),
        (".mp4", "libmp3lame", 44100),
        (".avi", "libmp3lame", 48000),
        (".mkv", "libopus", 48000),
        (".mkv", "flac", 44100),
        (".mp4", "ac3", 48000),
        (".mp4", "alac", 44100),
        (".mkv", "aac", 48000),
    ],
)
def test_sound_packets_are_copied_bit_for_bit_and_stay_in_step(tmp_path, suffix, codec, rate, target):
    source = videos.flash_and_click(tmp_path / f"in{suffix}", sound=Sound(codec, rate, seconds=1.4))
    assert rewrite(source, tmp_path / target) == "copied"
    assert sound_packets(tmp_path / target) == sound_packets(source)
    assert lag(tmp_path / target) == pytest.approx(lag(source), abs=1.1e-3)


@pytest.mark.parametrize("codec", ["aac", "flac", "pcm_s16le"])
@pytest.mark.parametrize(("picture", "sound"), [(0.0, 0.0), (0.0, 0.3), (1.08, 0.0), (0.5, 0.9), (0.9, 0.5)])
def test_videos_whose_streams_start_late_stay_in_step(tmp_path, codec, picture, sound):
    source = videos.flash_and_click(
        tmp_path / "in.mp4", picture_start=picture, sound=Sound(codec, start=sound, seconds=2.0)
    )
    rewrite(source, tmp_path / "out.mp4")
    before, after = open_frames(source), open_frames(tmp_path / "out.mp4")
    assert abs(lag(tmp_path / "out.mp4")) < 1e-4
    times = [frame.time for frame in before]
    assert np.allclose([frame.time for frame in after], times, atol=1e-4)


@pytest.mark.parametrize("codec", ["aac", "flac", "libmp3lame", "pcm_s16le"])
@pytest.mark.parametrize(("start", "end"), [(0.4, None), (0.5, 1.5), (None, 1.2), (1.3, 1.9)])
@pytest.mark.parametrize("picture_start", [0.0, 0.7])
def test_an_excerpt_begins_at_0_and_stays_in_step(tmp_path, codec, start, end, picture_start):
    source = videos.flash_and_click(
        tmp_path / "in.mp4", at=15, frames=50, picture_start=picture_start, sound=Sound(codec, seconds=2.7)
    )
    flash = picture_start + 0.6
    rewrite(source, tmp_path / "out.mp4", start=start, end=end)
    first, last = start or 0.0, end or picture_start + 2.0
    written = open_frames(tmp_path / "out.mp4")
    kept = [frame.time for frame in open_frames(source, start=start, end=end)]
    assert np.allclose(
        [frame.pts * written.info.time_base for frame in written], np.array(kept) - first, atol=1e-4
    )
    sound, _ = load_sound(tmp_path / "out.mp4", RATE, origin=0.0)
    if end is not None:
        assert len(sound) / RATE == pytest.approx(end - first, abs=0.11)
    if first + 0.05 < flash < last - 0.05:
        assert videos.click_time(sound, RATE) == pytest.approx(flash - first, abs=1e-4)
    elif not first - 0.05 < flash < last + 0.05:
        assert np.abs(sound).max() < 0.1


def test_every_frame_keeps_its_time_at_any_rate(tmp_path):
    times = [0, 0.04, 0.08, 0.32, 0.36, 1.0, 1.02, 1.04, 1.5, 2.8, 2.84]
    for number, options in enumerate(
        [{"times": times}, {"frame_rate": Fraction(30000, 1001)}, {"frame_rate": 60}]
    ):
        source = videos.moving_dot(tmp_path / f"{number}.mp4", **options)
        rewrite(source, tmp_path / "out.mp4")
        read = [
            [Fraction(f.pts) * r.info.time_base for f in r]
            for r in map(open_frames, (source, tmp_path / "out.mp4"))
        ]
        assert read[0] == read[1]


def test_what_is_written_looks_like_what_was_given(tmp_path):
    pictures = [videos.dot(k, (48, 64)) for k in range(12)]
    with VideoWriter(tmp_path / "a.mp4", (48, 64), time_base=Fraction(1, 25), frame_rate=25) as writer:
        for number, picture in enumerate(pictures):
            writer.write(picture, number / 25)
    assert writer.sound == "none"
    for frame, picture in zip(open_frames(tmp_path / "a.mp4"), pictures, strict=True):
        assert np.abs(frame.image.astype(int) - picture).mean() < 4
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (stream.codec_context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.color_range, context.colorspace, context.color_primaries, context.color_trc) == (
            1,
            1,
            1,
            1,
        )
        assert stream.average_rate == 25


@pytest.mark.parametrize("color", [(200, 30, 40), (20, 180, 60), (30, 60, 220), (255, 255, 255), (0, 0, 0)])
def test_colours_survive(tmp_path, color):
    image = np.full((48, 64, 3), color, np.uint8)
    with VideoWriter(tmp_path / "a.mp4", (48, 64), time_base=Fraction(1, 25), frame_rate=25) as writer:
        writer.write(image, 0.0)
    (frame,) = open_frames(tmp_path / "a.mp4")
    assert np.abs(frame.image.astype(int) - image).max() <= 4


def test_odd_sizes_grow_by_a_repeat_of_the_last_row_and_column(tmp_path):
    image = videos.dot(3, (45, 63))
    with VideoWriter(tmp_path / "a.mp4", (45, 63), time_base=Fraction(1, 25), frame_rate=25, crf=1) as writer:
        writer.write(image, 0.0)
    assert writer.coded_size == (46, 64)
    (frame,) = open_frames(tmp_path / "a.mp4")
    assert frame.image.shape == (46, 64, 3)
    assert np.abs(frame.image[:45, :63].astype(int) - image).mean() < 3
    assert np.abs(frame.image[45, :63].astype(int) - image[44]).mean() < 3


def test_grey_videos_are_grey(tmp_path):
    slope = np.tile(np.arange(256, dtype=np.uint8), (32, 1))
    with VideoWriter(
        tmp_path / "a.mp4", (32, 256), time_base=Fraction(1, 25), frame_rate=25, crf=1, grey=True
    ) as writer:
        writer.write(slope, 0.0)
        with pytest.raises(ValueError, match=r"expected a uint8 image of shape \(32, 256\)"):
            writer.write(videos.dot(0, (32, 256)), 0.1)
    (frame,) = open_frames(tmp_path / "a.mp4")
    assert np.abs(frame.image.astype(int) - slope[..., None]).max() <= 4
    assert np.ptp(frame.image.astype(int), axis=2).max() <= 2


def test_the_index_comes_first_so_that_browsers_need_not_wait(tmp_path):
    source = videos.moving_dot(tmp_path / "in.mp4")
    rewrite(source, tmp_path / "out.mp4")
    content = (tmp_path / "out.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize(
    ("codec", "rate", "channels", "kept"),
    [
        ("pcm_s16le", 44100, 1, 1),
        ("pcm_s16le", 192000, 2, 2),
        ("pcm_s16le", 48000, 6, 1),
        ("vorbis", 44100, 2, 2),
    ],
)
def test_sound_that_mp4_does_not_take_is_encoded_anew(tmp_path, codec, rate, channels, kept):
    source = videos.flash_and_click(tmp_path / "in.mkv", sound=Sound(codec, rate, channels))
    assert rewrite(source, tmp_path / "out.mp4") == "re-encoded"
    assert abs(lag(tmp_path / "out.mp4")) < 1e-3
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.audio[0].codec_context
        assert (context.name, context.layout.nb_channels) == ("aac", kept)
        assert context.sample_rate == min(rate, 48000)


def test_slow_mp3_is_encoded_anew(tmp_path):
    source = videos.flash_and_click(tmp_path / "in.mkv", sound=Sound("libmp3lame", 8000))
    assert rewrite(source, tmp_path / "out.mp4") == "re-encoded"
    assert abs(lag(tmp_path / "out.mp4") - lag(source)) < 1e-3


def test_sound_longer_than_the_picture_is_kept_and_shorter_sound_is_no_trouble(tmp_path):
    for seconds in (0.4, 3.0):
        source = videos.moving_dot(tmp_path / "in.mp4", sounds=[Sound(seconds=seconds)])
        rewrite(source, tmp_path / "out.mp4")
        assert len(list(open_frames(tmp_path / "out.mp4"))) == 25
        assert len(load_sound(tmp_path / "out.mp4", RATE)[0]) / RATE == pytest.approx(seconds, abs=0.06)


def test_sound_of_a_transport_stream_plays_in_mp4(tmp_path):
    source = videos.flash_and_click(tmp_path / "in.ts")
    assert rewrite(source, tmp_path / "out.mp4") == "copied"
    assert abs(lag(tmp_path / "out.mp4")) < 1e-4


def test_images_with_a_separate_sound_file(tmp_path):
    sound = videos.write_sound(tmp_path / "a.wav", Sound("pcm_s16le"), videos.click(44100, 2.0, 0.8))
    with VideoWriter(
        tmp_path / "out.mp4", (48, 64), time_base=Fraction(1, 25), frame_rate=25, sound_from=sound
    ) as writer:
        for number in range(50):
            writer.write(np.full((48, 64, 3), 255 if number == 20 else 16, np.uint8), number / 25)
    assert writer.sound == "re-encoded"
    assert abs(lag(tmp_path / "out.mp4")) < 1e-4


def test_the_sound_stream_can_be_chosen(tmp_path):
    source = videos.moving_dot(tmp_path / "in.mp4", frames=50, sounds=[Sound(), Sound()])
    rewrite(source, tmp_path / "out.mp4", sound_stream=1)
    samples = SoundReader(tmp_path / "out.mp4", RATE).read(0.5, 1.5)
    assert np.abs(np.fft.rfft(samples)).argmax() == 880


def test_a_silent_source_gives_a_silent_video(tmp_path):
    source = videos.moving_dot(tmp_path / "in.mp4", sounds=[])
    assert rewrite(source, tmp_path / "out.mp4") == "none"
    assert not has_sound(tmp_path / "out.mp4")


def start_writing(target, *, error=None, frames=5, **options):
    options = {"time_base": Fraction(1, 25), "frame_rate": 25} | options
    with VideoWriter(target, (48, 64), **options) as writer:
        for number in range(frames):
            writer.write(videos.dot(number, (48, 64)), number / 25)
        if error is not None:
            raise error


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_after_an_error_or_an_interrupt_nothing_is_left(tmp_path, error):
    source = videos.moving_dot(tmp_path / "in.mp4")
    (tmp_path / "out.mp4").write_text("old")
    with pytest.raises(error):
        start_writing(tmp_path / "out.mp4", error=error, sound_from=source)
    assert sorted(os.listdir(tmp_path)) == ["in.mp4", "out.mp4"]
    assert (tmp_path / "out.mp4").read_text() == "old"


def test_a_video_without_frames_is_not_written(tmp_path):
    with pytest.raises(MediaError, match="no frame was given"):
        start_writing(tmp_path / "out.mp4", frames=0)
    assert os.listdir(tmp_path) == []


def test_a_place_that_cannot_be_written_to_is_said_in_one_line(tmp_path):
    with pytest.raises(MediaError, match=r"cannot write .*out\.mp4") as caught:
        start_writing(tmp_path / "nowhere" / "out.mp4")
    assert "\n" not in str(caught.value)
    with pytest.raises(MediaError, match="no such file"):
        start_writing(tmp_path / "out.mp4", sound_from=tmp_path / "nothing.mp4")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("limit", [2_000, 40_000])
def test_a_full_disk_is_said_in_one_line_and_leaves_nothing(tmp_path, suffix, limit):
    # A limit on the size of files fails as a full disk does: with an error of the operating system.
    noise = np.random.default_rng(0).integers(0, 256, (30, 96, 128, 3), dtype=np.uint8)

    def write():
        with VideoWriter(
            tmp_path / f"out{suffix}", (96, 128), time_base=Fraction(1, 25), frame_rate=25, preset="ultrafast"
        ) as writer:
            for number, image in enumerate(noise):
                writer.write(image, number / 25)

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(MediaError, match="cannot write") as caught:
            write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_arguments_that_make_no_sense_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.mp4 or \.mkv"):
        start_writing(tmp_path / "out.avi")
    with pytest.raises(ValueError, match="must be positive"):
        start_writing(tmp_path / "out.mp4", frame_rate=0)
    with pytest.raises(ValueError, match="comes no later"):
        start_writing(tmp_path / "out.mp4", time_base=Fraction(1, 10))
    assert os.listdir(tmp_path) == []


def test_a_written_video_can_be_rewritten_in_place(tmp_path):
    path = videos.moving_dot(tmp_path / "video.mp4", frames=10)
    frames = [(frame.image, frame.time) for frame in VideoReader(path)]
    assert rewrite(path, path) == "copied"
    again = [(frame.image, frame.time) for frame in VideoReader(path)]
    assert [time for _, time in again] == [time for _, time in frames]


@pytest.mark.parametrize("start", [0.5, 0.06, 0.1])
def test_an_excerpt_may_begin_between_ticks(tmp_path, start):
    """Frames at 0.52, 0.56, ... with ticks of 0.04 s lie half a tick off a beginning at 0.5 s."""
    path = tmp_path / "out.mp4"
    with VideoWriter(path, (16, 16), time_base=Fraction(1, 25), frame_rate=25, start=start) as writer:
        times = [0.04 * k for k in range(20) if 0.04 * k >= start]
        for time in times:
            writer.write(np.zeros((16, 16, 3), np.uint8), time)
    written = [frame.time for frame in open_frames(path)]
    assert np.diff(written) == pytest.approx([0.04] * (len(times) - 1), abs=1e-6)
