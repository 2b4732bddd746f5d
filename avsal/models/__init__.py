"""The models, by name: see `list_models` and `create_model`. Importing a model's file registers it."""

from avsal.models import (
    conv3d,
    esan,
    resnet3d,
    sal3d,
    stavis,
    tased,
    tsfpnet,
    tsfpnet_mobile,
    unisal,
    vinet,
    vinet_a,
)
from avsal.models.registry import (
    ArgumentValue,
    ModelInfo,
    SaliencyModel,
    create_model,
    list_models,
    model_info,
    register_model,
    require_model,
)
from avsal.models.variants import VARIANTS, argument_words, list_variants

__all__ = [
    "VARIANTS",
    "ArgumentValue",
    "ModelInfo",
    "SaliencyModel",
    "argument_words",
    "conv3d",
    "create_model",
    "esan",
    "list_models",
    "list_variants",
    "model_info",
    "register_model",
    "require_model",
    "resnet3d",
    "sal3d",
    "stavis",
    "tased",
    "tsfpnet",
    "tsfpnet_mobile",
    "unisal",
    "vinet",
    "vinet_a",
]
