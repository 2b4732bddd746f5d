"""`avsal ablate data=...`: seeds, folds, subgroups, retrained models, and the report."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_media import write_video
from gaze_recordings import followed_gaze

import avsal
from avsal.ablation.verdicts import ConditionScore, compare
from avsal.ablation.video_scores import averaged_over_folds, in_subgroups
from avsal.cli import main, verb_parser
from avsal.cli.ablate import AblateLine, texts_of
from avsal.errors import ConfigError
from avsal.models import create_model
from avsal.report.ablation_pages import data_page
from avsal.weights import save_checkpoint
from avsal.workflows.ablate_sets import (
    ablate_parts,
    check_retrained,
    check_subgroups,
    parse_retrained,
    read_subgroups,
)
from avsal.workflows.ablate_settings import AblateSettings
from avsal.workflows.evaluate_sets import expand

SIZE, NUM_VIDEOS = (32, 48), 4
OUT = Path("out")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Videos of twelve frames with sound and gaze, and one without sound."""
    root = tmp_path_factory.mktemp("videos")
    with (root / "manifest.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["id", "video", "gaze"])
        for index in range(NUM_VIDEOS):
            name = f"video{index}"
            write_video(root / f"{name}.mp4", size=SIZE, num_frames=12, sound=index < NUM_VIDEOS - 1)
            gaze = followed_gaze(size=SIZE, num_frames=12, wander=0.02, seed=index)
            with (root / f"{name}.csv").open("w", newline="") as gaze_stream:
                rows = csv.writer(gaze_stream)
                rows.writerow(["frame", "x", "y", "observer"])
                rows.writerows(zip(gaze.frame, gaze.x, gaze.y, gaze.observer, strict=True))
            table.writerow([name, f"{name}.mp4", f"{name}.csv"])
    return root


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Two seeds of a model that hears, and two of a model that does not."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, kind in (
        ("seed0", "tsfpnet_av"),
        ("seed1", "tsfpnet_av"),
        ("visual0", "tsfpnet"),
        ("visual1", "tsfpnet"),
    ):
        torch.manual_seed(len(list(folder.iterdir())))
        fusion = {"fusion": "aligned"} if kind == "tsfpnet_av" else {}
        model = create_model(kind, width=0.1, num_frames=8, size=SIZE, batch_norm_momentum=0.1, **fusion)
        model.trained = True
        save_checkpoint(model, folder / f"{name}.safetensors")
    return folder


