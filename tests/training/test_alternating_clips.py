"""UNISAL's domains in turns, on a made video set and made photographs."""

import json
import os
import signal

import numpy as np
import pytest
import torch
from PIL import Image

from avsal.clips import StoreSettings, prepare
from avsal.configuration import from_mapping
from avsal.errors import ConfigError, DatasetError
from avsal.training import StoppedError, Trainer, TrainSettings, build_model
from avsal.training.alternating_clips import AlternatingClips, Turn
from avsal.training.sources import StepShare
from avsal.types import Fixations, Recording
from avsal.weights import load_model
from avsal.workflows.training_data import data_settings, sources

VIDEO, PICTURE = (32, 64), (64, 32)


def recordings(root, dataset, count, num_frames, size):
    rng = np.random.default_rng(0)
    for number in range(count):
        folder = root / dataset / f"{number:02}"
        folder.mkdir(parents=True)
        for frame in range(num_frames):
            pixels = rng.integers(0, 255, (*size, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{frame:03}.png")
        frames = np.repeat(np.arange(num_frames), 2)
        x, y = rng.uniform(2, size[1] - 2, len(frames)), rng.uniform(2, size[0] - 2, len(frames))
        gaze = Fixations(frames, x, y, np.tile([0, 1], num_frames), size)
        path = folder / "000.png" if num_frames == 1 else folder
        rate = {} if num_frames == 1 else {"frame_rate": 10.0}
        yield Recording(folder.name, dataset, path, load_fixations=lambda gaze=gaze: gaze, **rate)


@pytest.fixture(scope="module")
def domains(tmp_path_factory):
    """The `data` part of a configuration: nine videos and nine photographs, of which eight each train."""
    root = tmp_path_factory.mktemp("sets")
    parts = {}
    for domain, num_frames, size in (("dhf1k", 6, VIDEO), ("salicon", 1, PICTURE)):
        store = root / f"{domain}_store"
        prepare(recordings(root, domain, 9, num_frames, size), store, StoreSettings(size))
        parts[domain] = {
            "data": {
                "kind": "stored",
                "name": domain,
                "sets": [{"name": domain, "store": str(store)}],
                "recipe": "dhf1k",
                "recipe_changes": {"frame_width": None, "sigma": 3.0},
                "published_validation": "train",
            },
            "choices": {"domain": domain},
        }
    parts["dhf1k"] |= {"batch_size": 4, "supervised": [0, 2]}
    own = {"domain": "salicon", "size": PICTURE, "frame_step": 1, "steps": 1}
    parts["salicon"] |= {"batch_size": 3, "choices": own}
    return {"kind": "alternating", "name": "two", "parts": parts, "validation": "dhf1k"}


def settings(folder, **run):
    arguments = {"width": 0.05, "size": VIDEO, "frame_step": 2, "steps": 2}
    return from_mapping(
        TrainSettings,
        {
            "model": {"name": "unisal", "arguments": arguments, "forward": {"phases": [0]}},
            "loss": {"kl": 1, "nss": 0.1, "cc": 0.1},
            "optim": {
                "name": "sgd",
                "learning_rate": 0.04,
                "weight_decay": 1e-4,
                "options": {"momentum": 0.9},
                "learning_rates": {"encoder": 0.1},
                "weight_decays": {"encoder": 1e-5},
                "waiting": {"encoder": 1},
                "resting": ["encoder"],
            },
            "run": {"folder": str(folder), **run},
            "clips": {"workers": 0},
            "validation": {"pictures": 0, "every": 2, "select": "kl", "metrics": ["kl"]},
            "epochs": 2,
            "from_scratch": True,
        },
    )


def trainer(folder, domains, **run):
    told = settings(folder, **run)
    torch.manual_seed(0)
    model, start = build_model(told.model)
    return Trainer(told, model, *sources(data_settings(domains), told, model.spec), start)


def watched(engine):
    """Let the engine note, for each step, its turn, its epoch, and which tensors it changed."""
    usual, seen = engine._step, []

    def step(share):
        before = {name: tensor.clone() for name, tensor in engine.model.state_dict().items()}
        entry = usual(share)
        after = engine.model.state_dict()
        changed = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
        seen.append((share.turn, engine.progress.epoch, changed))
        return entry

    engine._step = step
    return seen


@pytest.fixture(scope="module")
def unbroken(domains, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    engine = trainer(folder, domains)
    seen = watched(engine)
    engine.run()
    return folder, engine, seen


def test_a_step_changes_nothing_of_the_absent_domains(unbroken):
    _, engine, seen = unbroken
    assert len(seen) == engine.num_steps == 2 * (2 + 3)  # of eight videos by four, eight photographs by three
    for turn, epoch, changed in seen:
        others = {"dhf1k", "hollywood", "ucf_sports", "salicon"} - {turn}
        assert not [name for name in changed if others & set(name.split("."))]
        for part in ("priors", "adaptation", "smoothing", "skips.0.0.1"):
            assert any(name.startswith(part) and f".{turn}" in name for name in changed), part
        assert any("running_mean" in name for name in changed)
        memory = any(name.startswith(("recurrent", "remember")) for name in changed)
        assert memory == (turn == "dhf1k")  # pictures bypass it
        assert any(name.startswith("encoder") for name in changed) == (epoch > 0)  # which waits for an epoch
        assert not [name for name in changed if name.startswith("encoder") and "running" in name]
    assert not engine.model.bypass
    assert engine.model.spec.size == VIDEO


def test_the_log_tells_whose_turn_it_was_and_the_order_changes(unbroken):
    folder, _, seen = unbroken
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    turns = [line["turn"] for line in lines if line["kind"] == "step"]
    assert turns == [turn for turn, _, _ in seen]
    assert sorted(turns[:5]) == sorted(turns[5:]) == ["dhf1k"] * 2 + ["salicon"] * 3
    assert turns[:5] != turns[5:]
    assert load_model(folder / "last.safetensors").spec.size == VIDEO


def test_a_run_that_was_stopped_goes_on_as_the_unbroken_one(domains, unbroken, tmp_path):
    engine = trainer(tmp_path / "run", domains)
    usual = engine._step

    def stopped(share):
        if engine.progress.step + 1 == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return usual(share)

    engine._step = stopped
    with pytest.raises(StoppedError):
        engine.run()
    trainer(tmp_path / "run", domains, resume="auto").run()
    whole, resumed = (torch.load(folder / "state.pt") for folder in (unbroken[0], tmp_path / "run"))
    for name, tensor in whole["model"].items():
        assert torch.equal(tensor, resumed["model"][name]), name


def test_what_cannot_take_turns_is_refused(domains):
    told = settings("run")
    model, _ = build_model(told.model)

    def made(**changes):
        parts = {name: part | changes.get(name, {}) for name, part in domains["parts"].items()}
        return sources(data_settings(domains | {"parts": parts}), told, model.spec)

    with pytest.raises(
        ConfigError, match=r"`data.parts.salicon.choices` must be what unisal can change.*width"
    ):
        made(salicon={"choices": {"width": 0.1}})
    with pytest.raises(ConfigError, match=r"`data.validation` 'dhf1k' is scored by the model as it is built"):
        made(dhf1k={"choices": {"domain": "hollywood", "steps": 1}})
    with pytest.raises(DatasetError, match="nowhere"):
        made(
            dhf1k={"data": domains["parts"]["dhf1k"]["data"] | {"sets": [{"name": "a", "store": "nowhere"}]}}
        )
    with pytest.raises(ConfigError, match="two or more parts"):
        AlternatingClips({}, "a", seed=0)


class Counted:
    """A source of five steps an epoch, each told by its number."""

    def num_steps(self, epoch, batch_size):
        return 5

    def steps(self, epoch, batch_size, groups, *, start, process, num_processes):
        for number in range(start, 5):
            yield StepShare([], 100 * epoch + 10 * batch_size + number)


def test_any_step_can_be_drawn_again():
    clips = AlternatingClips({"a": Turn(Counted(), 1), "b": Turn(Counted(), 2)}, "a", seed=0)

    def drawn(epoch, start):
        return list(clips.steps(epoch, 4, 1, start=start, process=0, num_processes=1))

    for epoch in range(2):
        whole = drawn(epoch, 0)
        assert clips.num_steps(epoch, 4) == len(whole) == 10
        assert sorted(share.total - 100 * epoch for share in whole) == [*range(10, 15), *range(20, 25)]
        assert all((share.turn == "a") == (share.total % 100 < 20) for share in whole)
        for start in (1, 4, 9):
            assert drawn(epoch, start) == whole[start:]
