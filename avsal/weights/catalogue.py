"""Where published weights are: what for, whose, how large, and the hash they must have.

Nothing is fetched unless asked. A file whose hash nobody has published is not fetched at all, since it could
not be told from a broken or a foreign one: the catalogue says how to bring it.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from avsal.errors import CheckpointError, ConfigError

__all__ = ["CATALOGUE", "CatalogueEntry", "cache_folder", "entry_named", "fetch", "fetched"]

CACHE_VARIABLE = "AVSAL_CACHE"
RANGE_NOT_SATISFIABLE = 416
PYTORCH = "https://download.pytorch.org/models/"


@dataclass(frozen=True)
class CatalogueEntry:
    """One published weight file.

    Attributes:
        name: what one types.
        purpose: what it is for.
        backbone: the network it holds.
        licence: as far as its publisher states one.
        source: where it comes from: the address of the file, or a page for people where there is no hash.
        file: its name.
        size: in bytes; None where not known.
        sha256: 64 hexadecimal digits, or the first ones where only those are published; None where no hash is
            known, so that the file has to be brought by hand.
        expect: what a file without a hash should be. Every file is checked when it is read: nothing in it is
            run, every tensor must be there with its name and shape and finite, and none may be left over.
    """

    name: str
    purpose: str
    backbone: str
    licence: str
    source: str
    file: str
    size: int | None = None
    sha256: str | None = None
    expect: str = ""


def of_stavis(split: int, sound: bool) -> CatalogueEntry:
    """STAViS's files of one of the three splits of the six audio-visual data sets."""
    kind = "audiovisual" if sound else "visual"
    return CatalogueEntry(
        f"stavis_{split}" if sound else f"stavis_visual_{split}",
        f"STAViS, {'with sound' if sound else 'visual stage'}, trained on split {split} of the six sets",
        "stavis" if sound else "stavis_visual",
        "MIT",
        "http://cvsp.cs.ntua.gr/research/stavis",
        f"{kind}_split{split}_save_60.pth",
        expect="341 tensors under `module.` in `state_dict`, 87.4 MB of them, beside the optimisers' state",
    )


KINETICS_TERMS = "BSD-3-Clause code; weights under the terms of Kinetics-400"
UNSTATED = "not stated"

