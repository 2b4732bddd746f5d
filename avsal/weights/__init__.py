"""Weights: our checkpoints, published state dicts, and where to get them."""

from avsal.weights.backbone_file import BackboneHeader, convert, read_backbone
from avsal.weights.catalogue import CATALOGUE, CatalogueEntry, cache_folder, fetch
from avsal.weights.checkpoint import load_checkpoint, read_header, save_checkpoint
from avsal.weights.conversion import Conversion, convert_state
from avsal.weights.header import CheckpointHeader
from avsal.weights.hub import from_pretrained, save_pretrained
from avsal.weights.initialisation import Initialised, initialise
from avsal.weights.loading import load_model
from avsal.weights.parameter_groups import freeze, parameter_groups
from avsal.weights.recipe import InputRecipe

__all__ = [
    "CATALOGUE",
    "BackboneHeader",
    "CatalogueEntry",
    "CheckpointHeader",
    "Conversion",
    "Initialised",
    "InputRecipe",
    "cache_folder",
    "convert",
    "convert_state",
    "fetch",
    "freeze",
    "from_pretrained",
    "initialise",
    "load_checkpoint",
    "load_model",
    "parameter_groups",
    "read_backbone",
    "read_header",
    "save_checkpoint",
    "save_pretrained",
]