def lines(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_seeds_subgroups_and_retrained_models_enter_one_table(videos, checkpoints, tmp_path, capsys):
    groups = tmp_path / "groups.csv"
    groups.write_text("video,subgroup\nvideo0,speech\nvideo1,speech\nvideo2,nature\n")
    out = tmp_path / "out"
    words = ["ablate", "data=manifest", f"root={videos}", "metrics=nss,cc", "every=3", "centre=scored"]
    words += [f"weights={checkpoints}/seed{{seed}}.safetensors", "--training-seeds", "0,1"]
    words += ["--retrained", f"zero={checkpoints}/seed{{seed}}.safetensors", "--subgroups", str(groups)]
    words += ["--retrained", f"video_only={checkpoints}/visual{{seed}}.safetensors"]
    words += ["--conditions", "zero,swapped,video_only"]
    words += ["--players", "1", "-o", str(out)]
    assert main(words) == 1  # a video has no sound
    told = capsys.readouterr()
    assert "video3" in told.err
    assert "manifest nature nss: 1 video," in told.out
    assert "undecided" in told.out

    comparisons = lines(out / "comparisons.csv")
    names = ["zero", "swapped", "video_only", "retrained zero", "retrained video_only"]
    whole = [one for one in comparisons if one["metric"] == "nss" and not one["subgroup"]]
    assert [one["condition"] for one in whole] == names
    assert {(one["num_videos"], one["num_seeds"]) for one in whole} == {("3", "2")}
    assert {one["subgroup"] for one in comparisons} == {"", "speech", "nature"}
    scores = lines(out / "conditions.csv")
    assert len([one for one in scores if not one["subgroup"]]) == 2 * 2 * 3 * 6

    # a model that is said to be retrained on zeros is given zeros
    def values(condition):
        found = {}
        for one in scores:
            if (one["condition"], one["seed"], one["metric"], one["subgroup"]) == (condition, "0", "nss", ""):
                found[one["video"]] = float(one["value"])
        return found

    assert values("retrained zero") == pytest.approx(values("zero"), rel=1e-6)
    assert values("zero") != pytest.approx(values("original"), rel=1e-6)

    page = (out / "report.html").read_text()
    assert page.count("<video") == 5  # four sounds and a difference, of the one video asked for
    assert "no difference can be shown, however large" in page
    assert "2 training seeds" in page
    facts = json.loads((out / "ablation.json").read_text())
    assert facts["training seeds"] == "0, 1"
    assert len(facts["moved"]) == 3
    assert facts["margins"] == {"nss": 0.05, "cc": 0.01}
    assert {one["verdict"] for one in comparisons} == {"undecided"}
    assert facts["notes"][0] == "manifest: no score under all conditions, left out: video3."
    assert main(words) == 2
    assert "overwrite=true" in capsys.readouterr().err


def parts_of(words, seeds):
    return expand(texts_of({"sources": words}), seeds, OUT)


def test_runs_are_made_for_every_data_set_fold_and_seed():
    words = ["data=coutrot1,avad", "root=sets/{data}", "split=test", "fold=1,2,3"]
    words += ["weights=runs/av_split{fold}_{seed}.safetensors"]
    runs = parts_of(words, ["5", "6"])
    assert len(runs) == 2 * 3 * 2
    last = runs[-1]
    assert (last.dataset, last.fold, last.seed) == ("avad", "3", "6")
    assert last.choices.weights == "runs/av_split3_6.safetensors"
    assert last.choices.root == Path("sets/avad")
    assert last.choices.fold == 3
    assert last.choices.out == OUT / "avad" / "fold_3" / "seed_6"
    assert last.filled("zero_{fold}") == "zero_3"
    (one,) = parts_of(["data=avad", "root=sets"], [])
    assert one.choices.out == OUT


@pytest.mark.parametrize(
    ("words", "seeds", "message"),
    [
        (["data=avad", "root=x", "weights=a"], ["1", "2"], "expected {seed} in weights="),
        (["data=avad", "root=x", "weights=a{fold}"], [], "no fold is given"),
        (["data=avad,avad", "root=x"], [], "names something twice"),
        (["root=x"], [], "`data` is missing"),
        (["data=avad", "root=x", "maps=y"], [], "make no sense"),
        (["data=avad", "root=x", "audio=zero"], [], "--conditions"),
    ],
)
def test_what_cannot_be_run_is_said(words, seeds, message):
    with pytest.raises(ConfigError, match=message):
        ablate_parts(parts_of(words, seeds), AblateSettings())


@pytest.mark.parametrize("texts", [["zero"], ["zero="], ["nothing=x"], ["zero=x", "zero=y"]])
def test_retrained_models_are_given_as_condition_and_file(texts):
    with pytest.raises(ConfigError):
        parse_retrained(texts)
    (one,) = parse_retrained(["video_only=runs/a.safetensors"])
    assert (one.name, one.weights) == ("retrained video_only", "runs/a.safetensors")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video,group\na,b\n", "columns video and subgroup"),
        ("video,subgroup\n", "a line for each video"),
        ("video,subgroup\na,b\na,c\n", "line 3"),
        ("video,subgroup\na,\n", "line 2"),
    ],
)
def test_a_wrong_file_of_subgroups_is_told_by_line(tmp_path, text, message):
    path = tmp_path / "groups.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_subgroups(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_subgroups(tmp_path / "none.csv")


def test_subgroups_of_unknown_videos_are_refused():
    scores = [ConditionScore(video, "", "original", "nss", 1.0) for video in "ab"]
    assert in_subgroups(scores, {"a": "x"}) == [replace(scores[0], subgroup="x")]
    check_subgroups({"a": "x"}, ["a", "b"])
    with pytest.raises(ConfigError, match="not scored: c"):
        check_subgroups({"a": "x", "c": "x"}, ["a", "b"])


def test_retrained_checkpoints_are_looked_for_before_anything_is_computed(tmp_path):
    (tmp_path / "zero1.safetensors").touch()
    words = ["data=avad", "root=x", "weights={seed}"]
    runs = parts_of(words, ["1", "2"])
    with pytest.raises(ConfigError, match=r"there is no file .*zero2"):
        check_retrained(runs, parse_retrained([f"zero={tmp_path}/zero{{seed}}.safetensors"]))
    with pytest.raises(ConfigError, match=r"expected \{seed\}"):
        check_retrained(runs, parse_retrained([f"zero={tmp_path}/zero1.safetensors"]))
    check_retrained(runs[:1], parse_retrained([f"zero={tmp_path}/zero1.safetensors"]))


def test_a_video_that_two_folds_test_counts_once():
    scores = [ConditionScore("a", "", "original", "nss", value) for value in (1.0, 2.0)]
    assert averaged_over_folds([*scores, ConditionScore("b", "", "original", "nss", 4.0)]) == [
        ConditionScore("a", "", "original", "nss", 1.5),
        ConditionScore("b", "", "original", "nss", 4.0),
    ]


def test_the_report_says_what_was_found_and_what_could_have_been():
    random = np.random.default_rng(0)
    true = random.normal(2, 0.5, 24)
    scores = []
    for name, values in (
        ("original", true),
        ("zero", true - 0.3 + random.normal(0, 0.1, 24)),
        ("noise", true),
    ):
        scores += [
            ConditionScore(f"v{i}", "", name, "nss", float(value), "set") for i, value in enumerate(values)
        ]
    page = data_page(
        scores, compare(scores), [], {("set", "v3"): 0.4, ("set", "v1"): 0.1}, [], {"data": "set"}
    )
    assert page.summary[0].startswith("set, 24 videos, NSS: sound matters. The original audio scores better")
    better, same = page.findings[:2]
    assert better.startswith("The original audio scores better than zero (+0.2")
    assert "margin 0.05" in better
    assert same.startswith("Equivalent to the original audio (margin 0.05): noise (0.000, 0.000 to 0.000")
    assert "after the correction over 2 comparisons" in page.findings[2]
    assert len(page.plots[0].rows[0].dots) == 24
    assert page.plots[0].margin == 0.05
    videos = page.tables[-1]
    assert [row[0] for row in videos.rows[:2]] == ["set v3", "set v1"]


