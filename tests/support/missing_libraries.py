"""Tests whose libraries are not installed are skipped with the reason, as in the environment of `make test-lowest`.

The package itself must not need them: an import of one in `src/tatar_rewards`, but for the adapters, stays an error.
Where a library is installed, whatever goes wrong with it is an error too.
"""

import sys
from importlib.util import find_spec
from pathlib import Path
from traceback import walk_tb

import pytest

import tatar_rewards

# what the extras bring, by the names that they are imported by
LIBRARIES = {
    "PIL",
    "accelerate",
    "datasets",
    "filelock",
    "jinja2",
    "matplotlib",
    "openai",
    "openpyxl",
    "pandas",
    "peft",
    "pyarrow",
    "rich",
}
LIBRARIES |= {"safetensors", "skimage", "tokenizers", "torch", "tqdm", "transformers", "trl", "yaml"}
MISSING = {name for name in LIBRARIES if find_spec(name) is None}
CORE = Path(tatar_rewards.__file__).parent


def missing_library(error):
    """The library for want of which something was raised; None where it was raised for something else."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name is not None and error.name.split(".")[0] in MISSING:
            places = [Path(frame.f_code.co_filename) for frame, _ in walk_tb(error.__traceback__)]
            importer = next(path for path in reversed(places) if path.is_file())
            if CORE not in importer.parents or importer.parent.name == "adapters":
                return error.name.split(".")[0]
        error = error.__cause__ or error.__context__
    return None


def skip(report, call, path):
    library = missing_library(call.excinfo.value) if report.failed and call.excinfo is not None else None
    if library is not None:
        report.outcome, report.longrepr = "skipped", (str(path), 1, f"Skipped: {library} is not installed")
    return library


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    if skip(report, report.call, collector.path) is not None:
        half_imported = [
            name for name, module in sys.modules.items() if getattr(module, "__file__", "") == str(collector.path)
        ]
        for name in half_imported:
            del sys.modules[name]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    skip(report, call, item.path)
    return report
