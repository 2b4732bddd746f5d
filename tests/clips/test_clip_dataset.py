from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch.utils.data import DataLoader

from avsal.clips import ClipBatch, ClipDataset, Store, StoreSettings, planned_steps, prepare
from avsal.errors import ConfigError, DatasetError
from avsal.groundtruth import DensityRecipe
from avsal.types import ClipSpec, Fixations

SIZE = (24, 32)  # of the videos
SAMPLE_RATE = 16000
SPEC = ClipSpec(4, (12, 16), sample_rate=SAMPLE_RATE, audio_scale=256.0)
RECIPE = DensityRecipe("test", 2.0)


def clicks(num_frames: int, rate: float = 25.0, late: float = 0.0) -> np.ndarray:
    """A loud sample in the middle of every frame, louder frame by frame, so that each tells its number."""
    sound = np.zeros(round((late + num_frames / rate) * SAMPLE_RATE), np.float32)
    times = late + (np.arange(num_frames) + 0.5) / rate
    sound[np.round(times * SAMPLE_RATE).astype(int)] = (1 + np.arange(num_frames)) / 64
    return sound


def frames_heard(clip) -> list[int]:
    samples = clip.audio[0].numpy() / 256
    return [round(64 * float(value)) - 1 for value in samples[samples > 0]]


