"""How fast are the rankings on a CUDA device, how exact, and do they wait for the host?

    python benchmarks/gpu.py
    python benchmarks/gpu.py --device cpu      # torch's own kernels on the host: a rehearsal without a GPU

Time, error against float64 numpy, synchronisations a call (which must not grow with the batch), and on paper what a
call has to move and compute. Tensors are made on the device before the clock starts.
"""

import argparse
import statistics
import time
import warnings

import numpy as np
import torch
from speed import make_batch

from tatar_rewards import pairwise_rank_reward, thurstone_rank_reward
from tatar_rewards.functional import _arrays, _interpolated_sums

FORMS = {
    "default": {},
    "published": {"dispersion": "reference", "loss": "bce", "temperature": 8.0},
    "observer": {"dispersion": "observer"},
}


def finished(device):
    if device == "cuda":
        torch.cuda.synchronize()


def milliseconds(call, device, runs=21):
    times = []
    for _ in range(runs + 2):
        finished(device)
        start = time.perf_counter()
        call()
        finished(device)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[2:])


def synchronisations(call, device):
    """How often a call waits for the device, as torch itself counts."""
    if device != "cuda":
        return "-"
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call()
    torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in seen)


def on_paper(form, size, opponents):
    """MB that must be read and written once, and millions of exponentials."""
    if form == "default":
        return 8 * 4 * size / 1e6, _interpolated_sums.node_count(8.0) * (size + size // 8) / 1e6
    return 8 * 4 * size / 1e6, 2 * size * opponents / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description="Rankings on a CUDA device.")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    device = parser.parse_args().device
    if device == "cuda" and not torch.cuda.is_available():
        print("no CUDA device on this machine: nothing was measured")
        return
    _arrays.NUMPY_FOR_CPU_TENSORS = False
    print("device:", torch.cuda.get_device_name() if device == "cuda" else "cpu")
    print(f"{'reward':<11}{'form':<11}{'rows':>7}{'dtype':>9}{'ms':>9}{'error':>10}{'waits':>7}{'MB':>7}{'M exp':>9}")
    for function in (thurstone_rank_reward, pairwise_rank_reward):
        for form, settings in FORMS.items():
            if function is pairwise_rank_reward and form == "observer":
                continue
            chosen = {k: v for k, v in settings.items() if k != "dispersion" or function is thurstone_rank_reward}
            for size in (4096, 65536):
                if size > 4096 and form != "default" and (device == "cpu" or function is pairwise_rank_reward):
                    continue
                arrays = make_batch(size)
                exact = function(*arrays, **chosen)
                for dtype in (torch.float64, torch.float32):
                    q, g = (torch.as_tensor(a, dtype=dtype, device=device) for a in arrays[:2])
                    keys = torch.as_tensor(arrays[2], device=device)

                    def call(q=q, g=g, keys=keys):
                        return function(q, g, keys, **chosen)  # noqa: B023

                    error = np.abs(call().double().cpu().numpy() - exact).max()
                    mb, exponentials = on_paper(form, size, size if function is pairwise_rank_reward else size // 8)
                    print(
                        f"{function.__name__.partition('_')[0]:<11}{form:<11}{size:>7}"
                        f"{str(dtype).removeprefix('torch.'):>9}{milliseconds(call, device):>9.2f}{error:>10.0e}"
                        f"{synchronisations(call, device)!s:>7}{mb:>7.1f}{exponentials:>9.1f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
