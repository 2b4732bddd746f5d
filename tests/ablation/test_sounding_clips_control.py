"""The control of real clips: their own swapped sound, whom a map favours, and a rule made by hand."""

import json

import numpy as np
import pytest
from sounding_material import SMALL, write_sounding_clips

from avsal.ablation.conditions import parse_conditions
from avsal.ablation.synthetic_videos import (
    BY_HAND,
    CEILINGS,
    FAVOURED,
    REFERENCES,
    planted_margins,
    score_synthetic_videos,
)
from avsal.cli import main
from avsal.models import create_model
from datasets_av.sounding_clips import SoundingClips


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_sounding_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def composites(root):
    return SoundingClips(root, seed=3, num_sources=(3, 3), **SMALL | {"num_frames": 16, "sample_rate": 22050})


@pytest.fixture(scope="module")
def scores(composites):
    model = create_model("tsfpnet_av", width=0.25, num_frames=16, size=(64, 96), fusion="aligned")
    conditions = parse_conditions("original,zero,swapped")
    return score_synthetic_videos(model, composites, conditions, num_videos=10, dataset="sounding_clips")


def mean(scores, row, metric):
    return np.mean([one.value for one in scores if (one.condition, one.metric) == (row, metric)])


def test_a_rule_made_by_hand_stands_between_the_ceilings(scores):
    assert {one.condition for one in scores} == {"original", "zero", "swapped", *REFERENCES}
    assert mean(scores, CEILINGS[1], FAVOURED) == 1
    assert mean(scores, CEILINGS[0], FAVOURED) < 0.8
    assert mean(scores, CEILINGS[0], "nss") < mean(scores, BY_HAND, "nss") <= mean(scores, CEILINGS[1], "nss")
    assert mean(scores, BY_HAND, FAVOURED) >= 0.7


def test_the_map_by_hand_is_the_best_map_where_the_right_one_was_picked(composites):
    hits = 0
    for index in range(10):
        composite = composites[index]
        found = composite.map_by_hand()
        assert found.sum() == pytest.approx(1, rel=1e-5)
        if composite.favoured(found) == composite.heard:
            hits += 1
            np.testing.assert_allclose(found, composite.gaze.best_map(-1, sound=True), atol=1e-9)
    assert hits >= 7


def test_margins_are_of_the_metrics_of_maps(composites):
    model = create_model("tsfpnet_av", width=0.25, num_frames=16, size=(64, 96))
    margins = planted_margins(composites, model.spec, 10)
    assert set(margins) == {"nss", "cc"}
    assert min(margins.values()) > 0


def test_the_swapped_sound_is_that_of_another_source_that_is_seen(composites, monkeypatch):
    from avsal.ablation import synthetic_videos

    given = []

    def recorded(sound, *arguments, other, **options):
        given.append((sound, other))
        return {"original": sound, "swapped": other}

    monkeypatch.setattr(synthetic_videos, "apply_conditions", recorded)
    model = create_model("tsfpnet_av", width=0.25, num_frames=16, size=(64, 96))
    conditions = parse_conditions("original,swapped")
    score_synthetic_videos(model, composites, conditions, num_videos=3, dataset="sounding_clips")
    for index, (sound, other) in enumerate(given):
        np.testing.assert_array_equal(sound, composites[index].sound)
        np.testing.assert_array_equal(other, composites[index].sounds["swapped"])


def test_the_command_runs_real_clips_beside_synthetic_videos(root, tmp_path, capsys):
    line = ["ablate", "--control", "sounding_clips,synchrony", "--root", str(root), "--videos", "6"]
    line += ["--model", "tsfpnet_av", "--untrained", "--option", "width=0.25", "--option", "num_frames=16"]
    line += ["--option", "size=[64,112]", "--conditions", "zero", "-o", str(tmp_path / "out")]
    assert main(line) == 0
    told = capsys.readouterr().out
    assert "gaze on real clips is expected by the rule of the synthetic videos, not measured" in told
    summary = json.loads((tmp_path / "out/control_summary.json").read_text())
    assert "not measured" in summary["gaze"]
    shares = summary["share of videos whose map favours the source that is heard"]
    assert list(shares) == ["sounding_clips"]
    assert set(shares["sounding_clips"]) == {"original", "zero", *REFERENCES}
    assert BY_HAND in summary["cues"]["sounding_clips"]
    assert BY_HAND not in summary["cues"]["synchrony"]
    assert "sounding_clips" in (tmp_path / "out/control_report.html").read_text()


def test_real_clips_need_their_folder(tmp_path, capsys):
    line = ["ablate", "--control", "sounding_clips", "--model", "tsfpnet_av", "--untrained"]
    assert main([*line, "-o", str(tmp_path / "out")]) == 2
    assert "give the folder of clips.csv as --root" in capsys.readouterr().err
