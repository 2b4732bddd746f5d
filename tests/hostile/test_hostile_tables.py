"""Manifests, gaze tables, MATLAB and HDF5 files that lie, are damaged, or hold what is no number."""

import re
import struct
import zipfile
import zlib

import h5py
import numpy as np
import pytest
import scipy.io
from hostile.corpus import Input, cases, check_refused, device, fifo, text, unix_socket
from PIL import Image

from avsal.errors import AvsalError, DatasetError
from avsal.evaluation.map_arrays import HDF5Maps, NumPyMaps
from avsal.evaluation.map_collection import MapCollection, normalised_name
from avsal.evaluation.map_files import ImageMaps
from avsal.evaluation.truth import VideoTruth
from avsal.groundtruth.velocity import events_by_velocity
from avsal.media.cells import cell, from_cell
from avsal.types import Fixations, ScreenGeometry
from datasets_av import open_dataset
from datasets_av.mat5 import parse_mat5
from datasets_av.matfile import read_mat


def manifest(content):
    """A manifest of this text beside images that it may name."""

    def make(folder):
        (folder / "frames").mkdir()
        for number in (1, 2, 3):
            Image.new("RGB", (64, 48)).save(folder / "frames" / f"{number}.png")
        return text("manifest.csv", content)(folder).parent

    return make


def whole(folder):
    """Read every recording and its gaze, as `avsal data prepare` does."""
    for recording in open_dataset("manifest", folder, strict=True):
        if recording.load_fixations is not None:
            recording.load_fixations()


ROW = "id,video,frame_rate,{}\na,frames,25,{}\n"

MANIFESTS = {
    "no header": ("", "is empty"),
    "no rows' columns": ("a\n1\n", "expected a column `id`"),
    "open quote": ('id,video\na,"frames\nb,frames\n', "cannot be read as CSV"),
    "quote in a cell": ('id,video\na,"fra"mes"\n', "cannot be read as CSV"),
    "semicolons": ("id;video;frame_rate\na;frames;25\n", "split by semicolons"),
    "tabs": ("id\tvideo\na\tframes\n", "split by tabs"),
    "binary": (b"\x00\xff\xfe" * 50, "cannot be read as CSV"),
    "utf-16": ("id,video\na,frames\n".encode("utf-16"), "cannot be read as CSV"),
    "null bytes": (b"id,video\na\x00b,frames\n", "cannot be read as CSV|names|needs `frame_rate`"),
    "a cell of a megabyte": ("id,video\na," + "x" * 2**20 + "\n", "cannot be read as CSV"),
    "a column twice": ("id,id,video\na,b,frames\n", "comes twice"),
    "capitals": ("ID,Video\na,frames\n", "did you mean `id`"),
    "an id twice": ("id,video\na,frames\na,frames\n", "expected a new `id`"),
    "an unknown split": ("id,video,split\na,frames,tset\n", "expected `split`"),
    "missing cells": ("id,video,split\na,frames\n", "expected 3 cells but found 2"),
    "no such video": ("id,video\na,nowhere\n", "there is none"),
    "a long path": ("id,video\na," + "x" * 400 + "\n", "long|none|read"),
    "rate 0": (ROW.format("split", "").replace("25", "0"), "`frame_rate` must be"),
    "rate nan": (ROW.format("split", "").replace("25", "nan"), "`frame_rate` must be"),
    "rate inf": (ROW.format("split", "").replace("25", "inf"), "`frame_rate` must be"),
    "rate 1e300": (ROW.format("split", "").replace("25", "1e300"), "`frame_rate` must be"),
    "rate negative": (ROW.format("split", "").replace("25", "-25"), "`frame_rate` must be"),
    "rate over 0": (ROW.format("split", "").replace("25", "1/0"), "`frame_rate` must be"),
    "screen nan": (ROW.format("screen_px,screen_cm,distance_cm", "nanxnan,50x30,60"), "`screen_px` must be"),
    "screen inf": (ROW.format("screen_px,screen_cm,distance_cm", "infx1080,50x30,60"), "`screen_px` must be"),
    "screen 1e300": (
        ROW.format("screen_px,screen_cm,distance_cm", "1e300x9,50x30,60"),
        "`screen_px` must be",
    ),
    "screen of half pixels": (ROW.format("screen_px,screen_cm,distance_cm", "0.5x9,5x3,6"), "whole pixels"),
    "distance nan": (
        ROW.format("screen_px,screen_cm,distance_cm", "90x60,50x30,nan"),
        "`distance_cm` must be",
    ),
    "distance 0": (ROW.format("screen_px,screen_cm,distance_cm", "90x60,50x30,0"), "`distance_cm` must be"),
    "box nan": (ROW.format("video_box", "nan 0 9 9"), "`video_box` must be"),
    "box 1e300": (ROW.format("video_box", "1e300 0 9 9"), "`video_box` must be"),
    "half a screen": (ROW.format("screen_px", "90x60"), "the screen needs all"),
}

