"""Models as folders in the Hugging Face Hub's form: model.safetensors, config.json and a card, README.md."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Unpack

import torch

from avsal import __version__
from avsal.errors import CheckpointError
from avsal.media.atomic import write_text
from avsal.models import SaliencyModel
from avsal.weights.card import model_card
from avsal.weights.checkpoint import About, load_checkpoint, save_checkpoint

__all__ = ["from_hub", "from_pretrained", "hub_id", "push_to_hub", "save_pretrained", "weights_in"]

WEIGHTS = "model.safetensors"


def save_pretrained(model: SaliencyModel, folder: str | os.PathLike[str], **about: Unpack[About]) -> Path:
    """Write a model as a folder that `load_model` and the Hub take, replacing files of the same names.

    Args:
        model: built by name. One that was loaded from a checkpoint brings what that says of it.
        folder: made where it is not there.
        **about: see `avsal.weights.checkpoint.About`.

    Returns:
        The folder.

    Raises:
        CheckpointError: weights that are not finite, or the disk refuses.
        ConfigError: what is given is no model that `create_model` built.
        MediaError: the disk refuses.
    """
    folder = Path(folder)
    header = save_checkpoint(model, folder / WEIGHTS, **about)
    config = {
        "library_name": "avsal",
        "model": header.model,
        "arguments": header.arguments,
        "trained": header.trained,
    }
    texts = {"config.json": json.dumps(config, indent=2) + "\n", "README.md": model_card(header)}
    for name, text in texts.items():
        write_text(folder / name, text)
    return folder


def from_pretrained(
    folder_or_id: str | os.PathLike[str],
    *,
    revision: str | None = None,
    device: str | torch.device = "cpu",
) -> SaliencyModel:
    """A model from a folder that `save_pretrained` wrote, or from the Hub, in evaluation mode.

    `load_model` takes both too; this takes nothing else.

    Args:
        folder_or_id: a folder, or a Hub id such as ``name/model``.
        revision: branch, tag or commit on the Hub.
        device: where the model goes.

    Raises:
        CheckpointError: there is neither, the Hub cannot be reached, or the checkpoint is broken.
    """
    folder = Path(folder_or_id)
    if folder.is_dir():
        return load_checkpoint(weights_in(folder), device=device)
    return load_checkpoint(from_hub(hub_id(str(folder_or_id)) or str(folder_or_id), revision), device=device)


def push_to_hub(
    model: SaliencyModel,
    repository: str,
    *,
    private: bool = False,
    revision: str | None = None,
    message: str | None = None,
    **about: Unpack[About],
) -> str:
    """Upload a model with its card to the Hub, as `save_pretrained` writes it.

    The Hub's own library says who is asking: log in by ``hf auth login``, or set HF_TOKEN.

    Args:
        model: see `save_pretrained`.
        repository: a Hub id such as ``name/model``; made where it is not there.
        private: whether a new repository is seen by its owner alone.
        revision: branch; None: the main one.
        message: message of the commit.
        **about: see `avsal.weights.checkpoint.About`.

    Returns:
        The address of the repository.

    Raises:
        CheckpointError: it is no Hub id, the Hub refuses or cannot be reached, or see `save_pretrained`.
        ConfigError: see `save_pretrained`.
    """
    identifier = hub_id(f"hf://{repository}" if not repository.startswith("hf:") else repository) or ""
    if re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", identifier, re.ASCII) is None:
        raise CheckpointError(f"expected a Hub id such as name/model but found {repository!r}")
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    with tempfile.TemporaryDirectory(prefix="avsal-") as folder:
        save_pretrained(model, folder, **about)
        interface = HfApi(library_name="avsal", library_version=__version__)
        try:
            address = interface.create_repo(identifier, private=private, exist_ok=True)
            if revision is not None:
                interface.create_branch(identifier, branch=revision, exist_ok=True)
            interface.upload_folder(
                repo_id=identifier,
                folder_path=folder,
                revision=revision,
                commit_message=message or f"{model.name}, written by avsal {__version__}",
            )
        except (HFValidationError, HfHubHTTPError, OSError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise CheckpointError(
                f"the Hub does not take {identifier}: {reason}; log in by `hf auth login`, and check the name"
            ) from error
    return str(address)


def weights_in(folder: Path) -> Path:
    """The checkpoint in a folder that `save_pretrained` wrote.

    Raises:
        CheckpointError: there is none.
    """
    if not (folder / WEIGHTS).is_file():
        inside = next(iter(sorted(folder.glob("*.safetensors"))), None)
        hint = f"; name the file in it, {inside}" if inside else ""
        raise CheckpointError(
            f"the folder {folder} holds no {WEIGHTS}: expected one that save_pretrained wrote{hint}"
        )
    return folder / WEIGHTS


def hub_id(given: str) -> str | None:
    """The repository that `given` names on the Hub; None where it reads as a path or a name.

    ``hf://name/model`` is always one; ``name/model`` where there is no folder ``name`` and no suffix of a
    weight file.
    """
    if given.startswith(("hf://", "hf:/")):  # a Path has one slash
        return given.removeprefix("hf:").lstrip("/")
    plain_id = re.fullmatch(r"([\w-][\w.-]*)/[\w-][\w.-]*", given, re.ASCII)
    if plain_id is None or Path(given).suffix in {".safetensors", ".pt", ".pth", ".tar", ".ckpt", ".npz"}:
        return None
    return None if os.path.lexists(plain_id[1]) else given


def from_hub(repository: str, revision: str | None) -> Path:
    """The checkpoint of a Hub repository in the Hub's own cache."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError

    try:
        return Path(
            hf_hub_download(
                repository, WEIGHTS, revision=revision, library_name="avsal", library_version=__version__
            )
        )
    except HFValidationError as error:
        raise CheckpointError(f"{repository} is neither a folder nor a Hub id such as name/model") from error
    except (EntryNotFoundError, HfHubHTTPError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise CheckpointError(
            f"{repository} is no folder, and the Hub gives no {WEIGHTS} of it: {reason}"
        ) from error
