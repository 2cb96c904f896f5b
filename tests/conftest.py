"""What several test files share."""

from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no fault of what is tested.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def tiny_idefics3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a tiny Idefics3; shared, so do not write into it."""
    from tiny_models import build_tiny_idefics3

    directory = tmp_path_factory.mktemp("models") / "tiny-idefics3"
    build_tiny_idefics3(directory)
    return directory


@pytest.fixture(scope="session")
def tiny_mllama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a tiny Mllama; shared, so do not write into it."""
    from tiny_models import build_tiny_mllama

    directory = tmp_path_factory.mktemp("models") / "tiny-mllama"
    build_tiny_mllama(directory)
    return directory
