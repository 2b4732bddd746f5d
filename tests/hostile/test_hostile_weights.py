"""Weight files that lie, run code, never end or grow when unpacked, and headers of every wrong kind."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hostile.corpus import Input, cases, check_refused, device, fifo, text, unix_socket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

import avsal
from avsal.cli import main
from avsal.errors import AvsalError, ConfigError
from avsal.models import create_model
from avsal.weights import load_model, read_backbone, read_header, save_checkpoint
from avsal.weights.header import KEY, sha256_of
from avsal.weights.state_file import read_state

SMALL = {"size": [32, 32], "width": 0.02}
READERS = {
    "load_model": load_model,
    "named": lambda path: load_model("conv3d", weights=path),
    "header": read_header,
    "state": read_state,
    "backbone": read_backbone,
}


class Evil:
    """A pickle that makes a file when it is read."""

    def __reduce__(self):
        return os.system, ("touch pwned",)


@cache
def checkpoint() -> tuple[dict[str, torch.Tensor], dict]:
    """Tensors and header of a small, sound checkpoint."""
    import tempfile

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.safetensors"
        save_checkpoint(create_model("tsfpnet_av", num_frames=8, **SMALL), path)
        raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(json.loads(raw[8 : 8 + size])["__metadata__"][KEY])
    return create_model("tsfpnet_av", num_frames=8, **SMALL).state_dict(), header


def with_header(content: str) -> bytes:
    """A checkpoint whose header is this text."""
    return save(dict(checkpoint()[0]), {KEY: content})


def with_value(where: str, value: object) -> bytes:
    """A checkpoint whose header holds `value` at a dotted place; JSON as Python writes it, NaN included."""
    header = json.loads(json.dumps(checkpoint()[1])) | {"sha256": sha256_of(checkpoint()[0])}
    inner, *names = header, *where.split(".")
    for name in names[:-1]:
        inner = inner[name]
    inner[names[-1]] = value
    return with_header(json.dumps(header))


DEEP = [[[[[[[[[1]]]]]]]]]
VALUES = {
    "spec": [
        None,
        [],
        "x",
        5,
        {},
        {"num_frames": 8},
        {"size": [32, 32]},
        {"num_frames": 8, "size": [32, 32], "x": 1},
    ],
    "spec.num_frames": [None, 0, -1, 1e12, 8.0, True, 2**70, "8", [8], float("nan")],
    "spec.size": [
        None,
        5,
        [],
        [32],
        [16000, 16000],
        [1e9, 1e9],
        [32.5, 32],
        [-1, 32],
        "ab",
        DEEP,
        [2**70, 1],
    ],
    "spec.sample_rate": [0, -1, 1e12, 22050.5, "x", [1], True, 10**9],
    "spec.mean": [None, [], [0.5], ["a", "b", "c"], [float("nan")] * 3, [1e300] * 3, 0.5],
    "spec.std": [[0, 0, 0], [-1, 1, 1], [float("inf")] * 3, [1e-300] * 3],
    "spec.value_range": [0, -1, None, "x", 1e300],
    "spec.audio_scale": [0, None, float("inf"), "x"],
    "spec.channels": [None, "grb", ["rgb"], {}, 3],
    "spec.resize": [None, "x", 0],
    "spec.predicts": ["first", None, ["last"]],
    "spec.stride": [0, -1, 1e9, None, "1", 10**6],
    "spec.margin": [-1, 10**9, None],
    "spec.start_windows": [None, 5, "x", [[1]], [["a"] * 8], DEEP],
    "spec.blur": [-1, None, 1e9, "x"],
    "model": [None, 5, [], {}, "", "os.system", "../x", "\x1b[31mred", "x" * 10**6],
    "arguments": [None, [], "x", 5, {"width": 1e9}, {"x": 1}, {"": 1}],
    "arguments.width": [1e9, 1e4, 1e400, -1, 0, "x", None, [1], True, float("nan"), 1e-300],
    "arguments.num_frames": [0, -8, 8.5, 1e9, 2**70, "8", None, True, 7],
    "arguments.size": [None, [], [32], [16000, 16000], [1e9, 1e9], [-32, 32], "ab", DEEP, [32] * 1000],
    "arguments.fusion": [None, 5, "x", ["bilinear"], "\x00"],
    "arguments.levels": [None, 5, "x", ["pyramid"]],
    "arguments.batch_norm_momentum": ["x", None, 1e300, [1]],
    "trained": [None, 1, "yes", []],
    "sha256": [None, 5, "", "0" * 64, []],
    "scores": [None, [], 5, "x"],
    "extra": [None, [], "x"],
    "licence": [5, [], {}],
    "source": [5, [], {}],
    "format_version": [None, "x", [], 1e99, float("nan"), 2],
    "kind": [None, [], {}, 5, "x", "backbone"],
}
HEADERS = [
    "",
    "x",
    "[]",
    "5",
    "null",
    "{}",
    '"x"',
    "[" * 10**5,
    '{"kind":' * 1000,
    '{"kind": "model"}',
    "\x00",
]


def lying(entries: dict | str, body: bytes = bytes(64), header_bytes: int | None = None) -> bytes:
    """A safetensors file with this table of contents."""
    table = (entries if isinstance(entries, str) else json.dumps(entries)).encode()
    return struct.pack("<Q", len(table) if header_bytes is None else header_bytes) + table + body


def entry(shape, offsets=(0, 64), dtype="F32"):
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


TABLES = {
    "no_table": lying("", b"", 0),
    "endless": lying("{}", header_bytes=2**63),
    "longer_than_the_file": lying("{}", header_bytes=10**6),
    "negative": lying(entry([-4, -4])),
    "enormous": lying(entry([2**20, 2**20], (0, 2**42))),
    "overflowing": lying(entry([2**40, 2**40], (0, 64))),
    "huge_dimension": lying(entry([2**70])),
    "huge_and_empty": lying(entry([2**62, 2**62, 0], (0, 0)), b""),
    "fractions": lying(entry([4.0, 4.0])),
    "shape_is_text": lying(entry("16")),
    "shape_is_null": lying(entry(None)),
    "lie": lying(entry([2**30])),
    "backwards": lying(entry([16], (64, 0))),
    "offsets_negative": lying(entry([16], (-64, 0))),
    "offsets_missing": lying({"a": {"dtype": "F32", "shape": [16]}}),
    "unknown_numbers": lying(entry([16], dtype="F31")),
    "list": lying({"a": [1, 2]}),
    "metadata_is_a_list": lying({"__metadata__": []} | entry([16])),
    "metadata_holds_numbers": lying({"__metadata__": {"avsal": 5}} | entry([16])),
    "overlap": lying(entry([16]) | {"b": entry([16])["a"]}),
    "gap": lying(entry([8], (32, 64))),
    "deep": lying('{"a":' + "[" * 10**5),
    "names_that_a_terminal_obeys": lying({"\x1b[2J\n\u202e": entry([16])["a"]}),
    "long_name": lying({"x" * 10**6: entry([16])["a"]}),
    "many_names": lying({f"{n}": entry([0], (0, 0))["a"] for n in range(20000)}, b""),
}


def torch_file(value: object, **options) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def repacked(
    value: object, compression: int = zipfile.ZIP_DEFLATED, change=lambda name, data: (name, data)
) -> bytes:
    """What torch.save writes, its archive packed anew."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(torch_file(value))) as whole,
        zipfile.ZipFile(buffer, "w", compression) as other,
    ):
        for item in whole.infolist():
            other.writestr(*change(item.filename, whole.read(item)))
    return buffer.getvalue()


