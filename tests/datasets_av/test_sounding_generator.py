import hashlib
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest

from datasets_av.sounding_objects import Observers, SoundingObjects
from datasets_av.sounding_objects.scene import KINDS

CUES = ("identity", "rhythm", "synchrony")


def fingerprint(clip):
    digest = hashlib.sha256()
    gaze = clip.fixations
    for array in (clip.frames, clip.sound, gaze.frame, gaze.x, gaze.y, gaze.observer, clip.target):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def visible_pulses(frames, tracks):
    """(T, K) how much saturated colour there is around each object: more when it is open and bright."""
    T, K = tracks.shape[:2]
    seen = np.empty((T, K))
    for t in range(T):
        colourfulness = np.ptp(frames[t].astype(float), axis=-1)
        for k in range(K):
            x, y = tracks[t, k].astype(int)
            seen[t, k] = colourfulness[max(0, y - 12) : y + 13, max(0, x - 12) : x + 13].sum()
    return seen


def loudness(clip):
    """(T,) root mean square of the sound within 10 ms of each frame's appearance."""
    near = round(0.01 * clip.sample_rate)
    centres = np.round(clip.scene.times * clip.sample_rate).astype(int)
    return np.array([np.sqrt((clip.sound[max(0, c - near) : c + near] ** 2).mean()) for c in centres])


def rate_of(signal, times):
    """Pulses a second: the rate whose first two harmonics explain most of the signal."""
    rates = np.arange(0.5, 8.0, 0.02)
    left = []
    for rate in rates:
        angle = 2 * np.pi * rate * times
        waves = np.stack([np.ones_like(angle)] + [f(h * angle) for h in (1, 2) for f in (np.cos, np.sin)], 1)
        left.append(np.linalg.lstsq(waves, signal, rcond=None)[1].sum())
    return rates[np.argmin(left)]


@pytest.mark.parametrize("cue", CUES)
@pytest.mark.parametrize("setting", ["decides", "irrelevant", "visible"])
def test_a_clip_has_the_stated_shapes_types_and_ranges(setting, cue):
    clip = SoundingObjects(setting, cue, seed=2)[5]
    K = clip.scene.num_objects
    assert clip.frames.shape == (32, 64, 112, 3)
    assert clip.frames.dtype == np.uint8
    assert clip.sound.shape == (28224,)
    assert clip.sound.dtype == np.float32
    assert 0.02 < np.abs(clip.sound).max() < 1
    np.testing.assert_allclose(clip.scene.times, np.arange(32) / 25)
    assert clip.scene.tracks.shape == (32, K, 2)
    assert clip.scene.heard.shape == clip.attended.shape == (32,)
    assert clip.target.shape == (64, 112)
    assert clip.target.dtype == np.float32
    assert clip.target.min() >= 0
    assert clip.target.sum() == pytest.approx(1, abs=1e-4)
    gaze = clip.fixations
    assert gaze.size == (64, 112)
    assert gaze.observers == tuple(range(20))
    assert len(gaze) + gaze.dropped["beyond the frame"] == 20 * 32
    assert ((gaze.x >= 0) & (gaze.x < 112) & (gaze.y >= 0) & (gaze.y < 64)).all()


@pytest.mark.parametrize(
    ("num_frames", "size", "frame_rate", "sample_rate"),
    [(16, (64, 112), 25.0, 22050), (1, (32, 56), 30.0, 16000), (70, (96, 176), 29.97, 44100)],
)
def test_frames_size_and_rates_are_free(num_frames, size, frame_rate, sample_rate):
    clip = SoundingObjects(
        num_frames=num_frames, size=size, frame_rate=frame_rate, sample_rate=sample_rate, cue="identity"
    )[0]
    assert clip.frames.shape == (num_frames, *size, 3)
    assert len(clip.sound) == round(num_frames / frame_rate * sample_rate)
    assert clip.target.shape == size
    assert clip.scene.times[-1] == pytest.approx((num_frames - 1) / frame_rate)


@pytest.mark.parametrize("cue", CUES)
def test_a_clip_depends_on_its_arguments_and_nothing_else(cue):
    videos = SoundingObjects(cue=cue, seed=7)
    first = fingerprint(videos[3])
    list(islice(videos, 2))
    assert fingerprint(SoundingObjects(cue=cue, seed=7)[3]) == first
    assert fingerprint(videos[4]) != first
    assert fingerprint(SoundingObjects(cue=cue, seed=8)[3]) != first


def test_another_process_makes_the_same_bits():
    command = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('peer', {__file__!r})\n"
        "peer = importlib.util.module_from_spec(spec); spec.loader.exec_module(peer)\n"
        "print(peer.fingerprint(peer.SoundingObjects('irrelevant', 'rhythm', seed=11)[42]))\n"
    )
    other = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == fingerprint(SoundingObjects("irrelevant", "rhythm", seed=11)[42])


