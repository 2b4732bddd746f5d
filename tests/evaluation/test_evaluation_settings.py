import pytest

from avsal.errors import ConfigError
from avsal.evaluation import EvaluationSettings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metrics": ("nss", "auc_jud")}, "did you mean 'auc_judd'"),
        ({"metrics": ()}, "names none"),
        ({"family": "matlab"}, "`family`"),
        ({"sampler": "others"}, "`sampler`"),
        ({"baselines": ("center_bias",)}, "did you mean 'centre_bias'"),
        ({"density": "dhf2k"}, "dhf1k"),
        ({"every": 0}, "`every` must be at least 1"),
        ({"height": -3}, "`height`"),
        ({"ig_floor": 1.5}, "`ig_floor`"),
        ({"sampler": "dhf1k_10"}, "`seed` goes with"),
        ({"seed": 3}, "`seed` goes with"),
        ({"postprocess": "vinet"}, "`postprocess`"),
    ],
)
def test_an_impossible_setting_is_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        EvaluationSettings(**settings)


def test_settings_become_plain_values():
    values = EvaluationSettings(metrics=("nss",), sampler="dhf1k_10", seed=3).as_dict()
    assert values["metrics"] == ("nss",)
    assert values["seed"] == 3
