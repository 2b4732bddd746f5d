"""The parts of `scripts/train_default.py` that can go wrong silently."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from avsal.models import create_model

SCRIPTS = str(Path(__file__).parents[2] / "scripts")


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    yield
    for name in [
        name for name, module in sys.modules.items() if SCRIPTS in str(getattr(module, "__file__", ""))
    ]:
        del sys.modules[name]


def smooth(height, width):
    rows, columns = np.mgrid[:height, :width]
    return (
        np.stack([120 + 60 * np.sin(rows / 9), 2.0 * columns, 200 - rows], -1).clip(0, 255).astype(np.uint8)
    )


@pytest.mark.parametrize("size", [(33, 50), (64, 48), (8, 7)])
def test_a_coded_picture_comes_back(size):
    from picture_code import decode, encode

    image = smooth(*size)
    code = encode(image, 90)

    found = decode(code)

    assert found.shape == image.shape
    assert np.abs(found.astype(int) - image).mean() < 3
    assert len(code) < image.size / 3 or image.size < 1000


@pytest.mark.parametrize("mirrored", [False, True])
def test_gaze_stays_on_what_was_looked_at(mirrored):
    from default_batches import Crop, show, target

    image = np.zeros((96, 128, 3), np.uint8)
    image[60:64, 100:104] = 255  # looked at in its middle
    points = np.array([[62 / 96, 102 / 128]], np.float32)
    crop = Crop(0.25, 0.5, 0.6, 0.5, mirrored)

    frames, place = show(torch.from_numpy(image)[None], crop, (96, 160), torch.ones(3))
    density, cells, weights = target(crop.of_points(points), place, (96, 160), 0.03)

    bright = frames[0, 0] == frames[0, 0].max()
    row, column = (axis.float().mean().item() for axis in bright.nonzero(as_tuple=True))
    peak = divmod(int(density.argmax()), 40)
    assert abs(peak[0] - row / 4) < 1
    assert abs(peak[1] - column / 4) < 1
    assert int(cells[0]) == peak[0] * 40 + peak[1]
    assert weights.sum() == 1


def test_gaze_outside_the_part_that_is_shown_is_left_out():
    from default_batches import Crop

    assert len(Crop(0, 0, 0.5, 0.5, False).of_points(np.array([[0.6, 0.2], [0.2, 0.6]], np.float32))) == 0


@torch.no_grad()
def test_a_stretch_is_predicted_as_its_windows_are():
    from train_default import sequence_logits

    torch.manual_seed(0)
    model = create_model("tsfpnet_mobile", width=0.1, size=(64, 96))
    for motion in model.motions:
        motion.mix.weight.normal_(0, 0.3)
    stretch = torch.randn(2, 3, 6, 64, 96)
    window = torch.zeros(2, 3, 9, 64, 96)
    window[:, :, ::2] = stretch[:, :, 1:]  # every second frame, up to the last

    logits = sequence_logits(model, stretch)[:, -1:]

    torch.testing.assert_close(model.read_out(logits, None, (64, 96)), model(window), rtol=1e-4, atol=1e-5)


def test_the_loss_is_that_of_the_metrics():
    from train_default import loss_of

    from avsal.losses import create_loss

    logits, density = torch.randn(2, 6, 8), torch.rand(2, 6, 8)
    density = density / density.sum((1, 2), keepdim=True)
    points = torch.tensor([[3, 17], [40, 0]])
    weights = torch.tensor([[1.0, 1.0], [1.0, 0.0]])

    found = loss_of(logits, density, points, weights)

    maps = logits.flatten(1).softmax(1).reshape(2, 1, 6, 8)
    places = torch.stack([points // 8, points % 8], -1)[:, None]
    expected = create_loss("tsfpnet")(maps, density[:, None], places, weights[:, None].bool())
    assert found.item() == pytest.approx(expected.total.item(), abs=1e-3)


def test_every_video_of_the_material_has_a_scene_and_siblings_share_a_fold():
    import csv

    with (Path(SCRIPTS) / "default_scenes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert len({row["video"] for row in rows}) == len(rows) == 34
    assert len({(row["scene"], row["fold"]) for row in rows}) == len({row["scene"] for row in rows})
    assert {row["fold"] for row in rows} == {"1", "2", "3", "4", "aside"}


def test_a_bare_machine_s_rearrange_is_that_of_einops():
    import einops
    from bare_machine import rearrange

    generator = torch.Generator().manual_seed(0)
    for shape, pattern, sizes in (
        ((4, 3, 6, 8), "b c h w -> b h w c", {}),
        ((2, 3, 4), "b c (t h w) -> b c t h w", {"t": 1, "h": 2, "w": 2}),
        ((2, 4, 4, 2, 3), "b c t h w -> (b t) c h w", {}),
        ((4, 3, 6, 8), "(b t) c h w -> b c t h w", {"b": 2}),
        ((2, 3, 4), "b c t -> b c t 1 1", {}),
        ((2, 3, 1, 4), "b c 1 a -> b c a", {}),
        ((2, 4, 4, 2, 3), "b c (s t) h w -> b (c s) t h w", {"s": 2}),
    ):
        x = torch.rand(shape, generator=generator)
        assert torch.equal(rearrange(x, pattern, **sizes), einops.rearrange(x, pattern, **sizes)), pattern


def test_networks_engines_and_losses_import_with_torch_and_numpy_alone():
    absent = (
        "av PIL h5py scipy einops hydra omegaconf librosa soxr soundfile safetensors huggingface_hub "
        "accelerate matplotlib torchaudio tqdm natsort"
    )
    program = f"""
import sys
for name in {absent!r}.split():
    sys.modules[name] = None
sys.path.insert(0, {SCRIPTS!r})
import bare_machine
assert "einops" in bare_machine.prepare()
import gpu_parts, gpu_training, train_default
import torch
assert not gpu_parts.agreement(torch.device("cpu"), True, 0)[0].get("right")  # no time is left
engine = gpu_parts.create_engine(gpu_parts.lively(*gpu_parts.SMALL[0], torch.device("cpu")), "exact")
maps = gpu_parts.maps_of(engine, gpu_parts.jobs_of(engine, 14, last=2))
assert sorted(maps) == [12, 13] and all(bool(one.isfinite().all()) for one in maps.values())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