GAZE = {
    "semicolons": ("frame;x;y\n0;1;2\n", "split by semicolons"),
    "tabs": ("frame\tx\ty\n0\t1\t2\n", "split by tabs"),
    "Frame": ("Frame,X,Y\n0,1,2\n", "did you mean `frame`"),
    "capital x": ("frame,X,y\n0,1,2\n", "did you mean `x`"),
    "comma": ('frame,x,y\n0,"1,5",2\n', r"line 2, column `x`: expected a number but found '1,5'"),
    "word": ("frame,x,y\n0,1,2\n1,left,2\n", r"line 3, column `x`: expected a number but found 'left'"),
    "frame 1e300": ("frame,x,y\n1e300,1,2\n", "line 2, column `frame`: expected a whole number"),
    "frame nan": ("frame,x,y\nnan,1,2\n", "column `frame`: expected a whole number"),
    "frame empty": ("frame,x,y\n,1,2\n", "column `frame`: expected a number but found none"),
    "observer 1e300": ("frame,x,y,observer\n0,1,2,1e300\n", "column `observer`: expected a whole number"),
    "observer name": (
        "frame,x,y,observer\n0,1,2,Anna\n",
        "column `observer`: expected a number but found 'Anna'",
    ),
    "x inf": ("frame,x,y\n0,inf,2\n", "column `x`: expected a number below"),
    "x 1e300": ("frame,x,y\n0,1e300,2\n", "column `x`: expected a number below"),
    "time inf": ("time_ms,x,y,fixation\ninf,1,2,1\n", "column `time_ms`: expected a number below"),
    "time nan": ("time_ms,x,y,fixation\nnan,1,2,1\n", "column `time_ms`: expected a number below"),
    "duration nan": (
        "start_ms,duration_ms,x,y\n0,nan,1,2\n",
        "column `duration_ms`: expected a number below",
    ),
    "duration negative": ("start_ms,duration_ms,x,y\n0,-5,1,2\n", "durations of at least 0"),
    "time backwards": ("time_ms,x,y,fixation\n5,1,2,1\n4,1,2,1\n", "to ascend"),
    "open quote": ('frame,x,y\n0,"1,2\n', "cannot be read as CSV"),
    "short line": ("frame,x,y\n0,1\n", "line 2: expected 3 cells but found 2"),
    "two kinds": ("frame,time_ms,x,y\n0,1,2,3\n", "expected one of the columns"),
    "unknown column": ("frame,x,y,pupil\n0,1,2,3\n", "unknown column `pupil`"),
    "binary": (b"\xff\x00\x10" * 99, "cannot be read as CSV"),
    "empty": ("", "is empty"),
}


def with_gaze(content):
    def make(folder):
        text("gaze.csv", content)(folder)
        return manifest(ROW.format("gaze", "gaze.csv"))(folder)

    return make


def named(column, make, name):
    """A manifest whose cell names what `make` makes."""

    def both(folder):
        make(folder)
        row = {"id": "a", "video": "frames", "frame_rate": "25"} if column != "video" else {"id": "a"}
        row[column] = name
        return manifest(",".join(row) + "\n" + ",".join(row.values()) + "\n")(folder)

    return both


TABLES = [
    *(
        Input(f"manifest-{name}", manifest(content), whole, says)
        for name, (content, says) in MANIFESTS.items()
    ),
    *(Input(f"gaze-{name}", with_gaze(content), whole, says) for name, (content, says) in GAZE.items()),
    *(
        Input(f"{kind} as {column}", named(column, make("odd"), "odd"), whole, "odd")
        for kind, make in (("fifo", fifo), ("socket", unix_socket), ("device", device))
        for column in ("gaze", "density", "masks", "video")
    ),
    Input("manifest is a fifo", lambda folder: fifo("manifest.csv")(folder).parent, whole, "pipe, device"),
]


