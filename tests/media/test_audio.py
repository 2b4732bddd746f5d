"""Sound lands on the video clock to the sample, in one piece or in many."""

import numpy as np
import pytest
import soundfile
import soxr
import videos
from hypothesis import given, settings
from hypothesis import strategies as st
from videos import Sound

from avsal.errors import MediaError
from avsal.media.audio import RESAMPLER, SoundReader, has_sound, load_sound, resample
from avsal.media.video import open_frames

RATE = 16000


def flash_time(path):
    return max(open_frames(path, (8, 8)), key=lambda frame: frame.image.mean()).time


def read_all(path, rate=RATE, step=0.36, **options):
    """The whole sound in pieces of an odd length."""
    whole, _ = load_sound(path, rate, **options)
    reader = SoundReader(path, rate, **options)
    count = int(len(whole) / rate / step) + 2
    return np.concatenate([reader.read(k * step, (k + 1) * step) for k in range(count)]), whole


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize(
    ("suffix", "codec", "native"),
    [
        (".mp4", "aac", 44100),
        (".mp4", "aac", 16000),
        (".mp4", "libmp3lame", 44100),
        (".mp4", "libopus", 48000),
        (".mp4", "flac", 44100),
        (".mp4", "alac", 48000),
        (".mp4", "ac3", 48000),
        (".mov", "pcm_s16le", 8000),
        (".mkv", "pcm_s24le", 96000),
        (".avi", "pcm_u8", 22050),
        (".ts", "aac", 48000),
    ],
)
def test_a_click_is_heard_when_the_flash_is_seen(tmp_path, suffix, codec, native, rate):
    path = videos.flash_and_click(tmp_path / f"video{suffix}", sound=Sound(codec, native))
    samples, damage = load_sound(path, rate, origin=open_frames(path).info.origin)
    assert abs(videos.click_time(samples, rate) - flash_time(path)) < 1e-4
    assert not damage


@pytest.mark.parametrize(("suffix", "codec"), [(".mkv", "aac"), (".mkv", "libopus"), (".flv", "aac")])
def test_containers_that_round_to_milliseconds_stay_within_them(tmp_path, suffix, codec):
    rate = 48000 if codec == "libopus" else 44100
    path = videos.flash_and_click(tmp_path / f"video{suffix}", sound=Sound(codec, rate))
    samples, _ = load_sound(path, RATE, origin=open_frames(path).info.origin)
    assert abs(videos.click_time(samples, RATE) - flash_time(path)) < 1.1e-3


def test_mp3_in_avi_is_late_by_its_own_delay_and_no_more(tmp_path):
    path = videos.flash_and_click(tmp_path / "video.avi", sound=Sound("libmp3lame"))
    samples, _ = load_sound(path, RATE, origin=0.0)
    # AVI cannot tell how many samples the encoder put in front (1105): every player is as late.
    assert videos.click_time(samples, RATE) - flash_time(path) == pytest.approx(1105 / 44100, abs=1e-3)


@pytest.mark.parametrize(("picture", "sound"), [(0.0, 0.3), (1.08, 0.0), (0.5, 0.9), (0.9, 0.5)])
@pytest.mark.parametrize("codec", ["aac", "flac"])
def test_streams_that_start_at_different_times_stay_in_step(tmp_path, picture, sound, codec):
    sound = Sound(codec, start=sound, seconds=2.0)
    path = videos.flash_and_click(tmp_path / "video.mp4", picture_start=picture, sound=sound)
    info = open_frames(path).info
    samples, _ = load_sound(path, RATE, origin=info.origin)
    assert abs(videos.click_time(samples, RATE) - flash_time(path)) < 1e-4
    reader = SoundReader(path, RATE, origin=info.origin)
    flash = flash_time(path)
    excerpt = reader.read(flash - 0.1, flash + 0.1)
    assert abs(videos.click_time(excerpt, RATE) - 0.1) < 1e-4


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
def test_reading_in_pieces_equals_reading_at_once(tmp_path, rate):
    path = videos.moving_dot(tmp_path / "video.mp4", frames=100)
    pieces, whole = read_all(path, rate)
    assert np.abs(pieces[: len(whole)] - whole).max() <= 1e-6
    assert np.abs(pieces[len(whole) :]).max() == 0
    assert len(whole) == pytest.approx(4 * rate, abs=0.03 * rate)


