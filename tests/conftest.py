"""What all tests share: the hypothesis profiles, the marks `quick` and `slow`, and the libraries of arrays."""

import os

import array_api_strict
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from support.doctor_runs import doctor  # noqa: F401  # a fixture
from support.stages import run_folder, trained_run  # noqa: F401  # fixtures

from tatar_rewards.functional import _arrays

settings.register_profile(
    "ci", max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what -m does not want
def pytest_collection_modifyitems(items):
    """What nobody has marked as slow is quick. Files with slow tests come first, so that two processes end together."""
    for item in items:
        if item.get_closest_marker("slow") is None:
            item.add_marker("quick")
    slow_files = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow_files)  # stable: the order within a file stays


def refuse_numpy(tensor, *_, **__):
    """As tensors of a GPU do where numpy takes them."""
    raise TypeError("a tensor on a device cannot be taken by numpy")


@pytest.fixture(scope="session", params=["numpy", "torch", "torch-kernels", "torch-cuda", "array-api-strict"])
def arrays(request):
    """Convert a numpy array to one of the libraries that the rewards must serve."""
    if request.param == "numpy":
        yield np.asarray
        return
    if request.param == "array-api-strict":
        yield lambda values: array_api_strict.asarray(np.asarray(values))
        return
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if request.param == "torch-cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "torch-kernels":  # what runs on a GPU, on the host
            patch.setattr(_arrays, "NUMPY_FOR_CPU_TENSORS", False)
            patch.setattr(torch.Tensor, "__array__", refuse_numpy)
        device = "cuda" if request.param == "torch-cuda" else "cpu"
        yield lambda values: torch.as_tensor(np.asarray(values), device=device)
