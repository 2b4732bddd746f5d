"""How published density maps were drawn, by name, so that a result can say what its ground truth was.

CC, SIM and KL move by a factor of two and more with the width of the Gaussian alone, and there is no width
that fits all data sets. So a map is drawn by a recipe, and the recipe is stored with every result.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import log, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError, DatasetError, did_you_mean
from avsal.groundtruth.density import SMALLEST_SIGMA, Normalisation, Padding, density
from avsal.types import Fixations

__all__ = ["DensityRecipe", "density_recipe", "list_density_recipes", "sigma_of_fwhm"]


def sigma_of_fwhm(width: float) -> float:
    """Standard deviation of the Gaussian whose full width at half maximum is `width`."""
    return width / (2 * sqrt(2 * log(2)))


@dataclass(frozen=True)
class DensityRecipe:
    """How fixations become a density map.

    Attributes:
        name: stored with results.
        sigma: of the Gaussian.
        unit: of sigma: ``pixels`` of the original frame, or ``degrees`` of visual angle.
        frame_width: for pixels: sigma holds on a video this wide and grows with the video; None: it is the
            same number of pixels on every video.
        truncate: in sigmas, see `density`.
        padding: see `density`.
        normalisation: see `density`.
        repeats: see `density`.
        source: where the numbers are from.
    """

    name: str
    sigma: float
    unit: Literal["pixels", "degrees"] = "pixels"
    frame_width: int | None = None
    truncate: float = 4.0
    padding: Padding = "zero"
    normalisation: Normalisation = "sum"
    repeats: bool = True
    source: str = ""

    def sigma_in_pixels(
        self, fixations: Fixations, size: tuple[int, int] | None = None
    ) -> tuple[float, float]:
        """(vertical, horizontal) sigma in pixels of a map of `size`, None for the original frame's size.

        For degrees, one pixel of `fixations.geometry` must be one pixel of the video. A reader of videos that
        were enlarged to the screen states the screen's size in pixels of the video.

        Raises:
            ConfigError: sigma is in degrees and the screen is not known.
            DatasetError: the map is too small for it.
        """
        height, width = fixations.size
        sigma = self.sigma
        if self.unit == "degrees":
            if fixations.geometry is None:
                raise ConfigError(
                    f"density recipe {self.name!r} is in degrees of visual angle but this gaze states no "
                    "screen and viewing distance; choose a recipe in pixels"
                )
            sigma *= fixations.geometry.pixels_per_degree
        elif self.frame_width is not None:
            sigma *= width / self.frame_width
        map_height, map_width = size if size is not None else fixations.size
        found = sigma * map_height / height, sigma * map_width / width
        if not min(found) >= SMALLEST_SIGMA:
            raise DatasetError(
                f"the Gaussian of density recipe {self.name!r} would be {found[0]:.2g}x{found[1]:.2g} px "
                f"on a map of {map_height}x{map_width}: expected {SMALLEST_SIGMA:g} at least, draw it larger"
            )
        return found

    def draw(self, fixations: Fixations, size: tuple[int, int] | None = None) -> NDArray[np.float32]:
        """The density map (H, W) float32 of all `fixations`, at `size` or the original frame's.

        Raises:
            ConfigError: sigma is in degrees and the screen is not known.
            DatasetError: the map is too small for it.
            ValueError: see `density`.
        """
        return density(
            fixations,
            size,
            self.sigma_in_pixels(fixations, size),
            truncate=self.truncate,
            padding=self.padding,
            normalisation=self.normalisation,
            repeats=self.repeats,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, to be written into results and checkpoints."""
        return asdict(self)

    def __str__(self) -> str:
        unit = "degrees" if self.unit == "degrees" else "px"
        if self.frame_width is not None:
            unit += f" of a video {self.frame_width} px wide"
        return (
            f"{self.name}: Gaussian of sigma {self.sigma:.4g} {unit}, cut at {self.truncate:g} sigma, "
            f"{self.padding} padding, {'counts' if self.repeats else 'binary'}, "
            f"normalised by {self.normalisation}"
        )


_RECIPES = {
    recipe.name: recipe
    for recipe in (
        DensityRecipe(
            "degree",
            1.0,
            unit="degrees",
            source="one degree of visual angle, the usual stand-in for the fovea and the tracker's error",
        ),
        DensityRecipe(
            "dhf1k",
            sigma_of_fwhm(30),
            frame_width=640,
            normalisation="max",
            source="Wang et al., CVPR 2018: full width at half maximum 30 px at 640x360, maximum 1",
        ),
        *(
            DensityRecipe(
                name,
                20.0,
                truncate=3.75,
                padding="replicate",
                normalisation="max",
                repeats=False,
                source="DHF1K's packs of Mathe and Sminchisescu's gaze: binary image filtered with a 150x150 "
                "Gaussian of sigma 20 px, borders replicated",
            )
            for name in ("hollywood2", "ucf_sports")
        ),
        DensityRecipe(
            "ledov",
            sigma_of_fwhm(80),
            normalisation="peak",
            source="Jiang et al., ECCV 2018: full width at half maximum 80 px, each Gaussian with peak 1",
        ),
        DensityRecipe(
            "vsg",
            32.0,
            frame_width=1920,
            source="Sun et al. 2020: 1 degree = 32 px at 1920x1080; that it is sigma is our reading",
        ),
        DensityRecipe("mit", 24.0, source="MIT saliency benchmark: 24 px, where 1 degree is about 35 px"),
        DensityRecipe("salicon", 19.0, source="SALICON: sigma 19 px"),
        DensityRecipe("gasp_diem", 60.0, source="GASP on DIEM: 60 px"),
        DensityRecipe("gasp_coutrot", 20.0, source="GASP on Coutrot1, Coutrot2, ETMD and SumMe: 20 px"),
    )
}


def list_density_recipes() -> list[str]:
    """The names that `density_recipe` takes, sorted."""
    return sorted(_RECIPES)


def density_recipe(name: str) -> DensityRecipe:
    """The published recipe called `name`; change a copy of it with `dataclasses.replace`.

    Raises:
        ConfigError: for an unknown name.
    """
    try:
        return _RECIPES[name]
    except KeyError:
        hint = did_you_mean(name, _RECIPES)
        raise ConfigError(
            f"unknown density recipe {name!r}: expected one of {', '.join(list_density_recipes())}{hint}"
        ) from None
