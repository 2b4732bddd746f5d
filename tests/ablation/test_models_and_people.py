"""Several models in one ablation, and people beside them: by the same statistics, in the same table."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_media import write_mat, write_video
from gaze_recordings import followed_gaze, made_recording

import avsal
from avsal.ablation.verdicts import ConditionScore, Verdict, compare
from avsal.ablation.video_scores import interactions
from avsal.evaluation import VideoTruth, score_people
from avsal.models import create_model
from avsal.report.ablation_words import all_findings, answer, leading
from avsal.types import Fixations
from avsal.workflows.evaluate_settings import EvaluateSettings
from avsal.workflows.people import people_scores

NUM_CLIPS = 8


def scores_of(model, gain, seed=0):
    draw = np.random.default_rng(seed)
    for video in range(12):
        base = draw.normal(2, 0.5)
        for condition, value in (("original", base + gain + draw.normal(0, 0.05)), ("zero", base)):
            yield ConditionScore(str(video), "", condition, "nss", value, f"set, {model}")


def test_one_model_uses_sound_more_than_another_or_alike():
    scores = [*scores_of("deaf", 0.0, 1), *scores_of("hears", 0.5, 2), *scores_of("twin", 0.5, 3)]
    models = {"set": ["set, hears", "set, deaf", "set, twin"]}
    paired = interactions(scores, models)
    assert {score.dataset for score in paired} == {
        "set, hears more than deaf", "set, hears more than twin", "set, deaf more than twin",
    }  # fmt: skip
    found = {one.dataset: one for one in compare([*scores, *paired], margins={"nss": 0.1})}
    gains = {name: found[f"set, {name}"].difference for name in ("hears", "deaf", "twin")}
    first = found["set, hears more than deaf"]
    assert first.difference == pytest.approx(gains["hears"] - gains["deaf"])
    assert first.verdict is Verdict.BETTER
    assert found["set, hears more than twin"].verdict is Verdict.EQUIVALENT
    assert found["set, deaf more than twin"].verdict is Verdict.WORSE
    words = [answer(group) for group in leading(list(found.values()))]
    assert any("hears uses sound more than deaf" in text for text in words)
    assert any("twin uses sound more than deaf" in text for text in words)
    assert any("hears and twin use sound alike, to within 0.1" in text for text in words)
    assert any("worth more to the first than to the second" in text for text in all_findings([first]))


def watched(place, *, num_observers=10, seed=0, num_frames=6):
    return followed_gaze(
        num_frames=num_frames, num_observers=num_observers, start=place, wander=0, spread=2.5, seed=seed
    )


def test_gaze_that_sound_moves_is_predicted_worse_by_those_who_heard_something_else():
    settings = EvaluateSettings(metrics=("nss", "cc"))
    truth = VideoTruth(made_recording("a", watched((0.3, 0.3))), settings)
    other = {"same": watched((0.3, 0.3), seed=5, num_observers=7), "elsewhere": watched((0.7, 0.7), seed=6)}
    rows = score_people(truth, other)
    means = {name: one.values["nss"].mean() for name, one in rows.items()}
    assert set(rows["original"].values) == {"nss"}  # densities of a half are not compared
    assert means["original"] > 2
    assert means["same"] == pytest.approx(means["original"], rel=0.15)
    assert means["elsewhere"] < 0
    with pytest.raises(ValueError, match="fewer than 4 observers"):
        score_people(VideoTruth(made_recording("b", watched((0.3, 0.3), num_observers=3)), settings), other)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Eight clips as Coutrot1 has them; one soundtrack moves gaze, another does not."""
    root = tmp_path_factory.mktemp("coutrot")
    conditions = {"OriginalSounds": 0.3, "SameSounds": 0.3, "OtherSounds": 0.7}
    content = {name: {} for name in conditions}
    for clip in range(1, NUM_CLIPS + 1):
        write_video(root / "ERB3_Stimuli" / f"clip_{clip}.avi", num_frames=6, size=(36, 64))
        for number, (name, place) in enumerate(conditions.items()):
            gaze = watched((0.5, place), seed=10 * clip + number)
            data = np.stack([gaze.x, gaze.y, np.zeros(len(gaze))]).reshape(3, 6, 10)
            info = {"fps": 25.0, "vidwidth": 64.0, "vidheight": 36.0, "nframe": 6.0}
            content[name][f"clip_{clip}"] = {"data": data, "info": info}
    write_mat(root / "coutrot_database1.mat", {"Coutrot_Database1": content})
    return root


def test_people_stand_beside_models_in_one_table(release, tmp_path):
    data = avsal.load_dataset("coutrot1_raw", release)
    assert set(data.other_sounds()) == {"SameSounds", "OtherSounds"}
    assert not data.other_sounds()["SameSounds"].other_sounds()
    models = {}
    for number, fusion in enumerate(("aligned", "bilinear")):
        torch.manual_seed(number)
        options = {"width": 0.1, "num_frames": 8, "size": (32, 48), "batch_norm_momentum": 0.1}
        models[fusion] = create_model("tsfpnet_av", fusion=fusion, **options)
        models[fusion].trained = True
    scoring = EvaluateSettings(metrics=("nss",), baselines=(), every=3)
    effect = avsal.ablate(models, data, conditions=["zero"], players=0, scoring=scoring, margin=0.3)
    name = "coutrot1_raw"
    groups = [
        f"{name}, aligned",
        f"{name}, bilinear",
        f"{name}, aligned more than bilinear",
        f"{name}, people",
    ]
    assert list(dict.fromkeys(one.dataset for one in effect.comparisons)) == groups
    people = {one.condition: one for one in effect.comparisons if one.dataset == groups[-1]}
    assert people["OtherSounds"].verdict is Verdict.BETTER
    assert people["OtherSounds"].num_videos == NUM_CLIPS
    assert people["SameSounds"].verdict is not Verdict.BETTER
    assert abs(people["SameSounds"].difference) < 0.5 < people["OtherSounds"].difference
    assert "what people hear moves their gaze" in effect.answers[-1]
    both = {one.dataset: one.differences for one in effect.comparisons}
    for video, more in both[groups[2]].items():
        assert more == pytest.approx(both[groups[0]][video] - both[groups[1]][video])
    page = effect.report(tmp_path / "report.html").read_text()
    assert "aligned more than bilinear" in page
    assert "Those who heard the original predict one another better" in page


def test_videos_without_enough_people_are_told(release):
    data = avsal.load_dataset("coutrot1_raw", release)
    few = [replace(one, load_fixations=lambda: Fixations(*[np.zeros(0, int)] * 4, (36, 64))) for one in data]
    few_data = type("Few", (), {"other_sounds": data.other_sounds, "__iter__": lambda self: iter(few)})()
    scores, notes = people_scores(few_data, EvaluateSettings(metrics=("nss",)), "set")
    assert scores == []
    assert len(notes) == NUM_CLIPS
    assert "set, people: clip1 left out" in notes[0]