def frames_seen(clip) -> list[int]:
    return (clip.images[:, 0, 0, 0] // 4).tolist()


def clips_of(recordings, spec=SPEC, recipe=RECIPE, seed=1, **options):
    return list(ClipDataset(recordings, spec, recipe, seed=seed, **options))


@pytest.mark.parametrize(("predicts", "slots"), [("last", [3]), ("centre", [2]), ("all", [0, 1, 2, 3])])
def test_windows_lie_as_in_the_video_and_predict_what_the_spec_says(maker, predicts, slots):
    stored = maker.store([maker.recording("a", sound=clicks(12))])
    spec = replace(SPEC, predicts=predicts)
    firsts = set()
    for clip in clips_of(stored.recordings, spec, clips_per_recording=200):
        seen = frames_seen(clip)
        assert seen == list(range(seen[0], seen[0] + 4))
        assert clip.frames.tolist() == [seen[slot] for slot in slots]
        firsts.add(seen[0])
    assert firsts == set(range(9))


@pytest.mark.parametrize(("rate", "late"), [(25, 0.0), (24, 0.0), (25, 0.36)])
def test_every_frame_is_heard_at_its_place_in_the_clip(maker, rate, late):
    recording = maker.recording("a", rate=rate, late=late, sound=clicks(12, rate, late))
    for clip in clips_of(maker.store([recording]).recordings, clips_per_recording=20):
        assert frames_heard(clip) == frames_seen(clip)
        samples = clip.audio[0].numpy()
        places = np.flatnonzero(samples) / SAMPLE_RATE
        np.testing.assert_allclose(places, (np.arange(4) + 0.5) / rate, atol=1.1e-3)  # mkv stamps are in ms
        assert len(samples) == round(4 / rate * SAMPLE_RATE)


@pytest.mark.parametrize("short", ["repeat_first", "repeat_last", "mirror"])
@pytest.mark.parametrize("predicts", ["last", "centre", "all"])
@pytest.mark.parametrize("num_frames", [1, 2, 5])
def test_short_videos_give_whole_clips_with_the_sound_of_each_frame(maker, short, predicts, num_frames):
    store = maker.store([maker.recording("a", num_frames, sound=clicks(num_frames))])
    spec = replace(SPEC, num_frames=8, predicts=predicts)
    windows = set()
    for clip in clips_of(store.recordings, spec, short=short, clips_per_recording=60):
        assert len(clip.images) == 8
        assert frames_heard(clip) == frames_seen(clip)
        assert clip.audio.shape == (1, round(8 / 25 * SAMPLE_RATE))
        windows.add(tuple(frames_seen(clip)))
    if short == "repeat_first":
        padded = [0] * 7 + list(range(num_frames))
        assert windows == {tuple(padded[start : start + 8]) for start in range(num_frames)}
    elif short == "repeat_last":
        assert windows == {(*range(num_frames), *[num_frames - 1] * (8 - num_frames))}
    else:
        assert len(windows) <= num_frames


def test_the_first_frame_may_be_predicted_of_a_short_video(maker):
    store = maker.store([maker.recording("a", 3)])
    predicted = {int(clip.frames[0]) for clip in clips_of(store.recordings, clips_per_recording=50)}
    assert predicted == {0, 1, 2}


def test_context_is_more_of_the_video_around_the_same_window(maker):
    stored = maker.store([maker.recording("a", sound=clicks(12))])
    alone, around = (
        clips_of(stored.recordings, clips_per_recording=50, context=context) for context in (0, 8)
    )
    for one, other in zip(alone, around, strict=True):
        seen = frames_seen(one)
        assert frames_seen(other) == np.clip(np.arange(seen[0] - 8, seen[0] + 12), 0, 11).tolist()
        assert one.frames.equal(other.frames)
        assert one.audio.equal(other.audio)
        assert one.density.equal(other.density)


def test_density_is_the_recipe_s_at_the_map_s_size_and_sums_to_one(maker):
    store = maker.store([maker.recording("a")])
    recipe = DensityRecipe("wide", 3.0, truncate=8.0)
    for clip in clips_of(store.recordings, recipe=recipe, map_size=SIZE, clips_per_recording=5):
        frame = int(clip.frames[0])
        gaze = store.recordings[0].fixations.at(frame)
        points = np.zeros(SIZE)
        points[gaze.y.astype(int), gaze.x.astype(int)] = 1
        expected = gaussian_filter(points, 3.0, mode="constant", truncate=8)
        np.testing.assert_allclose(clip.density[0], expected / expected.sum(), atol=1e-6)
        rows_and_columns = sorted(map(tuple, clip.points[0].tolist()))
        assert rows_and_columns == sorted(zip(gaze.y.astype(int), gaze.x.astype(int), strict=True))


def test_frames_without_gaze_have_density_zero_and_no_points(maker):
    nobody = Fixations([], [], [], [], SIZE)
    clip = clips_of(maker.store([maker.recording("a", points=nobody)]).recordings)[0]
    assert not clip.density.any()
    assert clip.points[0].shape == (0, 2)


def test_repeated_fixations_stay_repeated(maker):
    points = Fixations(np.tile(np.arange(12), 3), [5.1] * 36, [7.9] * 36, np.repeat([1, 2, 3], 12), SIZE)
    clip = clips_of(maker.store([maker.recording("a", points=points)]).recordings)[0]
    assert clip.points[0].tolist() == [[3, 2]] * 3


def test_a_clip_depends_on_seed_epoch_and_number_alone(maker):
    stored = maker.store([maker.recording(name, sound=clicks(12)) for name in "abc"]).recordings
    dataset = ClipDataset(stored, SPEC, RECIPE, seed=5, clips_per_recording=4, flip=0.5)

    def facts(index):
        clip = dataset[index]
        return clip.recording, clip.images.numpy().tobytes(), clip.audio.numpy().tobytes(), clip.density.sum()

    first = [facts(index) for index in range(len(dataset))]
    dataset.set_epoch(3)
    third = [facts(index) for index in range(len(dataset))]
    dataset.set_epoch(0)
    assert [facts(index) for index in reversed(range(len(dataset)))] == first[::-1]
    assert third != first
    other = ClipDataset(stored, SPEC, RECIPE, seed=6, clips_per_recording=4, flip=0.5)
    assert [frames_seen(clip) for clip in other] != [frames_seen(clip) for clip in dataset]


def test_workers_give_the_same_batches_in_every_epoch(maker):
    stored = maker.store([maker.recording(name, sound=clicks(12)) for name in "abcd"]).recordings
    loaders = []
    for workers in (0, 2):
        dataset = ClipDataset(stored, SPEC, RECIPE, seed=5, clips_per_recording=2, flip=0.5)
        loaders.append(
            DataLoader(
                dataset,
                batch_sampler=[],
                collate_fn=partial(ClipBatch.collect, spec=SPEC),
                num_workers=workers,
                persistent_workers=workers > 0,
            )
        )
    seen = set()
    for epoch in range(3):
        for loader in loaders:
            loader.dataset.set_epoch(epoch)
            loader.batch_sampler[:] = planned_steps(loader.dataset, epoch, 3)
        for one, other in zip(*loaders, strict=True):
            assert one.recordings == other.recordings
            torch.testing.assert_close(one.frames, other.frames, rtol=0, atol=0)
            torch.testing.assert_close(one.audio, other.audio, rtol=0, atol=0)
            torch.testing.assert_close(one.points, other.points)
            seen.add((epoch, one.recordings, float(one.frames.sum())))
    assert len(seen) == 9


def test_fixed_clips_are_the_same_in_every_epoch(maker):
    stored = maker.store([maker.recording("a"), maker.recording("b", 3)]).recordings
    dataset = ClipDataset(stored, SPEC, RECIPE, seed=0, every=3)
    expected = [("a", [0, 1, 2, 3]), ("a", [3, 4, 5, 6]), ("a", [6, 7, 8, 9])]
    short = frames_seen(dataset[3])
    for epoch in range(3):
        dataset.set_epoch(epoch)
        clips = [(clip.recording, frames_seen(clip)) for clip in dataset]
        assert clips[:3] == expected
        assert clips[3:] == [("b", short)]


def test_flips_act_on_frames_maps_and_points_together(maker):
    store = maker.store([maker.recording("a")])
    for plain, flipped in zip(
        clips_of(store.recordings, clips_per_recording=5),
        clips_of(store.recordings, clips_per_recording=5, flip=1.0),
        strict=True,
    ):
        assert plain.frames.tolist() == flipped.frames.tolist()
        np.testing.assert_array_equal(flipped.images, plain.images.numpy()[:, :, ::-1])
        np.testing.assert_array_equal(flipped.density, plain.density.numpy()[..., ::-1])
        mirrored = plain.points[0].clone()
        mirrored[:, 1] = 15 - mirrored[:, 1]
        assert flipped.points[0].tolist() == mirrored.tolist()


def test_half_of_the_clips_are_flipped(maker):
    store = maker.store([maker.recording("a", 4)])
    clips = clips_of(store.recordings, clips_per_recording=300, flip=0.5)
    flipped = sum(int(clip.images[0, 0, 0, 0]) > 128 for clip in clips)
    assert 110 < flipped < 190


def test_crops_act_on_frames_maps_and_points_together(maker):
    """Stored at the video's size, so that pixels can be compared one to one."""
    random = np.random.default_rng(0)
    points = Fixations(
        np.tile(np.arange(12), 30), random.uniform(0, 32, 360), random.uniform(0, 24, 360), [0] * 360, SIZE
    )
    store = maker.store([maker.recording("a", points=points)], size=SIZE)
    recipe = DensityRecipe("narrow", 1.0)
    places = set()
    for clip in clips_of(store.recordings, recipe=recipe, crop=True, clips_per_recording=40):
        frame = int(clip.frames[0])
        left = 16 - int((clip.images[0, 0, :, 0] < 128).sum())  # the left half of a video is dark
        gaze = store.recordings[0].fixations.at(frame)
        whole = recipe.draw(gaze)
        pictures = store.recordings[0].frames(range(frame - 3, frame + 1))
        fitting = [
            top
            for top in range(13)
            if np.allclose(
                clip.density[0] * whole[top : top + 12, left : left + 16].sum(),
                whole[top : top + 12, left : left + 16],
                atol=1e-6,
            )
        ]
        assert len(fitting) == 1
        top = fitting[0]
        np.testing.assert_array_equal(clip.images, pictures[:, top : top + 12, left : left + 16])
        inside = {
            (int(y) - top, int(x) - left)
            for x, y in zip(gaze.x, gaze.y, strict=True)
            if top <= int(y) < top + 12 and left <= int(x) < left + 16
        }
        assert set(map(tuple, clip.points[0].tolist())) == inside
        assert float(clip.density.sum()) == pytest.approx(1, abs=1e-5)
        places.add((top, left))
    assert len(places) > 20


def test_fitted_videos_have_frames_maps_and_points_in_one_place(maker):
    points = Fixations(np.arange(12), [31.9] * 12, [0.1] * 12, [0] * 12, (16, 32))
    store = maker.store([maker.recording("a", size=(16, 32), points=points)], size=(16, 16), resize="fit")
    spec = ClipSpec(4, (16, 16), resize="fit")
    dataset = ClipDataset(store.recordings, spec, RECIPE, seed=0, map_size=(8, 8))
    batch = ClipBatch.collect([dataset[0]], spec)
    assert batch.points.tolist() == [[[[2, 7]]]]
    assert batch.density[0, 0, [0, 1, 6, 7]].sum() == 0
    assert np.unravel_index(int(batch.density[0, 0].argmax()), (8, 8)) == (2, 7)
    assert not batch.frames[..., [0, 1, 2, 3, 12, 13, 14, 15], :].any()
    assert batch.frames[..., 4:12, :].abs().min() > 0


def test_the_release_s_own_maps_and_masks_are_targets_without_a_recipe(maker):
    def own(frame):
        image = np.zeros(SIZE, np.float32)
        image[4:8, 2 * frame : 2 * frame + 4] = 100 + frame
        return image

    maps = replace(maker.recording("maps"), load_fixations=None, load_density=own)
    masks = replace(maker.recording("masks"), load_fixations=None, load_mask=lambda frame: own(frame) > 0)
    for clip in clips_of(maker.store([maps, masks]).recordings, recipe=None, clips_per_recording=5):
        frame = int(clip.frames[0])
        expected = own(frame).reshape(12, 2, 16, 2).mean((1, 3))
        assert float(clip.density.sum()) == pytest.approx(1, abs=1e-4)
        assert np.corrcoef(clip.density[0].ravel(), expected.ravel())[0, 1] > 0.9
        assert clip.points[0].shape == (0, 2)
    mask = clips_of(maker.store([masks]).recordings, recipe=None)[0]
    assert len(np.unique(mask.density)) == 2


def test_videos_without_sound_and_deaf_models_have_no_audio(maker):
    stored = maker.store([maker.recording("a", sound=clicks(12)), maker.recording("b")]).recordings
    assert [clip.audio is None for clip in clips_of(stored)] == [False, True]
    assert [clip.audio for clip in clips_of(stored, replace(SPEC, sample_rate=None))] == [None, None]


def test_recordings_that_are_too_short_are_left_out_by_name(maker):
    stored = maker.store([maker.recording("a"), maker.recording("b", 3)]).recordings
    dataset = ClipDataset(stored, SPEC, RECIPE, seed=0, min_frames=10)
    assert ([item.id for item in dataset.recordings], dataset.left_out, len(dataset)) == (["a"], ["b"], 1)
    with pytest.raises(ConfigError, match="at least 20 frames"):
        ClipDataset(stored, SPEC, RECIPE, seed=0, min_frames=20)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({"size": (12, 18)}, {}, "12x16 but the model wants 12x18"),
        ({"resize": "fit"}, {}, None),
        ({"size": (16, 20)}, {"crop": True}, "at least 16x20"),
        ({"sample_rate": 22050}, {}, "16000 Hz but the model wants 22050"),
        ({}, {"flip": 1.5}, "`flip` in 0..1"),
        ({}, {"clips_per_recording": 0}, "at least 1"),
        ({}, {"seed": -1}, "not negative"),
        ({}, {"recipe": None}, "holds no density maps"),
    ],
)
def test_what_does_not_fit_is_said_with_both_values(maker, change, options, words):
    stored = maker.store([maker.recording("a", sound=clicks(12))]).recordings
    arguments = {"recipe": RECIPE, "seed": 0} | options
    if words is None:  # the video has the model's aspect ratio, so that both rules give one size
        ClipDataset(stored, replace(SPEC, **change), **arguments)
        return
    with pytest.raises(ConfigError, match=words):
        ClipDataset(stored, replace(SPEC, **change), **arguments)


