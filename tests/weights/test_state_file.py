"""Files that are no weights, broken files, and files that would run code or fill the memory."""

import io
import json
import os
import pickle
import resource
import socket
import struct
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from avsal.errors import CheckpointError
from avsal.weights.state_file import read_state, read_table

STATE = {"conv.weight": torch.arange(2400.0).reshape(40, 60), "steps": torch.tensor(7)}


class Evil:
    """A pickle that makes a file when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def refusal(path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_state(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message or "\0" in str(path)
    return message


FILES_THAT_ARE_NO_WEIGHTS = {
    "empty": (b"", "is empty"),
    "page": (b"<!DOCTYPE html><html><title>Google Drive - Virus scan warning</title>", "is a web page"),
    "page_with_space": (b"\xef\xbb\xbf\r\n  <html><head>", "is a web page"),
    "text": (b"conv.weight 0.1 0.2 0.3\n", "holds text"),
    "text_with_umlaut": ("Gewichte für S3D\n".encode(), "holds text"),
    "json": (b'{"conv": [1, 2, 3]}', "holds text"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS pointer"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(40), "packed archive"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(40), "is no weight file"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(40), "is no weight file"),
    "short": (b"\x01\x02\x03", "is no weight file"),
}


@pytest.mark.parametrize("kind", FILES_THAT_ARE_NO_WEIGHTS)
def test_a_file_that_is_no_weight_file_is_named_for_what_it_is(kind, tmp_path):
    content, expected = FILES_THAT_ARE_NO_WEIGHTS[kind]
    (tmp_path / "weights.pth").write_bytes(content)
    assert expected in refusal(tmp_path / "weights.pth")


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    assert "there is no weight file" in refusal(tmp_path / "absent.pth")
    assert "is a folder" in refusal(tmp_path)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.pth")
    assert "is a pipe" in refusal(tmp_path / "pipe.pth")
    monkeypatch.chdir(tmp_path)  # a socket's address is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert "is a socket" in refusal(tmp_path / "socket")
    assert "is a device" in refusal(Path("/dev/zero"))
    assert "cannot be read" in refusal(Path("null\0byte.pth"))


def test_a_tar_archive_is_to_be_unpacked(tmp_path):
    torch.save(STATE, tmp_path / "inner.pth")
    with tarfile.open(tmp_path / "weights.tar", "w") as archive:
        archive.add(tmp_path / "inner.pth", "inner.pth")
    assert "packed archive" in refusal(tmp_path / "weights.tar")


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_a_pickle_that_wants_to_run_code_is_refused_by_name_and_runs_nothing(legacy, nested, tmp_path):
    evil = Evil(tmp_path / "pwned")
    content = {"state_dict": STATE, "extra": evil} if nested else evil
    torch.save(content, tmp_path / "evil.pth", _use_new_zipfile_serialization=not legacy)
    assert "posix.system" in refusal(tmp_path / "evil.pth")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("protocol", range(6))
def test_a_plain_pickle_is_refused_whatever_its_protocol(protocol, tmp_path):
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil(tmp_path / "pwned"), protocol=protocol))
    message = refusal(tmp_path / "evil.pkl")
    assert "posix.system" in message or "is a bare pickle" in message or protocol < 2  # the oldest are text
    assert not (tmp_path / "pwned").exists()


def test_a_whole_module_is_refused_with_advice(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pth")
    message = refusal(tmp_path / "module.pth")
    assert "torch.nn.modules.linear.Linear" in message
    assert "model.state_dict()" in message


def test_a_bare_pickle_without_code_is_no_state_dict_either(tmp_path):
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps({"a": 1}))
    assert "is a bare pickle" in refusal(tmp_path / "plain.pkl")


def test_numpy_objects_are_refused(tmp_path):
    np.savez(tmp_path / "evil.npz", a=np.array([Evil(tmp_path / "pwned")], dtype=object))
    assert "could run code" in refusal(tmp_path / "evil.npz")
    np.save(tmp_path / "evil.npy", np.array({"a": Evil(tmp_path / "pwned")}, dtype=object))
    assert "numpy.savez" in refusal(tmp_path / "evil.npy")
    assert not (tmp_path / "pwned").exists()


def test_torchscript_is_a_program(tmp_path):
    with zipfile.ZipFile(tmp_path / "scripted.pt", "w") as archive:
        archive.writestr("scripted/data.pkl", pickle.dumps({}, protocol=2))
        archive.writestr("scripted/code/__torch__.py", "op_version_set = 1")
        archive.writestr("scripted/constants.pkl", b"")
    assert "TorchScript program" in refusal(tmp_path / "scripted.pt")


WRITERS = {
    "torch": torch.save,
    "legacy": lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    "safetensors": save_file,
    "numpy": lambda state, path: np.savez(path, **{key: tensor.numpy() for key, tensor in state.items()}),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("share", [0.05, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_one_line_wherever_it_was_cut(writer, share, tmp_path):
    path = tmp_path / "whole.npz"
    WRITERS[writer](STATE, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "truncated or damaged" in refusal(path)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    writer=st.sampled_from(sorted(WRITERS)), where=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255)
)
def test_a_changed_byte_never_ends_in_anything_but_tensors_or_one_clear_error(tmp_path, writer, where, byte):
    path = tmp_path / "changed.npz"
    WRITERS[writer](STATE, path)
    content = bytearray(path.read_bytes())
    content[int(where * min(len(content), 3000))] = byte
    path.write_bytes(content)
    try:
        found = read_state(path)
    except CheckpointError:
        return
    assert all(isinstance(tensor, torch.Tensor) for tensor in found.tensors.values())


def huge_safetensors(path, header: dict | None = None, header_bytes: int | None = None) -> None:
    text = json.dumps(header or {}).encode()
    path.write_bytes(struct.pack("<Q", header_bytes or len(text)) + text + bytes(64))


HUGE = {
    "header": {"header_bytes": 2**40},
    "tensor": {"header": {"a": {"dtype": "F32", "shape": [2**20, 2**20], "data_offsets": [0, 2**42]}}},
    "overlap": {
        "header": {
            "a": {"dtype": "F32", "shape": [16], "data_offsets": [0, 64]},
            "b": {"dtype": "F32", "shape": [16], "data_offsets": [0, 64]},
        }
    },
    "lie": {"header": {"a": {"dtype": "F32", "shape": [2**30], "data_offsets": [0, 64]}}},
    "negative": {"header": {"a": {"dtype": "F32", "shape": [-4, -4], "data_offsets": [0, 64]}}},
    "unknown": {"header": {"a": {"dtype": "F31", "shape": [16], "data_offsets": [0, 64]}}},
    "list": {"header": {"a": [1, 2]}},
}


@pytest.mark.parametrize("lie", HUGE)
def test_a_safetensors_header_that_lies_about_sizes_is_refused_from_the_header_alone(
    lie, tmp_path, monkeypatch
):
    huge_safetensors(tmp_path / "lie.safetensors", **HUGE[lie])
    monkeypatch.setattr("safetensors.torch.load_file", None)
    assert "damaged" in refusal(tmp_path / "lie.safetensors") or "not safetensors'" in refusal(
        tmp_path / "lie.safetensors"
    )


def test_a_deeply_nested_header_is_damaged_not_a_crash(tmp_path):
    text = b'{"a":' + b"[" * 100_000
    (tmp_path / "deep.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    assert "recursion limit" in refusal(tmp_path / "deep.safetensors")


def pickled_storage(items: int) -> bytes:
    """The old format's pickle of one tensor whose storage claims to have `items` numbers."""
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(6)}, buffer, _use_new_zipfile_serialization=False)
    declared = b"K\x06N"  # six items, no view
    content = buffer.getvalue()
    assert content.count(declared) == 1
    return content.replace(declared, b"\x8a\x08" + struct.pack("<q", items) + b"N")


