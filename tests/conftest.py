"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# the same examples every time; HYPOTHESIS_PROFILE=search looks for new ones
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real videos with gaze; tests that need it skip where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real videos with gaze are not here (looked for ../shared/data beside the checkout)")
    return folder
