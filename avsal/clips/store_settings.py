"""What a store of prepared recordings was made with; the same for all of its recordings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from avsal import __version__
from avsal.clips.preparation import content_size
from avsal.errors import ConfigError, DatasetError
from avsal.media.atomic import write_text
from avsal.media.resampling import RESAMPLER
from avsal.types import ClipSpec

__all__ = ["FORMAT", "StoreSettings"]

#: of a store's files, raw and compressed
FORMAT, COMPRESSED = 1, 2

SCALER = "swscale area, full chroma"

_FILE = "store.json"


@dataclass(frozen=True)
class StoreSettings:
    """What was asked of a store.

    Attributes:
        size: (H, W) of the frames in pixels.
        resize: ``stretch`` fills `size`; ``fit`` keeps each video's aspect ratio inside it.
        sample_rate: of the sound in Hz.
        maps: whether the release's density maps are kept where it has fixations, too.
        compress: frames as short pieces of video and maps as 8-bit images, see `frame_chunks`; else as
            arrays.
        reader: options of the data set's reader that decide what gaze and which frames a recording has.
    """

    size: tuple[int, int]
    resize: Literal["stretch", "fit"] = "stretch"
    sample_rate: int = 22050
    maps: bool = False
    reader: Mapping[str, Any] = field(default_factory=dict)
    compress: bool = False

    def __post_init__(self) -> None:
        """Raise ConfigError when a number makes no sense."""
        sides = [*self.size, self.sample_rate]
        if len(sides) != 3 or not all(type(side) is int and side > 0 for side in sides):
            raise ConfigError(
                f"a store's size and sample rate must be positive but are {self.size} and {self.sample_rate}"
            )
        if max(self.size) > 16384 or self.sample_rate > 10**6:
            raise ConfigError(
                f"a store's size must be at most 16384 a side, its sample rate {10**6} Hz, but they are "
                f"{self.size} and {self.sample_rate}"
            )

    def content_size(self, video_size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of the stored frames of a video of `video_size`."""
        return content_size(ClipSpec(1, self.size, resize=self.resize), video_size)

    def claim(self, folder: Path) -> None:
        """Write these settings into a new store, or agree with those of an existing one.

        Raises:
            ConfigError: the folder holds a store made with other settings, or something else.
            MediaError: the folder cannot be written.
        """
        path = folder / _FILE
        if not path.exists():
            there = sorted(item.name for item in folder.iterdir() if not item.name.startswith("."))
            if there:
                raise ConfigError(
                    f"{folder} holds {there[0]} and more but no store; give an empty or new folder"
                )
            written = COMPRESSED if self.compress else FORMAT
            content = {"format": written, "settings": asdict(self), "scaler": SCALER, "resampler": RESAMPLER}
            write_text(path, json.dumps(content | {"avsal": __version__}, indent=2) + "\n")
            return
        existing = StoreSettings.read(folder)
        for entry in fields(self):
            mine, theirs = getattr(self, entry.name), getattr(existing, entry.name)
            if mine != theirs:
                raise ConfigError(
                    f"the store {folder} was prepared with {entry.name} {theirs} but {mine} was asked for; "
                    "ask for the same, or prepare into another folder"
                )

    @classmethod
    def read(cls, folder: Path) -> StoreSettings:
        """The settings of the store in `folder`.

        Raises:
            DatasetError: there is no store, or one of another format.
        """
        path = folder / _FILE
        try:
            content = json.loads(path.read_text())
            settings = dict(content["settings"])
            if content["format"] not in (FORMAT, COMPRESSED):
                raise DatasetError(
                    f"{folder} is a store of format {content['format']} but this version reads {FORMAT} and "
                    f"{COMPRESSED}; "
                    "prepare the data again into another folder"
                )
            return cls(**settings | {"size": tuple(settings["size"])})
        except OSError as error:
            raise DatasetError(
                f"expected a store of prepared recordings in {folder} but {path.name} is not there; make one "
                "with `avsal data prepare`"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise DatasetError(f"{path} is damaged ({error!r}); prepare the data again") from error
