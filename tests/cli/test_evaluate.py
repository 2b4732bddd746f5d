import csv
import json
from dataclasses import fields

import numpy as np
import pytest
import torch
from command_line import read_line, run_line
from fake_media import write_image, write_video
from gaze_recordings import followed_gaze

from avsal.cli import main
from avsal.cli.evaluate import EvaluateLine
from avsal.configuration import setting_fields
from avsal.errors import ConfigError, DatasetError
from avsal.evaluation import BASELINES, read_rows
from avsal.evaluation.video import score_video
from avsal.models import create_model
from avsal.weights import save_checkpoint
from avsal.workflows.evaluate import EvaluateOptions, EvaluateSettings

SIZE = (32, 48)
NEEDED = ["data=manifest", "root=videos"]


def evaluate(*words) -> int:
    return run_line("evaluate", "--quiet", *words)


def parse_line(words):
    return read_line("evaluate", *words).read(EvaluateLine)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A data set of three videos of six frames with the gaze of eight people."""
    root = tmp_path_factory.mktemp("videos")
    with (root / "manifest.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["id", "video", "gaze"])
        for index, start in enumerate([(0.3, 0.2), (0.7, 0.3), (0.5, 0.4)]):
            write_video(root / f"video{index}.mp4", size=SIZE, sound=False)
            gaze = followed_gaze(size=SIZE, start=start, wander=0.05, seed=index)
            with (root / f"gaze{index}.csv").open("w", newline="") as gaze_stream:
                rows = csv.writer(gaze_stream)
                rows.writerow(["frame", "x", "y", "observer"])
                rows.writerows(zip(gaze.frame, gaze.x, gaze.y, gaze.observer, strict=True))
            table.writerow([f"video{index}", f"video{index}.mp4", f"gaze{index}.csv"])
    return root


@pytest.fixture
def maps(tmp_path):
    """Maps with the target of each video."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    for index, (y, x) in enumerate([(0.3, 0.2), (0.7, 0.3), (0.5, 0.4)]):
        for frame in range(6):
            middle = (y * SIZE[0], (x + 0.05 * frame) * SIZE[1])
            distance = (rows - middle[0]) ** 2 + (columns - middle[1]) ** 2
            write_image(
                tmp_path / "target" / f"video{index}" / f"{frame + 1:05d}.png", 255 * np.exp(-distance / 60)
            )
    return tmp_path / "target"


def test_arguments_of_the_model_are_plain_values_of_their_own():
    words = ["model=esan", "model.levels=[p4,p5]", "model.width=0.5", "model.recurrent=none", "data.videos=x"]
    choices = parse_line([*NEEDED, *words])
    assert choices.arguments == {"levels": ["p4", "p5"], "width": 0.5, "recurrent": "none"}
    assert choices.reader == {"videos": "x"}
    with pytest.raises(ConfigError, match=r"`model\.width` is given twice"):
        parse_line([*NEEDED, *words, "model.width=1"])


def test_arguments_reach_the_model_that_is_scored(videos, tmp_path):
    model = create_model("sal3d", width=0.05, size=SIZE, variant="base")
    weights = tmp_path / "weights.pt"
    torch.save(model.state_dict(), weights)
    line = ["data=manifest", f"root={videos}", "model=sal3d", f"weights={weights}", "baselines=none"]
    options = ["model.variant=base", "model.width=0.05", "model.size=[32,48]"]
    assert evaluate(*line, *options, "metrics=nss", f"out={tmp_path}/out") == 0
    about = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert {"variant": "base", "width": 0.05, "size": [32, 48]}.items() <= about["model"]["arguments"].items()


