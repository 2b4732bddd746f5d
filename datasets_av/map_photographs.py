"""Photographs whose gaze is published as images, of fixated pixels or of density: MIT1003, CAT2000, EMOd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from avsal.types import Split
from datasets_av.dataset import DatasetInfo
from datasets_av.frame_images import DensityImages, FixationImages
from datasets_av.layout import images_in, subfolders
from datasets_av.photographs import Photograph, PhotographDataset

__all__ = ["Cat2000", "Emod", "Mit1003"]


class Mit1003(PhotographDataset):
    """MIT1003: 1,003 photographs, 15 viewers of 3 s (Judd et al., ICCV 2009).

    Cite: T. Judd, K. Ehinger, F. Durand, A. Torralba, "Learning to Predict where Humans Look", ICCV 2009.
    Licence: not stated. The layout follows the documentation and the public readers; it was checked on trees
    made after them, not on the release. The tree::

        ALLSTIMULI/<name>.jpeg
        ALLFIXATIONMAPS/<name>_fixPts.jpg        fixated pixels of all viewers
        ALLFIXATIONMAPS/<name>_fixMap.jpg        density

    Who looked is not in these images (observer -1). The paper leaves out the first fixation of each viewer;
    whether these images do is unverified. The raw samples of single viewers (DATA/) are not read: turning
    them into fixations takes the authors' own detector.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="mit1003",
        title="MIT1003",
        citation="Judd, Ehinger, Durand, Torralba, Learning to Predict where Humans Look, ICCV 2009",
        licence="not stated",
        source="people.csail.mit.edu/tjudd/WherePeopleLook",
        num_recordings=1003,
        num_frames=1003,
        sigma="8 cycles a picture in the authors' code, about 24 px",
    )
    splits: ClassVar[tuple[Split, ...] | None] = ()
    expects: ClassVar[tuple[str, ...]] = ("ALLFIXATIONMAPS",)

    def _photographs(self) -> Iterator[Photograph]:
        maps = self.root / "ALLFIXATIONMAPS"
        for path in images_in(self.root / "ALLSTIMULI", "photographs"):
            yield Photograph(
                path.stem,
                path,
                load_fixations=FixationImages([maps / f"{path.stem}_fixPts.jpg"]),
                load_density=DensityImages([maps / f"{path.stem}_fixMap.jpg"]),
            )


class Cat2000(PhotographDataset):
    """CAT2000: 2,000 pictures of 20 categories with gaze, 18 viewers of 5 s (Borji and Itti, 2015).

    Cite: A. Borji, L. Itti, "CAT2000: A Large Scale Fixation Dataset for Boosting Saliency Research", CVPR
    2015 workshop, arXiv 1505.03581. Licence: not stated. The layout follows the documentation and the public
    readers; it was checked on trees made after them, not on the release. The tree, below `trainSet/` or its
    content itself::

        Stimuli/<category>/001.jpg               1920x1080; smaller pictures stand in a grey margin
        FIXATIONLOCS/<category>/001.mat          fixLocs: matrix, not 0 where somebody looked
        FIXATIONMAPS/<category>/001.jpg          density

    Folders `Output/` inside a category hold pictures of results and are not read. All are `train` and
    `category` is the category; the gaze of the other 2,000 pictures (testSet) is held out. Who looked is not
    in these files (observer -1), several fixations on one pixel have become one, and the first fixation, at
    the centre, cannot be told from the others and stays in. Single viewers are in `allFixData.mat`, a
    MATLAB object that only MATLAB reads.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="cat2000",
        title="CAT2000",
        citation="Borji, Itti, CAT2000: A Large Scale Fixation Dataset, arXiv 1505.03581, 2015",
        licence="not stated",
        source="saliency.tuebingen.ai/datasets.html",
        num_recordings=2000,
        num_frames=2000,
    )
    splits: ClassVar[tuple[Split, ...] | None] = ("train",)
    expects: ClassVar[tuple[str, ...]] = ("trainSet", "Stimuli")

    def _photographs(self) -> Iterator[Photograph]:
        inner = self.root / "trainSet"
        root = inner if inner.is_dir() else self.root
        for folder in subfolders(root / "Stimuli"):
            category = folder.name
            for path in images_in(folder, "photographs"):
                locations = root / "FIXATIONLOCS" / category / f"{path.stem}.mat"
                density = root / "FIXATIONMAPS" / category / f"{path.stem}.jpg"
                yield Photograph(
                    f"{category}/{path.stem}",
                    path,
                    "train",
                    category,
                    FixationImages([locations], key="fixLocs"),
                    DensityImages([density]),
                )


class Emod(PhotographDataset):
    """Density maps of 8 free viewers of photographs of the EMOd set, as 256x192 images.

    Cite: the task-based eye fixation set of O. Albayrak (master's thesis, "A Study of Visual Saliency for
    Free-viewing and Task-oriented condition") for the gaze; S. Fan et al., "Emotional attention: A study of
    image sentiment and visual attention", CVPR 2018 (EMOd), for the photographs. Licence: MIT. The tree::

        stimuli/10682.jpg            256x192
        density/10682.png            of free viewing; the release's own name, `task4/fdm/`, does as well

    There are maps only, no fixations: they are trained on as they are, without a density recipe. Names are
    random numbers. In the release, half of the 492 pictures are EyeCrowd's again: leave them out where both
    sets are used.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="emod",
        title="EMOd (free viewing, Albayrak)",
        citation="Fan et al., Emotional attention, CVPR 2018; gaze: Albayrak, master's thesis",
        licence="MIT",
        source="the task-based eye fixation set of O. Albayrak on GitHub",
        num_recordings=492,
        num_frames=492,
        sigma="not stated (SMI BeGaze)",
    )
    splits: ClassVar[tuple[Split, ...] | None] = ()
    expects: ClassVar[tuple[str, ...]] = ("density", "task4")

    def _photographs(self) -> Iterator[Photograph]:
        density = self.root / "density"
        maps = density if density.is_dir() else self.root / "task4" / "fdm"
        for path in images_in(self.root / "stimuli", "photographs"):
            yield Photograph(path.stem, path, load_density=DensityImages([_beside(maps, path)]))


def _beside(folder: Path, path: Path) -> Path:
    """The map of a picture: PNG, or JPEG where there is no PNG."""
    jpeg = folder / f"{path.stem}.jpg"
    return jpeg if jpeg.is_file() else folder / f"{path.stem}.png"
