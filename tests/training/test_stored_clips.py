"""Stores of tiny videos, made by the tests, as training and validation clips."""

import shutil

import numpy as np
import pytest
import torch
from fake_media import write_video
from training.tiny_run import log_of, settings

from avsal.clips import ClipDataset, Store, StoreSettings, WindowPlan, normalise_clips, prepare
from avsal.errors import ConfigError, DatasetError
from avsal.groundtruth import density_recipe
from avsal.models import create_model
from avsal.training import Trainer, build_model
from avsal.training.stored_clips import StoredClips, StoredFrames, hold_out
from avsal.training.validation import score_rows
from avsal.training.video_validation import score_videos, truths_of
from avsal.types import Fixations, Recording
from avsal.workflows.training_data import data_settings
from avsal.workflows.training_stores import divided

SIZE, T = (32, 32), 8
RECIPE = density_recipe("dhf1k")


def gaze(num_frames, seed):
    def load():
        random = np.random.default_rng(seed)
        frame = np.arange(num_frames).repeat(4)
        x, y = random.normal(20 + seed, 2, len(frame)), random.normal(12, 2, len(frame))
        inside = (x >= 0) & (x < 48) & (y >= 0) & (y < 32)
        return Fixations(frame[inside], x[inside], y[inside], np.zeros(inside.sum()), (32, 48))

    return load


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("videos")
    recordings = []
    for number, (frames, rate, sound) in enumerate(
        [(12, 25, True), (20, 25, True), (6, 25, True), (14, 30, True), (16, 25, False), (30, 25, True)]
    ):
        video = write_video(root / f"video{number}.mp4", num_frames=frames, rate=rate, sound=sound)
        recordings.append(
            Recording(
                f"video{number}",
                "tiny",
                video,
                audio=video if sound else None,
                split="train",
                load_fixations=gaze(frames, number),
            )
        )
    report = prepare(recordings, root / "store", StoreSettings(SIZE), workers=1)
    assert not report.problems
    return Store(root / "store")


def model():
    return create_model("tsfpnet_av", width=0.05, num_frames=T, size=list(SIZE))


def clips(store, spec, **options):
    return StoredClips(ClipDataset(list(store), spec, RECIPE, seed=0, **options))


def shares(source, epoch, size, groups=1, start=0, process=0, processes=1):
    return list(source.steps(epoch, size, groups, start=start, process=process, num_processes=processes))


def test_steps_are_the_same_however_often_they_are_asked_for(store):
    source = clips(store, model().spec, clips_per_recording=2)
    whole = shares(source, 3, 5)
    assert [share.total for share in whole] == [5, 5, 2]
    assert len(whole) == source.num_steps(3, 5)
    rest = shares(source, 3, 5, start=1)
    for a, b in zip(whole[1:], rest, strict=True):
        assert [group.number for group in a.groups] == [group.number for group in b.groups]
        for one, other in zip(a.groups, b.groups, strict=True):
            assert torch.equal(one.batch.frames, other.batch.frames)
    names = [name for share in whole for group in share.groups for name in group.batch.recordings]
    assert sorted(names) == sorted(2 * [recording.id for recording in store])


def test_processes_share_a_step_and_it_stays_the_same_step(store):
    source = clips(store, model().spec)
    for processes in (1, 2, 4, 8):
        parts = [shares(source, 0, 6, 2, process=rank, processes=processes) for rank in range(processes)]
        assert {len(part) for part in parts} == {1}
        groups = [group for part in parts for group in part[0].groups]
        assert all(part[0].groups for part in parts)
        names = [name for group in groups if group.counts for name in group.batch.recordings]
        assert sorted(names) == sorted(recording.id for recording in store)
        assert all(len(group.batch.recordings) <= 3 for group in groups)


def test_a_clip_that_nobody_looked_at_is_drawn_again(store, tmp_path):
    video = write_video(tmp_path / "video.mp4", num_frames=60)
    seen = np.arange(20, 30)
    looks = Fixations(seen, np.full(10, 9.0), np.full(10, 9.0), np.zeros(10), (32, 48))
    recording = Recording("rare", "tiny", video, split="train", load_fixations=lambda: looks)
    prepare([recording], tmp_path / "store", StoreSettings(SIZE), workers=1)
    dataset = ClipDataset(
        list(Store(tmp_path / "store")), model().spec, RECIPE, seed=0, clips_per_recording=30
    )
    targets = [int(dataset[index].frames[0]) for index in range(30)]
    assert set(targets) <= set(range(20, 30))
    assert len(set(targets)) > 3


