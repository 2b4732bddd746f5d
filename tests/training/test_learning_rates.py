import pytest
import torch
from training.tiny_run import SIZE, T

from avsal.errors import ConfigError
from avsal.models import create_model
from avsal.training.optimiser import create_optimiser, set_learning_rate
from avsal.training.schedule import factor
from avsal.training.settings import OptimSettings, ScheduleSettings


def at_epochs(schedule, epochs):
    return [factor(schedule, step=0, epoch=epoch - 1, num_steps=100) for epoch in epochs]


def test_tsfpnet_divides_by_ten_at_the_22nd_25th_and_26th_epoch():
    schedule = ScheduleSettings("steps", epochs=(22, 25, 26))
    expected = [1.0] * 21 + [0.1] * 3 + [0.01] + [0.001]
    assert at_epochs(schedule, range(1, 27)) == pytest.approx(expected)


def test_3dsal_divides_by_ten_after_every_second_epoch():
    schedule = ScheduleSettings("every", every=2)
    assert at_epochs(schedule, range(1, 10)) == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01, 1e-3, 1e-3, 1e-4])


def test_inv_is_caffes_policy():
    schedule = ScheduleSettings("inv", gamma=1e-4, power=0.75)
    for step in (0, 1, 1000, 200_000):
        expected = (1 + 1e-4 * step) ** -0.75
        assert factor(schedule, step=step, epoch=5, num_steps=200_000) == pytest.approx(expected)
    assert factor(schedule, step=200_000, epoch=0, num_steps=200_000) == pytest.approx(21**-0.75)


def test_decay_rises_stays_and_falls_to_almost_nothing():
    schedule = ScheduleSettings("decay", warmup=20, share=0.4)
    course = [factor(schedule, step=step, epoch=0, num_steps=100) for step in range(100)]
    assert course[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    assert course[20:60] == [1.0] * 40
    assert course[60:] == pytest.approx([(100 - step) / 40 for step in range(60, 100)])


def tiny_model():
    return create_model("tsfpnet_av", width=0.05, num_frames=T, size=list(SIZE))


def test_parts_have_learning_rates_of_their_own_and_frozen_ones_none():
    model = tiny_model()
    told = OptimSettings(learning_rate=0.01, frozen=("fusion.soundnet",), learning_rates={"encoder": 0.1})
    optimiser = create_optimiser(model, told)
    set_learning_rate(optimiser, 0.5)
    rates = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        expected = None if name.startswith("fusion.soundnet") else 0.05 if name.startswith("encoder") else 0.5
        assert rates.get(id(parameter)) == expected, name


def caffe_adadelta(weight, gradients, rate, rho, delta, decay):
    """Caffe's AdaDelta solver, restated: its "momentum" decays both means, the rate multiplies the update."""
    squares, updates = torch.zeros_like(weight), torch.zeros_like(weight)
    for gradient in gradients:
        g = gradient + decay * weight
        squares = rho * squares + (1 - rho) * g**2
        update = g * ((updates + delta) / (squares + delta)).sqrt()
        updates = rho * updates + (1 - rho) * update**2
        weight = weight - rate * update
    return weight


def test_adadelta_is_caffes():
    model = tiny_model()
    told = OptimSettings("adadelta", learning_rate=0.1, weight_decay=5e-4, options={"rho": 0.95, "eps": 1e-6})
    optimiser = create_optimiser(model, told)
    weight = model.head[1].weight
    begin = weight.detach().clone()
    generator = torch.Generator().manual_seed(0)
    gradients = [torch.randn(weight.shape, generator=generator) for _ in range(5)]
    for gradient in gradients:
        weight.grad = gradient.clone()
        optimiser.step()
    expected = caffe_adadelta(begin, gradients, 0.1, 0.95, 1e-6, 5e-4)
    assert torch.allclose(weight, expected, atol=1e-7)


def test_an_option_that_the_optimiser_does_not_take_is_named():
    with pytest.raises(ConfigError, match=r"of adam must be some of .*betas.* but has 'rho'"):
        create_optimiser(tiny_model(), OptimSettings("adam", options={"rho": 0.9}))
    with pytest.raises(ConfigError, match="the model has no part 'encodr'"):
        create_optimiser(tiny_model(), OptimSettings(frozen=("encodr",)))
