"""Windows that are learned with the video around them, so that engines which see it may be used."""

import numpy as np
import pytest
import torch
from training.tiny_run import SIZE, SpotVideos, T, log_of, settings

from avsal.errors import ConfigError
from avsal.models import create_model
from avsal.training import Trainer, build_model
from avsal.training.objective import Objective
from avsal.training.settings import ContextSettings
from avsal.training.synthetic_clips import SyntheticClips, SyntheticFrames

LENGTH = T + 16  # of a video with 8 frames before and after the window


def videos(seed=1, num_frames=LENGTH):
    return SpotVideos(seed=seed, num_frames=num_frames)


def trainer(folder, **changes):
    told = settings(folder, context__frames=8, **changes)
    torch.manual_seed(told.seed)
    model, start = build_model(told.model)
    clips = SyntheticClips(videos(), model.spec, num_clips=40, context=8)
    frames = SyntheticFrames(SpotVideos(seed=2), model.spec, num_clips=4)
    return Trainer(told, model, clips, frames, start)


def test_both_ways_to_see_a_clip_are_learned_and_agreement_makes_their_maps_alike(tmp_path):
    found = {}
    for agreement in (0.0, 3.0):
        folder = tmp_path / str(agreement)
        told = {"steps": 25, "optim__learning_rate": 0.01, "context__agreement": agreement}
        engine = trainer(folder, **told)
        engine.run()
        steps = log_of(folder)
        assert ("agreement" in steps[0]) == (agreement > 0)
        for name in ("kl", "kl_in_context"):
            assert np.mean([s[name] for s in steps[-5:]]) < np.mean([s[name] for s in steps[:5]])
        clips = SyntheticClips(videos(seed=9), engine.model.spec, num_clips=12, context=8)
        (share,) = clips.steps(0, 12, 1, start=0, process=0, num_processes=1)
        batch = share.groups[0].batch
        engine.model.eval()
        with torch.no_grad():
            alone = engine.model(batch.frames[:, :, 8:-8], batch.audio)
            around = engine.model(batch.frames, batch.audio, context=8)
        pairs = zip(alone.flatten(1).numpy(), around.flatten(1).numpy(), strict=True)
        found[agreement] = np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs])
    assert found[3.0] > found[0.0]


def test_without_a_weight_the_loss_is_the_mean_of_both(tmp_path):
    told = settings(tmp_path, context__frames=8, sound__attention=0.0)
    model, _ = build_model(told.model)
    objective = Objective(model, told).eval()
    clips = SyntheticClips(videos(), model.spec, num_clips=2, context=8)
    (share,) = clips.steps(0, 2, 1, start=0, process=0, num_processes=1)
    batch = share.groups[0].batch
    truth = (batch.density, batch.points, batch.mask)
    with torch.no_grad():
        total, _ = objective(batch.frames, batch.audio, *truth)
        alone = objective.loss(model(batch.frames[:, :, 8:-8], batch.audio), *truth).total
        around = objective.loss(model(batch.frames, batch.audio, context=8), *truth).total
    assert float(alone) != pytest.approx(float(around), abs=1e-6)
    assert float(total) == pytest.approx(float(alone + around) / 2, rel=1e-5)


def test_a_made_video_s_window_keeps_its_own_sound_and_target():
    model, _ = build_model(settings("unused").model)
    video = videos()[3]
    clip = SyntheticClips(videos(), model.spec, num_clips=4, context=8)[3]
    begin, end = (round(frame * len(video.sound) / LENGTH) for frame in (8, 8 + T))
    assert len(clip.images) == LENGTH
    np.testing.assert_allclose(clip.audio[0], video.sound[begin:end] * model.spec.audio_scale, rtol=1e-6)
    assert clip.frames.tolist() == [8 + T - 1]
    rows, columns = video.fixations.at(8 + T - 1).rows_and_columns()
    assert clip.points[0].tolist() == np.stack([rows, columns], 1).tolist()


def test_what_makes_no_sense_is_named(tmp_path):
    for wrong in ({"frames": 4}, {"frames": -8}, {"frames": 8, "agreement": -1.0}, {"agreement": 1.0}):
        with pytest.raises(ConfigError, match="`context"):
            ContextSettings(**wrong)
    told = settings(tmp_path, context__frames=8, sound__zero=0.0, sound__missing=0.0, sound__attention=0.0)
    with pytest.raises(ConfigError, match="conv3d is not"):
        Objective(create_model("conv3d"), told)
    model, _ = build_model(told.model)
    with pytest.raises(ConfigError, match=f"{T} of {SIZE[0]}x{SIZE[1]}, and `context.frames` 8 before"):
        SyntheticClips(SpotVideos(), model.spec, num_clips=4, context=8)
