"""Third-party packages add models and data sets by entry points; a broken one is told and harms nobody."""

import sys

import pytest

from avsal.cli import main
from avsal.errors import ConfigError
from avsal.models import ModelInfo, create_model, list_models
from avsal.plugins import load_plugins
from avsal.weights import load_model
from datasets_av.dataset import Dataset, dataset_class, list_datasets, open_dataset

MODEL = """
import torch
from avsal.models import SaliencyModel, register_model
from avsal.types import ClipSpec

@register_model("brightness", paper="Nobody, 2026", summary="maps are brightness")
class Brightness(SaliencyModel):
    def __init__(self, *, gain: float = 1.0) -> None:
        super().__init__()
        self.spec = ClipSpec(num_frames=1, size=(16, 16))
        self.gain = torch.nn.Parameter(torch.tensor(gain))

    def forward(self, frames, audio=None):
        return self.gain * (frames.mean(1) + 1)
"""
DATASET = '''
from datasets_av.dataset import Dataset, DatasetInfo

class Empty(Dataset):
    """Nothing."""

    info = DatasetInfo("empty_set", "Empty", "Nobody, 2026", "CC0", "nowhere", 0, 0, False, "eye", "none")

    def _recordings(self):
        yield from ()
'''


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package on the path with metadata of an installed one, and a broken package before it."""

    def install(name, entry_points, **modules):
        for module, text in modules.items():
            (tmp_path / f"{module}.py").write_text(text)
        about = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(entry_points)

    install(
        "avsal-broken",
        "[avsal.models]\nbroken = avsal_broken\n[avsal.datasets]\nbroken = avsal_broken:Nothing\n",
        avsal_broken="raise RuntimeError('no licence\\nfound')",
    )
    install(
        "avsal-extra",
        "[avsal.models]\nbrightness = avsal_extra_model\n[avsal.datasets]\nempty = avsal_extra_data:Empty\n",
        avsal_extra_model=MODEL,
        avsal_extra_data=DATASET,
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(ModelInfo, "models", dict(ModelInfo.models))
    monkeypatch.setattr(Dataset, "classes", dict(Dataset.classes))
    load_plugins.cache_clear()
    yield
    load_plugins.cache_clear()
    for module in ("avsal_broken", "avsal_extra_model", "avsal_extra_data"):
        sys.modules.pop(module, None)


def test_an_installed_packages_model_is_one_like_any_other(installed, tmp_path, caplog, capsys):
    assert "brightness" not in ModelInfo.models  # nothing is imported before it is asked for
    assert load_model("brightness", gain=2.0).gain.item() == 2.0
    assert "brightness" in list_models()
    assert main(["models"]) == 0
    assert "Nobody, 2026" in capsys.readouterr().out
    with pytest.raises(ConfigError, match=r"takes no argument 'gian'.*did you mean 'gain'"):
        create_model("brightness", gian=2.0)


def test_an_installed_packages_data_set_is_one_like_any_other(installed, tmp_path):
    assert "empty_set" not in Dataset.classes
    assert dataset_class("empty_set").info.title == "Empty"
    assert "empty_set" in list_datasets()
    assert open_dataset("empty_set", tmp_path).root == tmp_path


def test_a_broken_package_is_one_line_and_the_others_are_there(installed, caplog):
    assert load_plugins("avsal.models") == (
        "the plug-in 'broken' (avsal_broken) of avsal-broken is left out: RuntimeError: no licence",
    )
    assert load_plugins("avsal.datasets")[0].startswith("the plug-in 'broken' (avsal_broken:Nothing)")
    assert caplog.text.count("is left out") == 2
    assert "brightness" in ModelInfo.models
    assert "empty_set" in Dataset.classes
    with pytest.raises(ConfigError, match="unknown model 'broken'"):
        create_model("broken")
