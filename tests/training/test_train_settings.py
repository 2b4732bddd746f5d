import pytest

from avsal.configuration import from_mapping
from avsal.errors import ConfigError
from avsal.training import TrainSettings
from avsal.training.settings import OptimSettings, SoundSettings, ValidationSettings

LEAST = {
    "model": {"name": "tsfpnet"},
    "loss": {"kl": 1},
    "optim": {},
    "run": {"folder": "runs/x"},
    "epochs": 2,
}


def test_the_least_that_must_be_said_gives_the_documented_defaults():
    told = from_mapping(TrainSettings, LEAST)
    assert told.protocol == "clean"
    assert told.optim.learning_rate == 1e-4
    assert told.loss == {"kl": 1.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epoch": 3}, "unknown setting `epoch`: did you mean `epochs`?"),
        (
            {"optim": {"lerning_rate": 1}},
            "unknown setting `optim.lerning_rate`: did you mean `optim.learning_rate`?",
        ),
        ({"optim": {"schedule": {"nme": "inv"}}}, "unknown setting `optim.schedule.nme`"),
        ({"zebra": 1}, "unknown setting `zebra`: expected some of model, loss"),
        ({"epochs": "2"}, "`epochs` must be a whole number or null but is '2'"),
        ({"epochs": 2.5}, "`epochs` must be a whole number or null but is 2.5"),
        ({"seed": True}, "`seed` must be a whole number but is True"),
        ({"loss": {"kl": "much"}}, "`loss.kl` must be a number but is 'much'"),
        ({"loss": {"kll": 1}}, "a loss is made of the terms"),
        ({"optim": {"name": "adm"}}, "`optim.name` must be one of adam, adamw, sgd, adadelta but is 'adm'"),
        ({"optim": {"frozen": "encoder"}}, "`optim.frozen` must be a list but is 'encoder'"),
        (
            {"optim": {"schedule": {"epochs": [1, "x"]}}},
            r"`optim.schedule.epochs\[1\]` must be a whole number",
        ),
        ({"run": {}}, "the setting `run.folder` is missing"),
        ({"epochs": None}, "set `epochs` or `steps`"),
        ({"steps": 0}, "`steps` must be positive but is 0"),
        ({"sound": {"zero": 1.5}}, "`sound.zero` must be a share"),
        ({"validation": {"select": "s_auc"}}, "`validation.metrics` must be some of"),
        ({"validation": {"metrics": ["cc"]}}, "`validation.select` must be one of `validation.metrics`"),
        ({"clips": {"batch_size": -1}}, "`clips.batch_size` must be positive but is -1"),
    ],
)
def test_what_is_unknown_or_of_the_wrong_type_fails_by_name(change, message):
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        from_mapping(TrainSettings, LEAST | change)


def test_whole_numbers_are_taken_for_floats_and_lists_for_tuples():
    told = from_mapping(OptimSettings, {"learning_rate": 1, "frozen": ["encoder"]})
    assert told.learning_rate == 1.0
    assert isinstance(told.learning_rate, float)
    assert told.frozen == ("encoder",)


def test_settings_cannot_be_changed_afterwards():
    for settings in (SoundSettings(), ValidationSettings()):
        with pytest.raises(AttributeError):
            settings.new = 1