def test_a_recipe_needs_points_and_room(maker):
    maps = replace(maker.recording("m"), load_fixations=None, load_density=lambda frame: np.ones(SIZE))
    with pytest.raises(ConfigError, match="no fixations to draw density from"):
        ClipDataset(maker.store([maps]).recordings, SPEC, RECIPE, seed=0)
    stored = maker.store([maker.recording("a")]).recordings
    with pytest.raises(DatasetError, match="draw it larger"):
        ClipDataset(stored, SPEC, DensityRecipe("narrow", 0.5), seed=0)[0]
    with pytest.raises(ConfigError, match="one of repeat_first"):
        ClipDataset(stored, SPEC, RECIPE, seed=0, short="loop")[0]


def test_a_video_with_a_variable_frame_rate_keeps_sound_and_frames_together(maker):
    """Frames 6 and later last twice as long; clips across the change are longer in time."""
    recording = maker.recording("a", sound=clicks(24))
    folder = maker.folder / "store"
    prepare([recording], folder, StoreSettings((12, 16), sample_rate=SAMPLE_RATE))
    spans = np.load(folder / "fake" / "a" / "spans.npy")
    starts = np.concatenate([spans[:6, 0], spans[6, 0] + 0.08 * np.arange(7)])
    np.save(folder / "fake" / "a" / "spans.npy", np.stack([starts[:12], starts[1:13]], 1))
    dataset = ClipDataset(Store(folder).recordings, SPEC, RECIPE, seed=0, clips_per_recording=60)
    lengths = set()
    for index in range(len(dataset)):
        clip = dataset[index]
        seen = frames_seen(clip)
        seconds = starts[seen[-1] + 1] - starts[seen[0]]
        assert abs(clip.audio.shape[1] - seconds * SAMPLE_RATE) <= 320  # half a frame, see `excerpt`
        assert dataset.audio_samples(index) == clip.audio.shape[1]
        lengths.add(clip.audio.shape[1])
    assert len(lengths) > 2
