import sys
import types

import numpy as np
import pytest
import torch

from avsal.layers import logmel
from avsal.layers.fusion import AUDIO_ENCODERS, FUSIONS
from avsal.layers.logmel import FFT, HOP, LogMelNet, _torchaudio_filters, log_mel, mel_filters
from avsal.layers.soundnet import SAMPLE_RATE, SCALE
from avsal.models import create_model


@pytest.mark.parametrize(
    ("rate", "fft", "mels", "highest"),
    [(22050, 1024, 64, 8000.0), (16000, 512, 40, 8000.0), (22050, 2048, 12, 900.0)],
)
def test_the_filter_bank_is_librosas(rate, fft, mels, highest):
    import librosa

    expected = librosa.filters.mel(sr=rate, n_fft=fft, n_mels=mels, fmax=highest)
    np.testing.assert_allclose(mel_filters(rate, fft, mels, highest), expected, rtol=1e-5, atol=1e-7)


def test_the_filter_bank_is_torchaudios():
    theirs = _torchaudio_filters(SAMPLE_RATE, FFT, 64, 8000.0)
    if theirs is None:
        pytest.skip("torchaudio does not load beside this build of torch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logmel, "_torchaudio_filters", lambda *_: None)
        np.testing.assert_allclose(mel_filters(), theirs, rtol=1e-4, atol=1e-7)


def test_torchaudio_makes_the_filters_where_it_loads(monkeypatch):
    """A stand-in, as the real one does not load beside every build."""
    given = {}

    def melscale_fbanks(n_freqs, f_min, f_max, n_mels, sample_rate, **named):
        given.update(named, n_freqs=n_freqs, sample_rate=sample_rate)
        return torch.arange(n_freqs * n_mels, dtype=torch.float32).reshape(n_freqs, n_mels)

    functional = types.ModuleType("torchaudio.functional")
    functional.melscale_fbanks = melscale_fbanks
    monkeypatch.setitem(sys.modules, "torchaudio", types.ModuleType("torchaudio"))
    monkeypatch.setitem(sys.modules, "torchaudio.functional", functional)
    with torch.device("meta"):  # as when a model is built for its shapes alone
        found = mel_filters(16000, 8, 2, 8000.0)
    np.testing.assert_array_equal(found, [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]])
    assert given == {"norm": "slaney", "mel_scale": "slaney", "n_freqs": 5, "sample_rate": 16000}


def test_log_mel_frames_are_librosas():
    import librosa

    sound = 0.3 * np.random.default_rng(0).standard_normal(9000).astype(np.float32)
    energy = librosa.feature.melspectrogram(
        y=sound, sr=SAMPLE_RATE, n_fft=FFT, hop_length=HOP, win_length=551, n_mels=64, fmax=8000,
        center=True, pad_mode="constant",
    )  # fmt: skip
    found = log_mel(torch.from_numpy(sound)[None], torch.from_numpy(mel_filters()))[0]
    torch.testing.assert_close(found, torch.from_numpy(np.log(energy + 1e-5)), rtol=1e-3, atol=1e-3)


@torch.no_grad()
def test_a_click_is_heard_at_its_time_in_every_layer():
    torch.manual_seed(0)
    network = LogMelNet(0.25).eval()
    at = 12_000
    sound = torch.zeros(1, 1, 24_000)
    sound[..., at] = SCALE
    silence = network(torch.zeros_like(sound))
    for layer, (heard, quiet) in enumerate(zip(network(sound), silence, strict=True), 1):
        change = (heard - quiet).abs().sum(1)[0].double()
        times = LogMelNet.step_times(layer, heard.shape[-1]).double()
        assert len(times) == len(change)
        step = float(times[1] - times[0])
        assert abs(float(times @ change / change.sum()) - at) < step


@pytest.mark.parametrize("samples", [1, 200, 28_224])
def test_sound_of_any_length_is_taken(samples):
    features = LogMelNet(0.25).eval()(torch.randn(2, 1, samples))
    assert [feature.shape[0] for feature in features] == [2] * 4
    assert all(feature.shape[-1] >= 1 and feature.isfinite().all() for feature in features)


def test_the_network_is_as_large_as_it_says():
    assert sum(parameter.numel() for parameter in LogMelNet().parameters()) == 308_480


def test_half_precision_hears_loud_sound():
    network = LogMelNet(0.25).eval()
    loud = SCALE * torch.ones(1, 1, 4000)
    with torch.autocast("cpu", torch.bfloat16):
        assert all(feature.isfinite().all() for feature in network(loud))


@pytest.mark.parametrize("encoder", AUDIO_ENCODERS)
@pytest.mark.parametrize("name", FUSIONS)
def test_every_fusion_hears_with_every_encoder(name, encoder):
    torch.manual_seed(0)
    fusion = FUSIONS[name]((8, 12, 16), 0.25, audio_encoder=encoder).eval()
    base2, base3 = torch.randn(2, 12, 4, 6, 8), torch.randn(2, 16, 2, 3, 4)
    sound = SCALE * torch.randn(2, 1, 7056)
    logits = fusion(base2, base3, sound)
    assert logits.shape == (2, 1, 3, 4)
    assert not torch.allclose(logits, fusion(base2, base3, sound.flip(-1)))


def test_frames_seen_one_by_one_are_aligned_with_sound_too():
    """A sound step at 80 % of the clip meets the picture's step of the same time, whatever its stride."""
    torch.manual_seed(0)
    fusion = FUSIONS["aligned"]((8, 12, 16), 0.25, audio_encoder="logmel", time_stride=1).eval()
    assert fusion.step_times(torch.zeros(1, 1, 8820), 10).tolist() == [882 * (i + 0.5) for i in range(10)]
    halved = FUSIONS["aligned"]((8, 12, 16), 0.25)
    assert halved.step_times(torch.zeros(1, 1, 8820), 5).tolist() == [882 * (2 * i + 0.5) for i in range(5)]


@pytest.mark.parametrize("encoder", AUDIO_ENCODERS)
def test_the_aligned_fusion_can_be_exported(encoder):
    torch.manual_seed(0)
    fusion = FUSIONS["aligned"]((8, 12, 16), 0.25, audio_encoder=encoder).eval()
    example = (torch.randn(1, 12, 4, 6, 8), torch.randn(1, 16, 2, 3, 4), SCALE * torch.randn(1, 1, 7056))
    exported = torch.export.export(fusion, example).module()
    torch.testing.assert_close(exported(*example), fusion(*example))


def test_an_unknown_encoder_is_refused():
    with pytest.raises(ValueError, match="`audio_encoder` must be one of soundnet, logmel"):
        FUSIONS["aligned"]((8, 12, 16), 0.25, audio_encoder="wav2vec")


def test_a_model_hears_with_the_encoder_of_its_arguments():
    torch.manual_seed(0)
    model = create_model(
        "tsfpnet_av", audio_encoder="logmel", fusion="aligned", width=0.25, num_frames=8, size=(32, 56)
    )
    assert any(name.startswith("fusion.logmel.") for name in model.state_dict())
    assert not any("soundnet" in name for name in model.state_dict())
    frames = torch.randn(1, 3, 8, 32, 56)
    silent = model(frames, torch.zeros(1, 1, 7056))
    assert not torch.equal(model(frames, SCALE * torch.randn(1, 1, 7056)), silent)
