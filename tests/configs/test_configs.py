"""Every YAML file is composed, becomes settings, and its model is built."""

from pathlib import Path

import pytest
import torch

from avsal.configuration import config_dir
from avsal.errors import ConfigError
from avsal.models import create_model, list_models
from avsal.models.unisal import DOMAINS
from avsal.report import published_results
from avsal.training.objective import Objective
from avsal.training.optimiser import create_optimiser
from avsal.weights import pretrained_parts
from avsal.workflows.experiment import chosen_row, compose, experiments, resolve, row_table
from avsal.workflows.stages import chain
from avsal.workflows.training_data import StoredData

ROOT = Path(__file__).parents[2]
GROUPS = {
    group: sorted(path.stem for path in (config_dir() / group).glob("*.yaml"))
    for group in ("model", "data", "loss", "optim")
}


def built(*overrides):
    settings, data = resolve(compose([*overrides, "from_scratch=true"]))
    with torch.device("meta"):
        model = create_model(settings.model.name, **settings.model.arguments)
    return settings, data, model


def test_the_configurations_are_found_beside_the_package():
    assert config_dir() == ROOT / "configs"


@pytest.mark.parametrize("name", experiments())
def test_every_experiment_begins_with_its_command_which_composes_and_builds(name):
    path = config_dir() / "experiment" / f"{name}.yaml"
    command = path.read_text().splitlines()[0]
    assert command.startswith("# avsal train ")
    assert f" experiment={name}" in command
    assert ("-m" in command) == ("sweeper" in path.read_text())
    settings, data, model = built(*[word for word in command.split()[3:] if "=" in word])
    Objective(model, settings)
    create_optimiser(model, settings.optim)
    assert settings.protocol == "clean"
    assert data.name


@pytest.mark.parametrize(("group", "name"), [(group, name) for group in GROUPS for name in GROUPS[group]])
def test_every_choice_of_every_group_composes(group, name):
    with_length = ["epochs=1", "protocol=published", f"{group}={name}"]
    if name.startswith(("sounding", "tsfpnet_av_small")):
        with_length += ["model=tsfpnet_av_small", "data=sounding_objects"]
    settings, _, model = built(*dict.fromkeys(with_length))
    assert settings.protocol == "published"
    Objective(model, settings)


def test_every_choice_but_the_named_alternatives_is_used_by_an_experiment():
    text = "\n".join(path.read_text() for path in config_dir().rglob("*.yaml"))
    alternatives = {
        "data": {"diem", "coutrot1", "coutrot2", "avad", "etmd", "summe", "manifest"},
        "loss": {"stavis", "tsfpnet_kl"},  # the latter is a row of ablation_loss
    }
    for group, names in GROUPS.items():
        for name in set(names) - alternatives.get(group, set()):
            named = f"/{group}: {name}\n" in text or f"- {group}: {name}\n" in text or f'{group}: "' in text
            named |= f"- {name}@" in text
            assert named, f"{group}/{name}.yaml is used nowhere"


def test_every_network_of_a_paper_has_its_training_as_an_experiment():
    ours = {"tsfpnet_mobile", "tsfpnet_av_mobile"}  # scripts/train_default.py makes them
    files = experiments()
    without = {name for name in list_models() if not any(f"{file}_".startswith(f"{name}_") for file in files)}
    assert without == ours


@pytest.mark.parametrize("split", [1, 2, 3])
def test_the_line_of_the_readme_trains_on_the_fold_that_was_asked_for(split):
    settings, data = resolve(compose(["experiment=tsfpnet_av", "data=diem", f"split={split}"]))
    assert settings.model.name == "tsfpnet_av"
    assert [(entry.name, entry.fold) for entry in data.sets] == [("diem", split)]
    assert settings.run.folder == f"runs/tsfpnet_av_diem_split{split}"
    (first, second) = chain(["experiment=tsfpnet_av", "data=diem", f"split={split}"])
    assert first.checkpoint == Path("runs/tsfpnet_dhf1k/best.safetensors")
    assert second.checkpoint == Path(f"runs/tsfpnet_diem_split{split}/best.safetensors")
    assert second.line == f"avsal train experiment=tsfpnet_six data=diem split={split}"


