"""What only a device shows: dtypes, waiting, memory. On the host torch's own kernels stand in for a GPU."""

import warnings

import numpy as np
import pytest
from support.arrays import on_host

import tatar_rewards as tr
from tatar_rewards.functional import _arrays

torch = pytest.importorskip("torch", reason="torch is not installed")

REWARDS = {
    "gaussian": lambda q, g, image: tr.gaussian_score_reward(q, g),
    "error": lambda q, g, image: tr.error_score_reward(q, g),
    "threshold": lambda q, g, image: tr.threshold_score_reward(q, g),
    "crps": tr.crps_score_reward,
    "win rate": tr.win_rate_reward,
    "thurstone": tr.thurstone_rank_reward,
    "observer": lambda *columns: tr.thurstone_rank_reward(*columns, dispersion="observer"),
    "margin": lambda *columns: tr.thurstone_rank_reward(*columns, loss="margin", temperature=40.0),
    "published": lambda *columns: tr.thurstone_rank_reward(*columns, loss="bce", dispersion="reference"),
    "pairwise": tr.pairwise_rank_reward,
}
ALL = pytest.mark.parametrize("reward", REWARDS.values(), ids=REWARDS)


@pytest.fixture(params=["kernels", "cuda"])
def device(request, monkeypatch):
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    monkeypatch.setattr(_arrays, "NUMPY_FOR_CPU_TENSORS", False)
    return "cuda" if request.param == "cuda" else "cpu"


def batch(size, seed=0):
    """Predictions in points with a few unreadable ones, labels with a few missing ones, eight completions an image."""
    rng = np.random.default_rng(seed)
    image = np.arange(size) // 8
    mos = rng.integers(5, 95, -(-size // 8)).astype(float)
    mos[::17] = np.nan
    q = np.clip(mos[image] + rng.normal(0, 10, size), 0, 100).round(1)
    q[::29] = np.nan
    return q, mos[image], image


@ALL
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-4), ("float16", 2e-3), ("bfloat16", 1e-2)]
)
@pytest.mark.parametrize("size", [13, 4096])
def test_every_dtype_equals_float64_of_numpy(device, reward, dtype, tolerance, size):
    kind = getattr(torch, dtype)
    q, g, image = (torch.as_tensor(column, device=device) for column in batch(size))
    q, g = q.to(kind), g.to(kind)
    rewards = reward(q, g, image)
    assert (rewards.dtype, rewards.device, rewards.shape) == (kind, q.device, q.shape)
    exact = reward(on_host(q.double()), on_host(g.double()), on_host(image))
    np.testing.assert_allclose(on_host(rewards.double()), exact, rtol=0, atol=tolerance)


@ALL
def test_integers_are_scores_too(device, reward):
    q, g, image = batch(64)
    q, g = np.nan_to_num(q).astype(np.int64), np.nan_to_num(g).astype(np.int64)
    rewards = reward(*(torch.as_tensor(column, device=device) for column in (q, g, image)))
    np.testing.assert_allclose(on_host(rewards), reward(q.astype(float), g.astype(float), image), atol=1e-12)


@ALL
def test_a_batch_of_gradients_is_left_alone(device, reward):
    q, g, image = (torch.as_tensor(column, device=device) for column in batch(64))
    expected = reward(q, g, image)
    rewards = reward(q.requires_grad_(), g, image)
    assert not rewards.requires_grad
    np.testing.assert_allclose(on_host(rewards), on_host(expected), rtol=0, atol=1e-12)  # a GPU adds in any order


@ALL
@pytest.mark.parametrize("size", [64, 4096])
def test_half_precision_of_a_trainer_around_it_changes_nothing(device, reward, size):
    columns = [torch.as_tensor(column, device=device) for column in batch(size)]
    columns[:2] = (column.float() for column in columns[:2])
    plain = reward(*columns)
    with torch.autocast(device, dtype=torch.bfloat16):
        np.testing.assert_allclose(on_host(reward(*columns)), on_host(plain), rtol=0, atol=1e-6)


@ALL
def test_a_call_waits_for_the_device_as_seldom_in_a_large_batch(reward):
    """The host waits a fixed number of times, for checks and sizes, and not for every row."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    few, many = (waits(reward, size) for size in (1024, 16384))
    assert few <= 60
    assert many <= few + 16  # the win rate has a level more for each doubling


def waits(reward, size):
    columns = [torch.as_tensor(column, device="cuda") for column in batch(size)]
    reward(*columns)
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            reward(*columns)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in seen)


def test_columns_on_two_devices_are_refused(device):
    if device == "cpu":
        pytest.skip("the host is one device")
    q, g, image = (torch.as_tensor(column, device=device) for column in batch(16))
    with pytest.raises(ValueError, match="predictions and targets must be on one device; got cuda:0 and cpu"):
        tr.thurstone_rank_reward(q, g.cpu(), image)


@pytest.mark.parametrize("name", ["thurstone", "pairwise", "margin", "win rate", "crps"])
def test_memory_stays_bounded(name):
    """A hundred thousand completions have 10^10 pairs, of which few lie in memory at a time."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    columns = [torch.as_tensor(column, device="cuda") for column in batch(100_000)]
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    REWARDS[name](*columns)
    assert torch.cuda.max_memory_allocated() - before < 2**30
