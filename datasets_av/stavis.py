"""The tree that STAViS prepared for six audio-visual data sets: frames, sound, density maps, fixation maps.

Tsiami, Koutras, Maragos, "STAViS: Spatio-Temporal AudioVisual Saliency Network", CVPR 2020. The archives are
on the authors' project page at NTUA (linked from github.com/atsiami/STAViS; outages were reported). The tree,
files numbered from 1::

    video_frames/<DB>/<video>/img_%05d.jpg
    video_audio/<DB>/<video>/<video>.wav               22,050 Hz
    annotations/<DB>/<video>/maps/eyeMap_%05d.jpg      density, 8-bit
    annotations/<DB>/<video>/fixMap_%05d.mat           binary, key `eyeMap`

``fold_lists/`` beside them, as the authors' code reads them (``DIEM_list_train_fps.txt``,
``AVAD_list_test_1_fps.txt``, ...), counts instead of the published lists that ship with avsal.

The maps' Gaussian is not stated. Fixation maps are binary, so of several fixations on one pixel one is left,
and they do not say who looked. `eye_tracks.mat`, which lies beside them, is not read: its layout is not
documented.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from avsal.errors import DatasetError
from avsal.types import Recording, Split
from datasets_av.dataset import Dataset, expect_in_root
from datasets_av.frame_images import DensityImages, FixationImages
from datasets_av.layout import video_file
from datasets_av.split_tables import ListedVideo, chosen_videos, listed_videos, own_videos
from datasets_av.video_facts import sound_seconds, video_facts

__all__ = ["PreparedTree"]

#: seconds by which the sound may end before the pictures without a note
_SHORT_SOUND = 1.0


class PreparedTree(Dataset):
    """A data set in the tree above; the sub-classes name it.

    Attributes:
        folder: `<DB>` in the tree.
        first_frames: use no more than these of each video; None for all.
    """

    folder: ClassVar[str]
    first_frames: int | None = None

    def __init__(
        self,
        root: str | Path,
        *,
        split: Split | None = None,
        strict: bool = False,
        fold: int | None = None,
        videos: str | Path | None = None,
    ) -> None:
        """Point at the tree.

        Args:
            root: the folder that holds `annotations`, `video_frames` and `video_audio`.
            split: train or test of the fold; None for both.
            strict: raise on the first problem instead of leaving the recording out.
            fold: 1, 2 or 3 of the lists; None for all videos. DIEM's folds are all alike.
            videos: a folder with the original videos, used in place of `video_frames` and `video_audio`.

        Raises:
            ConfigError: an impossible fold or split.
            DatasetError: the folders are not there.
        """
        super().__init__(root, split=split, strict=strict)
        self.fold = fold
        self.videos = None if videos is None else Path(videos)
        folder = self.root / "fold_lists"
        self.lists = folder if own_videos(self.info.name, folder) is not None else None
        self._chosen = self._choose()
        for part in ("annotations",) if self.videos else ("annotations", "video_frames", "video_audio"):
            expect_in_root(self, f"{part}/{self.folder}")
        if self.videos and not self.videos.is_dir():
            raise DatasetError(
                f"{self.info.title}: expected the videos in {self.videos} but there is no such folder"
            )

    def _choose(self) -> tuple[tuple[ListedVideo, Split | None], ...]:
        return chosen_videos(self.info.name, self.fold, self.split, self.lists)

    def _recordings(self) -> Iterator[Recording]:
        if self.lists is not None:
            self._compare_lists(self.lists)
        return self._usable((one.id, role, partial(self._recording, one, role)) for one, role in self._chosen)

    def _compare_lists(self, lists: Path) -> None:
        """Note where the lists beside the release differ from the published ones."""
        own = {video.id: video for video in own_videos(self.info.name, lists) or ()}
        published = {video.id: video for video in listed_videos(self.info.name)}
        for what, names in (
            ("lack", [name for name in published if name not in own]),
            ("add", [name for name in own if name not in published]),
            ("divide otherwise", [n for n in own if n in published and own[n].folds != published[n].folds]),
        ):
            if names:
                some = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
                self._note(
                    f"the lists in {lists} are used; they {what} {len(names)} published videos: {some}"
                )

    def _recording(self, video: ListedVideo, role: Split | None) -> Recording:
        """One video, its files counted against the list."""
        annotations = self.root / "annotations" / self.folder / video.id
        maps = _numbered(annotations / "maps", "eyeMap_", ".jpg", "density maps")
        points = _numbered(annotations, "fixMap_", ".mat", "fixation maps")
        counts: dict[str, int | None] = {
            "frames in the published list": video.num_frames,
            "density maps": len(maps),
            "fixation maps": len(points),
        }
        frame_rate: float | None = None
        if self.videos:
            frames = audio = self._video(self.videos, video.id)
            facts = video_facts(frames)
            if not facts.has_sound:
                raise DatasetError(f"{frames} has no sound stream; use a video with its sound")
            counts["frames in the video"] = facts.num_frames
        else:
            frames = self.root / "video_frames" / self.folder / video.id
            counts["frames"] = len(_numbered(frames, "img_", ".jpg", "frames"))
            audio = self.root / "video_audio" / self.folder / video.id / f"{video.id}.wav"
            frame_rate = video.frame_rate
        num_frames = self._agreed(video.id, counts)
        if frame_rate is not None:
            self._compare_sound(video.id, audio, num_frames / frame_rate)
        if self.first_frames is not None:
            num_frames = min(num_frames, self.first_frames)
        return Recording(
            id=video.id,
            dataset=self.info.name,
            frames=frames,
            audio=audio,
            frame_rate=frame_rate,
            num_frames=num_frames,
            split=role,
            load_fixations=FixationImages(points[:num_frames], key="eyeMap"),
            load_density=DensityImages(maps[:num_frames]),
        )

    def _video(self, videos: Path, name: str) -> Path:
        return video_file(videos, name)

    def _agreed(self, name: str, counts: dict[str, int | None]) -> int:
        """The smallest count; where counts differ the first so many frames are used, and that is told."""
        known = {what: count for what, count in counts.items() if count is not None}
        fewest, most = min(known.values()), max(known.values())
        if most > fewest:
            listed = ", ".join(f"{count} {what}" for what, count in known.items())
            self._note(f"{name}: found {listed}; the first {fewest} are used")
        return fewest

    def _compare_sound(self, name: str, path: Path, video_seconds: float) -> None:
        seconds = sound_seconds(path)
        if seconds < video_seconds - _SHORT_SOUND:
            self._note(f"{name}: {path} ends after {seconds:.2f} s, the pictures after {video_seconds:.2f} s")


def _numbered(folder: Path, prefix: str, suffix: str, what: str) -> list[Path]:
    """The files ``<prefix>%05d<suffix>`` of `folder`, which must be numbered from 1 without a hole.

    Raises:
        DatasetError: there is none, or one in between is missing.
    """
    example = f"{prefix}00001{suffix}"
    if not folder.is_dir():
        raise DatasetError(
            f"expected {what} {example} ... in {folder} but there is no such folder; extract them"
        )
    pattern = re.compile(re.escape(prefix) + r"(\d{5,})" + re.escape(suffix))
    numbers = {int(match[1]) for path in folder.iterdir() if (match := pattern.fullmatch(path.name))}
    if not numbers:
        raise DatasetError(f"expected {what} {example} ... in {folder} but found none; extract them")
    missing = sorted(set(range(1, max(numbers) + 1)) - numbers)
    if missing or 0 in numbers:
        fault = (
            f"{prefix}{missing[0]:05d}{suffix} is missing"
            if missing
            else f"{prefix}00000{suffix} is too much"
        )
        raise DatasetError(
            f"expected {what} numbered from 1 without a hole in {folder} but {fault} ({len(numbers)} files "
            f"up to {max(numbers)}); extract them again"
        )
    return [folder / f"{prefix}{number:05d}{suffix}" for number in range(1, len(numbers) + 1)]