@pytest.mark.parametrize("items", [2**29, 2**36, 2**62])
def test_the_old_formats_declared_sizes_fill_no_memory(items, tmp_path):
    (tmp_path / "right.pth").write_bytes(pickled_storage(6))
    assert read_state(tmp_path / "right.pth").tensors["a"].shape == (6,)
    (tmp_path / "lie.pth").write_bytes(pickled_storage(items))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "truncated or damaged" in refusal(tmp_path / "lie.pth")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes


def test_an_archive_that_unpacks_beyond_its_size_is_not_read(tmp_path):
    torch.save({"a": torch.zeros(1_000_000)}, tmp_path / "whole.pt")
    with (
        zipfile.ZipFile(tmp_path / "whole.pt") as whole,
        zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for item in whole.infolist():
            bomb.writestr(item.filename, whole.read(item), zipfile.ZIP_DEFLATED)
    assert (tmp_path / "bomb.pt").stat().st_size < 10_000
    assert "unpack to more than its size" in refusal(tmp_path / "bomb.pt")


def test_a_numpy_archive_that_unpacks_to_more_than_any_network_is_not_read(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "bomb.npz", a=np.zeros(1_000_000, np.float32))
    assert len(read_state(tmp_path / "bomb.npz").tensors["a"]) == 1_000_000
    monkeypatch.setattr("avsal.weights.state_file.MAX_UNPACKED_BYTES", 1_000_000)
    assert "would unpack to 4000128 bytes" in refusal(tmp_path / "bomb.npz")


def test_a_numpy_archive_that_grows_more_than_weights_do_is_not_read(tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", a=np.zeros(2**25, np.float32))
    assert "more than weights of its size" in refusal(tmp_path / "bomb.npz")


def test_the_modules_beside_a_lightning_modules_network_are_left_out_with_a_note(tmp_path):
    state = {f"model.{key}": tensor for key, tensor in STATE.items()} | {"loss.weight": torch.ones(2)}
    torch.save({"state_dict": state, "pytorch-lightning_version": "2.5", "epoch": 3}, tmp_path / "l.ckpt")
    found = read_state(tmp_path / "l.ckpt")
    assert sorted(found.tensors) == ["model.conv.weight", "model.steps"]
    assert "left out beside 'model.': loss.weight" in found.notes


def test_a_tensor_that_repeats_one_number_is_refused_instead_of_written_out(tmp_path):
    torch.save({"a": torch.zeros(1).expand(10**12)}, tmp_path / "expanded.pt")
    assert "holds a in a form that is no plain array" in refusal(tmp_path / "expanded.pt")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([torch.zeros(2)], "holds a list, not a state dict"),
        ({}, "found nothing"),
        ({"a": torch.zeros(2), "epoch": 3}, "found other values: epoch"),
        ({"state_dict": {}}, "found nothing"),
    ],
)
def test_contents_that_are_no_state_dict_are_described(content, expected, tmp_path):
    torch.save(content, tmp_path / "other.pt")
    assert expected in refusal(tmp_path / "other.pt")


def test_ordered_dicts_tied_tensors_and_big_endian_numbers_are_read(tmp_path):
    tied = torch.arange(4.0)
    torch.save(OrderedDict(a=tied, b=tied[1:]), tmp_path / "tied.pth", _use_new_zipfile_serialization=False)
    found = read_state(tmp_path / "tied.pth").tensors
    assert found["b"].tolist() == [1, 2, 3]
    np.savez(tmp_path / "big.npz", a=np.arange(3, dtype=">f4"))
    assert read_state(tmp_path / "big.npz").tensors["a"].tolist() == [0, 1, 2]


def test_the_table_of_contents_is_read_without_the_tensors(tmp_path, monkeypatch):
    save_file(STATE, tmp_path / "a.safetensors", {"note": "x"})
    monkeypatch.setattr("safetensors.torch.load_file", None)
    table = read_table(tmp_path / "a.safetensors")
    assert table.shapes == {"conv.weight": (40, 60), "steps": ()}
    assert table.metadata == {"note": "x"}
