"""Each condition does to a waveform what its name says, and nothing else."""

import numpy as np
import pytest
import soundfile

from avsal.ablation.conditions import derangement, parse_condition, parse_conditions, seed_for
from avsal.errors import ConfigError, MediaError
from avsal.types import Recording
from avsal.workflows.hearings import Hearings

RATE = 1000


@pytest.fixture
def sound():
    return (np.random.default_rng(0).standard_normal(2500) * 0.1).astype(np.float32)


def apply(text, sound, other=None, seed=0):
    return parse_condition(text).apply(sound, RATE, rng=np.random.default_rng(seed), other=other)


def test_conditions_keep_length_and_type_and_leave_the_sound_alone(sound):
    before = sound.copy()
    for text in ("original", "zero", "noise", "swapped", "shifted:0.5", "shifted:-3", "reversed", "gain:-20"):
        found = apply(text, sound, other=sound[:700])
        assert (found.shape, found.dtype) == (sound.shape, np.float32), text
    np.testing.assert_array_equal(sound, before)
    assert apply("video_only", sound) is None


def test_each_condition_is_what_it_says(sound):
    rms = np.sqrt(np.mean(sound**2))
    np.testing.assert_array_equal(apply("original", sound), sound)
    assert not apply("zero", sound).any()
    noise = apply("noise", sound, seed=3)
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(rms, rel=0.05)
    assert abs(np.corrcoef(noise, sound)[0, 1]) < 0.1
    np.testing.assert_array_equal(apply("noise", sound, seed=3), noise)
    assert (apply("noise", sound, seed=1) != noise).any()
    np.testing.assert_array_equal(apply("reversed", sound)[::-1], sound)
    np.testing.assert_allclose(apply("gain:-20", sound), sound / 10, rtol=1e-6)


def test_a_positive_shift_is_later_and_silence_moves_in(sound):
    later, earlier = apply("shifted:0.5", sound), apply("shifted:-0.5", sound)
    np.testing.assert_array_equal(later[500:], sound[:-500])
    assert not later[:500].any()
    np.testing.assert_array_equal(earlier[:-500], sound[500:])
    assert not earlier[-500:].any()
    assert not apply("shifted:60", sound).any()
    np.testing.assert_array_equal(apply("shifted:0", sound), sound)


def test_another_videos_sound_is_repeated_or_cut_and_needed(sound):
    other = np.arange(1000, dtype=np.float32)
    np.testing.assert_array_equal(apply("swapped", sound, other), np.tile(other, 3)[:2500])
    with pytest.raises(ConfigError, match="another video's audio"):
        apply("swapped", sound)


