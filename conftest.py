"""For the tests in `tests/` and the doctests in `src/` alike; what tests alone share is in `tests/conftest.py`."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch reads it: the processes of `make test` share the cores

from support.missing_libraries import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401  # hooks