#: full hashes are those that several independent users report; each begins with the digits in its file's name
CATALOGUE = {
    entry.name: entry
    for entry in (
        CatalogueEntry(
            "s3d_kinetics",
            "encoder of TSFP-Net (Kinetics-400, 72.1 % top-1)",
            "s3d",
            "MIT",
            "https://github.com/kylemin/S3D",
            "S3D_kinetics400.pt",
        ),
        CatalogueEntry(
            "s3d_torchvision",
            "encoder of TSFP-Net (Kinetics-400, 68.4 % top-1)",
            "s3d",
            KINETICS_TERMS,
            f"{PYTORCH}s3d-d76dad2f.pth",
            "s3d-d76dad2f.pth",
            sha256="d76dad2f",
        ),
        CatalogueEntry(
            "soundnet8",
            "audio encoder of TSFP-Net (unlabelled videos)",
            "soundnet",
            UNSTATED,
            "https://github.com/keunhong/pytorch-soundnet",
            "soundnet8_final.pth",
        ),
        CatalogueEntry(
            "soundnet8_mit",
            "audio encoder of TSFP-Net (the same network, another port)",
            "soundnet",
            "MIT",
            "https://github.com/smallflyingpig/SoundNet_Pytorch",
            "sound8.pth",
        ),
        CatalogueEntry(
            "vgg16_imagenet",
            "encoder of 3DSAL and ESAN-VSP (ImageNet)",
            "vgg16",
            "BSD-3-Clause code; weights under the terms of ImageNet",
            f"{PYTORCH}vgg16-397923af.pth",
            "vgg16-397923af.pth",
            553_433_881,
            "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        ),
        CatalogueEntry(
            "mobilenet_v2_imagenet",
            "encoder of UNISAL and of the mobile TSFP-Net (ImageNet)",
            "mobilenet_v2",
            "BSD-3-Clause code; weights under the terms of ImageNet",
            f"{PYTORCH}mobilenet_v2-b0353104.pth",
            "mobilenet_v2-b0353104.pth",
            sha256="b0353104",
        ),
        CatalogueEntry(
            "r3d_18_kinetics",
            "trunk of 3D-ResNet (Kinetics-400)",
            "r3d_18",
            KINETICS_TERMS,
            f"{PYTORCH}r3d_18-b3b3357e.pth",
            "r3d_18-b3b3357e.pth",
            133_546_016,
            "b3b3357ead25631ec9c57362ff2128a92d0427e01e2cd184951a44380c3f2e9d",
        ),
        CatalogueEntry(
            "mc3_18_kinetics",
            "video network for experiments (Kinetics-400)",
            "mc3_18",
            KINETICS_TERMS,
            f"{PYTORCH}mc3_18-a90a0ba3.pth",
            "mc3_18-a90a0ba3.pth",
            46_841_888,
            "a90a0ba35ca1242d15b77511ff28bfb29cc596988b5ea36081042f8e2f54212b",
        ),
        CatalogueEntry(
            "r2plus1d_18_kinetics",
            "trunk of 3D-ResNet, variant (Kinetics-400)",
            "r2plus1d_18",
            KINETICS_TERMS,
            f"{PYTORCH}r2plus1d_18-91a641e6.pth",
            "r2plus1d_18-91a641e6.pth",
            126_162_996,
            "91a641e6c2ab531d1aca5f4321b4d802ec5c3babc15df855cdb6e39c6a1107c8",
        ),
        CatalogueEntry(
            "resnet50_3d_kinetics",
            "encoder of STAViS (Kinetics-400)",
            "resnet50_3d",
            "MIT",
            "https://github.com/kenshohara/3D-ResNets-PyTorch",
            "resnet-50-kinetics.pth",
            expect="tensors of all four stages and the classifier; the fourth stage is left out",
        ),
        CatalogueEntry(
            "unisal",
            "UNISAL, all four domains (DHF1K, Hollywood-2, UCF Sports, SALICON)",
            "unisal",
            "Apache-2.0",
            "https://github.com/rdroste/unisal",
            "weights_best.pth",
            expect="835 tensors, 15.5 MB; training_runs/pretrained_unisal/weights_best.pth of the repository",
        ),
        CatalogueEntry(
            "tased",
            "TASED-Net, updated weights (DHF1K)",
            "tased",
            "MIT",
            "https://github.com/MichiganCOG/TASED-Net",
            "TASED_updated.pt",
            expect="513 tensors, 85.3 MB; linked from the repository's README",
        ),
        CatalogueEntry(
            "esan",
            "ESAN-VSP, setting iv (DHF1K, Hollywood-2 and UCF Sports together)",
            "esan",
            UNSTATED,
            "https://github.com/cj4L/ESAN-VSP",
            "ESAN-epoch_18.pth",
            expect="76 tensors, 458 MB; linked from the repository's README",
        ),
        CatalogueEntry(
            "vinet_dhf1k",
            "ViNet, trained on DHF1K",
            "vinet",
            "MIT",
            "https://github.com/samyak0210/ViNet",
            "ViNet_DHF1K.pt",
            expect="470 tensors, 124.5 MB",
        ),
        CatalogueEntry(
            "avinet",
            "AViNet, trained on the six audio-visual sets (bilinear fusion)",
            "avinet",
            "MIT",
            "https://github.com/samyak0210/ViNet",
            "AViNet.pt",
            expect="525 tensors, 182.1 MB; the file's own name is not known: give it this one",
        ),
        CatalogueEntry(
            "vinet_s_dhf1k",
            "ViNet-S, trained on DHF1K",
            "vinet_s",
            "CC-BY-NC-SA-4.0",
            "https://github.com/ViNet-Saliency/vinet_v2",
            "DHF1K_vinet_s_rootgrouped_32_bs8_kld_cc.pt",
            expect="470 tensors, 38.1 MB; one of an archive with a file for each data set and split",
        ),
        *(of_stavis(split, sound) for sound in (True, False) for split in (1, 2, 3)),
    )
}


def cache_folder() -> Path:
    """The folder of fetched weights: that of the environment variable AVSAL_CACHE, else the user's cache."""
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given).expanduser()
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(user) / "avsal"


