"""Every model can learn a few real clips by heart."""

import pytest
import torch

from avsal.clips import normalise
from avsal.groundtruth import density
from avsal.losses import create_loss
from avsal.media import open_frames
from avsal.models import create_model, list_models
from datasets_av.beihang import Hevc

pytestmark = [pytest.mark.data, pytest.mark.slow]

VIDEOS = ("BasketballPass", "RaceHorsesD", "BlowingBubbles")  # 416x240: quick to decode
FIRST = 60  # frame: gaze has left the centre cross
SIZE = (48, 80)
SMALL = {
    "tsfpnet": {"width": 0.15, "num_frames": 8, "size": SIZE, "batch_norm_momentum": 0.1},
    "tsfpnet_av": {"width": 0.15, "num_frames": 8, "size": SIZE, "batch_norm_momentum": 0.1},
    "resnet3d": {"width": 0.15, "size": SIZE},
    "resnet3d_s": {"width": 0.15, "size": SIZE},
    "sal3d": {"width": 0.25, "size": SIZE, "frozen": False},
    "conv3d": {"width": 0.25, "size": SIZE},
    "esan": {"width": 0.15, "num_groups": 1, "size": SIZE},
    "unisal": {"width": 0.15, "steps": 2, "frame_step": 4, "size": SIZE},
    "tased": {"width": 0.15, "size": SIZE},
    "vinet": {"width": 0.15, "num_frames": 8, "size": SIZE},
    "vinet_s": {"width": 0.15, "num_frames": 8, "size": SIZE},
    "vinet_a": {"width": 0.15, "size": SIZE},
    "avinet": {"width": 0.15, "num_frames": 8, "size": SIZE},
    "stavis": {"width": 0.15, "size": SIZE},
    "stavis_visual": {"width": 0.15, "size": SIZE},
    "tsfpnet_mobile": {"width": 0.15, "size": SIZE},
    "tsfpnet_av_mobile": {"width": 0.15, "size": SIZE},
}


@pytest.fixture(scope="module")
def real_clips(shared_data):
    """For each video its first 64 frames from `FIRST` on at `SIZE`, and the density of each."""
    clips = []
    for recording in Hevc(shared_data / "hevc"):
        if recording.id in VIDEOS:
            with open_frames(recording.frames, SIZE) as reader:
                frames = [frame.image for frame in reader if FIRST <= frame.index < FIRST + 64]
            gaze = recording.load_fixations()
            maps = [density(gaze.at(index), SIZE, 6.0) for index in range(FIRST, FIRST + 64)]
            clips.append((frames, torch.stack([torch.from_numpy(one) for one in maps])))
    assert len(clips) == len(VIDEOS)
    return clips


@pytest.mark.parametrize("name", list_models())
def test_divergence_from_real_gaze_falls_by_a_third(real_clips, name):
    torch.manual_seed(0)
    model = create_model(name, **SMALL[name])
    spec = model.spec
    T = spec.num_frames
    wanted = {"last": slice(T - 1, T), "centre": slice(T // 2, T // 2 + 1), "all": slice(0, T)}[spec.predicts]
    frames = torch.stack([normalise(images[:T], spec) for images, _ in real_clips])
    truth = torch.stack([maps[:T][wanted] for _, maps in real_clips])
    audio = None
    if spec.sample_rate is not None:  # these videos are silent: a steady noise, so that the branch is used
        audio = torch.randn(len(frames), 1, spec.audio_samples(T / 30))
    points = torch.zeros(*truth.shape[:2], 1, 2, dtype=torch.int64)
    mask = torch.zeros(*truth.shape[:2], 1, dtype=torch.bool)
    loss = create_loss("tsfpnet_kl")
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 2e-3)
    model.train()
    losses = []
    for _ in range(80):
        value = loss(model(frames, audio), truth, points, mask).total
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.item())
        if losses[-1] < 0.6 * losses[0]:
            break
    assert losses[-1] < 2 / 3 * losses[0], f"{name}: {losses[0]:.3f} -> {losses[-1]:.3f}"
