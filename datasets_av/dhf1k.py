"""DHF1K: 1000 varied videos with the eyes of 17 viewers."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, cast

from avsal.errors import DatasetError
from avsal.types import Fixations, Recording, Split
from datasets_av.clip_folders import read_clip_folder
from datasets_av.dataset import Dataset, DatasetInfo, expect_in_root
from datasets_av.dhf1k_gaze import gaze_files, read_gaze
from datasets_av.frame_images import DensityImages
from datasets_av.layout import expect_same_count, images_in, video_file
from datasets_av.split_tables import read_table
from datasets_av.video_facts import video_facts

__all__ = ["Dhf1k"]

FRAME_RATE = 30.0
_NUM_OBSERVERS = 17
#: frames by which a video may differ from the published count and still be used
_TOLERANCE = 2
_VIDEO = re.compile(r"\d{4}")


class Dhf1k(Dataset):
    """DHF1K (Wang et al., CVPR 2018; PAMI 2019).

    Cite: W. Wang, J. Shen, F. Guo, M.-M. Cheng, A. Borji, "Revisiting Video Saliency: A Large-scale Benchmark
    and a New Model", CVPR 2018. Licence: CC BY 4.0 (data and code). Get it from github.com/wenguanwang/DHF1K.
    The tree::

        video/001.AVI                           640x360, 30 fps, most with sound (MP3)
        annotation/0001/maps/0001.png           density, frames from 1
                        fixation/0001.png       binary
                        fixation/maps/0001.mat  the same, key `I`
                        images/0001.png         where frames were extracted
        exportdata_train/P01/P01_Trail001.txt   raw gaze (sic: Trail), one folder an observer

    or, as ViNet and others keep it, the folders `0001/{images,maps,fixation|fixations}` directly in the root.

    Split (`splits/dhf1k.csv`): videos 1-600 train (346,140 frames), 601-700 val (60,273), 701-1000 test
    (176,192). Annotations of the test part are held out: those recordings have neither fixations nor maps,
    and results go to the authors.

    Gaze comes from the binary maps (observers merged, one point a pixel), or with ``gaze="raw"`` from the
    250 Hz recordings: observers apart, the eye tracker's own fixations; see `datasets_av.dhf1k_gaze`.

    Errata: the authors' script does not regenerate the released maps from the raw gaze (their issue 11, open
    since 2020): it sets the whole outer product of an observer's rows and columns in a frame. Raw files of
    single observers can be missing; a recording needs one at least, and `notes` says how many there are.
    Three digits name videos, four name annotations. Sound can run on after the picture.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="dhf1k",
        title="DHF1K",
        citation="Wang, Shen, Guo, Cheng, Borji, Revisiting Video Saliency, CVPR 2018",
        licence="CC BY 4.0",
        source="github.com/wenguanwang/DHF1K",
        num_recordings=1000,
        num_frames=582605,
        sound=True,
        sigma="12.74 px at 640x360 (full width at half maximum 30 px)",
    )

    def __init__(
        self,
        root: str | Path,
        *,
        split: Split | None = None,
        strict: bool = False,
        frames: Literal["video", "images"] | None = None,
        gaze: Literal["maps", "raw"] = "maps",
    ) -> None:
        """Point at the data.

        Args:
            root: the folder whose tree the class draws.
            split: train, val or test; None for all.
            strict: raise on the first problem.
            frames: frames from `video/` or from the `images` folders; None takes videos where there is
                `video/`. Sound is the videos' in both cases.
            gaze: gaze from the released maps, or from the raw recordings (training and validation part).

        Raises:
            DatasetError: the folder holds none of the parts, or raw gaze is asked for and absent.
        """
        super().__init__(root, split=split, strict=strict)
        self.raw = gaze == "raw"
        self.videos = (self.root / "video").is_dir() if frames is None else frames == "video"
        released = self.root / "annotation"
        self.annotations = released if released.is_dir() else self.root
        if self.raw:
            expect_in_root(self, "exportdata_train")
        elif self.annotations == self.root and not any(map(_VIDEO.fullmatch, os.listdir(self.root))):
            expect_in_root(self, "annotation", "0001", "0601")

    def _recordings(self) -> Iterator[Recording]:
        recorded = gaze_files(self.root / "exportdata_train") if self.raw else {}
        for row in read_table("dhf1k"):
            video, split = row["video"], cast(Split, row["split"])
            of_raw = recorded.get(int(video), {})
            yield from self._usable(
                [(video, split, partial(self._recording, video, split, int(row["num_frames"]), of_raw))]
            )

    def _recording(
        self, video: str, split: Split, num_frames: int, recorded: Mapping[int, Path]
    ) -> Recording:
        folder = self.annotations / video
        path = self._video(video, num_frames)
        if not self.videos:
            frames = images_in(folder / "images", "frames")
            expect_same_count(folder, published_frames=num_frames, frames=len(frames))
        load_fixations: Callable[[], Fixations] | None = None
        load_density: DensityImages | None = None
        if split != "test" and self.raw:
            load_fixations = partial(read_gaze, self._observers(video, recorded), path, num_frames)
        elif split != "test":
            clip = read_clip_folder(folder, images=not self.videos, num_frames=num_frames)
            load_fixations, load_density = clip.load_fixations, clip.load_density
        return Recording(
            id=video,
            dataset=self.info.name,
            frames=path if path and self.videos else folder / "images",
            audio=path if path and video_facts(path).has_sound else None,
            frame_rate=None if self.videos else FRAME_RATE,
            num_frames=num_frames,
            split=split,
            load_fixations=load_fixations,
            load_density=load_density,
        )

    def _video(self, video: str, num_frames: int) -> Path | None:
        """The video, which may be absent where frames are images."""
        if not self.videos and not (self.root / "video").is_dir():
            return None
        path = video_file(self.root / "video", f"{int(video):03d}")
        found = video_facts(path).num_frames or num_frames
        if abs(found - num_frames) > _TOLERANCE:
            raise DatasetError(f"{path} has {found} frames, published are {num_frames}; extract it again")
        if found != num_frames:
            self._note(f"video {video}: {path} has {found} frames, published are {num_frames}")
        return path

    def _observers(self, video: str, recorded: Mapping[int, Path]) -> Mapping[int, Path]:
        if not recorded:
            folder = self.root / "exportdata_train"
            raise DatasetError(f"no P*_Trail{int(video):03d}.txt in {folder}; extract it again")
        if len(recorded) < _NUM_OBSERVERS:
            self._note(f"video {video}: raw gaze of {len(recorded)} of {_NUM_OBSERVERS} observers")
        return recorded
