"""`avsal data`: list, check, stats, show, prepare."""

import json
import sys

import av
import numpy as np
import pytest
from fake_media import write_image, write_video, write_wav
from PIL import Image

from avsal.cli import main
from avsal.clips import Store
from datasets_av import list_datasets

GAZE = "frame,x,y,observer\n" + "".join(
    f"{frame},{x},{y},{observer}\n"
    for frame in range(10)
    for observer, (x, y) in enumerate([(24.5, 16.5), (3.0, 4.0), (24.25 + frame, 16.0)])
)


@pytest.fixture
def videos(tmp_path):
    """Two videos of ten frames, one of them with sound, listed in a manifest."""
    root = tmp_path / "videos"
    write_video(root / "loud.mp4", num_frames=10)
    write_video(root / "quiet.mp4", num_frames=10, sound=False)
    (root / "gaze.csv").write_text(GAZE)
    (root / "manifest.csv").write_text(
        "id,video,gaze,split\nloud,loud.mp4,gaze.csv,train\nquiet,quiet.mp4,gaze.csv,test\n"
    )
    return root


@pytest.fixture
def masks(tmp_path):
    """Object masks in DAVIS's tree: one sequence of fifty."""
    root = tmp_path / "davis"
    for index in range(4):
        write_image(root / f"JPEGImages/480p/bear/{index:05d}.jpg", np.full((24, 32, 3), 90))
        mask = np.zeros((24, 32))
        mask[8:16, index : index + 8] = 255
        write_image(root / f"Annotations/480p/bear/{index:05d}.png", mask)
    return root


def run(*words) -> int:
    return main(["data", *map(str, words)])


def test_list_names_every_data_set_with_its_licence(capsys):
    assert run("list") == 0
    text = capsys.readouterr().out
    assert [line.split()[0] for line in text.splitlines()[1::2]] == list_datasets()
    assert "CC BY-NC-SA 3.0" in text
    assert run("list", "--json") == 0
    entries = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert entries["diem"]["num_recordings"] == 81
    assert set(entries) == set(list_datasets())


def test_check_of_a_whole_copy_says_so(videos, capsys):
    assert run("check", "manifest", "--root", videos, "--gaze") == 0
    text = capsys.readouterr().out
    assert "recordings  2" in text
    assert "with sound  1" in text
    assert "nothing is missing" in text


def test_check_names_what_is_missing(videos, masks, capsys):
    (videos / "quiet.mp4").unlink()
    assert run("check", "manifest", "--root", videos) == 1
    text = capsys.readouterr().out
    assert "missing or unusable (1):" in text
    assert "quiet.mp4" in text
    assert run("check", "davis", "--root", masks) == 1
    text = capsys.readouterr().out
    assert "1 of 50 published" in text
    assert "4 of 3455 published" in text


def test_check_lists_everything_even_if_nothing_is_usable(videos, capsys):
    for name in ("loud.mp4", "quiet.mp4"):
        (videos / name).unlink()
    assert run("check", "manifest", "--root", videos) == 1
    assert "missing or unusable (2):" in capsys.readouterr().out


