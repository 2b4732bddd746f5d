"""What ablation says of a video: nothing where nothing can be heard, and where the map went."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from videos import Sound, moving_dot

from avsal.ablation.audio_conditions import apply_conditions
from avsal.ablation.conditions import parse_conditions
from avsal.ablation.map_shift import map_shift
from avsal.ablation.synthetic_videos import CEILINGS, score_synthetic_videos
from avsal.ablation.verdicts import Verdict, compare
from avsal.cli import main
from avsal.errors import ConfigError
from avsal.models import create_model
from avsal.prediction import PredictionStream
from avsal.prediction.engines import create_engine
from avsal.weights import save_checkpoint
from avsal.workflows.ablate_control import Rerun
from datasets_av.sounding_objects import SoundingObjects

ALL = "original,zero,noise,shifted:0.2,reversed,gain:-20,video_only"


def small(**arguments):
    model = create_model("tsfpnet_av", width=0.25, num_frames=8, size=(32, 56), fusion="aligned", **arguments)
    return model.eval()


def blob(row, column):
    rows, columns = np.indices((20, 40))
    return np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 8).astype(np.float32)


def test_a_map_shift_tells_how_much_and_where():
    same = map_shift(blob(10, 10), 3 * blob(10, 10))
    assert (same.moved, same.right, same.down) == pytest.approx((0, 0, 0), abs=1e-6)
    assert same.cc == pytest.approx(1)
    far = map_shift(blob(7, 10), blob(13, 30))
    assert far.moved == pytest.approx(1, abs=1e-3)
    assert far.right == pytest.approx(20 / 40, abs=5e-3)
    assert far.down == pytest.approx(6 / 20, abs=5e-3)
    with pytest.raises(ValueError, match="one shape"):
        map_shift(blob(1, 1), blob(1, 1)[1:])


def test_a_disconnected_audio_branch_gives_exactly_no_difference(tmp_path):
    model = small()
    for parameter in model.fusion.attention.parameters():
        parameter.data.zero_()
    path = moving_dot(tmp_path / "video.mp4", frames=20)
    rate = model.spec.sample_rate
    sound = np.random.default_rng(0).standard_normal(rate).astype(np.float32)
    sounds = apply_conditions(sound, rate, parse_conditions(ALL), seed=0, video="video")
    for prediction in PredictionStream(model, path, sounds=sounds):
        for name, found in prediction.condition_maps.items():
            np.testing.assert_array_equal(found, prediction.map, err_msg=name)

    videos = SoundingObjects("decides", "synchrony", seed=3, num_frames=8, size=(32, 56))
    scores = score_synthetic_videos(model, videos, parse_conditions(ALL), num_videos=4, dataset="synchrony")
    for one in compare([score for score in scores if score.condition not in CEILINGS]):
        assert (one.difference, one.p) == (0.0, 1.0)


def test_the_page_of_a_network_whose_audio_branch_is_cut_says_that_sound_does_not_matter(tmp_path):
    model = small(batch_norm_momentum=0.1)
    for parameter in model.fusion.attention.parameters():
        parameter.data.zero_()
    model.trained = True
    save_checkpoint(model, tmp_path / "deaf.safetensors")
    path = moving_dot(tmp_path / "video.mp4", frames=30, sounds=(Sound(),))
    words = ["ablate", str(path), "--weights", str(tmp_path / "deaf.safetensors"), "-o", str(tmp_path)]
    assert main([*words, "--every", "5", "--conditions", "zero,noise", "-q"]) == 0
    page = (tmp_path / "video_report.html").read_text()
    assert "Its sound does not matter to this network: the map is the same, whatever is heard." in page
    assert "Against zero, noise the maps are the same." in page
    assert 'class="moment"' not in page
    assert page.count("<video") == 4  # three sounds and a difference
    assert "trained, SHA-256 " in page  # every output names the weights that made it
    summary = json.loads((tmp_path / "video_ablation.json").read_text())
    assert summary["floor"]["quieter"] == summary["floor"]["noise"] == 0.0
    assert not any(name.startswith("floor") for name in summary["original against"])


def test_maps_of_each_condition_are_those_of_a_run_with_its_sound(tmp_path):
    model = small(batch_norm_momentum=0.1)
    path = moving_dot(tmp_path / "video.mp4", frames=20)
    rate = model.spec.sample_rate
    sound = np.random.default_rng(0).standard_normal(rate).astype(np.float32)
    sounds = apply_conditions(sound, rate, parse_conditions("zero,video_only"), seed=0, video="video")
    together = list(PredictionStream(model, path, sounds=sounds))
    for name, audio in (("zero", "zero"), ("video_only", "none")):
        for one, alone in zip(together, PredictionStream(model, path, audio=audio), strict=True):
            np.testing.assert_allclose(one.condition_maps[name], alone.map, atol=1e-6)


@pytest.mark.parametrize("engine", ["exact", "plain", "live", "streaming"])
def test_attention_is_the_model_s_own(tmp_path, engine):
    model = small(batch_norm_momentum=0.1)
    path = moving_dot(tmp_path / "video.mp4", frames=20)
    rate = model.spec.sample_rate
    sound = np.random.default_rng(0).standard_normal(rate).astype(np.float32)
    sounds = apply_conditions(sound, rate, parse_conditions("zero,video_only"), seed=0, video="video")
    stream = PredictionStream(model, path, sounds=sounds, attention=True, engine=engine)
    found = list(stream)
    assert all(np.all(one.attention["video_only"] == 0) for one in found)
    assert all(
        one.attention["original"].shape == (32, 56) and one.attention["original"].min() > -1 for one in found
    )
    if engine in ("exact", "plain"):
        alone = create_engine(model, "plain")
        stream = PredictionStream(model, path, sounds={"original": sound}, engine="plain")
        with stream.video, torch.no_grad():
            for job in stream.jobs(iter(stream.video)):
                expected = model.attention_map(alone.clip([job]), job.sounds[0][None])[0].numpy()
                (output,) = job.wanted
                np.testing.assert_allclose(
                    found[output.number].attention["original"], expected, rtol=1e-3, atol=1e-4
                )


def test_attention_needs_a_model_that_has_one(tmp_path):
    path = moving_dot(tmp_path / "video.mp4", frames=10)
    with pytest.raises(ConfigError, match="tsfpnet_av"):
        PredictionStream(small(), path, attention=True)


def test_the_command_writes_video_curve_table_and_summary(tmp_path, capsys):
    path = moving_dot(tmp_path / "video.mp4", frames=20, sounds=(Sound(),))
    out = tmp_path / "out"
    words = ["ablate", str(path), "-o", str(out), "--every", "4", "--conditions", "zero,video_only"]
    assert main(words) == 0
    summary = json.loads((out / "video_ablation.json").read_text())
    assert summary["conditions"] == ["original", "zero", "video_only"]
    assert summary["frames computed"] == 6  # 0, 4, 8, 12, 16 and the last
    assert {file.name for file in out.iterdir()} - {".lock"} == set(summary["outputs"].values())
    lines = [line.split(",") for line in (out / "video_ablation.csv").read_text().splitlines()[1:]]
    assert [int(line[0]) for line in lines] == 2 * [0, 4, 8, 12, 16, 19]
    told = capsys.readouterr().out
    assert "\nIts sound moves the map" in told
    assert "Against zero, the original audio moves" in told
    assert main(words) == 2
    assert "overwrite=true" in capsys.readouterr().err


def test_the_command_refuses_what_cannot_be_ablated(tmp_path, capsys):
    silent = moving_dot(tmp_path / "silent.mp4", frames=12, sounds=())
    for words, message in (
        ([str(silent)], "video with sound"),
        ([], "expected a video, data=NAME"),
        ([str(silent), "--conditions", "swapped"], "other=FILE"),
        ([str(silent), "--model", "tsfpnet", "--untrained"], "takes no sound"),
    ):
        assert main(["ablate", *words, "-o", str(tmp_path / "out")]) == 2
        assert message in capsys.readouterr().err


def test_the_control_finds_the_effect_in_the_shipped_demonstration(tmp_path, capsys):
    out = tmp_path / "out"
    words = ["ablate", "--control", "synchrony", "--weights", "tsfpnet_av-small", "-o", str(out)]
    assert main([*words, "--videos", "10", "--reruns", "1"]) == 0
    summary = json.loads((out / "control_summary.json").read_text())
    assert summary["cues"]["synchrony"]["normalised gain"] > 0.5
    assert summary["verdicts of reruns (NSS)"]["synchrony"]["zero"] == {"better": 1}
    assert 0.05 < summary["margins"]["synchrony nss"] < 0.15
    assert "normalised gain" in capsys.readouterr().out


def test_reruns_tell_how_many_were_within_the_margin():
    rerun = Rerun(Counter({Verdict.EQUIVALENT: 13, Verdict.NEGLIGIBLE: 7}), [-0.002] * 20)
    counts = "13 equivalent, 7 different but negligible: within the margin in 20"
    assert str(rerun) == f"{counts} (\N{MINUS SIGN}0.002)"
    assert str(Rerun(Counter({Verdict.BETTER: 2}), [1.5, 1.7])) == "2 better (+1.600)"