def test_iterating_gives_the_indexed_clips_without_end():
    videos = SoundingObjects(num_frames=2)
    for index, clip in enumerate(islice(videos, 3)):
        assert clip.index == index
        assert fingerprint(clip) == fingerprint(videos[index])


@pytest.mark.parametrize("cue", CUES)
def test_irrelevant_shows_the_same_videos_with_other_gaze(cue):
    pairs = [(SoundingObjects("decides", cue)[i], SoundingObjects("irrelevant", cue)[i]) for i in range(10)]
    for decides, irrelevant in pairs:
        np.testing.assert_array_equal(decides.frames, irrelevant.frames)
        np.testing.assert_array_equal(decides.sound, irrelevant.sound)
    assert any(decides.attended[0] != irrelevant.attended[0] for decides, irrelevant in pairs)


def test_gaze_is_independent_of_the_sound_where_sound_is_irrelevant():
    videos = SoundingObjects("irrelevant", num_frames=12, size=(32, 56), sample_rate=4000)
    clips = [videos[i] for i in range(400)]
    same = np.array([clip.attended[0] == clip.scene.heard[0] for clip in clips])
    chance = np.array([1 / clip.scene.num_objects for clip in clips])
    assert abs((same - chance).mean()) < 3.5 * np.sqrt((chance * (1 - chance)).mean() / len(clips))


@pytest.mark.parametrize("setting", ["decides", "visible"])
def test_gaze_follows_the_heard_object_where_sound_matters(setting):
    near = []
    for clip in islice(SoundingObjects(setting, seed=4), 30):
        gaze = clip.fixations.at(31)
        x, y = clip.scene.tracks[-1, clip.scene.heard[-1]]
        near.append((np.hypot(gaze.x - x, gaze.y - y) < 3 * 3.5).mean())
    assert np.mean(near) == pytest.approx(0.85, abs=0.04)


def test_visible_differs_only_by_a_ring_round_the_heard_object():
    for index in range(5):
        plain, marked = SoundingObjects("decides")[index], SoundingObjects("visible")[index]
        np.testing.assert_array_equal(plain.sound, marked.sound)
        for t in (0, 31):
            changed = np.argwhere((plain.frames[t] != marked.frames[t]).any(axis=-1)) + 0.5
            x, y = plain.scene.tracks[t, plain.scene.heard[t]]
            distance = np.hypot(changed[:, 1] - x, changed[:, 0] - y)
            assert len(distance) > 100
            assert distance.min() > 11
            assert distance.max() < 16


def test_objects_are_drawn_where_the_tracks_say():
    errors = []
    for clip in islice(SoundingObjects(cue="rhythm", seed=1), 10):
        colour = np.array(clip.scene.kinds[0].colour)
        for t in (0, 20):
            # saturation along the object's colour; the background is nearly grey
            weight = clip.frames[t].astype(float) @ (colour - colour.mean())
            for x, y in clip.scene.tracks[t]:
                top, left = int(y) - 11, int(x) - 11
                part = weight[top : top + 23, left : left + 23]
                part = (part > 0.5 * np.quantile(part, 0.97)).astype(float)
                rows, columns = np.indices(part.shape) + 0.5
                mass = part.sum()
                errors.append(
                    [(part * columns).sum() / mass + left - x, (part * rows).sum() / mass + top - y]
                )
    errors = np.array(errors)
    assert np.abs(errors.mean(axis=0)).max() < 0.25
    assert np.abs(errors).max() < 1.0


@pytest.mark.parametrize("seed", range(20))
def test_under_synchrony_exactly_the_heard_object_pulses_with_the_sound(seed):
    clip = SoundingObjects(cue="synchrony", seed=seed)[0]
    seen, sound = visible_pulses(clip.frames, clip.scene.tracks), loudness(clip)
    match = np.array([np.corrcoef(pulse, sound)[0, 1] for pulse in seen.T])
    heard = clip.scene.heard[0]
    assert match[heard] > 0.85
    assert np.delete(match, heard).max() < match[heard] - 0.3


@pytest.mark.parametrize("seed", range(12))
def test_under_rhythm_exactly_the_heard_object_pulses_at_the_rate_of_the_sound(seed):
    clip = SoundingObjects(cue="rhythm", seed=seed, num_frames=64)[0]
    seen = visible_pulses(clip.frames, clip.scene.tracks)
    rate = rate_of(loudness(clip), clip.scene.times)
    off = np.array([abs(np.log(rate_of(pulse, clip.scene.times) / rate)) for pulse in seen.T])
    heard = clip.scene.heard[0]
    assert off[heard] < 0.07
    assert np.delete(off, heard).min() > 0.15


