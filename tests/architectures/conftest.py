"""These tests need torchvision, which the real processors take; without it not even their imports are paid for."""

from importlib.util import find_spec

import pytest

collect_ignore = [
    "models.py",
    "runs.py",
    "fixtures.py",
    "teaching.py",
    "tokenizers_and_templates.py",
    "table.py",
    "fsdp_on_cpu",
]  # they hold no tests


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path):
    if find_spec("torchvision") is None:
        pytest.skip(f"{module_path.name}: torchvision is not installed; run make test-architectures")


if find_spec("torchvision") is not None:
    from architectures import table
    from architectures.fixtures import checkpoints, pictures  # noqa: F401

    def pytest_sessionfinish():
        table.write()
