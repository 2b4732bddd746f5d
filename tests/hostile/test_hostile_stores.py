"""Stores of prepared recordings whose files are garbage, of the wrong kind, or of another shape."""

import json

import numpy as np
import pytest
from hostile.corpus import Input, check_refused
from PIL import Image

from avsal.clips import Store
from avsal.clips.store_settings import StoreSettings
from avsal.clips.store_writer import prepare
from avsal.errors import AvsalError
from avsal.evaluation.rows import COLUMNS, read_rows
from avsal.media.atomic import only_one, sweep
from avsal.workflows.results import ScratchFolder, whole_result
from datasets_av import open_dataset


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "frames").mkdir()
    for number in (1, 2, 3):
        Image.new("RGB", (16, 12)).save(folder / "frames" / f"{number}.png")
    (folder / "gaze.csv").write_text("frame,x,y\n0,1,2\n2,3,4\n")
    (folder / "manifest.csv").write_text("id,video,frame_rate,gaze\na,frames,25,gaze.csv\n")
    prepare(list(open_dataset("manifest", folder)), folder / "store", StoreSettings((8, 8)), progress=False)
    return folder / "store"


def read(folder):
    for recording in Store(folder):
        recording.frames([0, 1])
        recording.fixations  # noqa: B018
        recording.spans  # noqa: B018


GARBAGE = [
    "",
    "{",
    "[]",
    "null",
    "3",
    '"text"',
    "[" * 5000,
    '{"recordings": 3, "problems": []}',
    "\x00\xff",
    "{}",
]


def half_header(path):
    """The header of the array opens a bracket that nothing closes."""
    content = path.read_bytes()
    path.write_bytes(content.replace(b"}", b"(", 1))


def replaced(name, content):
    return lambda folder: next(folder.rglob(name)).write_bytes(content.encode("latin-1"))


def changed(name, change):
    def edit(folder):
        path = next(folder.rglob(name))
        value = json.loads(path.read_text())
        change(value)
        path.write_text(json.dumps(value))

    return edit


def entry(**values):
    return lambda index: index["recordings"][0].update(values)


def settings(**values):
    return lambda content: content["settings"].update(values)


