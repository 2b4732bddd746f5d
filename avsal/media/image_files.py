"""Image files that nobody vouches for: opened within bounds, listed in the order of their numbers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from natsort import natsorted, ns
from PIL import Image

from avsal.errors import AvsalError, MediaError
from avsal.media.container import check_file

__all__ = ["MOST_IMAGE_PIXELS", "list_images", "open_image"]

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
"""By content, whatever the name says: other readers of Pillow start programs, or open further files."""

MOST_IMAGE_PIXELS = 89_478_485
"""A quarter of a gigabyte in RGB, Pillow's own bound, from which it warns of a bomb."""

# The bound is Pillow's to notice, before it makes room for pixels; a warning would let the image through.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


@contextmanager
def open_image(path: str | Path) -> Iterator[Image.Image]:
    """Open an image; what its pixels raise while they are read inside the `with` counts as its damage.

    Raises:
        MediaError: no such file, no PNG, JPEG, BMP, TIFF or WebP, a damaged one, or one of more than
            `MOST_IMAGE_PIXELS`.
    """
    path = check_file(path)
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MOST_IMAGE_PIXELS:
                raise MediaError(
                    f"{path} claims {image.width}x{image.height} pixels; expected up to "
                    f"{MOST_IMAGE_PIXELS // 10**6} million"
                )
            yield image
    except AvsalError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise MediaError(
            f"{path} claims more than {MOST_IMAGE_PIXELS // 10**6} million pixels; scale it down"
        ) from error
    except Exception as error:  # on damage Pillow's readers raise errors of every kind
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MediaError(f"{path} is no readable image ({reason}); extract or download it again") from error


def list_images(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """The images directly in `folder` in the order of the numbers in their names, 2 before 10, padded or not.

    Hidden files (macOS leaves `._0001.png`) and those of other suffixes do not count.

    Raises:
        MediaError: two images differ in their suffix alone: one of a frame too many.
    """
    files = [path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.name[0] != "."]
    files = natsorted(sorted(files), key=lambda path: (path.stem, path.suffix), alg=ns.IGNORECASE)
    by_stem: dict[str, Path] = {}
    for path in files:
        other = by_stem.setdefault(path.stem, path)
        if other is not path:
            raise MediaError(
                f"{folder} holds {other.name} and {path.name}, one frame twice: keep the images of one kind"
            )
    return files
