"""The settings layer: what is said of a setting is said once, in its help."""

from dataclasses import dataclass

import avsal
from avsal.configuration import Checked, setting


def test_a_settings_class_says_in_its_docstring_what_its_settings_are():
    @dataclass(frozen=True)
    class Told(Checked):
        """What is wanted."""

        every: int = setting(1, help="score each N-th frame")
        plain: int = 2

    assert Told.__doc__ == "What is wanted.\n\nAttributes:\n    every: score each N-th frame."
    assert (Told().every, Told().plain) == (1, 2)


def test_the_front_doors_settings_name_all_of_theirs():
    for kind in (avsal.PredictSettings, avsal.CropSettings, avsal.AblateSettings, avsal.PrepareSettings):
        own = [name for name in kind.__annotations__ if not name.startswith("_")]
        assert own
        assert all(f"    {name}: " in kind.__doc__ for name in own), kind