@cases(TABLES)
def test_tables_are_refused_with_file_line_and_column(hostile, tmp_path):
    check_refused(hostile, tmp_path)


def test_rates_may_be_fractions(tmp_path):
    folder = manifest("id,video,frame_rate\na,frames,30000/1001\n")(tmp_path)
    (recording,) = open_dataset("manifest", folder, strict=True)
    assert recording.frame_rate == pytest.approx(29.97, abs=1e-3)


@pytest.mark.parametrize("rate", [60.0, 59.94])
@pytest.mark.parametrize("decimals", [3, 0])
def test_gaze_at_60_hertz_is_accepted_however_its_stamps_are_rounded(rate, decimals):
    time = np.round(np.arange(120) * 1000 / rate, decimals) / 1000
    screen = ScreenGeometry((1080, 1920), (30.0, 53.0), 60.0)
    events = events_by_velocity(time, np.full(120, 900.0), np.full(120, 500.0), screen)
    assert len(events.start) == 1


POINTS = [float("nan"), float("inf"), -300.0, 1e300, 162.0]


@pytest.mark.parametrize("value", POINTS)
@pytest.mark.parametrize("axis", ["x", "y"])
def test_points_that_are_none_of_the_frame_raise(axis, value):
    points = {"x": [5.0, 5.0], "y": [5.0, 5.0]} | {axis: [5.0, value]}
    with pytest.raises(ValueError, match=f"`{axis}` must lie in 0"):
        Fixations(np.zeros(2, int), points["x"], points["y"], np.zeros(2, int), (90, 160))


def mat(content, *, compressed=False):
    def make(folder):
        path = folder / "a.mat"
        scipy.io.savemat(path, content, do_compression=compressed)
        return path

    return make


def changed(make, place, value):
    """The file of `make` with bytes at a place exchanged; a negative place counts from the end."""

    def both(folder):
        path = make(folder)
        content = bytearray(path.read_bytes())
        place_ = place if place >= 0 else len(content) + place
        content[place_ : place_ + len(value)] = value
        path.write_bytes(content)
        return path

    return both


def element(kind, body):
    return struct.pack("<II", kind, len(body)) + body + b"\0" * (-len(body) % 8)


def variable(flags, shape, *parts, name=b"a"):
    body = element(6, struct.pack("<II", flags, 0)) + element(5, struct.pack(f"<{len(shape)}i", *shape))
    return element(14, body + element(1, name) + b"".join(parts))


def mat5(*variables):
    return text("a.mat", b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"".join(variables))


def deep(levels):
    inner = variable(6, (1, 1), element(9, struct.pack("<d", 1)))
    for _ in range(levels):
        inner = variable(1, (1, 1), inner)
    return inner


def squeezed(plain):
    packed = zlib.compress(plain, 9)
    return struct.pack("<II", 15, len(packed)) + packed