@settings(deadline=None, max_examples=25)
@given(
    starts=st.lists(st.floats(0, 0.9), min_size=1, max_size=8),
    lengths=st.lists(st.floats(0, 1.5), min_size=8, max_size=8),
)
def test_windows_that_overlap_and_step_back_equal_the_whole(tmp_path_factory, starts, lengths):
    path = tmp_path_factory.getbasetemp() / "windows.mp4"
    if not path.exists():
        videos.moving_dot(path, frames=120)
    whole, _ = load_sound(path, RATE)
    whole = np.concatenate([whole, np.zeros(4 * RATE, np.float32)])
    reader = SoundReader(path, RATE, keep=2.0)
    at = 0.0
    for step, length in zip(starts, lengths, strict=False):
        at = max(0.0, at + step - 0.2)
        window = reader.read(at, at + length)
        assert len(window) == round((at + length - at) * RATE)
        first = round(at * RATE)
        assert np.abs(window - whole[first : first + len(window)]).max(initial=0) <= 1e-6


def test_stepping_back_further_than_is_kept_is_an_error(tmp_path):
    path = videos.moving_dot(tmp_path / "video.mp4", frames=120)
    reader = SoundReader(path, RATE, keep=1.0)
    reader.read(3.0, 3.5)
    assert reader.read(2.0, 2.1).std() > 0.1
    with pytest.raises(ValueError, match="give a greater `keep`"):
        reader.read(1.9, 2.0)
    with pytest.raises(ValueError, match="`end` must not lie before `start`"):
        reader.read(4.0, 3.0)


def test_where_there_is_no_sound_there_are_zeros(tmp_path):
    path = videos.moving_dot(
        tmp_path / "video.mkv", frames=75, sounds=[Sound("flac", start=1.0, seconds=1.0)]
    )
    reader = SoundReader(path, RATE, origin=open_frames(path).info.origin)
    samples = reader.read(-1.0, 4.0)
    assert len(samples) == 5 * RATE
    assert np.abs(samples[: 2 * RATE - 200]).max() < 1e-6
    assert samples[2 * RATE : 3 * RATE].std() == pytest.approx(0.3 / np.sqrt(2), rel=0.02)
    assert np.abs(samples[3 * RATE + 200 :]).max() < 1e-6
    assert np.abs(reader.read(100, 101)).max() == 0


@pytest.mark.parametrize("channels", range(1, 9))
def test_channels_are_mixed_by_their_mean(tmp_path, channels):
    levels = np.linspace(0.1, 0.9, channels)
    samples = levels[:, None] * videos.tone(RATE, 0.5)
    path = videos.write_sound(tmp_path / "sound.wav", Sound("pcm_f32le", RATE, channels), samples)
    mixed, _ = load_sound(path, RATE)
    assert np.abs(mixed - levels.mean() * videos.tone(RATE, 0.5)).max() < 1e-6


def test_eight_channels_of_a_lossy_codec_are_mixed_too(tmp_path):
    sound = Sound("aac", 48000, 8)
    path = videos.write_sound(tmp_path / "sound.mp4", sound, videos.tone(48000, 1.0))
    samples, _ = load_sound(path, 48000)
    # Seven eighths: the codec keeps nothing of 440 Hz in the low-frequency channel.
    assert samples[4800:43200].std() == pytest.approx(7 / 8 * 0.3 / np.sqrt(2), rel=0.03)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 192000])
def test_a_tone_of_any_sample_rate_keeps_its_pitch_level_and_phase(tmp_path, rate):
    path = videos.write_sound(tmp_path / "sound.wav", Sound("pcm_s16le", rate), videos.tone(rate, 1.0))
    samples, _ = load_sound(path, 22050)
    assert len(samples) == pytest.approx(22050, abs=1)
    middle = slice(2000, 20000)
    assert np.abs(samples[middle] - videos.tone(22050, 1.0)[middle]).max() < 1e-4


