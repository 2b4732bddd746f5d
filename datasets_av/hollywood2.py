"""Hollywood-2: shots from feature videos, in the pack that DHF1K's authors made of other people's gaze."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from avsal.errors import DatasetError
from avsal.types import Recording, Split
from datasets_av.clip_folders import read_clip_folder
from datasets_av.dataset import Dataset, DatasetInfo
from datasets_av.layout import subfolders

__all__ = ["Hollywood2"]

#: the release states no frame rate; feature videos have 24 to 25, and only the spacing of frames depends on
#: it
FRAME_RATE = 24.0
_PARTS: tuple[tuple[str, Split], ...] = (("training", "train"), ("testing", "test"))


class Hollywood2(Dataset):
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
        sound=False,
        gaze="eye",
        sigma="20 px, cut at 3.75 sigma, borders replicated",
    )
    splits: ClassVar[tuple[Split, ...] | None] = ("train", "test")
    expects: ClassVar[tuple[str, ...]] = ("training", "testing")

    def _recordings(self) -> Iterator[Recording]:
        for part, split in _PARTS:
            if self.split not in (None, split):
                continue
            for folder in subfolders(self.root / part):
                try:
                    clip = read_clip_folder(folder)
                except DatasetError as error:
                    self._problem(str(error))
                    continue
                yield Recording(
                    id=folder.name,
                    dataset=self.info.name,
                    frames=clip.images,
                    frame_rate=FRAME_RATE,
                    num_frames=clip.num_frames,
                    split=split,
                    category=folder.name.rpartition("_")[0] or None,
                    load_fixations=clip.load_fixations,
                    load_density=clip.load_density,
                )
