import pytest
import torch

from avsal.layers.soundnet import SoundNet


def test_published_parameter_count():
    assert sum(parameter.numel() for parameter in SoundNet().parameters()) == 2_874_320


@pytest.mark.parametrize(
    ("samples", "steps"),
    [(4_574, 1), (12_765, 1), (12_766, 2), (45_533, 2), (45_534, 3), (78_301, 3), (100, 1)],
)
def test_steps_of_the_last_layer(samples, steps):
    with torch.no_grad():
        features = SoundNet(width=0.05).eval()(torch.zeros(1, 1, samples))
    assert features[-1].shape[-1] == steps


@pytest.mark.parametrize("layer", [1, 2, 3, 4, 5])
def test_step_times_are_the_centres_of_what_a_step_hears(layer):
    """The gradient of one step reaches a stretch of samples whose middle must be the stated time."""
    torch.manual_seed(0)
    network = SoundNet(depth=layer, width=0.1).eval()
    for module in network.modules():  # all positive and without bias: every sample in reach counts, none wins
        if isinstance(module, torch.nn.Conv1d):
            torch.nn.init.constant_(module.weight, 0.01)
            torch.nn.init.zeros_(module.bias)
    pool, torch.nn.functional.max_pool2d = torch.nn.functional.max_pool2d, torch.nn.functional.avg_pool2d
    try:
        audio = torch.ones(1, 1, 30_000, requires_grad=True)
        features = network(audio)[-1]
        step = features.shape[-1] // 2
        features[0, :, step].sum().backward()
    finally:
        torch.nn.functional.max_pool2d = pool
    heard = audio.grad[0, 0].nonzero()
    middle = float(heard.min() + heard.max()) / 2
    assert middle == pytest.approx(float(SoundNet.step_times(layer, step + 1)[step]), abs=0.51)


def test_features_do_not_depend_on_how_many_layers_follow():
    torch.manual_seed(0)
    deep = SoundNet(depth=6, width=0.1).eval()
    shallow = SoundNet(depth=5, width=0.1).eval()
    kept = {key: value for key, value in deep.state_dict().items() if key in shallow.state_dict()}
    shallow.load_state_dict(kept)
    audio = torch.randn(2, 1, 20_000)
    with torch.no_grad():
        for mine, other in zip(shallow(audio), deep(audio), strict=False):
            torch.testing.assert_close(mine, other)
