"""Frozen parts and learning rates of parts."""

import pytest
import torch
from torch import nn

from avsal.errors import ConfigError
from avsal.training.parameter_groups import freeze, parameter_groups


def network() -> nn.Module:
    return nn.ModuleDict(
        {
            "encoder": nn.ModuleDict({"base1": nn.Linear(2, 2), "base2": nn.BatchNorm1d(2)}),
            "encoder2": nn.Linear(2, 2),
            "head": nn.Linear(2, 1),
        }
    )


def names_of(model, groups) -> dict[str, list[str]]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {group["name"]: [names[id(parameter)] for parameter in group["params"]] for group in groups}


def test_every_parameter_is_in_one_group_and_the_inner_part_decides():
    model = network()
    groups = parameter_groups(model, 1e-3, learning_rates={"encoder": 0.1, "encoder.base2": 0.5})
    assert names_of(model, groups) == {
        "rest": ["encoder2.weight", "encoder2.bias", "head.weight", "head.bias"],
        "encoder": ["encoder.base1.weight", "encoder.base1.bias"],
        "encoder.base2": ["encoder.base2.weight", "encoder.base2.bias"],
    }
    assert [group["lr"] for group in groups] == [1e-3, 1e-4, 5e-4]
    torch.optim.Adam(groups)


def test_frozen_parts_are_in_no_group_but_an_inner_part_may_be_trained():
    model = network()
    groups = parameter_groups(
        model, 1e-3, frozen=["encoder", "head.bias"], learning_rates={"encoder.base1": 0.1}
    )
    assert names_of(model, groups) == {
        "rest": ["encoder2.weight", "encoder2.bias", "head.weight"],
        "encoder.base1": ["encoder.base1.weight", "encoder.base1.bias"],
    }
    assert all(parameter.requires_grad for parameter in model.parameters())  # nothing was changed


def test_what_takes_no_gradient_is_in_no_group():
    model = network()
    model["encoder"].requires_grad_(False)
    assert list(names_of(model, parameter_groups(model, 1.0))) == ["rest"]


def test_freezing_stops_gradients_and_names_the_modules_to_hold_in_evaluation_mode():
    model = network()
    held = freeze(model, ["encoder.base2", "head.weight"])
    assert held == [model["encoder"]["base2"]]
    stopped = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    assert stopped == ["encoder.base2.weight", "encoder.base2.bias", "head.weight"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"frozen": ["decoder"]}, "no part 'decoder': expected names such as encoder, encoder2, head"),
        ({"learning_rates": {"enc": 0.1}}, "no part 'enc'"),
        ({"learning_rates": {"head": 0.0}}, "must be positive, not 0.0: freeze it"),
        ({"frozen": ["head"], "learning_rates": {"head": 0.1}}, "'head' is frozen and has a learning rate"),
        ({"frozen": ["encoder", "encoder2", "head"]}, "nothing is left to train"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line(options, expected):
    with pytest.raises(ConfigError, match=expected):
        parameter_groups(network(), 1e-3, **options)


def test_freezing_a_part_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="no part 'decoder'"):
        freeze(network(), ["decoder"])
