"""ViNet, ViNet-S and AViNet: their authors' state dicts give their authors' maps."""

from pathlib import Path

import numpy as np
import pytest
import torch

from avsal.layers.audio_window import hann_centred
from avsal.models import create_model
from tests.key_filled import frames_of, uniform
from tests.published import loaded

#: what the released networks gave for weights, frames and sound filled by key and shape, every fourth value
RELEASED = np.load(Path(__file__).parent / "fixtures" / "vinet.npz")


@pytest.mark.parametrize("name", ["vinet", "vinet_s"])
def test_the_authors_state_dict_gives_the_authors_map(name):
    model = loaded(name)
    with torch.no_grad():
        maps = model(frames_of((1, 3, 32, 64, 96)))[:, 0, ::4, ::4].numpy()
    expected = RELEASED[name]
    assert np.abs(maps - expected).max() < 1e-4 * np.ptp(expected)


def test_the_authors_state_dict_of_vinet_a_gives_the_authors_map():
    model = loaded("vinet_a")
    with torch.no_grad():
        maps = model(frames_of((1, 3, 64, 64, 96)))[:, 0, ::4, ::4].numpy()
    expected = RELEASED["vinet_a"]
    assert np.abs(maps - expected).max() < 1e-4 * np.ptp(expected)


def test_avinet_fuses_as_the_authors_network_does():
    model = loaded("avinet")
    sound = uniform("sound", (1, 1, 28224))  # 32 frames at 25 a second
    with torch.no_grad():
        heard = model.soundnet(hann_centred(sound, model.samples, 1))[-1]
        fused = model.fusion(uniform("base4", (1, 1024, 4, 7, 12)), heard)[:, ::64, ::3, ::3, ::4].numpy()
    expected = RELEASED["avinet_fused"]
    assert np.abs(fused - expected).max() < 1e-4 * np.ptp(expected)


@pytest.mark.parametrize(
    ("num_frames", "skips", "groups", "lengths", "collapse"),
    [
        (8, 3, False, (1, 3, 5, 5, 1), None),
        (16, 3, False, (1, 3, 5, 5, 2), None),
        (32, 3, True, (1, 3, 5, 5, 2), 2),
        (48, 3, False, (1, 3, 5, 5, 2), 3),
        (32, 2, False, (1, 3, 5, 1, 2), 2),
        (32, 0, False, (1, 1, 1, 1, 2), 2),
    ],
)
def test_kernels_in_time_leave_one_position(num_frames, skips, groups, lengths, collapse):
    with torch.device("meta"):
        decoder = create_model("vinet", num_frames=num_frames, skips=skips, grouped=groups).decoder
    assert tuple(step.kernel_size[0] for step in decoder.steps) == lengths
    assert tuple(step.groups for step in decoder.steps) == ((32, 16, 8, 4, 2) if groups else (1,) * 5)
    assert (decoder.collapse.kernel_size[0] if decoder.collapse else None) == collapse


def test_windows_of_the_start_repeat_the_first_frame_in_vinet_s_alone():
    with torch.device("meta"):
        small, large = (create_model(name).spec for name in ("vinet_s", "vinet"))
    assert len(small.start_windows) == 31
    assert small.start_windows[2] == (0,) * 30 + (1, 2)
    assert large.start_windows == ()


def test_avinet_without_sound_is_its_visual_network():
    small = {"num_frames": 8, "size": (32, 64), "width": 0.05}
    model, visual = create_model("avinet", **small), create_model("vinet", **small)
    visual.load_state_dict({k: v for k, v in model.state_dict().items() if k in visual.state_dict()})
    frames = frames_of((1, 3, 8, 32, 64))
    with torch.no_grad():
        assert torch.equal(model(frames), visual(frames))
        assert not torch.equal(model(frames, torch.zeros(1, 1, 7056)), model(frames))


def test_sound_lies_in_the_middle_of_zeros_faded_in_and_out():
    window = hann_centred(torch.ones(1, 1, 5), 11, 1)[0, 0]
    assert window.tolist() == pytest.approx([0, 0, 0, 0, 0.5, 1, 0.5, 0, 0, 0, 0])
    assert hann_centred(torch.ones(1, 1, 31), 11, 1).shape == (1, 1, 11)
    with pytest.raises(ValueError, match=r"expected|must have the shape \(2, 1, A\)"):
        hann_centred(torch.ones(1, 1, 5), 11, 2)
