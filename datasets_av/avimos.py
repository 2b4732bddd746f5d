"""AViMoS: 1500 videos with sound and the mouse of over 70 viewers each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from avsal.errors import DatasetError
from avsal.types import Recording, Split
from datasets_av.dataset import Dataset, DatasetInfo
from datasets_av.density_video import DensityVideo
from datasets_av.layout import video_file
from datasets_av.mouse_fixations import first_existing, read_fixations_json, read_json
from datasets_av.video_facts import video_facts

__all__ = ["Avimos"]

_SPLIT_LIST = "TrainTestSplit.json"


class Avimos(Dataset):
    """AViMoS, the set of the AIM 2024 challenge; the NTIRE 2026 set has the same form.

    Cite: A. Moskalenko et al., "AIM 2024 Challenge on Video Saliency Prediction: Methods and Results", ECCV
    Workshops 2024, arXiv 2409.14827. Licence: CC BY 4.0. Get it from Hugging Face
    `ANDRYHA/AudioVisualMouseSaliency` (NTIRE 2026: `ANDRYHA/VideoSaliencyChallenge`). The tree::

        TrainTestSplit.json                             lists of names: train, public test, private test
        Videos/<video>.mp4                              Full HD, wide and tall; many with sound, not all
        SaliencyTrain/Train/<video>.mp4                 density: crf 0, 10 bit, each map min-max normalised
        SaliencyTest/Test/<video>.mp4
        FixationsTrain/Train/<video>/fixations.json     for each frame a list of (row, column), repeats kept
        FixationsTest/Test/<video>/fixations.json

    without the inner `Train/` and `Test/` too. The PNG beside a `fixations.json` (folder `fixations/`, in
    NTIRE 2026 `fixations_maps/`) lose repeats and are only for viewing; they are not read.

    `Saliency*` may be left out: recordings then have no prepared maps. Mouse, not eye; viewers heard the
    sound and are not told apart. Official scores (CC, SIM, NSS, AUC-J, ranked by mean rank) are from the
    video of maps and from the JSON. The keys of the split list are unverified beyond the scoring script's
    `public_test`; letters, case and `_` or spaces do not matter. `category` says public or private for test
    videos.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="avimos",
        title="AViMoS",
        citation="Moskalenko et al., AIM 2024 Challenge on Video Saliency Prediction, arXiv 2409.14827",
        licence="CC BY 4.0",
        source="huggingface.co/datasets/ANDRYHA/AudioVisualMouseSaliency",
        num_recordings=1500,
        sound=True,
        gaze="mouse",
    )
    splits: ClassVar[tuple[Split, ...] | None] = ("train", "test")
    expects: ClassVar[tuple[str, ...]] = (_SPLIT_LIST,)

    def _recordings(self) -> Iterator[Recording]:
        return self._usable(
            (name, split, partial(self._recording, name, split, category))
            for name, split, category in self._names()
        )

    def _recording(self, name: str, split: Split, category: str | None) -> Recording:
        part = split.capitalize()
        video = video_file(self.root / "Videos", name)
        fixations, density = self.root / f"Fixations{part}", self.root / f"Saliency{part}"
        points = first_existing(
            fixations / part / name / "fixations.json", fixations / name / "fixations.json"
        )
        maps = (
            first_existing(density / part / f"{name}.mp4", density / f"{name}.mp4")
            if density.is_dir()
            else None
        )
        return Recording(
            id=name,
            dataset=self.info.name,
            frames=video,
            audio=video if video_facts(video).has_sound else None,
            split=split,
            category=category,
            load_fixations=partial(read_fixations_json, points, video),
            load_density=DensityVideo(maps) if maps else None,
        )

    def _names(self) -> Iterator[tuple[str, Split, str | None]]:
        path = self.root / _SPLIT_LIST
        content = read_json(path)
        known: dict[str, tuple[Split, str | None]] = {
            "train": ("train", None),
            "publictest": ("test", "public"),
            "privatetest": ("test", "private"),
        }
        keys = list(content) if isinstance(content, dict) else []
        lists = {"".join(letter for letter in key.lower() if letter.isalpha()): content[key] for key in keys}
        if not set(lists) & set(known):
            raise DatasetError(
                f"{path}: expected lists `train`, `public_test`, `private_test` but found "
                f"{', '.join(keys)[:80] or 'none'}; download it again"
            )
        for key, (split, category) in known.items():
            for name in lists.get(key, []):
                yield Path(str(name)).stem if str(name).endswith(".mp4") else str(name), split, category