@pytest.mark.parametrize("workers", [0, 1])
def test_a_clip_that_cannot_be_read_is_one_line_from_a_worker_too(store, tmp_path, workers):
    shutil.copytree(store.folder, tmp_path / "store")
    for path in (tmp_path / "store").rglob("frames.npy"):
        path.write_bytes(path.read_bytes()[:200])
    dataset = ClipDataset(list(Store(tmp_path / "store")), model().spec, RECIPE, seed=0)
    with pytest.raises(DatasetError, match="prepare again") as raised:
        shares(StoredClips(dataset, workers=workers), 0, 2)
    assert "\n" not in str(raised.value)


def test_speed_and_colour_change_clips_and_keep_sound_and_gaze_with_the_frames(store):
    usual = clips(store, model().spec, clips_per_recording=4).dataset
    changed = clips(store, model().spec, clips_per_recording=4, speed=2.0, colour=0.4).dataset
    apart = set()
    for index in range(len(changed)):
        clip = changed[index]
        samples = changed.audio_samples(index)
        assert (None if clip.audio is None else clip.audio.shape[-1]) == samples
        assert clip.images.shape == usual[index].images.shape
        _, window, rate = changed._choose(index)
        assert 0.5 <= rate <= 2
        apart.add(window.frames[-1] - window.frames[0])
        assert window.outputs[-1][1] == window.frames[-1] == int(clip.frames[-1])
    assert len(apart) > 3
    assert any(
        not torch.equal(changed[i].images.float().mean(), usual[i].images.float().mean()) for i in range(4)
    )


def test_validation_scores_each_wanted_frame_once_through_the_window_of_prediction(store):
    spec = model().spec
    source = StoredFrames(list(store), spec, RECIPE, first_frames=15, frame_step=3, batch_size=2)
    found = {}
    for index in range(len(source)):
        batch = source[index]
        for m, (name, frame) in enumerate(zip(batch.recording, batch.frame, strict=True)):
            assert (name, frame) not in found
            found[name, frame] = batch, m
    expected = {
        (f"tiny/{recording.id}", frame)
        for recording in store
        for frame in range(0, min(15, recording.num_frames), 3)
    }
    assert set(found) == expected

    recording = next(one for one in store if one.id == "video1")
    for window in WindowPlan(spec).take(15, ended=True):
        (_, frame) = window.outputs[0]
        if frame % 3 == 0:
            batch, m = found["tiny/video1", frame]
            pixels = torch.from_numpy(recording.frames(window.frames)).permute(3, 0, 1, 2).float()
            assert torch.allclose(batch.frames[batch.clip[m]], pixels / 127.5 - 1, atol=1e-5)
            looks = recording.fixations.at(frame).scaled(SIZE)
            rows, columns = looks.rows_and_columns()
            assert batch.points[m][batch.mask[m]].tolist() == np.stack([rows, columns], 1).tolist()
            drawn = torch.from_numpy(RECIPE.draw(recording.fixations.at(frame), SIZE))
            assert torch.allclose(batch.density[m], drawn / drawn.sum(), atol=1e-6)


@pytest.mark.parametrize("use_sound", [True, False])
def test_engines_score_what_whole_windows_score(store, use_sound):
    torch.manual_seed(0)
    network = model()
    source = StoredFrames(list(store), network.spec, RECIPE, first_frames=15, frame_step=2, batch_size=3)
    plain = [
        row
        for found, _, _ in score_rows(network, source, ("cc", "nss"), use_sound=use_sound)
        for row in found
    ]
    shared = [
        row for part in score_videos(network, source, ("cc", "nss"), use_sound=use_sound) for row in part.rows
    ]
    expected = {(row.recording, row.frame): row.scores for row in plain}
    assert {(row.recording, row.frame) for row in shared} == set(expected)
    assert len(shared) == len(plain) == sum(len(source.scored_frames(v)) for v in range(source.num_videos))
    for row in shared:  # these maps are all but flat: single precision's last place is 3e-4 of their spread
        assert row.scores == pytest.approx(expected[row.recording, row.frame], abs=1e-3)
    truths = [frame for batch in truths_of(source) for frame in batch.frame]
    assert len(truths) == len(plain)