def test_noise_of_silence_is_silence():
    assert not apply("noise", np.zeros(100, np.float32)).any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zeros", "did you mean 'zero'"),
        ("shifted", "shifted:SECONDS"),
        ("gain:loud", "gain:DECIBEL"),
        ("gain:nan", "gain:DECIBEL"),
        ("zero:1", "takes no value"),
    ],
)
def test_wrong_conditions_are_refused_by_name(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_condition(text)


def test_true_is_always_first_and_something_must_be_compared_with_it():
    assert [one.name for one in parse_conditions("zero, shifted:.20,zero")] == [
        "original",
        "zero",
        "shifted:0.2",
    ]
    with pytest.raises(ConfigError, match="beside 'original'"):
        parse_conditions("original")


def test_derangements_are_uniform_and_depend_on_no_order():
    names = list("abcd")
    drawn = {}
    for seed in range(900):
        found = derangement(names, seed)
        assert sorted(found.values()) == names
        assert all(a != b for a, b in found.items())
        key = tuple(found[name] for name in names)
        drawn[key] = drawn.get(key, 0) + 1
    assert len(drawn) == 9  # all there are of four
    assert max(abs(count - 100) for count in drawn.values()) < 40  # four standard deviations
    assert derangement(names[::-1], 5) == derangement(names, 5)
    for wrong in (["a"], ["a", "a"]):
        with pytest.raises(ConfigError, match="at least two"):
            derangement(wrong, 0)


def test_chance_depends_on_names_and_seed():
    draws = [seed_for(*key).random() for key in ((0, "a", "b"), (0, "ab", ""), (1, "a", "b"), (0, "a", "b"))]
    assert draws[0] == draws[3]
    assert len(set(draws)) == 3


def test_former_names_are_understood_with_a_note(caplog):
    found = parse_conditions("true,other,absent")
    assert [one.name for one in found] == ["original", "swapped", "video_only"]
    assert "'other' is now called 'swapped'" in caplog.text


def tone(hertz, rate=8000, seconds=2.0):
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def clicks(rate=8000, seconds=2.0):
    found = np.zeros(round(seconds * rate), np.float32)
    found[rate // 4 :: rate // 2] = 1
    return found


def changed(text, audio, rate=8000, seed=0, **others):
    return parse_condition(text).apply(audio, rate, rng=np.random.default_rng(seed), **others)


def level(audio):
    return float(np.sqrt(np.mean(np.square(audio[1000:-1000]))))


NEW = ("harmonic", "percussive", "lowpass:500", "highpass:500", "envelope", "pitch:3", "scrambled")


@pytest.mark.parametrize("text", NEW)
def test_every_change_keeps_length_type_and_silence(text):
    for number in (0, 1, 100, 5001):
        found = changed(text, np.zeros(number, np.float32))
        assert (found.shape, found.dtype) == ((number,), np.float32)
        assert np.abs(found).max(initial=0) < 1e-6
    before = tone(300)
    kept = before.copy()
    changed(text, before)
    np.testing.assert_array_equal(before, kept)


def test_harmonic_and_percussive_parts_are_told_apart_and_add_up():
    steady, struck = 0.3 * tone(440), clicks()
    both = steady + struck
    harmonic, percussive = changed("harmonic", both), changed("percussive", both)
    np.testing.assert_allclose(harmonic + percussive, both, atol=0.02)
    assert np.corrcoef(harmonic, steady)[0, 1] > 0.98
    assert np.corrcoef(percussive, struck)[0, 1] > 0.8


def test_bands_keep_one_side_of_a_frequency_and_the_time():
    low, high = tone(200), tone(2000)
    assert level(changed("lowpass:800", low + high) - low) < 0.01
    assert level(changed("highpass:800", low + high) - high) < 0.01
    with pytest.raises(ConfigError, match="below half the sample rate"):
        changed("lowpass:4000", low)
    with pytest.raises(ConfigError, match=r"number from 1 to 1e\+06 as in highpass:HERTZ"):
        parse_condition("highpass:-3")


def test_the_envelope_is_kept_and_nothing_else():
    rate = 8000
    loud = tone(440) * np.repeat([0.05, 0.8, 0.0, 0.4], rate // 2).astype(np.float32)
    found = changed("envelope", loud)
    for part in range(4):
        inner = slice(part * rate // 2 + 400, (part + 1) * rate // 2 - 400)
        expected = np.sqrt(np.mean(loud[inner] ** 2))
        assert np.sqrt(np.mean(found[inner] ** 2)) == pytest.approx(expected, rel=0.1, abs=1e-6)
    assert abs(np.corrcoef(found, loud)[0, 1]) < 0.05


def test_a_shift_of_pitch_keeps_the_time():
    rate = 8000
    late = tone(440) * (np.arange(2 * rate) >= rate)
    found = changed("pitch:12", late.astype(np.float32))
    spectrum = np.abs(np.fft.rfft(found))
    assert np.fft.rfftfreq(len(found), 1 / rate)[spectrum.argmax()] == pytest.approx(880, rel=0.01)
    assert level(found[: rate - 600]) < 0.05 * level(found[rate:])


def test_scrambled_phases_keep_the_spectrum_and_no_event():
    struck = clicks()
    found = changed("scrambled", struck)
    np.testing.assert_allclose(np.abs(np.fft.rfft(found)), np.abs(np.fft.rfft(struck)), atol=1e-3)
    assert np.abs(found).max() < 0.5 * np.abs(struck).max()
    assert (changed("scrambled", struck, seed=1) != found).any()


def test_the_sound_of_a_video_of_the_same_category_is_needed():
    audio, other, alike = tone(100), tone(200), tone(300)
    np.testing.assert_array_equal(changed("swapped_category", audio, other=other, alike=alike), alike)
    with pytest.raises(ConfigError, match="another video of the same category"):
        changed("swapped_category", audio, other=other)


def test_each_recording_gets_the_sound_of_its_category(tmp_path):
    made = []
    for index, category in enumerate(("talk", "talk", "music", None)):
        path = tmp_path / f"{index}.wav"
        soundfile.write(path, 0.1 * (index + 1) * tone(200 + 100 * index, 16000, 0.5), 16000)
        made.append(Recording(f"v{index}", "set", path, audio=path, category=category))
    heard = {}

    class Model:
        name = "model"
        spec = type("Spec", (), {"sample_rate": 16000})

    class Own(Hearings):
        def _sound(self, recording):
            heard.setdefault(recording.id, soundfile.read(recording.audio, dtype="float32")[0])
            return heard[recording.id]

    hearings = Own(Model, made, parse_conditions("swapped_category"), 0)
    for one, another in ((0, 1), (1, 0)):
        found = hearings(made[one])["swapped_category"]
        np.testing.assert_array_equal(found, heard[f"v{another}"])
    for alone in made[2:]:
        with pytest.raises(MediaError, match="no other recording of its category"):
            hearings(alone)
    with pytest.raises(ConfigError, match="two recordings of one category"):
        Own(Model, made[2:], parse_conditions("swapped_category"), 0)
