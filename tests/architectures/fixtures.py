"""What the tests of this folder share: a checkpoint of each architecture, and pictures of different sizes."""

from functools import cache

import pytest
from architectures import runs
from architectures.models import ARCHITECTURES, make_qwen2_5_vl
from architectures.teaching import teach


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """The checkpoint of an architecture by its name; made, and taught the form of an answer, when asked for."""
    folder = tmp_path_factory.mktemp("checkpoints")

    @cache
    def checkpoint(name):
        if name == "qwen2_5_vl_thinking":
            make_qwen2_5_vl(folder / name, thinks=True)
        else:
            ARCHITECTURES[name].make(folder / name)
        teach(folder / name)
        return folder / name

    return checkpoint


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """The changes of a configuration that name label files and pictures."""
    return runs.write_pictures(tmp_path_factory.mktemp("pictures"))
