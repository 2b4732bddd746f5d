import json
import pickle
import subprocess
import sys

import av
import h5py
import numpy as np
import pytest
import torch
import videos
from PIL import Image

from avsal.cli import main
from avsal.models import create_model
from avsal.weights import save_checkpoint
from avsal.workflows.predict import PredictSettings, network_threads


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    model = create_model("tsfpnet_av", width=0.05, num_frames=8, size=(32, 48))
    model.trained = True
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_checkpoint(model, path)
    return str(path)


@pytest.fixture
def video(tmp_path):
    return videos.moving_dot(tmp_path / "clip.mp4", frames=20)


@pytest.fixture
def predict(tmp_path, weights, capsys):
    """Runs `avsal predict` with the small checkpoint; returns exit code, printed lines and error lines."""

    def run(*arguments, give_weights=True):
        extra = ["--weights", weights] if give_weights else []
        code = main(["predict", *map(str, arguments), "-o", str(tmp_path / "out"), *extra])
        printed = capsys.readouterr()
        lines = [line for line in printed.out.splitlines() if not line.startswith("model: ")]
        return code, lines, printed.err.splitlines()

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.dts is not None]


def test_one_video_gives_an_overlay_with_the_original_sound_and_a_summary(predict, video, tmp_path):
    code, out, err = predict(video)
    assert (code, err) == (0, [])
    assert len(out) == 1
    assert names(tmp_path / "out") == ["clip.json", "clip_overlay.mp4"]
    overlay = tmp_path / "out" / "clip_overlay.mp4"
    assert packets(overlay) == packets(video)
    with av.open(str(overlay)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
        assert sum(1 for _ in container.decode(video=0)) == 20
    summary = json.loads((tmp_path / "out" / "clip.json").read_text())
    assert summary["frames"] == 20
    assert summary["sound"] == "own"
    assert summary["model"]["name"] == "tsfpnet_av"
    assert summary["model"]["trained"] is True
    assert summary["damage"] is None


def test_every_kind_of_output_holds_every_frame(predict, video, tmp_path):
    code, _, _ = predict(video, "--save", "overlay,map,png,h5,csv", "--bits", "16")
    assert code == 0
    out = tmp_path / "out"
    with h5py.File(out / "clip.h5") as file:
        maps, times = file["maps"][:], file["time"][:]
        assert json.loads(file.attrs["about"])["model"]["name"] == "tsfpnet_av"
    assert maps.shape == (20, 32, 48)
    np.testing.assert_allclose(times, np.arange(20) / 25, atol=1e-6)
    images = sorted((out / "clip_maps").iterdir())
    assert [path.name for path in images] == [f"{i + 1:05d}.png" for i in range(20)]
    pixels = np.asarray(Image.open(images[3]))
    assert (pixels.shape, pixels.dtype, pixels.max()) == ((48, 64), np.uint16, 65535)
    rows = (out / "clip.csv").read_text().splitlines()
    assert len(rows) == 21
    _, _, peak, x, y, *_ = rows[4].split(",")
    row, column = np.unravel_index(maps[3].argmax(), maps[3].shape)
    assert float(peak) == pytest.approx(maps[3].max(), rel=1e-4)
    assert (float(x), float(y)) == pytest.approx(((column + 0.5) * 64 / 48, (row + 0.5) * 48 / 32), abs=0.01)
    with av.open(str(out / "clip_map.mp4")) as container:
        assert not container.streams.audio
        assert sum(1 for _ in container.decode(video=0)) == 20


def test_part_of_a_video_is_shown_with_the_sound_of_that_part(predict, video, tmp_path):
    code, _, _ = predict(video, "--start", "0.2", "--end", "0:00.6", "--save", "overlay,map")
    assert code == 0
    with av.open(str(tmp_path / "out" / "clip_overlay.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
        assert times[0] == pytest.approx(0.0, abs=0.001)
        assert len(times) == 10
        assert container.streams.audio


def test_videos_below_a_folder_keep_their_sub_folders(predict, tmp_path):
    for place in ("a", "b"):
        (tmp_path / "videos" / place).mkdir(parents=True)
        videos.moving_dot(tmp_path / "videos" / place / "clip.mp4", frames=3)
    (tmp_path / "videos" / "notes.txt").write_text("not a video")
    code, out, _ = predict(tmp_path / "videos", "--save", "csv")
    assert code == 0
    assert len(out) == 2
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.csv"))
    assert found == ["a/clip.csv", "b/clip.csv", "outputs.csv"]


def test_videos_of_one_name_do_not_overwrite_each_other(predict, tmp_path):
    sources = [videos.moving_dot(tmp_path / f"clip{suffix}", frames=3) for suffix in (".mp4", ".mkv", ".avi")]
    (tmp_path / "more").mkdir()
    sources.append(videos.moving_dot(tmp_path / "more" / "clip.mp4", frames=3))
    assert predict(*sources, "--save", "csv")[0] == 0
    assert [name for name in names(tmp_path / "out") if name.endswith(".csv")] == [
        "clip_avi.csv",
        "clip_mkv.csv",
        "clip_mp4.csv",
        "clip_mp4_2.csv",
        "outputs.csv",
    ]


def test_folder_of_images_needs_a_frame_rate_and_takes_a_sound(predict, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for index in range(9):
        Image.fromarray(videos.dot(index, (40, 60))).save(folder / f"{index:03d}.jpg")
    sound = videos.write_sound(tmp_path / "x.wav", videos.Sound("pcm_s16le"), videos.tone(44100, 0.36))
    code, _, err = predict(folder)
    assert code == 2
    assert "--fps" in err[0]
    code, _, err = predict(folder, "--fps", "25", "--audio", sound)
    assert (code, err) == (0, [])
    with av.open(str(tmp_path / "out" / "frames_overlay.mp4")) as container:
        assert container.streams.audio
        assert sum(1 for _ in container.decode(video=0)) == 9


@pytest.mark.parametrize("audio", ["none", "zero", "own"])
def test_what_was_heard_is_in_the_summary_and_the_overlay_keeps_the_video_s_sound(
    predict, video, tmp_path, audio
):
    assert predict(video, "--audio", audio)[0] == 0
    assert json.loads((tmp_path / "out" / "clip.json").read_text())["sound"] == audio
    assert packets(tmp_path / "out" / "clip_overlay.mp4") == packets(video)


def broken_inputs(folder, video):
    (folder / "text.mp4").write_text("this is not a video\n" * 50)
    (folder / "empty.mp4").touch()
    (folder / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    videos.write_sound(folder / "sound.wav", videos.Sound("pcm_s16le"), videos.tone(44100, 1.0))
    return [folder / name for name in ("text.mp4", "empty.mp4", "noise.mp4", "sound.wav", "missing.mp4")]


def test_unusable_input_is_one_line_and_leaves_nothing(predict, video, tmp_path):
    for source in broken_inputs(tmp_path, video):
        code, out, err = predict(source, "--save", "overlay,map,png,h5,csv")
        assert code == 2, source
        assert out == []
        assert len(err) == 1, err
        assert source.name in err[0]
        assert names(tmp_path / "out") == []


def test_one_bad_video_of_several_stops_nobody(predict, video, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    code, out, err = predict(tmp_path / "text.mp4", video)
    assert code == 1
    assert len(out) == len(err) == 1
    written = [name for name in names(tmp_path / "out") if name != "outputs.parquet"]  # with pyarrow
    assert written == ["clip.json", "clip_overlay.mp4", "outputs.csv", "text.failed.json"]


def test_truncated_video_is_predicted_as_far_as_it_goes(predict, tmp_path):
    video = videos.truncate(videos.moving_dot(tmp_path / "cut.mkv", frames=100), 0.5)
    code, out, err = predict(video)
    assert code == 1
    assert len(out) == 1
    assert "missing" in err[0]
    summary = json.loads((tmp_path / "out" / "cut.json").read_text())
    assert 10 < summary["frames"] < 100
    assert summary["damage"]


def test_random_weights_never_pass_for_trained_ones(predict, video, tmp_path):
    code, _, err = predict(video, "--model", "tsfpnet", give_weights=False)
    assert code == 2
    assert len(err) == 1
    assert "tsfpnet" in err[0]
    assert "--weights" in err[0]
    assert names(tmp_path / "out") == []


def malicious(path):
    class Payload:
        def __reduce__(self):
            return print, ("executed",)

    path.write_bytes(pickle.dumps(Payload()))


def test_a_variant_is_chosen_by_its_arguments(predict, video, tmp_path):
    small = ["-O", "size=[32,48]", "-O", "width=0.05", "--untrained", "--every", "10"]
    code, _, errors = predict(
        video, "--model", "esan", "-O", "levels=[p4,p5]", "-O", "recurrent=none", *small, give_weights=False
    )
    assert (code, errors) == (0, [])
    about = json.loads((tmp_path / "out" / "clip.json").read_text())["model"]
    chosen = {"levels": ["p4", "p5"], "recurrent": "none", "size": [32, 48], "width": 0.05}
    assert chosen.items() <= about["arguments"].items()
    assert about["trained"] is False


def test_arguments_that_contradict_the_checkpoint_or_the_model_are_one_line(predict, video):
    code, _, errors = predict(video, "-O", "width=0.1")
    assert code == 2
    assert "was made with width=0.05, not 0.1" in errors[0]
    wrong = ["--model", "sal3d", "-O", "levels=final", "--untrained"]
    code, _, errors = predict(video, *wrong, give_weights=False)
    assert code == 2
    assert "model 'sal3d' takes no argument 'levels': expected some of variant, frozen" in errors[0]


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "html", "pickle", "video"])
def test_unusable_weights_are_one_line_and_run_nothing(predict, video, tmp_path, kind, capsys):
    path = tmp_path / "weights.pth"
    if kind == "video":
        path = video
    elif kind == "pickle":
        malicious(path)
    elif kind != "missing":
        path.write_text({"empty": "", "text": "weights", "html": "<!DOCTYPE html><html></html>"}[kind])
    code, out, err = predict(video, "--weights", path, give_weights=False)
    assert code == 2
    assert out == []
    assert len(err) == 1
    assert path.name in err[0]
    assert names(tmp_path / "out") == []


def test_finished_videos_are_skipped_kept_or_replaced(predict, video, tmp_path):
    assert predict(video, "--save", "csv")[0] == 0
    code, _, err = predict(video, "--save", "csv")
    assert code == 2
    assert "--overwrite" in err[0]
    before = (tmp_path / "out" / "clip.json").stat().st_mtime_ns
    code, out, _ = predict(video, "--save", "csv", "--skip-existing")
    assert code == 0
    assert "skipped" in out[0]
    assert (tmp_path / "out" / "clip.json").stat().st_mtime_ns == before
    assert predict(video, "--save", "csv,png", "--overwrite")[0] == 0
    assert predict(video, "--save", "csv,png", "--overwrite")[0] == 0
    assert len(names(tmp_path / "out" / "clip_maps")) == 20


def test_interrupt_leaves_nothing(predict, video, tmp_path, monkeypatch):
    from avsal.render.outputs import Table

    write = Table.write

    def interrupted(self, prediction):
        if prediction.index == 5:
            raise KeyboardInterrupt
        write(self, prediction)

    monkeypatch.setattr(Table, "write", interrupted)
    code, _, err = predict(video, "--save", "overlay,png,h5,csv")
    assert code == 130
    assert err == ["avsal: interrupted"]
    assert names(tmp_path / "out") == []


def test_quiet_prints_nothing_and_verbose_tells_of_the_video(predict, video):
    assert predict(video, "-q") == (0, [], [])
    _, out, _ = predict(video, "-v", "--overwrite")
    assert "64x48" in out[0]
    assert "25.000 frames a second" in out[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--save", "gif"], "gif"),
        (["--every", "0"], "at least 1"),
        (["--alpha", "2"], "0 to 1"),
        (["--start", "1:75"], "h:mm:ss"),
    ],
)
def test_wrong_arguments_are_named(video, arguments, message, capsys):
    assert main(["predict", str(video), *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--colormap", "rainbow"], "inferno"),
        (["--device", "gpu9"], "--device cpu"),
        (["--model", "tsfpnt"], "tsfpnet"),
    ],
)
def test_wrong_choices_are_one_line(predict, video, arguments, message):
    code, _, err = predict(video, *arguments, give_weights=False)
    assert code == 2
    assert len(err) == 1
    assert message in err[0]


def test_help_imports_nothing_heavy():
    program = (
        "import sys, avsal.cli; avsal.cli.build_parser(); "
        "heavy = {'torch', 'av', 'numpy', 'scipy', 'librosa', 'hydra', 'h5py', 'matplotlib', 'PIL'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_models_print_their_variants_when_asked(capsys):
    assert main(["models", "--variants"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  levels=[p4,p5]           94.52 M   378.1  15x256x320  all    -" in lines
    assert main(["models", "--variants", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"levels": "multi"} in [row["arguments"] for row in rows if row["name"] == "tsfpnet"]


def test_models_and_env_print_their_tables(capsys):
    assert main(["models"]) == 0
    assert "tsfpnet_av" in capsys.readouterr().out
    assert main(["models", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["tsfpnet"]["size"] == [192, 352]
    assert main(["env"]) == 0
    printed = capsys.readouterr().out
    assert "torchaudio loads" in printed
    assert "libx264" in printed


def test_the_model_that_made_the_maps_is_told_and_kept(video, weights, tmp_path, capsys):
    assert main(["predict", str(video), "weights=" + str(weights), "--save", "csv", "-o", str(tmp_path)]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("model: ")]
    made_by = json.loads((tmp_path / "clip.json").read_text())["model"]
    assert made_by["origin"] == "trained"
    assert made_by["sha256"][:12] in told[0]
    assert len(told) == 1


def test_a_photograph_gets_a_picture(predict, tmp_path):
    photograph = np.full((48, 60, 3), 90, np.uint8)
    photograph[20:28, 30:38] = (250, 240, 30)
    Image.fromarray(photograph).save(tmp_path / "photo.jpg")
    code, _, errors = predict(tmp_path / "photo.jpg", "--save", "overlay,png,csv")
    assert (code, errors) == (0, [])
    assert names(tmp_path / "out") == ["photo.csv", "photo.json", "photo_maps", "photo_overlay.png"]
    assert names(tmp_path / "out/photo_maps") == ["00001.png"]
    with Image.open(tmp_path / "out/photo_overlay.png") as overlay:
        assert (overlay.size, overlay.mode) == ((60, 48), "RGB")
        assert np.abs(np.asarray(overlay, float) - photograph).mean() > 0.5  # something is painted


def test_a_video_that_is_named_twice_is_computed_once(predict, video, tmp_path):
    (tmp_path / "link.mp4").symlink_to(video)
    code, out, err = predict(video, tmp_path, tmp_path / "link.mp4", video, "--save", "csv")
    assert (code, err) == (0, [])
    assert len(out) == 1
    assert (
        {"clip.csv", "clip.json"} <= set(names(tmp_path / "out")) <= {"clip.csv", "clip.json", "outputs.csv"}
    )


def test_what_a_window_spans_of_a_fast_video_is_said(predict, tmp_path):
    fast = videos.moving_dot(tmp_path / "fast.mp4", frames=12, frame_rate=240)
    code, _, err = predict(fast, "--save", "csv")
    assert code == 0
    assert len(err) == 1
    assert "at 240 frames a second a window of 8 frames spans 0.03 s" in err[0]


def test_the_network_leaves_a_core_to_the_overlay(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert network_threads(PredictSettings(save=("overlay",))) == 1
    assert network_threads(PredictSettings(save=("h5",))) is None
    assert network_threads(PredictSettings(save=("overlay",), threads=2)) == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert network_threads(PredictSettings(save=("overlay",))) is None
