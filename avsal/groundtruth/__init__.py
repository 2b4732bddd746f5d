"""Ground truth: gaze samples to fixations, fixations to density maps, and what augments them together."""

from avsal.groundtruth.density import density, fixation_map
from avsal.groundtruth.events import FixationEvents, fixations_on_frames
from avsal.groundtruth.recipes import DensityRecipe, density_recipe, list_density_recipes, sigma_of_fwhm
from avsal.groundtruth.transforms import crop, flip
from avsal.groundtruth.velocity import degrees_of_visual_angle, events_by_velocity, gaze_velocity

__all__ = [
    "DensityRecipe",
    "FixationEvents",
    "crop",
    "degrees_of_visual_angle",
    "density",
    "density_recipe",
    "events_by_velocity",
    "fixation_map",
    "fixations_on_frames",
    "flip",
    "gaze_velocity",
    "list_density_recipes",
    "sigma_of_fwhm",
]
