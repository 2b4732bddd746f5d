"""Stores of tiny videos, made by the tests, as training and validation clips."""

import numpy as np
import pytest
import torch
from fake_media import write_video
from training.tiny_run import log_of, settings

from avsal.clips import ClipDataset, Store, StoreSettings, WindowPlan, prepare
from avsal.errors import ConfigError
from avsal.groundtruth import density_recipe
from avsal.models import create_model
from avsal.training import Trainer, build_model
from avsal.training.stored_clips import StoredClips, StoredFrames, hold_out
from avsal.types import Fixations, Recording

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


def test_batches_are_the_same_however_often_they_are_asked_for(store):
    source = clips(store, model().spec, clips_per_recording=2)
    whole = list(source.batches(3, 2, start=0, process=0, num_processes=1))
    assert len(whole) == source.num_batches(3, 2, 1)
    rest = list(source.batches(3, 2, start=2, process=0, num_processes=1))
    for a, b in zip(whole[2:], rest, strict=True):
        assert torch.equal(a.frames, b.frames)
        assert a.recordings == b.recordings
    assert sorted(name for batch in whole for name in batch.recordings) == sorted(
        2 * [recording.id for recording in store]
    )


def test_two_processes_share_an_epoch(store):
    source = clips(store, model().spec)
    shares = [list(source.batches(0, 2, start=0, process=rank, num_processes=2)) for rank in (0, 1)]
    assert len(shares[0]) == len(shares[1]) == source.num_batches(0, 2, 2)
    names = sorted(name for share in shares for batch in share for name in batch.recordings)
    assert names == sorted(recording.id for recording in store)


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