def npz(packed: bool = False, **arrays) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(buffer, **arrays)
    return buffer.getvalue()


def npy_that_says(shape: str, kind: str = "<f4") -> bytes:
    """An .npz of one array whose own header declares another shape."""
    header = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(64)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", content)
    return buffer.getvalue()


def old_storage(items: int) -> bytes:
    """torch.save's old format whose tensor's storage claims to have `items` numbers."""
    content = torch_file({"a": torch.zeros(6)}, _use_new_zipfile_serialization=False)
    return content.replace(b"K\x06N", b"\x8a\x08" + struct.pack("<q", items) + b"N")


STATE = {"a": torch.zeros(6)}
ARCHIVES = {
    "module": lambda: torch_file(torch.nn.Linear(2, 2)),
    "code": lambda: torch_file(Evil()),
    "code_within": lambda: torch_file({"state_dict": STATE, "x": Evil()}),
    "code_in_the_old_format": lambda: torch_file(Evil(), _use_new_zipfile_serialization=False),
    "code_of_protocol_4": lambda: torch_file(Evil(), pickle_protocol=4),
    **{f"pickle_{n}": partial(pickle.dumps, Evil(), protocol=n) for n in range(6)},
    "pickle_of_lists": lambda: pickle.dumps([[[]]] * 100),
    "pickle_that_doubles": lambda: b"\x80\x02]q\x00" + b"(h\x00h\x00lq\x00" * 60 + b".",
    "pickle_of_pickles": lambda: b"\x80\x02" + b"(" * 10**5 + b".",
    "pickle_of_long_numbers": lambda: b"\x80\x02\x8b\xff\xff\xff\x7f" + bytes(100),
    "old_storage_of_2_gb": lambda: old_storage(2**29),
    "old_storage_of_256_gb": lambda: old_storage(2**36),
    "old_storage_beyond_numbers": lambda: old_storage(2**62),
    "old_storage_negative": lambda: old_storage(-6),
    "packed": lambda: repacked({"a": torch.zeros(10**6)}),
    "empty_pickle": lambda: repacked(STATE, 0, lambda n, d: (n, b"" if n.endswith("data.pkl") else d)),
    "no_numbers": lambda: repacked(STATE, 0, lambda n, d: (n.replace("/data/", "/other/"), d)),
    "fewer_numbers": lambda: repacked(STATE, 0, lambda n, d: (n, d[:4] if "/data/" in n else d)),
    "program": lambda: repacked(STATE, 0, lambda n, d: (n.replace("version", "constants.pkl"), d)),
    "no_torch_archive": lambda: repacked(STATE, 0, lambda n, d: (n.replace("data.pkl", "x.pkl"), d)),
    "list": lambda: torch_file([torch.zeros(2)]),
    "nothing": lambda: torch_file({}),
    "number": lambda: torch_file(5),
    "epoch": lambda: torch_file({"a": torch.zeros(2), "epoch": 3}),
    "wrapped_in_itself": lambda: torch_file({"state_dict": {"state_dict": {"state_dict": STATE}}}),
    "repeated": lambda: torch_file({"a": torch.zeros(1).expand(10**12)}),
    "sparse": lambda: torch_file({"a": torch.eye(3).to_sparse()}),
    "names_that_a_terminal_obeys": lambda: torch_file({"\x1b[2J\n": 5}),
    "complex": lambda: torch_file({"a": torch.zeros(2, dtype=torch.complex64)}),
    "npz_bomb": lambda: npz(True, a=np.zeros(2**25, np.float32)),
    "npz_of_objects": lambda: npz(a=np.array([Evil()], object)),
    "npz_of_text": lambda: npz(a=np.array(["x"])),
    "npz_of_dates": lambda: npz(a=np.array(["2020-01-01"], "datetime64[D]")),
    "npz_that_says_4_tb": lambda: npy_that_says("(1099511627776,)"),
    "npz_that_overflows": lambda: npy_that_says("(4294967296, 4294967296, 4294967296)"),
    "npz_negative": lambda: npy_that_says("(-4, -4)"),
    "npz_with_an_expression": lambda: npy_that_says("(__import__('os'),)"),
    "npz_with_a_shape_of_text": lambda: npy_that_says("'16'"),
    "npz_of_wide_numbers": lambda: npy_that_says("(1,)", "|V2147483647"),
}

