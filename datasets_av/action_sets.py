"""Hollywood-2 and UCF Sports: short clips of actions with the gaze of others, in packs of DHF1K's authors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from avsal.types import Recording, Split
from datasets_av.clip_folders import read_clip_folder
from datasets_av.dataset import Dataset, DatasetInfo, Entry
from datasets_av.layout import subfolders
from datasets_av.split_tables import read_table

__all__ = ["Hollywood2", "UcfSports"]

#: the releases state no frame rate; feature videos have 24 to 25, and only the frames' spacing depends on it
_FRAME_RATE = 24.0
_PARTS: dict[str, Split] = {"training": "train", "testing": "test"}


class _ActionSet(Dataset):
    """What both sets share: a folder a part, a folder a clip."""

    splits: ClassVar[tuple[Split, ...] | None] = ("train", "test")
    expects: ClassVar[tuple[str, ...]] = tuple(_PARTS)

    def _clip(self, part: str, name: str, category: str | None, num_frames: int | None = None) -> Entry:
        return name, _PARTS[part], partial(self._read, self.root / part / name, category, num_frames)

    def _read(self, folder: Path, category: str | None, num_frames: int | None) -> Recording:
        clip = read_clip_folder(folder, num_frames=num_frames)
        return Recording(
            id=folder.name,
            dataset=self.info.name,
            frames=clip.images,
            frame_rate=_FRAME_RATE,
            num_frames=clip.num_frames,
            split=_PARTS[folder.parent.name],
            category=category,
            load_fixations=clip.load_fixations,
            load_density=clip.load_density,
        )


class Hollywood2(_ActionSet):
    """Gaze on Hollywood-2 (Mathe and Sminchisescu, TPAMI 2015), one shot a clip.

    Cite: S. Mathe, C. Sminchisescu, "Actions in the Eye: Dynamic Gaze Datasets and Learnt Saliency Models for
    Visual Recognition", TPAMI 2015; for this pack also DHF1K (Wang et al., CVPR 2018). Licence: unverified.
    Get it from the DHF1K project page (74.6 GB). The tree::

        training/actioncliptrain00001_1/images/*.png       frames, in name order
                                        maps/*.png         density
                                        fixation/*.png     binary (or fixation/maps/*.mat, key `I`)
        testing/actioncliptest00001_1/...                  video, shot

    Split: `training/` is train, `testing/` is test. The pack has 2,699 training shots and 3,558 test shots
    (884 videos); the papers count videos, 823 / 884, and a public register has 747 training videos.

    Errata: shots are short: 1,347 of the training and 1,613 of the test shots have under 32 frames, 1,725 and
    2,243 under 63, some have one. A method that skips clips under 63 frames scores only 37 % of the test
    shots. Shots of one video share its look; keep them on one side of a split of your own (`category` is the
    video). There is no use of sound. Observers are not told apart, and of several fixations on one pixel one
    is left.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="hollywood2",
        title="Hollywood-2",
        citation="Mathe, Sminchisescu, Actions in the Eye, TPAMI 2015; pack by Wang et al., CVPR 2018",
        licence="unverified",
        source="github.com/wenguanwang/DHF1K (section Hollywood-2)",
        num_recordings=6257,
        num_frames=437521,
        sigma="20 px, cut at 3.75 sigma, borders replicated",
    )

    def _recordings(self) -> Iterator[Recording]:
        return self._usable(
            self._clip(part, folder.name, folder.name.rpartition("_")[0] or None)
            for part in _PARTS
            for folder in subfolders(self.root / part)
        )


class UcfSports(_ActionSet):
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
        sigma="20 px, cut at 3.75 sigma, borders replicated",
    )

    def _recordings(self) -> Iterator[Recording]:
        parts = {str(split): part for part, split in _PARTS.items()}
        return self._usable(
            self._clip(
                parts[row["split"]], row["video"], row["video"].partition("-")[0], int(row["num_frames"])
            )
            for row in read_table("ucf_sports")
        )
