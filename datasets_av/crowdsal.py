"""CrowdSAL: 5000 videos with sound and the mouse of over 75 viewers each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from avsal.types import Recording, Split
from datasets_av.dataset import Dataset, DatasetInfo, Entry
from datasets_av.density_video import DensityVideo
from datasets_av.mouse_fixations import first_existing, read_fixations_json
from datasets_av.video_facts import video_facts

__all__ = ["CrowdSal"]

_NUM_VIDEOS, _LAST_TRAIN = 5000, 3000


class CrowdSal(Dataset):
    """CrowdSAL (MSU Video Group, 2026).

    Cite: the authors' repository, github.com/msu-video-group/CrowdSAL. Licence: CC BY. Get it from Hugging
    Face `ANDRYHA/CrowdSAL`. The tree::

        Train/Videos/0001.mp4                       Full HD, 30 frames a second, with sound
              Saliency/0001.mp4                     density: crf 0, 10 bit, each map min-max normalised
              Fixations/0001/fixations.json         for each frame a list of (row, column), repeats kept
        Test/...                                    3001-5000

    How the parts nest is unverified: `Videos/Train/0001.mp4` and `Fixations/0001.json` instead of a folder
    are read too.

    `Saliency` may be left out: recordings then have no prepared maps.

    Split: 0001-3000 train, 3001-5000 test. Mouse, not eye; viewers heard the sound and are not told apart.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="crowdsal",
        title="CrowdSAL",
        citation="MSU Video Group, CrowdSAL: Video Saliency Dataset and Benchmark, 2026",
        licence="CC BY",
        source="huggingface.co/datasets/ANDRYHA/CrowdSAL",
        num_recordings=_NUM_VIDEOS,
        sound=True,
        gaze="mouse",
    )
    splits: ClassVar[tuple[Split, ...] | None] = ("train", "test")
    expects: ClassVar[tuple[str, ...]] = ("Train", "Test", "Videos")

    def _recordings(self) -> Iterator[Recording]:
        return self._usable(map(self._entry, range(1, _NUM_VIDEOS + 1)))

    def _entry(self, number: int) -> Entry:
        name = f"{number:04d}"
        split: Split = "train" if number <= _LAST_TRAIN else "test"
        return name, split, partial(self._recording, name, split)

    def _recording(self, name: str, split: Split) -> Recording:
        part = split.capitalize()

        def places(folder: str, *names: str) -> list[Path]:
            folders = (self.root / part / folder, self.root / folder / part)
            return [place / file for place in folders for file in names]

        video = first_existing(*places("Videos", f"{name}.mp4"))
        points = first_existing(*places("Fixations", f"{name}/fixations.json", f"{name}.json"))
        maps = places("Saliency", f"{name}.mp4")
        return Recording(
            id=name,
            dataset=self.info.name,
            frames=video,
            audio=video if video_facts(video).has_sound else None,
            split=split,
            load_fixations=partial(read_fixations_json, points, video),
            load_density=DensityVideo(first_existing(*maps))
            if any(map.parent.is_dir() for map in maps)
            else None,
        )