@pytest.mark.parametrize(
    ("name", "codec", "tolerance"),
    [
        ("a.wav", "pcm_s16le", 1e-4),
        ("b.wav", "pcm_u8", 1e-2),
        ("c.wav", "pcm_s24le", 1e-6),
        ("d.wav", "pcm_s32le", 1e-6),
        ("e.wav", "pcm_f64le", 1e-6),
        ("a.flac", "flac", 1e-4),
        ("a.mp3", "libmp3lame", 0.02),
        ("a.m4a", "aac", 0.02),
        ("a.ogg", "libopus", 0.03),
        ("a.ogg", "vorbis", 0.05),
    ],
)
def test_separate_sound_files_begin_at_0(tmp_path, name, codec, tolerance):
    channels = 2 if codec == "vorbis" else 1
    rate = 48000
    path = videos.write_sound(tmp_path / name, Sound(codec, rate, channels), videos.tone(rate, 1.5))
    samples, damage = load_sound(path, rate)
    error = samples[4000:60000] - videos.tone(rate, 1.5)[4000:60000]
    assert np.sqrt((error**2).mean()) < tolerance
    assert not damage
    assert has_sound(path)


def test_extensible_wav_is_read_as_soundfile_reads_it(tmp_path):
    samples = np.random.default_rng(0).uniform(-1, 1, (4000, 4)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="PCM_24", format="WAVEX")
    expected, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert np.abs(load_sound(tmp_path / "a.wav", RATE)[0] - expected.mean(axis=1)).max() < 1e-6


def test_a_video_read_as_a_separate_sound_begins_with_its_first_stream(tmp_path):
    path = videos.flash_and_click(tmp_path / "video.mp4", sound=Sound("flac", start=0.5, seconds=2))
    with_origin, _ = load_sound(path, RATE, origin=open_frames(path).info.origin)
    assert (load_sound(path, RATE)[0] == with_origin).all()


def test_the_sound_stream_can_be_chosen(tmp_path):
    path = videos.moving_dot(tmp_path / "video.mkv", frames=50, sounds=[Sound("flac"), Sound("flac", 48000)])
    for stream, frequency in ((None, 440), (0, 440), (1, 880)):
        samples, _ = load_sound(path, RATE, stream=stream)
        spectrum = np.abs(np.fft.rfft(samples[:RATE]))
        assert spectrum.argmax() == frequency
    with pytest.raises(MediaError, match="2 sound streams, numbered from 0, but number 5"):
        SoundReader(path, RATE, stream=5)


def test_videos_without_sound_say_so(tmp_path):
    path = videos.moving_dot(tmp_path / "video.mp4", sounds=[])
    assert not has_sound(path)
    with pytest.raises(MediaError, match="no sound that can be decoded"):
        SoundReader(path, RATE)
    with pytest.raises(MediaError, match="no such file"):
        has_sound(tmp_path / "nothing.wav")
    with pytest.raises(ValueError, match="`sample_rate`"):
        load_sound(path, 0)


def test_a_sound_that_is_announced_but_never_comes_is_none(tmp_path):
    path = tmp_path / "video.mkv"
    videos.write_video(
        path, [videos.dot(0, (48, 64))], [0.0], [(Sound(), np.zeros(0, np.float32))], size=(48, 64)
    )
    assert not has_sound(path)
    assert not open_frames(path).info.sound
    with pytest.raises(MediaError, match="its sound cannot be decoded"):
        SoundReader(path, RATE)


def copy_sound(source, target, change):
    """Copy a video's sound packets; `change` turns the number of each into how often it is written."""
    import av

    with av.open(str(source)) as container, av.open(str(target), "w") as output:
        stream = container.streams.audio[0]
        copy = output.add_stream_from_template(stream)
        for number, packet in enumerate(p for p in container.demux(stream) if p.dts is not None):
            packet.stream = copy
            for _ in range(change(number)):
                output.mux(packet)
    return target