DOUBLE = element(9, struct.pack("<d", 1))
MATS = [
    Input(
        "huge matrix", mat5(variable(6, (2**31 - 1, 2**31 - 1), DOUBLE)), read_mat, "numbers for a variable"
    ),
    Input("negative matrix", mat5(variable(6, (-1, 5), DOUBLE)), read_mat, "of shape"),
    Input("one axis", mat5(variable(6, (5,), DOUBLE)), read_mat, "of shape"),
    Input("huge cell", mat5(variable(1, (2**30, 2), DOUBLE)), read_mat, "claims .* cells"),
    Input(
        "huge struct",
        mat5(variable(2, (2**30, 2), element(5, struct.pack("<i", 32)), element(1, b"x" * 32))),
        read_mat,
        "claims .* structs",
    ),
    Input(
        "struct of nothing",
        mat5(variable(2, (2**30, 2), element(5, struct.pack("<i", 32)), element(1, b""))),
        read_mat,
        "claims .* structs",
    ),
    Input(
        "names of no length",
        mat5(variable(2, (1, 1), element(5, struct.pack("<i", 0)), element(1, b"x"))),
        read_mat,
        "no length",
    ),
    Input("huge text", mat5(variable(4, (2**30, 2), element(4, b"ab"))), read_mat, "letters for text"),
    Input("text of no letters", mat5(variable(4, (1, 1), element(18, b"\xff" * 4))), read_mat, "no letters"),
    Input("function", mat5(variable(16, (1, 1), DOUBLE)), read_mat, "not data"),
    Input("object", mat5(variable(3, (1, 1), DOUBLE)), read_mat, "not data"),
    Input("opaque", mat5(variable(17, (1, 1), DOUBLE)), read_mat, "not data"),
    Input("unknown class", mat5(variable(99, (1, 1), DOUBLE)), read_mat, "not data"),
    Input("long element", mat5(struct.pack("<II", 14, 2**31)), read_mat, "claims"),
    Input("no variable", mat5(element(9, b"12345678")), read_mat, "expected a variable"),
    Input("deep cells", mat5(deep(200)), read_mat, "inside each other"),
    Input(
        "bomb",
        mat5(*[squeezed(variable(9, (1, 3), element(2, b"abc")) + b"\0" * 300_000_000)] * 4),
        read_mat,
        "takes more than",
    ),
    Input(
        "compressed rubbish", mat5(struct.pack("<II", 15, 40) + b"x" * 40), read_mat, "a.mat is no readable"
    ),
    Input(
        "sparse outside",
        mat5(
            variable(
                5, (2, 2), element(5, struct.pack("<i", 9)), element(5, struct.pack("<3i", 0, 1, 1)), DOUBLE
            )
        ),
        read_mat,
        "outside",
    ),
    Input(
        "sparse huge",
        mat5(variable(5, (2**30, 2**30), element(5, b""), element(5, b""), element(9, b""))),
        read_mat,
        "sparse",
    ),
    Input(
        "sparse overlapping",
        mat5(
            variable(
                5, (2, 2), element(5, struct.pack("<i", 0)), element(5, struct.pack("<3i", 0, 9, 1)), DOUBLE
            )
        ),
        read_mat,
        "overlap",
    ),
    Input(
        "version 4, huge",
        text("a.mat", struct.pack("<5i", 0, 2**30, 2**30, 0, 2) + b"a\0"),
        read_mat,
        "claims",
    ),
    Input(
        "version 4, sparse",
        text("a.mat", struct.pack("<5i", 2, 1, 3, 0, 2) + b"a\0" + b"\0" * 24),
        read_mat,
        "header",
    ),
    Input(
        "version 4, text",
        text("a.mat", struct.pack("<5i", 1, 1, 1, 0, 2) + b"a\0" + struct.pack("<d", 1e300)),
        read_mat,
        "no letters",
    ),
    Input(
        "version 4, text of rows of nothing",
        text("a.mat", struct.pack("<5i", 1, 2**31 - 1, 0, 0, 2) + b"a\0"),
        read_mat,
        "an empty variable",
    ),
    Input(
        "rows of nothing", mat5(variable(6, (2**31 - 1, 0), element(9, b""))), read_mat, "an empty variable"
    ),
    Input("cut", text("a.mat", b"MATLAB 5.0 MAT-file"), read_mat, "header"),
    Input("page", text("a.mat", b"<html>" * 99), read_mat, "header"),
    Input("empty", text("a.mat", b""), read_mat, "empty"),
    Input("fifo", fifo("a.mat"), read_mat, "expected a MATLAB file"),
    Input(
        "wrong checksum",
        changed(mat({"a": np.arange(99.0)}, compressed=True), -3, b"\xff\xff"),
        read_mat,
        "no readable MATLAB",
    ),
]


def hdf5(build):
    def make(folder):
        path = folder / "a.h5"
        with h5py.File(path, "w") as file:
            build(file)
        return path

    return make


def as_mat(build):
    def make(folder):
        path = hdf5(build)(folder)
        return path.rename(folder / "a.mat")

    return make


def outside(file):
    file["maps"] = h5py.ExternalLink("/etc/passwd", "/")


def outside_storage(file):
    file.create_dataset("maps", (2, 8, 8), "u1", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def virtual(file):
    layout = h5py.VirtualLayout((2, 8, 8), "f4")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "maps", (2, 8, 8))
    file.create_virtual_dataset("maps", layout)


def loop(file):
    group = file.create_group("a")
    group["a"] = group


def references(file):
    last = file.create_dataset("leaf", data=np.zeros(4))
    for level in range(12):
        last = file.create_dataset(f"c{level}", data=np.array([last.ref] * 10, dtype=h5py.ref_dtype))


