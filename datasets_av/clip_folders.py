"""One folder a clip with frames, density maps and fixation maps as images: the tree of DHF1K's packs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from avsal.errors import DatasetError
from datasets_av.frame_images import DensityImages, FixationImages, image_files
from datasets_av.layout import expect_same_count, images_in

__all__ = ["ClipFolder", "read_clip_folder"]


@dataclass(frozen=True)
class ClipFolder:
    """What lies in the folder of one clip.

    Attributes:
        num_frames: of the maps, and of the images where they were asked for.
        images: the folder of the frames.
        load_density: reads one prepared map.
        load_fixations: reads all fixation maps.
    """

    num_frames: int
    images: Path
    load_density: DensityImages
    load_fixations: FixationImages


def read_clip_folder(folder: Path, *, images: bool = True, num_frames: int | None = None) -> ClipFolder:
    """List the folder of one clip and check that its parts belong together; opens no image.

    The tree::

        <clip>/images/*.png            frames; may be .jpg
        <clip>/maps/*.png              density, 8-bit
        <clip>/fixation/*.png          binary; the folder may be called `fixations`,
        <clip>/fixation/maps/*.mat     and hold MATLAB files instead, key `I`

    Args:
        folder: folder of the clip.
        images: whether frames must be there (False where they come from a video).
        num_frames: number of frames as published, None where unknown.

    Raises:
        DatasetError: a part is missing, or the counts of frames, maps and fixation maps differ.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder} is missing; extract the clip from the release")
    frames = images_in(folder / "images", "frames") if images else None
    maps = images_in(folder / "maps", "density maps")
    fixations = _fixation_files(folder)
    expect_same_count(
        folder,
        published_frames=num_frames,
        frames=None if frames is None else len(frames),
        density_maps=len(maps),
        fixation_maps=len(fixations),
    )
    return ClipFolder(len(maps), folder / "images", DensityImages(maps), FixationImages(fixations))


def _fixation_files(folder: Path) -> list[Path]:
    for name in ("fixation", "fixations"):
        files = image_files(folder / name) or image_files(folder / name / "maps", frozenset({".mat"}))
        if files:
            return files
    raise DatasetError(
        f"{folder / 'fixation'} holds neither images nor `maps/*.mat` but should hold the fixation maps; "
        "extract them from the release"
    )