@pytest.mark.parametrize(("codec", "suffix"), [("pcm_s16le", ".mkv"), ("aac", ".mp4"), ("aac", ".mkv")])
def test_lost_packets_leave_silence_and_move_nothing(tmp_path, codec, suffix):
    whole = videos.flash_and_click(tmp_path / f"a{suffix}", at=40, frames=50, sound=Sound(codec))
    lossy = copy_sound(whole, tmp_path / f"b{suffix}", lambda number: not 20 <= number < 25)
    tone = videos.moving_dot(tmp_path / f"c{suffix}", frames=50, sounds=[Sound(codec)])
    holed = copy_sound(tone, tmp_path / f"d{suffix}", lambda number: not 20 <= number < 25)
    clicks = [videos.click_time(load_sound(path, RATE)[0], RATE) for path in (whole, lossy)]
    assert clicks[1] == pytest.approx(clicks[0], abs=1.1e-3 if suffix == ".mkv" else 1e-4)
    samples, _ = load_sound(holed, RATE)
    lost = slice(int(21.5 * 1024 / 44100 * RATE), int(23 * 1024 / 44100 * RATE))
    assert np.abs(samples[lost]).max() < 1e-3
    assert samples[: lost.start - RATE // 20].std() > 0.15
    assert len(samples) == pytest.approx(len(load_sound(tone, RATE)[0]), abs=RATE * 0.03)


def test_packets_that_come_twice_are_heard_once(tmp_path):
    video = videos.moving_dot(tmp_path / "a.mkv", frames=50, sounds=[Sound("pcm_s16le")])
    doubled = copy_sound(video, tmp_path / "b.mkv", lambda number: 2 if number % 3 == 0 else 1)
    expected = load_sound(video, RATE)[0]
    samples = load_sound(doubled, RATE)[0]
    assert len(samples) == len(expected)
    assert np.abs(samples - expected).max() < 1e-6


def test_rounded_stamps_do_not_tear_the_sound(tmp_path):
    path = videos.moving_dot(tmp_path / "video.mkv", frames=250, sounds=[Sound("flac", 44100)])
    samples, _ = load_sound(path, 44100)
    assert np.abs(samples - videos.tone(44100, 10.0)).max() < 1e-4


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_far_ahead_it_is_sought_where_that_is_exact(tmp_path, suffix):
    path = videos.moving_dot(
        tmp_path / f"video{suffix}", frames=50, frame_rate=1, sounds=[Sound("flac", 22050)]
    )
    whole, damage = load_sound(path, RATE)
    reader = SoundReader(path, RATE, keep=1.0)
    for start in (0.0, 30.25, 45.0):
        window = reader.read(start, start + 0.5)
        first = round(start * RATE)
        assert np.abs(window - whole[first : first + len(window)]).max() < 1e-5
    assert (reader.damage.decoded < damage.decoded / 2) == (suffix == ".mp4")
    assert np.abs(reader.read(80, 81)).max() == 0
    assert np.abs(reader.read(200, 201)).max() == 0


def test_damaged_sound_gives_what_decodes_and_says_so(tmp_path):
    path = videos.write_sound(tmp_path / "a.m4a", Sound(), videos.tone(44100, 8.0))
    expected = load_sound(path, RATE)[0]
    videos.corrupt(path, 0.4, 0.5)
    samples, damage = load_sound(path, RATE)
    assert damage
    assert damage.describe().startswith("sound: ")
    assert len(samples) == pytest.approx(len(expected), abs=RATE * 0.1)
    early = slice(RATE, int(0.38 * len(expected)))
    assert np.abs(samples[early] - expected[early]).max() < 1e-6


def test_a_sound_that_is_cut_off_says_how_much_is_missing(tmp_path):
    path = videos.write_sound(tmp_path / "a.flac", Sound("flac"), videos.tone(44100, 4.0))
    samples, damage = load_sound(videos.truncate(path, 0.5), RATE)
    assert RATE < len(samples) < 3 * RATE
    assert damage.missing_seconds == pytest.approx(4.0 - len(samples) / RATE, abs=0.2)


def test_the_resampler_is_the_one_it_is_called():
    noise = np.random.default_rng(0).standard_normal(48000).astype(np.float32)
    assert RESAMPLER == "soxr HQ"
    assert (resample(noise, 48000, 16000) == soxr.resample(noise, 48000, 16000, quality="HQ")).all()
    assert (resample(noise, 16000, 16000) == noise).all()
    stereo = resample(np.stack([noise, -noise]), 48000, 22050)
    assert stereo.shape == (2, 22050)
    assert (stereo[0] == -stereo[1]).all()
    assert resample(np.zeros(0, np.float32), 8000, 16000).shape == (0,)
    with pytest.raises(ValueError, match="must be positive"):
        resample(noise, 0, 16000)


def test_resampling_lets_nothing_through_that_the_new_rate_cannot_hold():
    tone = np.sin(2 * np.pi * 9000 * np.arange(96000) / 48000).astype(np.float32)
    leak = resample(tone, 48000, 16000)[1000:-1000]
    assert 20 * np.log10(np.abs(leak).max()) < -100