def test_processes_of_a_launch_score_their_shares_and_the_last_one_joins_them(
    videos, maps, tmp_path, monkeypatch, capsys
):
    line = [
        "data=manifest",
        f"root={videos}",
        f"maps={maps}",
        "metrics=nss,auc_judd,s_auc,ig",
        "fixations=true",
    ]
    assert evaluate(*line, f"out={tmp_path}/whole") == 0
    out = tmp_path / "shared"
    monkeypatch.setenv("WORLD_SIZE", "2")

    def process(rank):
        monkeypatch.setenv("RANK", str(rank))
        assert run_line("evaluate", *line, f"out={out}") == 0
        return capsys.readouterr().out, sorted(path.name for path in out.glob(".shares/*/*.json"))

    said, done = process(0)
    assert "1 of 3 videos are left" in said
    assert done == ["0.json", "2.json"]
    next(out.glob(".shares/*/2.json")).unlink()  # as if it had been killed before
    assert process(1)[1] == ["0.json", "1.json"]
    assert not (out / "evaluation.json").exists()
    scored = []
    monkeypatch.setattr(
        "avsal.evaluation.run.score_video",
        lambda truth, context: scored.append(truth.video) or score_video(truth, context),
    )
    assert process(0)[1] == []
    assert scored == ["video2"]
    assert not (out / ".shares").exists()
    files = [path.relative_to(out) for path in out.rglob("*") if path.is_file()]
    assert {path.name for path in files} > {"evaluation.json", "fixations.csv"}
    for file in files:
        if file.suffix in (".csv", ".md", ".tex"):
            assert (out / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file
    assert "nothing is left" in process(1)[0]


def test_words_become_choices():
    choices = parse_line(
        [
            *NEEDED, "metrics=nss,cc", "fold=2", "strict=true", "ig_floor=0.2", "baselines=none",
            "data.videos=elsewhere", "data.velocity_threshold=25", "split=test",
        ]
    )  # fmt: skip
    assert choices.metrics == ("nss", "cc")
    assert (choices.fold, choices.strict, choices.ig_floor, choices.split) == (2, True, 0.2, "test")
    assert choices.baselines == ()
    assert choices.reader == {"videos": "elsewhere", "velocity_threshold": 25}
    assert parse_line(NEEDED) == EvaluateLine(data="manifest", root=choices.root)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["metric=nss"], "unknown setting 'metric'.*did you mean 'metrics'"),
        (["nss"], "expected settings as key=value but found 'nss'"),
        (["every="], "expected every=VALUE"),
        (["every=two"], "`every`: expected a whole number"),
        (["ig_floor=little"], "`ig_floor`: expected a number"),
        (["strict=yes"], "`strict`: expected true or false"),
        (["family=matlab"], "`family` must be one of exact, mit"),
        (["every=2", "every=3"], "`every` is given twice"),
        (["workers=0"], "at least 1"),
        (["batch_size=0"], "at least 1"),
    ],
)
def test_a_wrong_word_is_named(words, message):
    with pytest.raises(ConfigError, match=message):
        parse_line([*NEEDED, *words])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["maps=a", "model=b"], "`maps` are scored instead"),
        (["model=b", "workers=2"], "leave `workers` out"),
        (["maps=a", "engine=live"], "`engine` says how a model is run"),
        (["maps=x", "model.width=1"], "are of a model: give model=NAME"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(videos, tmp_path, words, message):
    with pytest.raises(ConfigError, match=message):
        evaluate("data=manifest", f"root={videos}", f"out={tmp_path}/out", *words)


def test_what_is_needed_is_asked_for():
    with pytest.raises(ConfigError, match="`root` is missing"):
        parse_line(["data=hevc"])


def test_flags_and_words_are_the_same_in_any_order():
    words = parse_line([*NEEDED, "every=2", "strict=true", "videos=a,b", "model=esan", "model.width=0.5"])
    flags = parse_line(
        [
            "--videos", "a,b", "-O", "width=0.5", "--strict", "data=manifest", "--every=2",
            "--root", "videos", "--model", "esan",
        ]
    )  # fmt: skip
    assert flags == words
    with pytest.raises(ConfigError, match="unknown option --evry; did you mean '--every'"):
        parse_line([*NEEDED, "--evry", "2"])


def test_every_setting_is_explained_in_the_help():
    for name, entry in setting_fields(EvaluateLine).items():
        assert entry.metadata["help"], name


def test_keywords_are_the_settings():
    """Only so are they typed: a test, as one cannot be made of the other."""
    assert set(EvaluateOptions.__annotations__) == {entry.name for entry in fields(EvaluateSettings)}


def test_one_command_writes_rows_tables_and_a_plot(videos, maps, tmp_path):
    out = tmp_path / "out"
    code = evaluate("data=manifest", f"root={videos}", f"maps={maps}", f"out={out}", "workers=1")
    assert code == 0
    assert {path.name for path in out.iterdir() if path.name != ".lock"} == {
        "evaluation.json", "frames", "plot.png", "table.csv", "table.md", "table.tex", "videos.csv",
    }  # fmt: skip
    assert {path.stem for path in (out / "frames").iterdir()} == {"target", *BASELINES}
    rows = read_rows(out / "frames" / "target.csv")
    assert [entry.video for entry in rows] == ["video0", "video1", "video2"]
    assert rows[0].times.tolist() == pytest.approx([frame / 25 for frame in range(6)])
    with (out / "table.csv").open() as stream:
        table = {(line["row"], line["metric"]): float(line["value"]) for line in csv.DictReader(stream)}
    assert table["target", "nss"] > table["centre bias", "nss"] > table["uniform", "nss"]
    assert table["target", "nss"] == pytest.approx(
        np.mean([entry.values["nss"].mean() for entry in rows]), 1e-4
    )
    about = json.loads((out / "evaluation.json").read_text())
    assert about["protocol"]["name"] == "stavis"
    assert set(about["observers"]) == {"video0", "video1", "video2"}
    assert any("18 frames of 3 videos" in note for note in about["notes"])


def test_odd_maps_are_told_and_counted_and_cost_nothing_else(videos, maps, tmp_path, capsys):
    (maps / "video1" / "00003.png").unlink()
    write_image(maps / "video2" / "00001.png", np.arange(24).reshape(4, 6))
    write_image(maps / "stranger" / "00001.png", np.ones(SIZE))
    words = ["data=manifest", f"root={videos}", f"maps={maps}", f"out={tmp_path / 'out'}", "baselines=none"]
    assert evaluate(*words) == 0, "what is there is scored, as for authors who leave out the first frames"
    about = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    told = {problem["kind"]: problem["text"] for problem in about["problems"]}
    assert "video1: 1 of 6 frames (from 0): 2" in told["missing map"]
    assert "00001.png is 6x4, expected 48x32" in told["wrong size"]
    assert "stranger" in told["extra video"]
    assert "1 missing map" in (tmp_path / "out" / "table.md").read_text()
    with pytest.raises(DatasetError, match="strict"):
        evaluate(*words, "strict=true", "overwrite=true")


def test_models_are_compared_on_their_common_frames(videos, maps, tmp_path):
    common = ["data=manifest", f"root={videos}", f"maps={maps}", "baselines=none", "metrics=nss"]
    assert evaluate(*common, "every=2", f"out={tmp_path / 'sparse'}", "name=sparse") == 0
    earlier = tmp_path / "sparse" / "frames" / "sparse.csv"
    assert evaluate(*common, f"out={tmp_path / 'dense'}", f"common_with={earlier}") == 0
    tables = [(tmp_path / name / "table.csv").read_text().split(",", 3)[3] for name in ("sparse", "dense")]
    assert ",9," in tables[0]
    assert tables[0].split("nss,")[1] == tables[1].split("nss,")[1]
    assert len(read_rows(tmp_path / "dense" / "frames" / "target.csv")[0].frames) == 6


def test_an_earlier_evaluation_is_not_overwritten_unasked(videos, tmp_path):
    words = ["data=manifest", f"root={videos}", f"out={tmp_path}", "baselines=uniform", "metrics=nss"]
    assert evaluate(*words) == 0
    with pytest.raises(ConfigError, match="overwrite=true"):
        evaluate(*words)
    assert evaluate(*words, "overwrite=true") == 0


def test_impossible_combinations_are_refused(videos, tmp_path):
    words = ["data=manifest", f"root={videos}", f"out={tmp_path / 'out'}"]
    with pytest.raises(ConfigError, match="lacks trained weights"):
        evaluate(*words, "model=conv3d")
    with pytest.raises(ConfigError, match="does not fit manifest"):
        evaluate(*words, "protocol=objects")
    with pytest.raises(ConfigError, match="cannot name a row"):
        evaluate(*words, f"maps={videos}", "name=uniform")
    with pytest.raises(ConfigError, match="takes no option 'fold'"):
        evaluate(*words, "fold=1")
    with pytest.raises(ConfigError, match="`videos` names 'video7', which is not among the 3 recordings"):
        evaluate(*words, "videos=video1,video7")


@pytest.mark.data
@pytest.mark.parametrize("name", ["mufvet", "hevc"])
def test_on_real_gaze_rows_rise_from_chance_over_the_centre_to_observers(shared_data, tmp_path, name):
    code = evaluate(
        f"data={name}", f"root={shared_data / name}", f"out={tmp_path}", "every=250", "height=135"
    )
    assert code == 1  # videos of the release that are not here are counted
    with (tmp_path / "table.csv").open() as stream:
        lines = [line for line in csv.DictReader(stream) if line["kind"] == "baseline"]
    values = {(line["row"], line["metric"]): float(line["value"]) for line in lines}
    rows = list(dict.fromkeys(line["row"] for line in lines))
    assert len(rows) == len(BASELINES)
    uniform, centre, _motion, _mean, halves, gold, infinite = rows
    for metric in ("nss", "auc_judd", "ig"):
        order = [values[row, metric] for row in (uniform, centre, halves, gold, infinite)]
        assert order == sorted(order), metric
    for metric in ("cc", "sim"):
        order = [values[row, metric] for row in (uniform, centre, halves)]
        assert order == sorted(order), metric
    assert values[uniform, "kl"] > values[centre, "kl"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    model = create_model("tsfpnet_av", width=0.05, num_frames=8, size=(32, 48))
    model.trained = True
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_checkpoint(model, path)
    return path


@pytest.mark.parametrize("engine", ["exact", "streaming"])
def test_a_model_scores_as_its_own_maps_do_from_files(videos, weights, tmp_path, engine):
    sources = [str(videos / f"video{index}.mp4") for index in range(3)]
    saved = tmp_path / "saved"
    predict = ["predict", *sources, "--weights", str(weights), "--engine", engine, "--save", "h5", "-q"]
    assert main([*predict, "-o", str(saved)]) == 0
    for path in saved.glob("*.json"):
        path.unlink()
    words = ["data=manifest", f"root={videos}", "baselines=centre_bias", "every=2"]
    model = [f"weights={weights}", f"engine={engine}", f"out={tmp_path / 'model'}", "name=net"]
    assert evaluate(*words, *model) == 0
    assert evaluate(*words, f"maps={saved}", f"out={tmp_path / 'files'}", "name=net", "strict=true") == 0
    predicted, read = (read_rows(tmp_path / name / "frames" / "net.csv") for name in ("model", "files"))
    assert [entry.frames.tolist() for entry in predicted] == [[0, 2, 4]] * 3
    for one, other in zip(predicted, read, strict=True):
        assert set(one.values) == {"nss", "cc", "sim", "kl", "auc_judd", "s_auc", "ig"}
        for metric, values in one.values.items():
            np.testing.assert_allclose(values, other.values[metric], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(one.times, other.times)


def test_several_models_make_a_leaderboard_with_costs(videos, weights, tmp_path, capsys):
    other = create_model("tsfpnet", width=0.05, num_frames=8, size=(32, 48))
    other.trained = True
    seen = {"train": {"recordings": {"manifest": ["video0", "video2", "elsewhere"]}}}
    save_checkpoint(other, tmp_path / "other.safetensors", data=seen)
    words = ["data=manifest", f"root={videos}", "baselines=centre_bias", "metrics=nss,cc", "every=3"]
    line = [f"model={weights},{tmp_path / 'other.safetensors'}", f"out={tmp_path / 'both'}"]
    assert run_line("evaluate", *words, *line) == 0
    told = capsys.readouterr().out
    assert "tsfpnet was trained on 2 of the 3 videos scored here (video0, video2)" in told
    assert "**tsfpnet** (trained on these)" in told
    assert "**tsfpnet_av** |" in told
    with (tmp_path / "both" / "table.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    found = {(one["row"], one["metric"]): float(one["value"]) for one in lines}
    for row in ("tsfpnet", "tsfpnet_av"):
        costs = [found[row, name] for name in ("gflop", "cpu_seconds", "memory")]
        assert all(cost > 0 for cost in costs)
    assert found["tsfpnet", "parameters"] < found["tsfpnet_av", "parameters"]
    assert ("centre bias", "gflop") not in found
    about = json.loads((tmp_path / "both" / "evaluation.json").read_text())
    assert list(about["models"]) == ["tsfpnet_av", "tsfpnet"]
    assert about["models"]["tsfpnet"]["costs"].keys() == {"parameters", "gflop", "cpu_seconds", "memory"}
    assert evaluate(*words, f"weights={weights}", f"out={tmp_path / 'alone'}", "like=stavis") == 0
    alone = json.loads((tmp_path / "alone" / "evaluation.json").read_text())["settings"]
    like = {"family": "mit", "sampler": "same_video", "postprocess": "stavis", "resize": "bicubic"}
    assert like.items() <= alone.items()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model=a,b", "weights=c,d,e"], "`model` names 2 and `weights` 3"),
        (["model=a,,b"], "between commas but found none"),
        (["model=a,b", "model.width=1"], "`model.` arguments are of one model"),
        (["like=stavis", "sampler=dhf1k_10", "seed=1"], "like=stavis means sampler=same_video"),
        (["like=dhf1k", "postprocess=stavis"], None),
    ],
)
def test_leaderboards_and_published_protocols_are_checked(videos, tmp_path, words, message):
    line = ["data=manifest", f"root={videos}", f"out={tmp_path}/out", "metrics=nss", "baselines=uniform"]
    if message is None:
        assert evaluate(*line, *words) == 0
        return
    with pytest.raises(ConfigError, match=message):
        evaluate(*line, *words)