def letters_of_nothing(file):
    file.create_dataset("a", (2, 2**40, 0), "u2").attrs["MATLAB_class"] = np.bytes_("char")


def timed(values):
    def build(file):
        file["maps"] = np.zeros((3, 8, 8), "f4")
        file["time"] = values

    return build


def truth():
    frames = np.arange(3)
    made = object.__new__(VideoTruth)
    for name, value in {"frames": frames, "times": frames / 25, "video_size": (8, 8)}.items():
        try:
            object.__setattr__(made, name, value)
        except AttributeError:
            made.__dict__[name] = value
    return made


def maps(path):
    return list(HDF5Maps(path)(truth()))


def npz_maps(path):
    return list(NumPyMaps(path)(truth()))


def npz(**arrays):
    def build(folder):
        np.savez_compressed(folder / "a.npz", **arrays)
        return folder / "a.npz"

    return build


def lying_npz(folder):
    """A member of four bytes whose header claims a terabyte, and one that is a pickle."""
    with zipfile.ZipFile(folder / "a.npz", "w") as archive, archive.open("maps.npy", "w") as member:
        header = {"descr": "<f4", "fortran_order": False, "shape": (3, 16000, 8000)}
        np.lib.format.write_array_header_1_0(member, header)
        member.write(b"1234")
    return folder / "a.npz"


NPZS = [
    Input("npz of objects", npz(maps=np.full((3, 8, 8), None)), npz_maps, "expected maps of numbers"),
    Input("npz that lies", lying_npz, npz_maps, "shorter than its header"),
    Input("npz of columns", npz(maps=np.asfortranarray(np.zeros((3, 8, 8)))), npz_maps, "C order"),
    Input("npz without maps", npz(a=np.zeros(3)), npz_maps, "expected an array `maps`"),
    Input("npz time", npz(maps=np.zeros((3, 8, 8)), time=np.zeros(3)), npz_maps, "ascend"),
    Input("npz times of objects", npz(maps=np.zeros((3, 8, 8)), time=np.full(3, None)), npz_maps, "`time`"),
    Input("no npz", text("a.npz", b"PK\x03\x04" + b"\xff" * 500), npz_maps, "no readable .npz"),
    Input("npz fifo", fifo("a.npz"), npz_maps, "pipe, device or socket"),
]


STACKS = {
    "text": np.full((3, 8, 8), b"x"),
    "records": np.zeros((3, 8, 8), [("a", "f4")]),
    "complex": np.zeros((3, 8, 8), "c8"),
    "two axes": np.zeros((8, 8)),
    "four axes": np.zeros((1, 3, 8, 8)),
    "a number": np.array(1.0),
    "no rows": np.zeros((3, 0, 8)),
}


def huge(shape, **options):
    return lambda file: file.create_dataset("maps", shape, "f4", **options)


HDF5S = [
    Input("external link", hdf5(outside), maps, "link to another file"),
    Input("external storage", hdf5(outside_storage), maps, "values in other files"),
    Input("virtual", hdf5(virtual), maps, "values in other files"),
    *(
        Input(
            f"maps of {name}",
            hdf5(lambda file, v=value: file.create_dataset("maps", data=v)),
            maps,
            "expected",
        )
        for name, value in STACKS.items()
    ),
    Input("maps as a group", hdf5(lambda file: file.create_group("maps")), maps, "expected an array `maps`"),
    Input(
        "dangling link",
        hdf5(lambda file: file.__setitem__("maps", h5py.SoftLink("/nowhere"))),
        maps,
        "no readable HDF5",
    ),
    Input("maps of a terabyte", hdf5(huge((3, 2**20, 2**20), chunks=(1, 64, 64))), maps, "pixels a side"),
    Input("large maps", hdf5(huge((3, 16384, 16384), chunks=(1, 64, 64))), maps, "more than fits"),
    Input(
        "large chunks",
        hdf5(huge((2**24, 8, 8), chunks=(2**23, 8, 8))),
        maps,
        "more than fits",
    ),
    *(
        Input(f"time {name}", hdf5(timed(value)), maps, "`time`")
        for name, value in {
            "of text": np.array([b"a", b"b", b"c"]),
            "short": np.zeros(2),
            "two axes": np.zeros((3, 1)),
            "nan": np.array([0, np.nan, 1]),
            "backwards": np.array([0.0, 2.0, 1.0]),
            "one number": 1.0,
            "inf": np.array([0, 1, np.inf]),
            "complex": np.zeros(3, "c8"),
        }.items()
    ),
    Input("empty file", text("a.h5", b""), maps, "is empty"),
    Input("no hdf5", text("a.h5", b"\x89HDF\r\n\x1a\n" + b"\xff" * 500), maps, "no readable HDF5"),
    Input("fifo", fifo("a.h5"), maps, "pipe, device or socket"),
    Input("mat external link", as_mat(outside), read_mat, "link to another file"),
    Input("mat external storage", as_mat(outside_storage), read_mat, "values in other files"),
    Input("mat virtual", as_mat(virtual), read_mat, "values in other files"),
    Input("mat loop", as_mat(loop), read_mat, "inside each other"),
    Input("mat references", as_mat(references), read_mat, "inside each other|in all"),
    Input("mat huge", as_mat(huge((2**20, 2**20), chunks=(64, 64))), read_mat, "MB"),
    Input("mat text", as_mat(lambda file: file.__setitem__("a", "text")), read_mat, "values of type"),
    Input("mat letters of nothing", as_mat(letters_of_nothing), read_mat, "an empty variable"),
]


