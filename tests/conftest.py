"""Fixtures and the hypothesis profiles that all tests share."""

import os

import array_api_strict
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

collect_ignore = ["fuzz.py"]  # needs atheris, which only `make fuzz` installs

settings.register_profile(
    "ci", max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session", params=["numpy", "torch", "torch-cuda", "array-api-strict"])
def arrays(request):
    """Convert a numpy array to one of the libraries that the rewards must serve."""
    if request.param == "numpy":
        return np.asarray
    if request.param == "array-api-strict":
        return lambda values: array_api_strict.asarray(np.asarray(values))
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if request.param == "torch":
        return lambda values: torch.as_tensor(np.asarray(values))
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    return lambda values: torch.as_tensor(np.asarray(values), device="cuda")