def test_every_experiment_says_what_its_pretrained_parts_start_from():
    def parts(config):
        with torch.device("meta"):
            return set(pretrained_parts(create_model(config.model.name)))

    for name in experiments():
        config = compose([f"experiment={name}"])
        if config.from_scratch or name == "vinet_a_dhf1k":  # refused until one says what it starts from
            continue
        told = {part for part in ("encoder", "audio") if config.model[part] is not None}
        before = chain([f"experiment={name}"], config)
        if before:
            told |= parts(compose([f"experiment={before[-1].experiment}"]))
        assert parts(config) <= told, f"{name} is silent on its {parts(config) - told}"


def test_the_papers_protocols_are_what_the_papers_say():
    tsfp, _ = resolve(compose(["experiment=tsfpnet_dhf1k"]))
    assert tsfp.optim.name == "adam"
    assert tsfp.optim.learning_rate == 1e-4
    assert tsfp.epochs == 26
    assert tsfp.optim.schedule.epochs == (22, 25, 26)
    assert (tsfp.clips.batch_size, tsfp.clips.accumulation) == (16, 4)
    assert tsfp.loss == {"kl": 1, "cc": 0.5, "nss": 0.1}
    assert (tsfp.validation.select, tsfp.validation.first_frames) == ("nss", 80)
    resnet, ledov = resolve(compose(["experiment=resnet3d_ledov"]))
    assert resnet.optim.name == "adadelta"
    assert resnet.optim.learning_rate == 1e-6
    assert resnet.optim.options == {"rho": 0.95, "eps": 1e-6}
    assert resnet.optim.weight_decay == 5e-4
    assert (resnet.optim.schedule.name, resnet.optim.schedule.gamma) == ("inv", 1e-4)
    assert (resnet.steps, resnet.clips.batch_size, resnet.clips.flip) == (200_000, 2, 0.5)
    assert ledov.every == 8
    assert resnet.loss == {"l1": 1}
    assert resnet.model.arguments["size"] == [128, 128]
    sal3d, _ = resolve(compose(["experiment=sal3d_dhf1k"]))
    assert (sal3d.optim.schedule.name, sal3d.optim.schedule.every, sal3d.epochs) == ("every", 2, 33)
    assert sal3d.loss == {"bce": 1}
    assert sal3d.validation.patience
    assert sal3d.clips.batch_size == 64
    esan, _ = resolve(compose(["experiment=esan_dhf1k"]))
    assert esan.optim.learning_rate == 1e-7
    assert esan.steps == 20_000
    assert esan.clips.batch_size == 4
    assert esan.model.forward == {"phases": [2]}
    assert esan.model.supervised == (2, 7, 12)
    unisal, _ = resolve(compose(["experiment=unisal_dhf1k"]))
    assert (unisal.optim.name, unisal.optim.learning_rate, unisal.epochs) == ("sgd", 0.04, 16)
    assert (unisal.optim.schedule.name, unisal.optim.schedule.factor) == ("every", 0.8)
    assert unisal.loss == {"kl": 1, "nss": 0.1, "cc": 0.1}
    assert unisal.model.supervised == tuple(range(0, 60, 5))
    assert dict(unisal.optim.weight_decays) == {"encoder": 1e-5}
    assert dict(unisal.optim.waiting) == {"encoder": 2}
    joint, domains = resolve(compose(["experiment=unisal"]))
    assert (joint.optim, joint.loss, joint.epochs) == (unisal.optim, unisal.loss, 16)
    assert [part.choices["domain"] for part in domains.parts.values()] == list(DOMAINS)
    assert [part.batch_size for part in domains.parts.values()] == [4, 4, 4, 32]
    for part in domains.parts.values():
        H, W = DOMAINS[part.choices["domain"]].size
        assert f"/{H}x{W}/" in part.data["sets"][0]["store"]
        if DOMAINS[part.choices["domain"]].steps > 1:
            step = DOMAINS[part.choices["domain"]].frame_step
            assert part.supervised == tuple(range(0, 12 * step, step))
            assert part.data["min_frames"] == 12 * step
    hollywood, _ = resolve(compose(["experiment=unisal_hollywood2"]))
    assert hollywood.model.supervised == tuple(range(0, 48, 4))
    tased, _ = resolve(compose(["experiment=tased_dhf1k"]))
    assert (tased.clips.batch_size, tased.steps) == (40, 1000)
    assert (tased.optim.learning_rate, dict(tased.optim.learning_rates)) == (0.1, {"encoder": 0.01})
    conv3d, objects = resolve(compose(["experiment=conv3d_objects"]))
    assert conv3d.loss == {"mse": 1}
    assert objects.recipe is None
    vinet, _ = resolve(compose(["experiment=vinet_dhf1k"]))
    assert (vinet.optim.learning_rate, vinet.optim.schedule.name) == (1e-4, "constant")
    assert (vinet.epochs, vinet.clips.batch_size, vinet.loss) == (40, 8, {"kl": 1})
    seen, _ = resolve(compose(["experiment=stavis_visual"]))
    stavis, _ = resolve(compose(["experiment=stavis"]))
    for stage in (seen, stavis):
        assert stage.optim.options == {"momentum": 0.9, "dampening": 0.9}
        assert (stage.epochs, stage.optim.schedule.epochs) == (60, (30, 45))
        assert (stage.clips.batch_size, stage.clips.accumulation) == (128, 8)
        assert stage.loss == {"bce_sum": 0.1, "cc": 2, "nss": 1}
    assert (seen.model.forward, seen.model.supervised) == ({"sides": True}, (0, 0, 0, 0, 0))
    assert (stavis.model.forward, stavis.model.supervised) == ({}, None)
    zero, _ = resolve(compose(["experiment=tsfpnet_av_zero"]))
    assert zero.sound.zero == 1.0
    assert zero.model.name == "tsfpnet_av"