KINDS = {
    "fifo": fifo("a.safetensors"),
    "socket": unix_socket("a.pth"),
    "device": device("a.pth"),
    "folder": lambda folder: (folder / "a.safetensors").mkdir() or folder / "a.safetensors",
    "absent": lambda folder: folder / "absent.safetensors",
    "loop": lambda folder: (folder / "a.pth").symlink_to(folder / "a.pth") or folder / "a.pth",
    "null_byte": lambda folder: folder / "a\0.pth",
    "long": lambda folder: folder / ("x" * 5000 + ".pth"),
    "empty": text("a.pth", ""),
    "page": text("a.pth", "<!doctype html>"),
    "pointer": text("a.pth", "version https://git-lfs.github.com/spec/v1\n"),
    "gzip": text("a.pth", b"\x1f\x8b\x08\x00" + bytes(40)),
    "zeros": text("a.pth", bytes(4096)),
}


def inputs() -> list[Input]:
    found = []
    for reader, read in READERS.items():
        found += [Input(f"{reader}-{kind}", make, read, ".") for kind, make in KINDS.items()]
    for name, content in {**{name: lambda c=table: c for name, table in TABLES.items()}, **ARCHIVES}.items():
        made = partial(written, content)
        found += [Input(f"{reader}-{name}", made, READERS[reader], ".") for reader in ("load_model", "named")]
    for number, content in enumerate(HEADERS):
        made = partial(written, partial(with_header, content))
        found.append(Input(f"header-{number}", made, load_model, "damaged header"))
    for where, values in VALUES.items():
        for number, value in enumerate(values):
            made = partial(changed, where, value)
            found.append(Input(f"{where}-{number}", made, load_model, "."))
    return found


