import math

import numpy as np
import pytest
import torch

from avsal.training.settings import SoundSettings
from avsal.training.sound import attention_loss, drop_sound


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_clips_are_silenced_and_batches_lose_their_sound_at_the_stated_shares():
    told = SoundSettings(zero=0.3, missing=0.2)
    audio = torch.ones(8, 1, 5)
    random = generator()
    drawn = [drop_sound(audio, told, random) for _ in range(2000)]
    missing = sum(one is None for one in drawn) / len(drawn)
    silenced = np.mean([float((one == 0).all(2).float().mean()) for one in drawn if one is not None])
    assert missing == pytest.approx(0.2, abs=0.03)
    assert silenced == pytest.approx(0.3, abs=0.015)


def test_a_silenced_clip_is_zeros_and_the_others_are_untouched():
    audio = torch.randn(64, 1, 7, generator=generator(1))
    kept = drop_sound(audio, SoundSettings(zero=0.5), generator())
    for before, after in zip(audio, kept, strict=True):
        assert torch.equal(before, after) or not after.any()
    assert audio.any(2).all(), "the batch itself is not changed"


def test_noise_is_as_loud_as_the_clip_that_it_replaces_and_tells_nothing_of_it():
    loud = torch.tensor([0.5, 2.0]).repeat(200)[:, None, None]
    audio = loud * torch.sign(torch.randn(400, 1, 2000, generator=generator(1)))
    heard = drop_sound(audio, SoundSettings(noise=0.25), generator())
    noisy = (heard != audio).any(2).flatten()
    assert float(noisy.float().mean()) == pytest.approx(0.25, abs=0.06)
    assert torch.equal(heard[~noisy], audio[~noisy])
    level = heard[noisy].square().mean(2).sqrt().flatten()
    torch.testing.assert_close(level, loud[noisy].flatten(), rtol=0.08, atol=0)
    assert float((heard * audio)[noisy].mean().abs()) < 0.02
    silent = drop_sound(torch.zeros(4, 1, 9), SoundSettings(noise=1.0), generator())
    assert not silent.any(), "silence has no loudness"
    assert drop_sound(audio, SoundSettings(noise=1, zero=1), generator()).any().item() is False


def test_no_sound_stays_no_sound_and_unused_sound_becomes_none():
    assert drop_sound(None, SoundSettings(), generator()) is None
    assert drop_sound(torch.ones(2, 1, 3), SoundSettings(use=False), generator()) is None


def test_the_same_generator_draws_the_same():
    audio, told = torch.ones(16, 1, 3), SoundSettings(zero=0.5)
    assert torch.equal(drop_sound(audio, told, generator(3)), drop_sound(audio, told, generator(3)))


def test_attention_loss_is_the_cross_entropy_over_the_grid():
    logits = torch.randn(3, 1, 2, 4, generator=generator(2))
    density = torch.rand(3, 2, 8, 16, generator=generator(3))
    density[2] = 0  # nobody looked: does not count
    expected = 0.0
    for b in (0, 1):
        cells = density[b].sum(0).numpy().reshape(2, 4, 4, 4).sum(axis=(1, 3)).ravel()
        scores = logits[b].numpy().ravel().astype(np.float64)
        log_softmax = scores - math.log(np.exp(scores).sum())
        expected -= (cells / cells.sum() * log_softmax).sum() / 2
    assert float(attention_loss(logits, density)) == pytest.approx(expected, rel=1e-5)


def test_attention_on_the_target_is_best_and_uniform_costs_the_log_of_the_cells():
    density = torch.zeros(1, 1, 8, 8)
    density[..., :4, :4] = 1
    uniform = attention_loss(torch.zeros(1, 1, 2, 2), density)
    assert float(uniform) == pytest.approx(math.log(4))
    pointed = torch.tensor([[[[20.0, 0.0], [0.0, 0.0]]]])
    assert float(attention_loss(pointed, density)) < 1e-6


def test_attention_loss_without_a_target_is_zero_and_has_no_gradient():
    logits = torch.zeros(1, 1, 2, 2, requires_grad=True)
    loss = attention_loss(logits, torch.zeros(1, 1, 4, 4))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()
