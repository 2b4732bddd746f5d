"""The checkpoint that everything takes where nothing is named."""

import numpy as np
import torch

from avsal import load_model
from avsal.clips import normalise_clips
from avsal.weights.shipped import DEFAULT, SHIPPED
from datasets_av.sounding_objects import SoundingObjects


def test_the_default_is_small_keeps_the_shape_of_pictures_and_is_no_demonstration():
    entry = SHIPPED[DEFAULT]
    model = load_model()

    assert not entry.demonstration
    assert entry.path.stat().st_size < 16e6
    assert model.trained
    assert model.name == "tsfpnet_av_mobile"
    assert model.spec.resize == "fit"
    assert model.spec.size[0] >= 192


@torch.inference_mode()
def test_the_default_looks_at_the_drawn_object_that_is_heard_rather_than_at_the_others():
    model = load_model()
    videos = SoundingObjects("decides", "synchrony", seed=3, num_frames=32, size=model.spec.size)
    gains = []
    for index in range(4):
        clip = videos[index]
        frames = normalise_clips((torch.from_numpy(clip.frames),), model.spec)
        sound = torch.from_numpy(clip.sound)[None, None] * model.spec.audio_scale
        heard, silent = (model(frames, audio)[0, 0].numpy() for audio in (sound, torch.zeros_like(sound)))
        target = clip.gaze.density(-1) - clip.gaze.best_map(-1, sound=False)
        gains.append(float((target * (heard / heard.sum() - silent / silent.sum())).sum()))

    assert np.mean(gains) > 0
    assert min(gains) > -max(gains)