def written(content: Callable[[], bytes], folder: Path) -> Path:
    return text("a.pth", content())(folder)


def changed(where: str, value: object, folder: Path) -> Path:
    return text("a.safetensors", with_value(where, value))(folder)


@cases(inputs())
def test_hostile_weights_are_refused_in_one_line(hostile, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_refused(hostile, tmp_path)


@pytest.mark.parametrize("where", ["spec", "arguments.width", "spec.size", "model"])
def test_the_command_line_answers_with_one_line_and_exit_code_2(where, tmp_path, capsys):
    path = changed(where, VALUES[where][4], tmp_path)
    verbs = [["predict", "absent.mp4", "--weights", str(path)]]
    if where.startswith("spec"):  # whether its model can be built is not asked by `show`
        verbs.append(["weights", "show", str(path)])
    for words in verbs:
        assert main(words) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1


@pytest.mark.parametrize(
    "option", ["width=1e9", "width=1e4", "width=nan", "num_frames=1e9", "num_frames=0", "size=[16000,16000]"]
)
def test_absurd_arguments_of_a_model_are_one_line(option, capsys):
    assert main(["predict", "absent.mp4", "--model", "tsfpnet_av", "-O", option, "--untrained"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert option.partition("=")[0] in error or "parameters" in error


@pytest.mark.parametrize("function", ["predict", "evaluate"])
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda model: "best.safetensors", "load it, avsal.load_model"),
        (lambda model: np.zeros(3), "got ndarray"),
        (torch.nn.DataParallel, "give its .module"),
        (lambda model: model.half(), "expected float32, model.float"),
        (lambda model: model.to("meta"), "on one device"),
    ],
)
def test_what_is_no_model_is_said_before_a_video_is_opened(function, make, expected, tmp_path):
    model = make(create_model("tsfpnet_av", num_frames=8, **SMALL))
    with pytest.raises(ConfigError, match=expected):
        getattr(avsal, function)(model, tmp_path / "absent.mp4" if function == "predict" else [])


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_changed_bytes_never_end_in_anything_but_a_model_or_one_line(tmp_path, data):
    """Of our checkpoint, mostly in its header; a change of a name's case or a note may well go unseen."""
    whole = bytearray(with_value("licence", "MIT"))
    size = 8 + int.from_bytes(whole[:8], "little")
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, size + 200))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([len(whole), size, size - 1, 9, 8, 4]))
    (tmp_path / "a.safetensors").write_bytes(whole[:cut])
    for read in READERS.values():
        try:
            read(tmp_path / "a.safetensors")
        except AvsalError as refusal:
            said = str(refusal)
        else:
            said = ""
        assert "\n" not in said
        assert len(said) < 1000
