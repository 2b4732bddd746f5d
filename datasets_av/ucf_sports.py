"""UCF Sports: short clips of sports, in the pack that DHF1K's authors made of other people's gaze."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from avsal.errors import DatasetError
from avsal.types import Recording, Split
from datasets_av.clip_folders import read_clip_folder
from datasets_av.dataset import Dataset, DatasetInfo
from datasets_av.split_tables import read_table

__all__ = ["UcfSports"]

#: the release states no frame rate; nothing here but the spacing of frames depends on it
FRAME_RATE = 24.0
_PARTS: dict[str, tuple[str, Split]] = {"train": ("training", "train"), "test": ("testing", "test")}


class UcfSports(Dataset):
    """Gaze on UCF Sports (Mathe and Sminchisescu, TPAMI 2015).

    Cite: S. Mathe, C. Sminchisescu, "Actions in the Eye: Dynamic Gaze Datasets and Learnt Saliency Models for
    Visual Recognition", TPAMI 2015; for this pack also DHF1K (Wang et al., CVPR 2018). Licence: unverified.
    Get it from the DHF1K project page. The tree::

        training/Diving-Side-005/images/Diving_Side_005_001.png    <Action>_<View>_NNN_%03d.png
                                 maps/...png                       density
                                 fixation/...png                   binary (or fixation/maps/*.mat, key `I`)
        testing/...

    Split: 103 clips (6,501 frames) train, 47 (2,929) test, by the table shipped here
    (`splits/ucf_sports.csv`); a clip that is missing, or has another number of frames than the table, is a
    problem. `category` is the action.

    Errata: clips are short: 14 of the training and 6 of the test clips have under 32 frames, 58 and 26 under
    63. No sound. Observers are not told apart, and of several fixations on one pixel one is left.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="ucf_sports",
        title="UCF Sports",
        citation="Mathe, Sminchisescu, Actions in the Eye, TPAMI 2015; pack by Wang et al., CVPR 2018",
        licence="unverified",
        source="github.com/wenguanwang/DHF1K (section UCF sports)",
        num_recordings=150,
        num_frames=9430,
        sound=False,
        gaze="eye",
        sigma="20 px, cut at 3.75 sigma, borders replicated",
    )
    splits: ClassVar[tuple[Split, ...] | None] = ("train", "test")
    expects: ClassVar[tuple[str, ...]] = ("training", "testing")

    def _recordings(self) -> Iterator[Recording]:
        for row in read_table("ucf_sports"):
            part, split = _PARTS[row["split"]]
            if self.split not in (None, split):
                continue
            try:
                clip = read_clip_folder(self.root / part / row["video"], num_frames=int(row["num_frames"]))
            except DatasetError as error:
                self._problem(str(error))
                continue
            yield Recording(
                id=row["video"],
                dataset=self.info.name,
                frames=clip.images,
                frame_rate=FRAME_RATE,
                num_frames=clip.num_frames,
                split=split,
                category=row["video"].partition("-")[0],
                load_fixations=clip.load_fixations,
                load_density=clip.load_density,
            )
