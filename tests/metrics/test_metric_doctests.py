"""The examples in the documentation of metrics and losses."""

import doctest
import importlib
import pkgutil

import pytest

import avsal.losses
import avsal.metrics

PARTS = pkgutil.walk_packages(avsal.metrics.__path__, "avsal.metrics.")
MODULES = ["avsal.losses", *(part.name for part in PARTS)]
WITH_EXAMPLES = {
    "avsal.losses",
    *(f"avsal.metrics.{name}" for name in ("auc", "correlation", "frame", "gain", "kl", "maps", "objects")),
    *(f"avsal.metrics.{name}" for name in ("ranks", "roc", "scanpath", "shuffled", "similarity")),
}


@pytest.mark.parametrize("module", MODULES)
def test_examples_print_what_they_say(module):
    outcome = doctest.testmod(importlib.import_module(module))
    assert outcome.failed == 0
    assert (outcome.attempted > 0) == (module in WITH_EXAMPLES)