@pytest.mark.parametrize("name", [name for name in experiments() if name.startswith("ablation_")])
def test_every_ablation_has_the_rows_of_its_papers_table(name):
    config = compose([f"experiment={name}"])
    table = row_table(config)
    text = (config_dir() / "experiment" / f"{name}.yaml").read_text()
    assert f'row: "{",".join(table.rows)}"' in text
    printed = {result.model for result in published_results() if result.source in table.sources}
    cited = [model for row in table.rows.values() for model in row.cited]
    assert len(set(cited)) == len(cited)
    assert set(cited) <= printed
    if name not in ("ablation_sal3d", "ablation_resnet3d"):  # their sources hold other models too
        assert set(cited) == printed
    whole, _ = resolve(chosen_row(compose([f"experiment={name}", f"row={table.against}"]), []))
    for row, told in table.rows.items():
        settings, data = resolve(chosen_row(compose([f"experiment={name}", f"row={row}"]), []))
        with torch.device("meta"):
            model = create_model(settings.model.name, **settings.model.arguments)
        Objective(model, settings)
        assert isinstance(data, StoredData)
        changes = {key for key in told.changes if key != "validation.strides"}
        assert len(changes) <= 1, "a row is one change"
        assert (row == table.against) or settings != whole


def test_a_row_is_applied_in_place_of_what_the_experiment_says():
    settings, _ = resolve(chosen_row(compose(["experiment=ablation_loss", "row=kl"]), []))
    assert settings.loss == {"kl": 1}
    settings, _ = resolve(chosen_row(compose(["experiment=ablation_esan", "row=no_p3"]), []))
    assert settings.model.arguments == {"levels": ["p4", "p5"]}
    assert settings.model.forward == {"phases": [2]}


def test_unknown_keys_in_data_fail_by_name():
    with pytest.raises(ConfigError, match=r"unknown setting `data.clips_per_recordin`: did you mean"):
        resolve(compose(["experiment=small_hevc", "+data.clips_per_recordin=3"]))
    with pytest.raises(ConfigError, match="unknown setting `optm`: did you mean `optim`"):
        resolve(compose(["experiment=small_hevc", "+optm.name=adam"]))


def test_the_split_of_hevc_divides_27_videos_by_the_stated_rule():
    _, data = resolve(compose(["experiment=small_hevc"]))
    videos = sorted(data.train + data.validation)
    assert len(set(videos)) == 27
    assert list(data.validation) == videos[2::3]