@cases(MATS)
def test_matlab_files_that_lie_are_refused(hostile, tmp_path):
    check_refused(hostile, tmp_path)


@cases([*HDF5S, *NPZS])
def test_hdf5_files_that_lie_or_lead_elsewhere_are_refused(hostile, tmp_path):
    check_refused(hostile, tmp_path)


@pytest.mark.parametrize("compressed", [False, True])
def test_flipped_bytes_of_matlab_files_never_do_more_than_raise(tmp_path, compressed):
    cell_ = np.empty((1, 2), object)
    cell_[0] = ["ab", np.eye(2)]
    make = mat(
        {"a": np.arange(12.0).reshape(3, 4), "c": cell_, "s": {"x": 1}, "t": "word"}, compressed=compressed
    )
    whole_ = make(tmp_path).read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        content = bytearray(whole_)
        for place in rng.integers(100, len(content), rng.integers(1, 4)):
            content[place] = rng.integers(256)
        (tmp_path / "b.mat").write_bytes(content)
        try:
            read_mat(tmp_path / "b.mat")
        except DatasetError as error:
            refused += 1
            assert "\n" not in str(error)  # noqa: PT017
    assert refused > 50


@pytest.mark.filterwarnings("ignore:The default value for `spmatrix`:DeprecationWarning")
def test_our_parser_agrees_with_scipys(tmp_path):
    rng = np.random.default_rng(1)
    kinds = ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]
    content = {f"a{kind}": (rng.random((3, 4, 2)) * 100).astype(kind) for kind in kinds}
    content |= {
        "complex": np.array([[1 + 2j, 3]]),
        "sparse": scipy.sparse.csc_matrix(np.eye(3)),
        "empty": np.zeros((0, 3)),
    }
    path = tmp_path / "a.mat"
    for compressed in (False, True):
        scipy.io.savemat(path, content, do_compression=compressed)
        ours, theirs = parse_mat5(path.read_bytes()), scipy.io.loadmat(path)
        for name in content:
            wanted = theirs[name].toarray() if name == "sparse" else theirs[name]
            np.testing.assert_array_equal(ours[name], wanted)
            assert ours[name].dtype == wanted.dtype, name


def test_a_folder_of_maps_may_have_any_name(tmp_path):
    (tmp_path / "²").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "²" / "1.png")
    assert normalised_name("²") == "²"
    MapCollection(tmp_path)


def test_a_map_of_each_frame_as_png_and_as_jpeg_says_so(tmp_path):
    for suffix in ("png", "jpg"):
        Image.new("L", (8, 8)).save(tmp_path / f"1.{suffix}")
    with pytest.raises(AvsalError, match="one frame twice"):
        ImageMaps(tmp_path)


FORMULAS = ["=1+1", "+1+1", "-2+3", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1", "'=1", "plain", "-5", "a=b", ""]


@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas_in_csv_files_are_text_and_come_back_as_they_were(formula):
    written = str(cell(formula))
    assert not re.match(r"[=+@\t\r]|-(?!\d+$)", written)
    assert from_cell(written) == formula
