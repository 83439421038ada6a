"""For the tests in `tests/` and the doctests in `src/` alike; what tests alone share is in `tests/conftest.py`."""

from support.missing_libraries import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401  # hooks