def entry_named(name: str) -> CatalogueEntry:
    """The catalogue's entry of `name`.

    Raises:
        ConfigError: there is none.
    """
    if name not in CATALOGUE:
        raise ConfigError(f"unknown weights {name!r}: expected one of {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


def fetch(name: str) -> Path:
    """The file of a catalogue entry in the cache, downloaded if it is not there, its hash checked.

    A download that was cut is taken up where it ended, by this call or a later one.

    Args:
        name: of the entry.

    Returns:
        The file.

    Raises:
        CheckpointError: the file has another hash, cannot be had, or has to be brought by hand: the message
            says which file and where to put it.
        ConfigError: there is no such entry.
    """
    entry = entry_named(name)
    path = cache_folder() / entry.file
    if path.is_file():
        check_hash(path, entry)
        return path
    if entry.sha256 is None:
        raise CheckpointError(
            f"{entry.name} is not fetched, since no hash of it is published: get {entry.file} from "
            f"{entry.source} by hand and put it at {path}"
        )
    partial = path.with_name(path.name + ".part")
    begun = partial.exists()
    download(entry, partial)
    try:
        check_hash(partial, entry)
    except CheckpointError:
        partial.unlink()
        if begun:  # what an earlier call left was of another file
            return fetch(name)
        raise
    partial.replace(path)
    return path


def download(entry: CatalogueEntry, partial: Path) -> None:
    """Fetch what is missing of an entry's file by the Hub's library, whose bar goes to standard error.

    Raises:
        CheckpointError: no connection, no such file, cut again and again, another size, or the disk refuses.
    """
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.file_download import http_get

    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("ab") as file:
            http_get(entry.source, file, resume_size=file.tell(), expected_size=entry.size)
    except Exception as error:  # the library's, of the one below it, which has changed, and of the disk
        answer = error.response.status_code if isinstance(error, HfHubHTTPError) else None
        if answer == RANGE_NOT_SATISFIABLE:
            return  # it is all there, or more than all: its hash will tell
        if isinstance(error, OSError) and error.errno is not None:
            reason = f"cannot be fetched to {partial}: {error.strerror}"
        elif answer:
            reason = f"cannot be fetched: the server says {answer}"
        elif isinstance(error, OSError):
            partial.unlink()
            reason = "is not of the size that it should be"
        else:
            reason = f"was not fetched whole ({type(error).__name__}): fetch again to go on where it ended"
        raise CheckpointError(
            f"{entry.source} {reason}; or bring {entry.file} from there and put it at "
            f"{partial.with_suffix('')}"
        ) from error


def check_hash(path: Path, entry: CatalogueEntry) -> None:
    """Raise CheckpointError where a file has another hash than the catalogue's, if that has one."""
    if entry.sha256 is None:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(entry.sha256):
        raise CheckpointError(
            f"{path} is not {entry.name}: expected SHA-256 {entry.sha256}, found "
            f"{found[: len(entry.sha256)]}; it is damaged or another file: remove it and fetch again"
        )


def fetched(name: str) -> Path:
    """The file of a catalogue entry that is in the cache. Nothing is fetched.

    Raises:
        CheckpointError: the file is not there, or has another hash.
        ConfigError: there is no such entry.
    """
    entry = entry_named(name)
    path = cache_folder() / entry.file
    if not path.is_file():
        how = (
            f"`avsal weights fetch {entry.name}`" if entry.sha256 else f"get {entry.file} from {entry.source}"
        )
        raise CheckpointError(f"{entry.name} is not there: {how}, or put the file at {path}")
    check_hash(path, entry)
    return path
