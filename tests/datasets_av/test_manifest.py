import csv
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from fake_media import write_image, write_video, write_wav

import datasets_av
from avsal.errors import DatasetError
from avsal.types import ScreenGeometry
from datasets_av.manifest import _COLUMNS, Manifest

SCREEN = {"screen_px": "1920x1080", "screen_cm": "53.1x29.9", "distance_cm": "65"}


def write_manifest(root, *rows):
    """Rows as dicts; a video `a.mp4` of 6 frames of 32x48 at 25 a second is there."""
    columns = list(dict.fromkeys(["id", "video", *(name for row in rows for name in row)]))
    with (root / "manifest.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, columns, restval="")
        table.writeheader()
        table.writerows(
            {"id": f"video{number}", "video": "a.mp4"} | row for number, row in enumerate(rows, 1)
        )
    return root


@pytest.fixture
def root(tmp_path):
    write_video(tmp_path / "a.mp4")
    write_video(tmp_path / "silent.mp4", sound=False)
    for number in range(1, 6):
        write_image(tmp_path / f"images/{number}.png", np.zeros((20, 30, 3)))
        write_image(tmp_path / f"maps/{number}.png", np.full((20, 30), number))
        write_image(tmp_path / f"masks/{number}.png", np.eye(20, 30) * 255)
    return tmp_path


def gaze(root, text, **row):
    """The fixations of one row with this gaze file."""
    (root / "gaze.csv").write_text(text)
    (recording,) = Manifest(write_manifest(root, {"gaze": "gaze.csv"} | row), strict=True)
    return pickle.loads(pickle.dumps(recording)).load_fixations()


def test_videos_folders_sound_and_splits_are_read(root):
    write_wav(root / "sound/a.wav")
    write_manifest(
        root,
        {"split": "train", "category": "talk"},
        {"video": "silent.mp4", "audio": "sound/a.wav"},
        {"video": "silent.mp4"},
        {"audio": "none", "split": "test"},
        {"video": "images", "frame_rate": "12.5", "density": "maps", "masks": "masks"},
    )
    first, dubbed, silent, muted, images = Manifest(root)
    assert (first.id, first.split, first.category, first.num_frames) == ("video1", "train", "talk", 6)
    assert (first.audio, dubbed.audio) == (root / "a.mp4", root / "sound/a.wav")
    assert (silent.audio, muted.audio, images.audio) == (None, None, None)
    assert (first.frame_rate, images.frame_rate, images.num_frames) == (None, 12.5, 5)
    assert (first.load_fixations, first.load_density, first.load_mask) == (None, None, None)
    assert images.load_density(4)[0, 0] == 5
    assert images.load_mask(0).sum() == 20
    assert [recording.id for recording in Manifest(root, split="test")] == ["video4"]


def test_the_list_may_have_another_name_and_lie_anywhere(root):
    write_manifest(root, {})
    (root / "lists").mkdir()
    text = (root / "manifest.csv").read_text().replace("a.mp4", "../a.mp4")
    (root / "lists/study 1.CSV").write_text("\ufeff" + text, encoding="utf-8")
    (recording,) = Manifest(root / "lists/study 1.CSV")
    assert recording.frames.samefile(root / "a.mp4")


def test_fixations_on_frames_are_taken_as_they_are(root):
    fixations = gaze(
        root, "frame,x,y,observer\n3,5,6,2\n0,47.9,31.9,1\n3,5,6,1\n6,1,1,1\n-1,1,1,1\n0,48,1,1\n0,,1,1\n"
    )
    assert fixations.frame.tolist() == [0, 3, 3]
    assert fixations.observer.tolist() == [1, 2, 1]
    assert fixations.size == (32, 48)
    assert fixations.dropped == {
        "fixations without a position": 1,
        "fixations outside the picture": 1,
        "fixations before the video": 1,
        "fixations after the video": 1,
    }


def test_fixations_in_time_are_laid_on_frames(root):
    fixations = gaze(root, "start_ms,duration_ms,x,y\n0,80,10,11\n70,60,20,21\n300,50,1,1\n")
    assert fixations.frame.tolist() == [0, 1, 2, 3]
    assert fixations.x.tolist() == [10, 10, 20, 20]
    assert fixations.observers == (-1,)
    assert fixations.dropped == {"fixations after the video": 1}


def test_fixations_are_laid_on_folders_of_images_at_their_rate(root):
    fixations = gaze(root, "start_ms,duration_ms,x,y\n0,200,10,11\n", video="images", frame_rate="10")
    assert fixations.frame.tolist() == [0, 1]
    assert fixations.size == (20, 30)


def test_screen_pixels_become_video_pixels_by_the_box(root):
    """The 48x32 video was shown 960x640 at (480, 220): 20 screen pixels are one of the video."""
    text = "frame,x,y\n0,480,220\n0,1439,859\n0,479,300\n1,960,540\n"
    fixations = gaze(root, text, video_box="480 220 960 640", **SCREEN)
    np.testing.assert_allclose(fixations.x, [0, 47.95, 24])
    np.testing.assert_allclose(fixations.y, [0, 31.95, 16])
    assert fixations.dropped == {"fixations outside the picture": 1}
    assert fixations.geometry == ScreenGeometry((54, 96), (29.9, 53.1), 65)


def samples_with_two_fixations(rate=500):
    """0.2 s at one place, 40 ms lost, 0.2 s at another on the screen; at `rate` samples a second."""
    rows = []
    for index in range(int(0.44 * rate)):
        time = index / rate
        if time < 0.2:
            rows.append(f"{1000 * time},960,540,4")
        elif time < 0.24:
            rows.append(f"{1000 * time},,,4")
        else:
            rows.append(f"{1000 * time},1400,800,4")
    return rows


def test_raw_samples_become_fixations_by_velocity(root):
    write_video(root / "a.mp4", num_frames=11)
    text = "time_ms,x,y,observer\n" + "\n".join(samples_with_two_fixations())
    fixations = gaze(root, text, video_box="480 220 960 640", **SCREEN)
    places = set(zip(fixations.x.round(6).tolist(), fixations.y.round(6).tolist(), strict=True))
    assert places == {(24, 16), (46, 29)}
    assert set(fixations.frame[fixations.x < 40].tolist()) == {1, 2, 3, 4}
    assert fixations.dropped["samples without a position"] == 20


def test_samples_judged_by_the_eye_tracker_need_no_screen_and_no_rate(root):
    text = "time_ms,x,y,observer,fixation\n0,10,10,1,1\n33,12,10,1,1\n66,30,30,1,0\n100,40,20,1,1\n"
    fixations = gaze(root, text)
    assert fixations.frame.tolist() == [0, 2]
    assert fixations.x.tolist() == [11, 40]
    assert fixations.dropped == {"samples not in a fixation": 1}


@pytest.mark.parametrize(
    ("text", "row", "message"),
    [
        (
            "time,x,y\n1,2,3\n",
            {},
            "expected one of the columns `frame`, `start_ms`, `time_ms` but found time, x, y",
        ),
        ("", {}, "is empty"),
        ("start_ms,x,y\n1,2,3\n", {}, "expected a column `duration_ms` beside `start_ms`"),
        ("frame,x,y,pupil\n1,2,3,4\n", {}, "unknown column `pupil`"),
        ("time_ms,x,y\n1,2,3\n", {}, "holds raw samples: to find fixations by velocity give `screen_px`"),
        ("frame,x,y\n1,2,3\n", {"gaze": "missing.csv"}, "`gaze` names .*missing.csv but there is none"),
        ("frame,x,y\n1,2,3\n", {"screen_px": "1920x1080"}, "the screen needs all of"),
        (
            "frame,x,y\n1,2,3\n",
            {"video_box": "1 2 3"},
            "`video_box` must be 4 positive numbers but is '1 2 3'",
        ),
        ("frame,x,y\n1,2,3\n", {"video_box": "0 0 0 9"}, "`video_box` must be 4 positive numbers"),
        ("frame,x,y\n1,2,3\n", {"video": "images"}, "is a folder of images and needs `frame_rate`"),
        ("frame,x,y\n1,2,3\n", {"frame_rate": "25"}, "`frame_rate` is for folders of images"),
        ("frame,x,y\n1,2,3\n", {"density": "maps"}, "found 6 frames, 5 density maps"),
        ("frame,x,y\n1,2,3\n", {"video": "gaze.csv"}, "cannot read .*gaze.csv"),
    ],
)
def test_what_cannot_work_is_said_with_its_line_before_anything_is_read(root, text, row, message):
    (root / "gaze.csv").write_text(text)
    write_manifest(root, {}, {"gaze": "gaze.csv"} | row)
    dataset = Manifest(root)
    assert [recording.id for recording in dataset] == ["video1"]
    assert re.search(rf"manifest\.csv, line 3 \(video2\): .*{message}", dataset.problems[0])
    with pytest.raises(DatasetError, match=message):
        list(Manifest(root, strict=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frame,x,y\n1,2\n", r"gaze\.csv, line 2: expected 3 cells but found 2"),
        ("frame,x,y\n1,2,left\n", r"gaze\.csv, line 2, column `y`: expected a number but found 'left'"),
        ("frame,x,y,observer\n1,2,3,1.5\n", "column `observer`: expected a whole number but found '1.5'"),
        ("frame,x,y,observer\n1,2,3,\n", "column `observer`: expected a number but found none"),
        ("frame,x,y\n1.5,2,3\n", "column `frame`: expected a whole number but found '1.5'"),
        ("start_ms,duration_ms,x,y\n1,-2,3,4\n", "expected durations of at least 0 ms"),
        ("time_ms,x,y,fixation\n2,3,4,1\n2,3,4,1\n", "expected `time_ms` of observer -1 to ascend"),
    ],
)
def test_damaged_gaze_is_named_when_it_is_read(root, text, message):
    with pytest.raises(DatasetError, match=message):
        gaze(root, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,flim\na,a.mp4\n", "expected a column `video` but found id, flim"),
        ("id,video,splt\na,a.mp4,train\n", "unknown column `splt`.*did you mean `split`"),
        ("id,video\na,a.mp4\na,a.mp4\n", r"line 3: expected a new `id` but found 'a'"),
        ("id,video,split\na,a.mp4,dev\n", r"line 2: expected `split` train, val or test but found 'dev'"),
        ("id,video\na\n", "line 2: expected 2 cells"),
        ("id,video\na,b,c\n", "line 2: expected 2 cells"),
    ],
)
def test_a_list_of_another_form_is_refused(root, text, message):
    (root / "manifest.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        Manifest(root)


def test_a_missing_list_is_refused(root, tmp_path):
    with pytest.raises(DatasetError, match=r"manifest\.csv cannot be read as CSV .*give a CSV file"):
        Manifest(tmp_path)
    with pytest.raises(DatasetError, match=r"expected a folder at .*nowhere but there is none"):
        Manifest(tmp_path / "nowhere")


def page():
    return (Path(datasets_av.__file__).parent / "MANIFEST.md").read_text(encoding="utf-8")


def test_the_page_describes_every_column():
    described = {
        name
        for line in page().splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert described == set(_COLUMNS)


def test_the_examples_of_the_page_work(root):
    """The lists and gaze files that the page shows, word for word."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", page(), flags=re.DOTALL | re.MULTILINE)
    (table,) = [block for block in blocks if block.startswith("id,video")]
    kinds = [block for block in blocks if re.match("frame,|start_ms,|time_ms,", block)]
    assert len(kinds) == 3
    write_video(root / "videos/market.mp4", size=(1080, 1920))
    write_image(root / "videos/street/00001.png", np.zeros((720, 1280, 3)))
    write_image(root / "videos/street/00002.png", np.zeros((720, 1280, 3)))
    (root / "manifest.csv").write_text(table)
    (root / "gaze").mkdir()
    for kind in kinds:
        for name in ("market", "street"):
            (root / f"gaze/{name}.csv").write_text(kind)
        read = {recording.id: fixations for recording, fixations in Manifest(root, strict=True).with_gaze()}
        assert {name: fixations.size for name, fixations in read.items()} == {
            "market": (1080, 1920),
            "street": (720, 1280),
        }
        assert read["market"].geometry == ScreenGeometry((1080, 1920), (29.9, 53.1), 65)
        assert len(read["market"]) > 0 or kind.startswith("time_ms")


def test_columns_by_their_former_names_are_understood(root):
    (root / "manifest.csv").write_text("id,film\none,a.mp4\n")
    (recording,) = Manifest(root)
    assert recording.frames == root / "a.mp4"


def test_a_photograph_has_all_its_gaze_on_one_frame(root):
    write_image(root / "photo.jpg", np.zeros((20, 30, 3)))
    fixations = gaze(
        root,
        "start_ms,duration_ms,x,y,observer\n0,200,10,11,1\n4000,300,20,5,2\n90,9,30,1,1\n",
        video="photo.jpg",
    )
    assert (fixations.frame.tolist(), fixations.x.tolist()) == ([0, 0], [10, 20])
    assert (fixations.size, fixations.dropped) == ((20, 30), {"fixations outside the picture": 1})
    (recording,) = Manifest(root)
    assert (recording.num_frames, recording.audio) == (1, None)
    assert gaze(root, "frame,x,y\n0,1,2\n", video="photo.jpg").y.tolist() == [2]
    with pytest.raises(DatasetError, match="raw samples of a photograph, which has one frame"):
        gaze(root, "time_ms,x,y,observer,fixation\n0,1,2,1,1\n", video="photo.jpg")
