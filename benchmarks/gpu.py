"""How fast are the rewards on a CUDA device, how exact, and do they wait for the host?

    python benchmarks/gpu.py
    python benchmarks/gpu.py --device cpu      # torch's own kernels on the host: a rehearsal without a GPU

Time (median of 21 calls), error against float64 numpy, how often a call waits for the device (which must not grow with
the batch), and the memory that it takes. Tensors are made on the device before the clock starts; eight completions an
image.
"""

import argparse
import statistics
import time
import warnings

import numpy as np
import torch
from speed import make_batch

import tatar_rewards as tr
from tatar_rewards.functional import _arrays

PUBLISHED = {"dispersion": "reference", "loss": "bce", "temperature": 8.0}
REWARDS = {
    "Gaussian": lambda q, g, _: tr.gaussian_score_reward(q, g),
    "CRPS": tr.crps_score_reward,
    "win rate": tr.win_rate_reward,
    "Thurstone, default": tr.thurstone_rank_reward,
    "Thurstone, margin": lambda *columns: tr.thurstone_rank_reward(*columns, loss="margin", temperature=40.0),
    "Thurstone, observer": lambda *columns: tr.thurstone_rank_reward(*columns, dispersion="observer"),
    "Thurstone, published": lambda *columns: tr.thurstone_rank_reward(*columns, **PUBLISHED),
    "pairwise, default": tr.pairwise_rank_reward,
}
ALL_PAIRS = ("Thurstone, published",)  # each with each: not at the largest size
SIZES = (4096, 65_536, 1_048_576)


def finished(device):
    if device == "cuda":
        torch.cuda.synchronize()


def milliseconds(call, device, runs):
    times = []
    for _ in range(runs):
        finished(device)
        start = time.perf_counter()
        call()
        finished(device)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def waits(call, device):
    """How often a call waits for the device, as torch itself counts."""
    if device != "cuda":
        return "-"
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call()
    torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in seen)


def peak_megabytes(call, device):
    if device != "cuda":
        return "-"
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    return f"{(torch.cuda.max_memory_allocated() - before) / 1e6:.0f}"


def measure(name, size, arrays, device):
    """A line for each dtype; an error of float32 is that of its input too, which float64 does not see."""
    reward = REWARDS[name]
    exact = reward(*arrays)
    for dtype in (torch.float64, torch.float32):
        columns = [torch.as_tensor(a, dtype=dtype, device=device) for a in arrays[:2]]
        columns.append(torch.as_tensor(arrays[2], device=device))

        def call(columns=columns):
            return reward(*columns)

        error = np.abs(call().double().cpu().numpy() - exact).max()
        spent = milliseconds(call, device, 21 if device == "cuda" else 3)
        print(
            f"{name:<22}{size:>9}{str(dtype).removeprefix('torch.'):>9}{spent:>9.2f}{error:>9.0e}"
            f"{waits(call, device)!s:>7}{peak_megabytes(call, device):>7}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="The rewards on a CUDA device.")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    device = parser.parse_args().device
    if device == "cuda" and not torch.cuda.is_available():
        print("no CUDA device on this machine: nothing was measured")
        return
    _arrays.NUMPY_FOR_CPU_TENSORS = False
    print("device:", torch.cuda.get_device_name() if device == "cuda" else "cpu", "| torch", torch.__version__)
    print(f"{'reward':<22}{'rows':>9}{'dtype':>9}{'ms':>9}{'error':>9}{'waits':>7}{'MB':>7}")
    for size in SIZES if device == "cuda" else SIZES[:1]:
        arrays = make_batch(size)
        for name in REWARDS:
            if size < SIZES[-1] or name not in ALL_PAIRS:
                measure(name, size, arrays, device)


if __name__ == "__main__":
    main()