EDITS = {
    **{
        f"{name} is {text[:9]!r}": replaced(name, text)
        for name in ("store.json", "index.json")
        for text in GARBAGE
    },
    "outside": changed("index.json", entry(folder="../../etc")),
    "absolute": changed("index.json", entry(folder="/etc")),
    "no frames": changed("index.json", entry(num_frames=0)),
    "frames of text": changed("index.json", entry(num_frames="3")),
    "other frames": changed("index.json", entry(num_frames=4)),
    "size of one": changed("index.json", entry(size=[8])),
    "size of text": changed("index.json", entry(size="ab")),
    "size of floats": changed("index.json", entry(size=[8.5, 8.5])),
    "huge size": changed("index.json", entry(size=[2**40, 8])),
    "rate 0": changed("index.json", entry(frame_rate=0)),
    "rate nan": changed("index.json", entry(frame_rate=float("nan"))),
    "sample rate": changed("index.json", entry(sample_rate=1e12)),
    "id of a list": changed("index.json", entry(id=[1])),
    "split": changed("index.json", entry(split="tset")),
    "maps": changed("index.json", entry(maps="heat")),
    "fixations": changed("index.json", entry(num_fixations=-1)),
    "other fixations": changed("index.json", entry(num_fixations=3)),
    "unknown fact": changed("index.json", entry(colour="red")),
    "geometry": changed("index.json", entry(geometry={"size_px": 3})),
    "store size": changed("store.json", settings(size=[0, 8])),
    "store size of text": changed("store.json", settings(size="8x8")),
    "store rate": changed("store.json", settings(sample_rate=-1)),
    "store rate 1e12": changed("store.json", settings(sample_rate=10**12)),
    "store key": changed("store.json", settings(colour=1)),
    "store format": changed("store.json", lambda content: content.update(format=99)),
    "empty frames": replaced("frames.npy", ""),
    "half a header": lambda folder: half_header(next(folder.rglob("fixations.npy"))),
    "text for frames": replaced("frames.npy", "hello"),
    "pickle for spans": lambda folder: np.save(
        next(folder.rglob("spans.npy")), np.array([{}]), allow_pickle=True
    ),
    "other kind": lambda folder: np.save(next(folder.rglob("frames.npy")), np.zeros((3, 8, 8, 3), "f4")),
    "other shape": lambda folder: np.save(next(folder.rglob("frames.npy")), np.zeros((3, 8, 7, 3), "u1")),
    "spans of three": lambda folder: np.save(next(folder.rglob("spans.npy")), np.zeros((3, 3))),
    "fixations outside": lambda folder: np.save(next(folder.rglob("fixations.npy")), np.full((4, 2), -9e17)),
    "fixations of text": lambda folder: np.save(next(folder.rglob("fixations.npy")), np.full((4, 2), "a")),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_damaged_stores_are_refused(store, tmp_path, edit):
    import shutil

    def make(folder):
        shutil.copytree(store, folder / "copy")
        edit(folder / "copy")
        return folder / "copy"

    check_refused(Input("store", make, read, "store|again|asked|damaged"), tmp_path)


NO_SETTINGS = [(0, 8), (8, -1), (8, 10**6), (8,), (8.5, 8)]


@pytest.mark.parametrize("size", NO_SETTINGS)
def test_impossible_settings_are_refused(size):
    with pytest.raises(AvsalError, match="size"):
        StoreSettings(size)


def test_two_processes_do_not_write_to_one_folder(tmp_path):
    second = only_one(tmp_path, "evaluating")
    with only_one(tmp_path, "preparing"), pytest.raises(AvsalError, match="another process is evaluating"):
        second.__enter__()
    with only_one(tmp_path, "evaluating"):
        assert (tmp_path / ".lock").exists()


def test_what_a_kill_left_is_swept_and_nothing_else(tmp_path):
    other = ".clip.0a1b2c3d.part.h5"  # another output of the same video, which may be under way
    mine = ".clip.0a1b2c3d.part.json"
    for name in (".clip_overlay.0a1b2c3d.part.mp4", other, mine, "clip.json", ".clip.part"):
        (tmp_path / name).touch()
    (tmp_path / ".clip_maps.0a1b2c3d.part").mkdir()
    sweep(tmp_path / "clip.json")
    sweep(tmp_path / "clip_maps")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {".clip_overlay.0a1b2c3d.part.mp4", other, "clip.json", ".clip.part"}


def test_rows_of_an_evaluation_whose_metrics_differ_from_frame_to_frame_are_refused(tmp_path):
    lines = [",".join(COLUMNS), "d,v,0,0.0,nss,1.5,exact,,3,", "d,v,1,0.04,cc,0.5,exact,,3,"]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(AvsalError, match=r"a\.csv cannot be read"):
        read_rows(tmp_path / "a.csv")


def test_a_result_is_whole_when_its_last_file_stands(tmp_path):
    paths = [tmp_path / "table.csv", tmp_path / "summary.json"]
    for path in [*paths, tmp_path / ".table.0a1b2c3d.part.csv"]:
        path.touch()
    with pytest.raises(AvsalError, match="exists"), whole_result(paths, overwrite=False):
        pass
    assert len(list(tmp_path.glob("*.*"))) == 4  # with the lock
    with whole_result(paths, overwrite=True):
        assert {path.name for path in tmp_path.iterdir()} == {"table.csv", ".lock"}


def test_videos_that_a_killed_process_kept_are_swept_and_those_of_others_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first = ScratchFolder()
    (tmp_path / "avsal-killed").mkdir()
    (tmp_path / "avsal-killed" / ".lock").touch()
    (tmp_path / "avsal-other").mkdir()  # nobody knows whose
    second = ScratchFolder()
    assert {path.name for path in tmp_path.iterdir()} == {first.path.name, second.path.name, "avsal-other"}
    del first, second
    assert {path.name for path in tmp_path.iterdir()} == {"avsal-other"}
