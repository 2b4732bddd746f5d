"""Our checkpoints: what is saved comes back to the bit, and whatever else is in the file is refused."""

import dataclasses
import json
import os

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from avsal.errors import CheckpointError, ConfigError
from avsal.models import create_model, list_models, require_model
from avsal.weights import load_checkpoint, read_header, save_checkpoint
from avsal.weights.header import KEY, sha256_of

SMALL = {"num_frames": 8, "size": [64, 64], "width": 0.1}
ABOUT = {
    "protocol": {"epochs": 2, "optimiser": "Adam", "rate": 1e-4},
    "data": ["DHF1K", "DIEM split 1"],
    "scores": {"NSS": 2.5, "CC": float("nan")},
    "licence": "Apache-2.0",
    "source": "made in a test",
    "extra": {"seed": 3},
}


def small_model():
    torch.manual_seed(4)
    model = create_model("tsfpnet_av", fusion="aligned", **SMALL)
    model.trained = True
    return model


@pytest.fixture
def saved(tmp_path):
    """A model and its checkpoint."""
    model = small_model()
    save_checkpoint(model, tmp_path / "runs" / "best.safetensors", **ABOUT)
    return model, tmp_path / "runs" / "best.safetensors"


def rewritten(path, change_tensors=None, change_header=None, *, honest=True):
    """The checkpoint with its tensors or header changed; `honest` renews the hash."""
    tensors = load_file(path)
    if change_tensors:
        change_tensors(tensors)
    header = read_raw(path)
    if honest:
        header["sha256"] = sha256_of(tensors)
    if change_header:
        change_header(header)
    other = path.with_name("changed.safetensors")
    save_file(tensors, other, {KEY: json.dumps(header)})
    return other


def read_raw(path) -> dict:
    length = int.from_bytes(path.read_bytes()[:8], "little")
    return json.loads(json.loads(path.read_bytes()[8 : 8 + length])["__metadata__"][KEY])


