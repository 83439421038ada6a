"""What is skipped where the libraries of the extras are not installed, and what is not."""

from pathlib import Path

import pytest
from support import missing_libraries
from support.missing_libraries import CORE, missing_library


def error_of_import(place, library="nowhere_at_all.part"):
    """What an import at that place raises."""
    with pytest.raises(ModuleNotFoundError) as raised:
        exec(compile(f"import {library}", str(place), "exec"), {})
    return raised.value


@pytest.fixture(autouse=True)
def _nowhere_at_all_is_a_library_of_an_extra(monkeypatch):
    monkeypatch.setattr(missing_libraries, "MISSING", {"nowhere_at_all"})


def test_tests_examples_and_adapters_may_want_what_is_not_installed():
    for place in (Path(__file__), CORE / "adapters" / "trl.py"):
        assert missing_library(error_of_import(place)) == "nowhere_at_all"
    wrapped = RuntimeError("collecting")
    wrapped.__cause__ = error_of_import(__file__)
    assert missing_library(wrapped) == "nowhere_at_all"


def test_the_package_itself_may_not_and_other_errors_are_errors():
    assert missing_library(error_of_import(CORE / "metrics" / "agreement.py")) is None
    assert missing_library(error_of_import(__file__, "of_no_extra")) is None
    assert missing_library(ImportError("cannot import name")) is None
