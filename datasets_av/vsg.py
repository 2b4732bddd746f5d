"""VSG (VideoSet-Gaze): 220 clips of five seconds with the eyes of 37 viewers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from avsal.types import Recording, Split
from datasets_av.dataset import Dataset, DatasetInfo
from datasets_av.frame_images import DensityImages, FixationImages
from datasets_av.layout import expect_same_count, images_in, subfolders

__all__ = ["Vsg"]

_SECONDS = 5.0


class Vsg(Dataset):
    """VSG, also spelled VGS (Sun et al., the 3D-ResNet saliency paper, 2020).

    Cite: that paper; stimuli from VideoSet (Wang et al., JVCI 2017). Licence: not stated. Get it from
    github.com/sunnycia/video_saliency_scripts. The tree that the authors' own scripts read (the archive
    itself is unverified)::

        frame/videoSRC001/..._001.*             1920x1080, in the order of the number that ends a name
        density/sigma32/videoSRC001/..._001.*
        fixation/videoSRC001/..._001.*          binary images

    `density/videoSRC001/` without the folder `sigma32` is read too. Each clip lasts five seconds, so its
    frame rate is its number of frames / 5: 150 are 30 frames a second, 120 are 24.

    All clips are `test`: the paper trains on none of them. No sound. Gaze at 120 Hz (Tobii X-120, 24-inch
    screen), fixations by a velocity threshold that is not stated. The paper gives the density's width as 1
    degree = 32 px without saying of what; the folder's name says sigma. 32 px a degree on that screen mean
    that viewers sat about 51 cm away. Observers are not told apart, and of several fixations on one pixel one
    is left.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="vsg",
        title="VSG",
        citation="Sun et al., video saliency by 3D residual networks, 2020; stimuli: VideoSet",
        licence="not stated",
        source="github.com/sunnycia/video_saliency_scripts",
        num_recordings=220,
        num_frames=29850,
        sigma="32 px at 1920x1080, by the name of the folder",
    )
    splits: ClassVar[tuple[Split, ...] | None] = ("test",)
    expects: ClassVar[tuple[str, ...]] = ("frame",)

    def _recordings(self) -> Iterator[Recording]:
        density = self.root / "density"
        density = density / "sigma32" if (density / "sigma32").is_dir() else density
        return self._usable(
            (folder.name, "test", partial(self._recording, folder, density / folder.name))
            for folder in subfolders(self.root / "frame")
        )

    def _recording(self, folder: Path, density: Path) -> Recording:
        frames = images_in(folder, "frames")
        maps = images_in(density, "density maps")
        fixations = images_in(self.root / "fixation" / folder.name, "fixation maps")
        expect_same_count(folder, frames=len(frames), density_maps=len(maps), fixation_maps=len(fixations))
        return Recording(
            id=folder.name,
            dataset=self.info.name,
            frames=folder,
            frame_rate=len(frames) / _SECONDS,
            num_frames=len(frames),
            split="test",
            load_fixations=FixationImages(fixations),
            load_density=DensityImages(maps),
        )