def test_check_reads_the_gaze_where_asked(videos, capsys):
    bad = GAZE.replace("5,24.5,16.5,0", "5,left,16.5,0")
    (videos / "bad.csv").write_text(bad)
    table = videos / "manifest.csv"
    table.write_text(table.read_text().replace("quiet.mp4,gaze.csv", "quiet.mp4,bad.csv"))
    assert run("check", "manifest", "--root", videos) == 0
    assert run("check", "manifest", "--root", videos, "--gaze") == 1
    assert "bad.csv" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "manifesto", "--root", "."], "did you mean 'manifest'"),
        (["check", "hevc", "--root", "nowhere"], "expected a folder at nowhere"),
        (["stats", "davis", "--root", "ROOT", "-O", "fold=1"], "takes no option 'fold'"),
        (["show", "manifest", "--root", "ROOT", "-o", "OUT", "--recording", "x"], "it has loud, quiet"),
        (["show", "manifest", "--root", "ROOT", "-o", "OUT", "--density", "wide"], "density recipe 'wide'"),
        (["prepare", "manifest", "--root", "ROOT", "--out", "OUT", "--model", "x"], "unknown model 'x'"),
        (
            ["prepare", "manifest", "--root", "ROOT", "--out", "OUT", "--model", "tsfpnet", "--fit"],
            "--fit goes with --size",
        ),
        (["prepare", "manifest", "--root", "ROOT", "--out", "ROOT", "--size", "8x8"], "but no store"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(videos, tmp_path, words, message, capsys):
    places = {"ROOT": str(videos), "OUT": str(tmp_path / "out")}
    assert run(*[places.get(word, word) for word in words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("words", [["--size", "96"], ["--size", "0x96"], []])
def test_a_size_is_asked_for_and_checked(videos, tmp_path, words, capsys):
    assert run("prepare", "manifest", "--root", videos, "--out", tmp_path / "store", *words) == 2
    assert "size" in capsys.readouterr().err


def test_stats_count_frames_fixations_observers_and_what_was_dropped(videos, capsys):
    (videos / "gaze.csv").write_text(GAZE + "3,90,2,1\n")
    assert run("stats", "manifest", "--root", videos, "--json") == 0
    loud, quiet = json.loads(capsys.readouterr().out)
    assert (loud["id"], loud["frames"], loud["seconds"], loud["sound"]) == ("loud", 10, 0.4, True)
    assert (loud["observers"], loud["fixations"], loud["frames_without_fixation"]) == (3, 30, 0)
    # the middle third of 48 columns is 16..32: of the third observer frames 0..7
    assert loud["middle_ninth"] == pytest.approx((10 + 8) / 30)
    assert sum(loud["dropped"].values()) == 1
    assert quiet["sound"] is False
    assert run("stats", "manifest", "--root", videos, "--each", "--split", "test") == 0
    text = capsys.readouterr().out
    assert "recordings        1 (1 test)" in text
    assert "fixations         30, 3.00 a frame" in text
    assert "middle ninth      60.0% of fixations" in text
    assert text.count("quiet") == 1


def test_stats_of_object_masks_count_videos(masks, capsys):
    assert run("stats", "davis", "--root", masks) == 0
    text = capsys.readouterr().out
    assert "frames            4" in text
    assert "fixations" not in text


def test_stats_say_what_was_left_out(videos, capsys):
    (videos / "quiet.mp4").unlink()
    assert run("stats", "manifest", "--root", videos) == 1
    assert "left out, see `avsal data check` (1):" in capsys.readouterr().out


def test_show_draws_a_sheet_and_a_video_with_sound(videos, tmp_path, capsys):
    out = tmp_path / "look"
    assert run("show", "manifest", "--root", videos, "-o", out, "--recording", "loud", "--length", "0.2") == 0
    assert "5 frames" in capsys.readouterr().out
    with Image.open(out / "loud_sheet.png") as sheet:
        assert sheet.width == 1616
    with av.open(str(out / "loud_gaze.mp4")) as container:
        assert len(container.streams.audio) == 1
        assert [frame.time for frame in container.decode(video=0)] == pytest.approx(np.arange(5) / 25)


def test_show_takes_the_first_recording_by_itself(masks, tmp_path, capsys):
    assert run("show", "davis", "--root", masks, "-o", tmp_path / "look") == 0
    assert {path.name for path in (tmp_path / "look").iterdir()} == {"bear_sheet.png", "bear_gaze.mp4"}


def test_show_goes_on_past_a_broken_recording(videos, tmp_path, capsys):
    data = (videos / "quiet.mp4").read_bytes()
    (videos / "cut.mp4").write_bytes(data)
    table = videos / "manifest.csv"
    table.write_text(table.read_text() + "cut,cut.mp4,gaze.csv,test\n")
    (videos / "bad.csv").write_text("frame,x,y,observer\nx,1,1,1\n")
    table.write_text(table.read_text().replace("cut.mp4,gaze.csv", "cut.mp4,bad.csv"))
    words = ["--recording", "cut", "--recording", "quiet", "--length", "0.1"]
    assert run("show", "manifest", "--root", videos, "-o", tmp_path / "look", *words) == 1
    streams = capsys.readouterr()
    assert "cut" in streams.err
    assert "quiet_gaze.mp4" in streams.out


def test_prepare_stores_and_goes_on(videos, tmp_path, capsys):
    out = tmp_path / "store"
    words = ["prepare", "manifest", "--root", videos, "--out", out, "--size", "16x24"]
    assert run(*words) == 0
    text = capsys.readouterr().out
    assert "2 recordings to store: 20 frames, about 0.00 GB" in text
    assert "2 recordings stored, 0 stored before, 0 left out" in text
    store = Store(out)
    assert [(item.id, item.size, item.has_sound, item.split) for item in store] == [
        ("loud", (16, 24), True, "train"),
        ("quiet", (16, 24), False, "test"),
    ]
    assert store.settings.sample_rate == 22050
    assert run(*words) == 0
    assert "0 recordings stored, 2 stored before" in capsys.readouterr().out
    assert run(*words[:-1], "24x24") == 2
    assert "prepared with size (16, 24)" in capsys.readouterr().err


def test_prepare_for_a_model_takes_its_size_and_rate(videos, tmp_path):
    out = tmp_path / "store"
    assert run("prepare", "manifest", "--root", videos, "--out", out, "--model", "esan", "-q") == 0
    settings = Store(out).settings
    assert (settings.size, settings.resize, settings.sample_rate) == ((256, 320), "fit", 22050)
    assert Store(out).recordings[0].size == (213, 320)


def test_prepare_names_what_it_leaves_out(videos, tmp_path, capsys):
    write_wav(videos / "short.wav")
    (videos / "short.wav").write_bytes(b"RIFF")
    table = videos / "manifest.csv"
    table.write_text(
        table.read_text().replace("id,video", "id,audio,video").replace("loud,", "loud,short.wav,")
    )
    table.write_text(table.read_text().replace("quiet,", "quiet,,"))
    out = tmp_path / "store"
    assert run("prepare", "manifest", "--root", videos, "--out", out, "--size", "16x24") == 1
    streams = capsys.readouterr()
    assert "short.wav" in streams.err
    assert "1 left out" in streams.out
    assert [item.id for item in Store(out)] == ["quiet"]
    words = ["--out", tmp_path / "strict", "--size", "16x24", "--strict"]
    assert run("prepare", "manifest", "--root", videos, *words) == 2
    assert "short.wav" in capsys.readouterr().err


def test_help_loads_nothing_heavy(capsys):
    before = set(sys.modules)
    with pytest.raises(SystemExit):
        run("prepare", "--help")
    assert not {"matplotlib", "librosa", "pandas"} & (set(sys.modules) - before)
    assert "goes on where it was" in capsys.readouterr().out


@pytest.mark.data
def test_real_copies_are_checked_against_the_published_counts(shared_data, capsys):
    assert run("check", "mufvet", "--root", shared_data / "mufvet") == 1
    text = capsys.readouterr().out
    assert "7 of 75 published" in text
    assert "missing or unusable (68):" in text
