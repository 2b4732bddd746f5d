import json
import os
import shutil
import signal

import numpy as np
import pytest
import torch
from training.tiny_run import SIZE, SpotVideos, T, log_of, settings, trainer

from avsal.errors import AvsalRuntimeError, CheckpointError, ConfigError
from avsal.training import DivergedError, StoppedError, Trainer, build_model
from avsal.training.synthetic_clips import SyntheticClips, SyntheticFrames
from avsal.weights import load_model, read_header

SILENT = {"sound__zero": 0.0, "sound__missing": 0.0, "sound__attention": 0.0}


def stop_after(engine, step, number=signal.SIGINT):
    """Make the engine receive a signal while it takes the given step."""
    usual = engine._step

    def signalled(share):
        if engine.progress.step + 1 == step:
            os.kill(os.getpid(), number)
        return usual(share)

    engine._step = signalled
    return engine


def state_of(folder):
    return torch.load(folder / "state.pt", weights_only=True)


def same_values(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return set(a) == set(b) and all(same_values(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same_values(x, y) for x, y in zip(a, b, strict=True))
    return a == b


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    closing = trainer(folder).run()
    return folder, closing


def test_a_run_learns_and_beats_the_centre_bias_of_its_training_clips(tmp_path):
    changes = {"optim__learning_rate": 0.01, "optim__schedule": {"name": "decay", "warmup": 5, "share": 0.6}}
    closing = trainer(tmp_path / "run", steps=60, num_clips=120, **changes, **SILENT).run()
    assert closing["above"]["centre_bias"] > 0.5
    assert closing["best"] == max(entry["nss"] for entry in log_of(tmp_path / "run", "validation"))


def test_the_run_folder_holds_what_is_needed_to_defend_the_run(unbroken):
    folder, closing = unbroken
    told = json.loads((folder / "settings.json").read_text())
    assert told["optim"]["learning_rate"] == 0.003
    assert told["protocol"] == "clean"
    assert told["seed"] == 0
    (start,) = json.loads((folder / "provenance.json").read_text())
    assert {"git", "packages", "python", "platform", "command"} <= set(start)
    assert start["packages"]["torch"] == torch.__version__
    data = json.loads((folder / "data.json").read_text())
    assert data["train"]["num_clips"] == 6
    assert len(data["sha256"]) > 20
    assert [entry["step"] for entry in log_of(folder)] == [1, 2, 3, 4, 5]
    assert log_of(folder, "end")[0]["best"] == closing["best"]
    header = (folder / "validation.csv").read_text().splitlines()[0]
    assert header.startswith("step,epoch,nss,cc")
    assert len(list((folder / "pictures").rglob("*.png"))) == 2  # one video at two validations
    assert [path.name for path in folder.glob(".*")] == [".lock"]


def test_a_checkpoint_is_enough_to_predict_with_and_says_how_it_was_made(unbroken):
    folder, closing = unbroken
    header = read_header(folder / "best.safetensors")
    assert header.trained
    assert header.scores["nss"] == closing["best"]
    assert header.protocol["protocol"] == "clean"
    assert header.protocol["loss"] == {
        "kl": 1,
        "cc": 0.5,
        "nss": 0.1,
    }
    assert header.data["train"]["num_clips"] == 6
    model = load_model(folder / "best.safetensors")
    with torch.no_grad():
        maps = model(torch.zeros(1, 3, T, *SIZE))
    assert maps.shape == (1, 1, *SIZE)


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_stopped_at_any_step_and_resumed_equals_unbroken_to_the_last_bit(tmp_path, unbroken, step):
    folder = tmp_path / "run"
    with pytest.raises(StoppedError, match=f"SIGINT after step {step} of 5.*run.resume=auto"):
        stop_after(trainer(folder), step).run()
    closing = trainer(folder).run()
    whole, expected = unbroken
    assert log_of(folder) == log_of(whole)
    assert log_of(folder, "validation") == log_of(whole, "validation")
    assert same_values(state_of(folder), state_of(whole))
    assert closing["best"] == expected["best"]
    assert closing["best_step"] == expected["best_step"]


def test_sigterm_saves_and_stops_too_and_the_handlers_are_put_back(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(StoppedError, match="SIGTERM"):
        stop_after(trainer(tmp_path / "run"), 2, signal.SIGTERM).run()
    assert signal.getsignal(signal.SIGTERM) is before
    assert state_of(tmp_path / "run")["progress"]["step"] == 2


def test_a_longer_run_goes_on_where_a_shorter_one_ended(tmp_path, unbroken):
    trainer(tmp_path / "run", steps=4).run()
    trainer(tmp_path / "run", steps=5).run()
    assert log_of(tmp_path / "run") == log_of(unbroken[0])


def test_another_seed_gives_another_run(tmp_path, unbroken):
    trainer(tmp_path / "run", seed=1, steps=1).run()
    assert log_of(tmp_path / "run")[0]["loss"] != log_of(unbroken[0])[0]["loss"]


def test_a_folder_with_a_run_is_not_overwritten(unbroken):
    with pytest.raises(ConfigError, match=r"holds a run already.*run.resume=auto"):
        trainer(unbroken[0], run__resume="never").run()


def test_going_on_with_other_settings_or_other_clips_is_refused_by_name(unbroken):
    folder, _ = unbroken
    with pytest.raises(ConfigError, match=r"begun with another `optim.learning_rate`"):
        trainer(folder, optim__learning_rate=0.1).run()
    with pytest.raises(ConfigError, match="begun on other clips"):
        trainer(folder, videos=SpotVideos(seed=9)).run()


def test_a_run_that_did_not_know_a_setting_had_its_default(tmp_path, unbroken):
    trainer(tmp_path / "run", steps=4).run()
    settings = tmp_path / "run" / "settings.json"
    older = json.loads(settings.read_text())
    del older["clips"]["colour"], older["context"], older["from_scratch"]
    settings.write_text(json.dumps(older))
    with pytest.raises(ConfigError, match=r"begun with another `clips.colour`"):
        trainer(tmp_path / "run", steps=5, clips__colour=0.1).run()
    trainer(tmp_path / "run", steps=5).run()
    assert log_of(tmp_path / "run") == log_of(unbroken[0])


def test_a_loss_that_is_no_number_stops_names_step_and_clips_and_keeps_the_last_good_state(tmp_path):
    folder = tmp_path / "run"
    order = np.random.default_rng([0, 0]).permutation(6)  # of the first epoch, batches of 2
    broken = int(order[4])  # in the third step
    videos = SpotVideos(seed=1, broken=(broken,))
    with pytest.raises(DivergedError, match=rf"nan in step 3 \(epoch 1\) on the clips .*video {broken}"):
        trainer(folder, videos=videos).run()
    state = state_of(folder)
    assert state["progress"]["step"] == 2
    assert all(value.isfinite().all() for value in state["model"].values())
    load_model(folder / "last.safetensors")


def test_a_full_disk_is_said_and_leaves_the_earlier_state_whole(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    engine = trainer(folder)
    usual, calls = torch.save, []

    def full(content, file):
        calls.append(None)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        usual(content, file)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(CheckpointError, match=r"cannot be written.*No space left.*run.resume=auto"):
        engine.run()
    assert state_of(folder)["progress"]["step"] == 0
    assert [path.name for path in folder.glob(".*")] == [".lock"]


def test_a_damaged_state_is_one_clear_error(tmp_path):
    folder = tmp_path / "run"
    trainer(folder, steps=1).run()
    state = folder / "state.pt"
    (folder / "state_before.pt").unlink()
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"state\.pt cannot be used"):
        trainer(folder, steps=2).run()


def test_a_damaged_or_missing_state_falls_back_to_the_one_before(tmp_path, unbroken, capsys):
    whole, _ = unbroken
    for number, harm in enumerate(
        (lambda state: state.write_bytes(b"x" * 5000), lambda state: state.unlink())
    ):
        folder = tmp_path / str(number)
        trainer(folder, steps=4).run()
        harm(folder / "state.pt")
        trainer(folder).run()
        assert "going on from state_before.pt" in capsys.readouterr().err
        assert log_of(folder) == log_of(whole)
        assert same_values(state_of(folder), state_of(whole))


@pytest.mark.parametrize("name", ["settings.json", "data.json", "provenance.json"])
@pytest.mark.parametrize("content", [b"\xff\x00", b"[1]", b'{"a":', b"3"])
def test_garbage_in_a_run_folder_is_one_clear_error(tmp_path, unbroken, name, content):
    shutil.copytree(unbroken[0], tmp_path / "run")
    (tmp_path / "run" / name).write_bytes(content)
    if (name, content) == ("provenance.json", b"[1]"):
        return  # a list, as it should be
    with pytest.raises((CheckpointError, ConfigError), match=name.replace(".", r"\.")) as raised:
        trainer(tmp_path / "run").run()
    assert "\n" not in str(raised.value)


def test_one_training_at_a_time_in_a_folder_and_none_in_one_that_was_removed(tmp_path):
    engine = trainer(tmp_path / "run")
    usual = engine._step

    def meanwhile(share):
        with pytest.raises(ConfigError, match="another process is training"):
            trainer(tmp_path / "run").run()
        shutil.rmtree(tmp_path / "run")
        return usual(share)

    engine._step = meanwhile
    with pytest.raises(AvsalRuntimeError, match="was removed while the run was at work"):
        engine.run()


def test_averaged_weights_are_scored_and_kept_and_resume_exactly(tmp_path):
    def run(folder, steps):
        return trainer(folder, steps=steps, optim__average=0.9).run()

    run(tmp_path / "parts", 2)
    closing = run(tmp_path / "parts", 4)
    assert closing["best"] == run(tmp_path / "whole", 4)["best"]
    state = state_of(tmp_path / "parts")
    kept = load_model(tmp_path / "parts" / "last.safetensors").state_dict()
    assert same_values(kept, dict(state["average"]))
    assert not same_values(kept, dict(state["model"]))


def test_checkpointed_blocks_change_no_bit_of_a_run_but_for_rounding(tmp_path, unbroken):
    folder = tmp_path / "run"
    trainer(folder, engine__checkpointing=True).run()
    assert [entry["loss"] for entry in log_of(folder)] == pytest.approx(
        [entry["loss"] for entry in log_of(unbroken[0])], rel=1e-6
    )
    norms = [{k: v for k, v in state_of(f)["model"].items() if "running" in k} for f in (folder, unbroken[0])]
    for name, value in norms[0].items():
        assert torch.allclose(value, norms[1][name], rtol=1e-4, atol=1e-5), name


def plain_gradients(engine, share):
    """Of the mean loss over all clips of a step, by the model alone."""
    batches = [group.batch for group in share.groups]
    engine.objective.train()
    engine.objective.zero_grad()
    total = sum(len(batch.recordings) for batch in batches)
    for batch in batches:
        loss, _ = engine.objective(batch.frames, batch.audio, batch.density, batch.points, batch.mask)
        (loss * len(batch.recordings) / total).backward()
    return [p.grad.clone() for p in engine.model.parameters() if p.grad is not None]


def test_accumulated_gradients_are_those_of_the_large_batch(tmp_path):
    found = {}
    for name, size, accumulation in (("large", 4, 1), ("small", 4, 2)):
        engine = trainer(
            tmp_path / name,
            clips__batch_size=size,
            clips__accumulation=accumulation,
            engine__freeze_batch_norm=True,
            optim__clip_gradient=1e9,
            **SILENT,
        )
        (share, *_) = engine._steps_of_epoch()
        assert len(share.groups) == accumulation
        engine._step(share)
        found[name] = [p.grad.clone() for p in engine.model.parameters() if p.grad is not None]
        for mine, plain in zip(found[name], plain_gradients(engine_like(engine), share), strict=True):
            assert torch.allclose(mine, plain, rtol=1e-4, atol=1e-5)
    for a, b in zip(found["large"], found["small"], strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-5)


def engine_like(engine):
    """The same engine before its step: fresh weights of the same seed."""
    torch.manual_seed(engine.settings.seed)
    model, _ = build_model(engine.settings.model)
    frames = SyntheticFrames(SpotVideos(seed=2), model.spec, num_clips=4)
    return Trainer(engine.settings, model, engine.clips, frames)


def test_frozen_parts_and_frozen_batch_norms_do_not_move(tmp_path):
    engine = trainer(tmp_path / "run", steps=2, optim__frozen=["encoder"])
    before = {name: value.clone() for name, value in engine.model.state_dict().items()}
    engine.run()
    after = engine.model.state_dict()
    for name, value in before.items():
        if name.startswith("encoder."):
            assert torch.equal(value, after[name]), name
    assert not torch.equal(before["head.1.weight"], after["head.1.weight"])
    engine = trainer(tmp_path / "second", steps=1, engine__freeze_batch_norm=True)
    before = engine.model.state_dict()["head.0.bn.running_mean"].clone()
    engine.run()
    assert torch.equal(before, engine.model.state_dict()["head.0.bn.running_mean"])


def test_training_stops_when_validation_has_not_improved_for_long_enough(tmp_path, monkeypatch):
    engine = trainer(tmp_path / "run", num_clips=2, steps=100, validation__patience=2)
    monkeypatch.setattr("avsal.training.validator.better", lambda metric, value, best: best is None)
    engine.run()
    assert engine.progress.stale == 2
    assert engine.progress.step == 3


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_trains_and_keeps_single_precision_weights(tmp_path, precision):
    engine = trainer(tmp_path / "run", steps=2, engine__precision=precision)
    engine.run()
    assert {value.dtype for value in engine.model.state_dict().values() if value.is_floating_point()} == {
        torch.float32
    }
    assert all(np.isfinite(entry["loss"]) for entry in log_of(tmp_path / "run"))


def test_a_step_that_takes_more_clips_than_there_are_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"too few clips.*clips.batch_size smaller"):
        trainer(tmp_path / "run", clips__batch_size=16)


def test_options_for_sound_are_refused_for_a_model_without(tmp_path):
    told = settings(
        tmp_path / "run",
        model={"name": "tsfpnet", "arguments": {"width": 0.05, "num_frames": T, "size": list(SIZE)}},
    )
    model, _ = build_model(told.model)
    clips = SyntheticClips(SpotVideos(), model.spec, num_clips=4)
    with pytest.raises(ConfigError, match="tsfpnet takes none"):
        Trainer(told, model, clips, None)


def test_videos_of_another_size_than_the_model_takes_are_refused(tmp_path):
    told = settings(tmp_path / "run", model__arguments={"width": 0.05, "num_frames": T, "size": [64, 64]})
    model, _ = build_model(told.model)
    with pytest.raises(ConfigError, match="8 frames of 32x32 but the model takes 8 of 64x64"):
        SyntheticClips(SpotVideos(), model.spec, num_clips=4)


def test_a_tracker_that_refuses_is_one_line_and_the_run_goes_on_without_it(tmp_path, monkeypatch):
    def refuse(self, *given, **options):
        raise RuntimeError("no key\nsee our page")

    with monkeypatch.context() as patched:
        patched.setattr("accelerate.Accelerator.init_trackers", refuse)
        with pytest.raises(ConfigError, match=r"run.trackers=tensorboard cannot begin \(no key\): see to it"):
            trainer(tmp_path / "run", steps=1, run__trackers=["tensorboard"]).run()
    trainer(tmp_path / "run", steps=1, run__resume="auto").run()
    assert [entry["kind"] for entry in log_of(tmp_path / "run", "step")] == ["step"]


def test_tensorboard_gets_the_same_numbers(tmp_path):
    event = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    folder = tmp_path / "run"
    trainer(folder, steps=2, run__trackers=["tensorboard"]).run()
    events = event.EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    losses = [entry.value for entry in events.Scalars("step/loss")]
    assert losses == pytest.approx([entry["loss"] for entry in log_of(folder)])