def refusal(path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_the_header_tells_what_the_model_is_and_where_it_comes_from(saved):
    model, path = saved
    header = read_header(path)
    assert header.model == "tsfpnet_av"
    assert header.arguments["fusion"] == "aligned"
    assert header.arguments["levels"] == "pyramid"  # a default, so that a later default changes nothing
    assert header.spec == model.spec
    assert header.trained
    assert header.protocol == ABOUT["protocol"]
    assert header.scores == {"NSS": 2.5, "CC": None}
    assert (header.licence, header.source, header.extra) == ("Apache-2.0", "made in a test", {"seed": 3})
    assert header.sha256 == sha256_of(model.state_dict())


def test_the_header_is_read_without_the_tensors(saved, monkeypatch):
    monkeypatch.setattr("safetensors.torch.load_file", None)
    assert read_header(saved[1]).model == "tsfpnet_av"


def test_a_loaded_model_gives_the_same_output_to_the_bit(saved):
    model, path = saved
    again = load_checkpoint(path)
    assert again.trained
    assert not again.training
    assert again.spec == model.spec
    frames, audio = torch.rand(1, 3, 8, 64, 64), torch.rand(1, 1, 8000)
    with torch.no_grad():
        assert torch.equal(again(frames, audio), model(frames, audio))


def test_loading_draws_nothing_from_the_callers_random_numbers(saved):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    load_checkpoint(saved[1])
    assert torch.equal(torch.rand(3), expected)


def test_the_input_recipe_of_the_weights_is_kept(tmp_path):
    model = small_model()
    model.spec = dataclasses.replace(model.spec, mean=(0.1, 0.2, 0.3), value_range=255.0, channels="bgr")
    save_checkpoint(model, tmp_path / "a.safetensors")
    assert load_checkpoint(tmp_path / "a.safetensors").spec == model.spec


def test_what_is_known_of_a_checkpoint_outlives_copying_but_not_training(saved, tmp_path):
    model = load_checkpoint(saved[1])
    copied = save_checkpoint(model, tmp_path / "copy.safetensors", source="elsewhere")
    assert (copied.scores["NSS"], copied.licence, copied.source) == (2.5, "Apache-2.0", "elsewhere")
    with torch.no_grad():
        next(model.parameters()).add_(1)
    trained_on = save_checkpoint(model, tmp_path / "on.safetensors")
    assert (trained_on.scores, trained_on.licence) == ({}, None)


def test_an_untrained_model_stays_untrained(tmp_path):
    save_checkpoint(create_model("tsfpnet", **SMALL), tmp_path / "a.safetensors")
    assert not read_header(tmp_path / "a.safetensors").trained
    assert not load_checkpoint(tmp_path / "a.safetensors").trained


def test_weights_that_are_not_finite_are_not_written_and_the_old_file_stays(saved):
    model, path = saved
    before = path.read_bytes()
    with torch.no_grad():
        model.head[1].weight.view(-1)[0] = float("inf")
    with pytest.raises(CheckpointError, match=r"not finite.*is not written: head.1.weight"):
        save_checkpoint(model, path)
    assert path.read_bytes() == before


def test_a_failed_write_leaves_the_old_file_and_no_scrap(saved, monkeypatch):
    model, path = saved
    before = path.read_bytes()

    def full_disk(tensors, name, metadata):
        with open(name, "wb") as file:
            file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full_disk)
    with pytest.raises(CheckpointError, match="No space left on device"):
        save_checkpoint(model, path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["best.safetensors"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_who_may_read_a_checkpoint_is_up_to_the_umask(umask, tmp_path):
    before = os.umask(umask)
    try:
        save_checkpoint(small_model(), tmp_path / "a.safetensors")
    finally:
        os.umask(before)
    assert (tmp_path / "a.safetensors").stat().st_mode & 0o777 == 0o666 & ~umask


WRONG_MODELS = {
    "path": (lambda model: "best.safetensors", r"load it, avsal.load_model\('best.safetensors'\)"),
    "nothing": (lambda model: None, r"avsal.load_model\(\) gives the default"),
    "array": (lambda model: np.zeros(3), "derive its class from"),
    "another": (lambda model: torch.nn.Linear(2, 2), "derive its class from"),
    "parallel": (torch.nn.DataParallel, "a DataParallel around one: give its .module"),
    "half": (lambda model: model.half(), "weights are float16: expected float32"),
    "double": (lambda model: model.double(), "weights are float64: expected float32"),
    "mixed": (lambda model: model.head.bfloat16() and model, "weights are bfloat16: expected float32"),
    "elsewhere": (lambda model: model.to("meta"), "the model is on meta"),
}


@pytest.mark.parametrize("kind", WRONG_MODELS)
def test_what_is_no_model_that_predicts_is_said_with_what_to_do(kind):
    make, expected = WRONG_MODELS[kind]
    with pytest.raises(ConfigError, match=expected) as caught:
        require_model(make(small_model()))
    assert "\n" not in str(caught.value)


def test_a_model_that_predicts_is_given_back():
    model = small_model()
    assert require_model(model) is model


def test_a_model_that_was_not_built_by_name_cannot_be_saved(tmp_path):
    from avsal.models.tsfpnet import TSFPNet

    with pytest.raises(ConfigError, match="create_model"):
        save_checkpoint(TSFPNet(num_frames=8, width=0.1), tmp_path / "a.safetensors")


def test_what_json_cannot_hold_is_a_programmers_mistake(tmp_path):
    with pytest.raises(TypeError, match="numbers, strings, lists and mappings but got object"):
        save_checkpoint(small_model(), tmp_path / "a.safetensors", extra={"x": object()})


def rename_one(tensors):
    tensors["head.1.wieght"] = tensors.pop("head.1.weight")


def transpose_one(tensors):
    name = "fusion.visual.weight"
    tensors[name] = tensors[name].transpose(0, 1).contiguous()


def put_nan(tensors):
    tensors["head.1.weight"].view(-1)[2] = float("nan")


def drop_head(tensors):
    for name in [name for name in tensors if name.startswith("head.")]:
        del tensors[name]


TENSOR_MISTAKES = {
    rename_one: "1 missing (head.1.weight); 1 left over (head.1.wieght); was head.1.weight renamed to",
    transpose_one: "1 of another shape (fusion.visual.weight should be",
    put_nan: "NaN or infinity in 1 tensors: head.1.weight",
    drop_head: "missing (head.0.conv.weight",
}


@pytest.mark.parametrize("mistake", TENSOR_MISTAKES)
def test_a_checkpoint_with_wrong_tensors_is_one_line_that_lists_them(mistake, saved):
    path = rewritten(saved[1], mistake)
    assert TENSOR_MISTAKES[mistake] in refusal(path)


def other_model(header):
    header["model"] = "tsfpnet"
    del header["arguments"]["fusion"], header["arguments"]["audio_encoder"]
    header["spec"]["sample_rate"] = None


def unknown_model(header):
    header["model"] = "tsfpnet_v9"


def code_for_a_model(header):
    header["model"] = "os.system"


def unknown_argument(header):
    header["arguments"]["depth"] = 3


def enormous(header):
    header["arguments"]["width"] = 1e12


def infinite(header):
    header["arguments"]["width"] = float("inf")


def newer(header):
    header["format_version"], header["avsal_version"] = 2, "9.9"


def other_frames(header):
    header["spec"]["num_frames"] = 16


def silent_spec(header):
    header["spec"]["sample_rate"] = None


def odd_mean(header):
    header["spec"]["mean"] = ["a", "b", "c"]


def truthy(header):
    header["trained"] = "no"


def headless(header):
    header.clear()


HEADER_MISTAKES = {
    other_model: "does not fit its model tsfpnet:",
    unknown_model: "unknown model 'tsfpnet_v9'",
    code_for_a_model: "unknown model 'os.system'",
    unknown_argument: "takes no argument 'depth'",
    enormous: "cannot build",
    infinite: "cannot build",
    newer: "has format 2, written by avsal 9.9: this one reads up to 1; update avsal",
    other_frames: "contradicts itself: its spec says num_frames 16, its model has 8",
    silent_spec: "damaged header (spec.sample_rate)",
    odd_mean: "damaged header (`mean` must be 3 numbers",
    truthy: "damaged header (trained is no bool)",
    headless: "damaged header",
}


@pytest.mark.parametrize("mistake", HEADER_MISTAKES)
def test_a_checkpoint_with_a_wrong_header_is_refused_before_its_tensors_are_read(mistake, saved, monkeypatch):
    path = rewritten(saved[1], change_header=mistake)
    monkeypatch.setattr("safetensors.torch.load_file", None)
    assert HEADER_MISTAKES[mistake] in refusal(path)


def test_changed_tensors_do_not_have_the_hash(saved):
    def change(tensors):
        tensors["head.1.weight"][0] += 1e-3

    assert "do not have the hash" in refusal(rewritten(saved[1], change, honest=False))


def test_half_precision_is_converted_with_a_note(saved, caplog):
    model, path = saved

    def halve(tensors):
        for name, tensor in tensors.items():
            tensors[name] = tensor.half() if tensor.is_floating_point() else tensor

    again = load_checkpoint(rewritten(path, halve))
    assert again.head[1].weight.dtype == torch.float32
    assert torch.equal(again.head[1].weight, model.head[1].weight.half().float())
    assert "converted from torch.float16" in caplog.text


def test_a_truncated_checkpoint_is_refused_by_its_length(saved):
    path = saved[1]
    path.write_bytes(path.read_bytes()[:-100])
    assert "truncated or damaged" in refusal(path)


def test_other_safetensors_and_other_files_are_no_checkpoints(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "a.safetensors")
    assert "has no header of ours" in refusal(tmp_path / "a.safetensors")
    torch.save({"a": torch.zeros(2)}, tmp_path / "a.pth")
    assert "avsal weights convert" in refusal(tmp_path / "a.pth")
    (tmp_path / "page.pth").write_text("<html>sign in</html>")
    assert "web page" in refusal(tmp_path / "page.pth")
    assert "there is no weight file" in refusal(tmp_path / "absent.safetensors")


def test_the_hash_is_of_names_types_shapes_and_values_whatever_their_order():
    a, b = torch.arange(6.0).reshape(2, 3), torch.zeros((), dtype=torch.int64)
    value = sha256_of({"a": a, "b": b})
    assert value == sha256_of({"b": b, "a": a.t().contiguous().t()})
    others = [
        {"a": a.reshape(3, 2), "b": b},
        {"a": a.double(), "b": b},
        {"a": a, "c": b},
        {"a": a + 1, "b": b},
    ]
    assert len({value, *(sha256_of(other) for other in others)}) == 5


@pytest.mark.parametrize("name", list_models())
def test_every_models_names_and_shapes_are_known_without_its_memory(name):
    with torch.device("meta"):
        model = create_model(name)
    assert all(tensor.device.type == "meta" for tensor in model.state_dict().values())