@pytest.mark.parametrize("seed", range(12))
def test_under_identity_exactly_the_heard_object_has_the_colour_of_the_pitch(seed):
    clip = SoundingObjects(cue="identity", seed=seed, num_frames=25)[0]
    spectrum = np.abs(np.fft.rfft(clip.sound * np.hanning(len(clip.sound))))
    pitch = np.argmax(spectrum) * clip.sample_rate / len(clip.sound)
    voice = int(np.argmin([abs(np.log(pitch / kind.pitch)) for kind in KINDS]))
    looks = []
    for x, y in clip.scene.tracks[0].astype(int):
        colour = clip.frames[0, y, x] / np.linalg.norm(clip.frames[0, y, x])
        looks.append(int(np.argmax([colour @ kind.colour / np.linalg.norm(kind.colour) for kind in KINDS])))
    assert looks.count(voice) == 1
    assert looks.index(voice) == clip.scene.heard[0]
    rate = rate_of(loudness(clip), clip.scene.times)
    assert rate < clip.scene.rates.min()


def test_in_long_videos_another_object_is_heard_from_turn_to_turn():
    clip = SoundingObjects(cue="identity", seed=3, num_frames=250, switch_every=2.0)[1]
    turns = clip.scene.turns
    assert len(turns.starts) >= 4
    assert (np.diff(turns.objects) != 0).all()
    edges = np.append(turns.starts, clip.scene.seconds)
    for start, end, k in zip(edges[:-1], edges[1:], turns.objects, strict=True):
        part = clip.sound[round(start * clip.sample_rate) : round(end * clip.sample_rate)]
        pitch = np.argmax(np.abs(np.fft.rfft(part))) * clip.sample_rate / len(part)
        assert pitch == pytest.approx(clip.scene.kinds[k].pitch, rel=0.04)


def test_sound_does_not_click_where_the_voice_changes():
    clip = SoundingObjects(cue="identity", seed=3, num_frames=250, switch_every=2.0)[1]
    for start in clip.scene.turns.starts[1:]:
        middle = round(start * clip.sample_rate)
        assert np.abs(clip.sound[middle - 20 : middle + 20]).max() < 0.03


def test_harmonics_beyond_half_the_sample_rate_are_left_out():
    videos = SoundingObjects(cue="identity", sample_rate=4000, num_frames=50)
    clip = next(c for c in videos if c.scene.kinds[c.scene.heard[0]].pitch == 1760)
    spectrum = np.abs(np.fft.rfft(clip.sound * np.hanning(len(clip.sound)))) ** 2
    frequency = np.fft.rfftfreq(len(clip.sound), 1 / 4000)
    fundamental = np.abs(frequency - clip.scene.pitches[clip.scene.heard[0]]) < 20
    assert spectrum[fundamental].sum() > 0.9 * spectrum.sum()


def test_the_background_keeps_its_contrast_under_the_drifting_camera():
    clip = SoundingObjects(num_frames=32, seed=5)[0]
    y, x = np.indices((64, 112)) + 0.5
    free = np.ones((64, 112), dtype=bool)
    for place in clip.scene.tracks.reshape(-1, 2):
        free &= np.hypot(x - place[0], y - place[1]) > 16
    background = clip.frames[:, free].astype(float)
    contrast = background.std(axis=(1, 2))
    assert contrast.min() > 12
    assert contrast.max() < 40
    # a quicker change would be a rhythm of its own
    assert np.abs(np.diff(np.log(contrast))).max() < 0.03
    assert np.abs(background[-1] - background[0]).mean() > 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"setting": "helps"}, "`setting` must be one of decides, irrelevant, visible"),
        ({"cue": "pitch"}, "`cue` must be one of identity, rhythm, synchrony"),
        ({"size": (20, 40)}, r"`size` must be at least \(32, 56\)"),
        ({"frame_rate": 10}, "`frame_rate` must be at least 15 but is 10"),
        ({"seed": -1}, "`seed` must be at least 0"),
        ({"num_frames": 0}, "`num_frames` must be at least 1"),
        ({"sample_rate": 800}, "`sample_rate` must be at least 4000"),
        ({"switch_every": 0}, "`switch_every` must be positive"),
    ],
)
def test_impossible_arguments_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        SoundingObjects(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num": 0}, "`num` must be at least 1"),
        ({"attended": 0.95}, "must be probabilities"),
        ({"latency": (0.4, 0.2)}, "`latency` must be"),
        ({"scatter": 0.0}, "must be positive"),
    ],
)
def test_impossible_observers_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        Observers(**arguments)


def test_a_negative_index_is_refused():
    with pytest.raises(IndexError, match="`index` must be 0 or more"):
        SoundingObjects()[-1]
