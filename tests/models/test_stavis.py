"""STAViS: its authors' state dict gives its authors' maps, with sound, without, and of the side outputs."""

from pathlib import Path

import numpy as np
import pytest
import torch

import avsal
from avsal.models import create_model
from avsal.models.stavis import enlarging
from avsal.types import Fixations, Recording
from tests.fake_media import write_video
from tests.key_filled import frames_of, uniform
from tests.published import loaded

#: what the released network gave for weights, frames and sound filled by key and shape, every few values
RELEASED = np.load(Path(__file__).parent / "fixtures" / "stavis.npz")
FRAMES = frames_of((1, 3, 16, 48, 48))


def test_the_authors_state_dict_gives_the_authors_maps():
    model = loaded("stavis")
    with torch.no_grad():
        heard = model(FRAMES, uniform("sound", (1, 14112))[None])[..., ::3, ::3].numpy()
        maps = model(FRAMES, sides=True)[..., ::4, ::4].numpy()
    assert np.abs(heard - RELEASED["audiovisual"]).max() < 1e-4 * np.ptp(RELEASED["audiovisual"])
    for one, expected in zip(maps[0], RELEASED["visual"][0], strict=True):
        assert np.abs(one - expected).max() < 1e-4 * np.ptp(expected)


def test_the_visual_network_is_the_whole_one_without_sound():
    small = {"width": 0.05, "size": (32, 48)}
    whole, visual = create_model("stavis", **small), create_model("stavis_visual", **small)
    visual.load_state_dict({k: v for k, v in whole.state_dict().items() if k in visual.state_dict()})
    frames = frames_of((1, 3, 16, 32, 48))
    with torch.no_grad():
        assert torch.equal(whole(frames), visual(frames))
        assert not torch.equal(whole(frames, torch.zeros(1, 1, 14112)), whole(frames))
    with pytest.raises(ValueError, match="leave `audio` out"):
        whole(frames, torch.zeros(1, 1, 14112), sides=True)


def test_side_outputs_begin_by_interpolating():
    x = uniform("features", (1, 3, 4, 5))
    with torch.no_grad():
        enlarged = enlarging(3, 4)(x)
    expected = torch.nn.functional.interpolate(x, scale_factor=4, mode="bilinear")
    torch.testing.assert_close(enlarged[..., 4:-4, 4:-4], expected[..., 4:-4, 4:-4])


@pytest.fixture
def two(tmp_path):
    """Two videos of twenty frames with the same tone and gaze."""
    gaze = Fixations(np.arange(20), np.arange(20) + 10, np.full(20, 9), np.zeros(20, int), (32, 48))
    return [
        Recording(name, "two", path, audio=path, load_fixations=lambda: gaze)
        for name in ("first", "last")
        for path in [write_video(tmp_path / f"{name}.mp4", num_frames=20)]
    ]


def test_as_published_the_last_video_of_a_list_is_heard_as_silence(two):
    def scored(published, **settings):
        torch.manual_seed(0)
        model = create_model("stavis", width=0.05, size=(32, 48), published=published)
        torch.nn.init.normal_(model.join_sound.weight)
        model.trained = True
        found = avsal.evaluate(model, two, metrics=("cc",), baselines=(), every=5, **settings)
        return found, [entry.values["cc"].tolist() for entry in found.frames["stavis"]]

    def notes(found):
        return "\n".join(problem.text for problem in found.problems.found)

    found, ours = scored(False)
    assert "silence" not in notes(found)
    published, theirs = scored(True)
    _, silent = scored(True, audio="zero")
    assert theirs[0] != silent[0]
    assert theirs[1] == silent[1] != ours[1]
    assert "stavis hears silence with last, the last of the list" in notes(published)
    alone, one = scored(True, videos=("first",))
    assert one == theirs[:1]
    assert "hears silence with last" in notes(alone)
