"""Weights: our checkpoints, published state dicts, and where to get them."""

from avsal.weights.catalogue import CATALOGUE, CatalogueEntry, cache_folder, fetch
from avsal.weights.checkpoint import load_checkpoint, read_header, save_checkpoint
from avsal.weights.conversion import Conversion, convert_state
from avsal.weights.header import BackboneHeader, CheckpointHeader
from avsal.weights.hub import from_pretrained, push_to_hub, save_pretrained
from avsal.weights.identity import ModelIdentity, TrainedOn, model_identity, trained_on
from avsal.weights.initialisation import Initialised, initialise, pretrained_parts
from avsal.weights.loading import find_weights, load_model
from avsal.weights.published_file import convert, read_backbone
from avsal.weights.recipe import InputRecipe
from avsal.weights.shipped import DEFAULT, SHIPPED, ShippedCheckpoint

__all__ = [
    "CATALOGUE",
    "DEFAULT",
    "SHIPPED",
    "BackboneHeader",
    "CatalogueEntry",
    "CheckpointHeader",
    "Conversion",
    "Initialised",
    "InputRecipe",
    "ModelIdentity",
    "ShippedCheckpoint",
    "TrainedOn",
    "cache_folder",
    "convert",
    "convert_state",
    "fetch",
    "find_weights",
    "from_pretrained",
    "initialise",
    "load_checkpoint",
    "load_model",
    "model_identity",
    "pretrained_parts",
    "push_to_hub",
    "read_backbone",
    "read_header",
    "save_checkpoint",
    "save_pretrained",
    "trained_on",
]