def test_a_network_that_remembers_is_scored_on_the_video_as_it_streams(store):
    torch.manual_seed(0)
    network = create_model("unisal", width=0.05, size=SIZE, frame_step=2, steps=3)
    source = StoredFrames(list(store), network.spec, RECIPE, first_frames=15, frame_step=4, batch_size=3)
    part = next(iter(score_videos(network, source, ("cc",), batch_size=3)))
    scored = source.scored_frames(0)
    assert [row.frame for row in part.rows] == scored
    assert len(scored) > 2
    images = [torch.from_numpy(frame)[None] for frame in source.recordings[0].frames(range(scored[-1] + 1))]
    state = None
    with torch.inference_mode():
        for number, image in enumerate(images):
            saliency, state = network.step(normalise_clips([image], network.spec)[:, :, 0], state)
            if number % 4 == 0:
                torch.testing.assert_close(part.predicted[number // 4], saliency[0])


def test_padding_of_fitted_videos_is_not_scored(tmp_path):
    video = write_video(tmp_path / "wide.mp4", num_frames=16)
    recording = Recording("wide", "tiny", video, split="train", load_fixations=gaze(16, 0))
    prepare([recording], tmp_path / "store", StoreSettings((64, 64), resize="fit"), workers=1)
    spec = create_model("esan", width=0.05, size=[64, 64]).spec
    source = StoredFrames(list(Store(tmp_path / "store")), spec, RECIPE, first_frames=15)
    batch = source[0]
    assert batch.density.shape[-2:] == (43, 64)  # 32x48 fitted into 64x64
    assert torch.allclose(batch.density.sum((1, 2)), torch.ones(len(batch.frame)), atol=1e-5)
    assert int(batch.points[..., 0].max()) < 43


def test_gaze_is_given_in_fractions_of_the_frame(store):
    found = clips(store, model().spec).gaze()
    assert len(found) == sum(recording.num_fixations for recording in store)
    assert found.mean(0) == pytest.approx([12 / 32, 0.46], abs=0.1)


def test_stavis_as_published_learns_with_the_last_listed_video_silent(store):
    data = data_settings(
        {"kind": "stored", "name": "tiny", "sets": [{"name": "tiny", "store": str(store.folder)}]}
    )
    parts = {}
    for published in (False, True):
        spec = create_model("stavis", width=0.05, size=SIZE, published=published).spec
        parts[published] = {one.id: one for part in divided(data, "clean", spec) for one in part}
    assert {name: one.muted for name, one in parts[True].items()} == {
        f"video{number}": number == 5 for number in range(6)
    }
    assert not any(one.muted for one in parts[False].values())
    usual, muted = parts[False]["video5"], parts[True]["video5"]
    assert usual.sound(0.1, 500).any()
    assert muted.has_sound
    assert not muted.sound(0.1, 500).any()
    assert muted.content != usual.content
    assert muted.facts() | {"content": usual.content} == usual.facts()  # what is stored knows nothing of it


def test_a_part_is_held_out_by_name_alone(store):
    recordings = list(store)
    training, held_out = hold_out(recordings, 0.34)
    assert len(held_out) == 2
    assert len(training) == 4
    again, others = hold_out(recordings[::-1], 0.34)
    assert {one.id for one in others} == {one.id for one in held_out}
    assert {one.id for one in again} == {one.id for one in training}


def test_fingerprints_change_with_clips_and_recipe(store):
    spec = model().spec
    names = {
        str(source.fingerprint()["sha256"])
        for source in (
            clips(store, spec),
            StoredClips(ClipDataset(list(store)[:3], spec, RECIPE, seed=0)),
            StoredClips(ClipDataset(list(store), spec, RECIPE, seed=0), facts={"recipe": "another"}),
        )
    }
    assert len(names) == 3


def test_a_store_of_another_size_is_refused(store):
    spec = create_model("tsfpnet", width=0.05, num_frames=T, size=[64, 64]).spec
    with pytest.raises(ConfigError, match="prepared with frames of 32x32 but the model wants 64x64"):
        StoredFrames(list(store), spec, RECIPE)


def test_a_run_on_a_store_with_videos_of_all_kinds_resumes_exactly(store, tmp_path):
    def run(folder, steps):
        told = settings(folder, steps=steps, clips__accumulation=2, engine__freeze_batch_norm=True)
        torch.manual_seed(0)
        built, _ = build_model(told.model)
        frames = StoredFrames(list(store)[:2], built.spec, RECIPE, first_frames=4)
        return Trainer(told, built, clips(store, built.spec), frames).run()

    run(tmp_path / "parts", 1)
    run(tmp_path / "parts", 4)
    closing = run(tmp_path / "whole", 4)
    assert log_of(tmp_path / "parts") == log_of(tmp_path / "whole")
    assert set(closing["baselines"]) == {"centre_bias", "mean_map"}
