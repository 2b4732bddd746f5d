"""Each condition does to a waveform what its name says, and nothing else."""

import numpy as np
import pytest

from avsal.ablation.conditions import derangement, parse_condition, parse_conditions, seed_for
from avsal.errors import ConfigError

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