@pytest.mark.parametrize(("metric", "word"), [("nss", "better"), ("kl", "worse")])
def test_the_verdict_goes_by_the_mean_and_by_which_end_of_the_metric_is_good(metric, word):
    differences = [0.5] * 9 + [-0.02] * 11  # most videos go the other way
    scores = [
        ConditionScore(f"v{i}", "", "original", metric, 1 + value, "set")
        for i, value in enumerate(differences)
    ]
    scores += [ConditionScore(f"v{i}", "", "zero", metric, 1.0, "set") for i in range(20)]
    page = data_page(scores, compare(scores), [], {}, [], {"data": "set"})
    assert f"The original audio scores {word} than zero (+0.214" in page.findings[0]
    assert page.findings[1].startswith("Look at every video of zero: the mean difference is +0.214 but the")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["data=manifest", "root=x"], ["--start", "1"]),
        (["data=manifest", "root=x"], ["--reruns", "2"]),
        (["data=manifest", "root=x"], ["--control", "rhythm"]),
        (["video.mp4"], ["--margin", "0.1"]),
        (["video.mp4"], ["--retrained", "zero=x"]),
        (["video.mp4"], ["--reruns", "2"]),
        (["--control", "rhythm"], ["--subgroups", "x"]),
    ],
)
def test_options_that_would_do_nothing_are_refused(words, option, capsys):
    assert main(["ablate", *words, *option]) == 2
    assert f"{option[0]} does nothing for" in capsys.readouterr().err


def test_the_line_of_table_7_is_understood_with_words_after_options():
    words = "ablate data=coutrot1 root=DIR split=test fold=1,2,3 --conditions zero weights=a{fold} --every 5"
    parser, _, rest = verb_parser([*words.split(), "--retrained", "zero=z{fold}", "metrics=nss"])
    arguments = parser.read(rest)
    line = arguments.read(AblateLine)
    assert line.conditions == ("zero",)
    assert line.retrained == ("zero=z{fold}",)
    runs = expand(texts_of(arguments.texts), line.training_seeds, line.out)
    assert [run.choices.weights for run in runs] == ["a1", "a2", "a3"]
    assert [(run.choices.fold, run.choices.every, run.choices.metrics) for run in runs] == [
        (fold, 5, ("nss",)) for fold in (1, 2, 3)
    ]


def test_the_call_returns_verdicts_table_report_and_plot(videos, checkpoints, tmp_path):
    model = avsal.load_model(str(checkpoints / "seed0.safetensors"))
    data = avsal.load_dataset("manifest", videos)
    scoring = avsal.EvaluateSettings(metrics=("nss",), baselines=(), every=4)
    effect = avsal.ablate(
        model, data, conditions=["zero"], margin=0.1, players=0, scoring=scoring, subgroups={"video9": "x"}
    )
    assert effect.verdicts == {"zero": "undecided"}
    assert not effect.complete
    (row,) = effect.table
    assert (row["margin"], row["num_videos"], row["p_equivalence_holm"] is None) == (0.1, 3, False)
    assert any("Subgroups name videos that are not scored here: video9." in note for note in effect.notes)
    assert effect.answers[0].startswith("manifest, 3 videos, NSS: undecided")
    assert str(effect).startswith(effect.answers[0])
    assert effect.plot(tmp_path / "plot.png").stat().st_size > 5000
    assert "undecided" in effect.report(tmp_path / "report.html").read_text()
    with pytest.raises(ConfigError, match="leave it out"):
        avsal.ablate(model, data, start=1.0)
    with pytest.raises(ConfigError, match="expected positive margins"):
        avsal.ablate(model, data, margin="nss:no")


def test_findings_say_where_they_were_made_where_there_are_several_places():
    scores = [
        ConditionScore(f"v{i}", "", condition, "nss", 2.0 + shift + i / 50, dataset)
        for dataset, gain in (("one", 0.5), ("two", 0.0))
        for condition, shift in (("original", gain), ("zero", 0.0))
        for i in range(12)
    ]
    page = data_page(scores, compare(scores), [], {}, [], {"data": "one, two"})
    assert page.findings[0].startswith("one: The original audio scores better than zero (+0.500")
    assert any(text.startswith("two: Equivalent to the original audio") for text in page.findings)
    assert [text.partition(",")[0] for text in page.summary] == ["one", "two"]
    assert [row[-1] for row in page.tables[0].rows] == ["", ""]  # no video is needed to decide
