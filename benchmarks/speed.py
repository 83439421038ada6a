"""How much faster are the ranking rewards than the loops they replace, and how does their time grow?

    OMP_NUM_THREADS=1 python benchmarks/speed.py

Eight completions an image. The loops are written from the formulas (`loops.py`); the published form is their like, and
the default form what a user gets. Naive broadcasting is what one would write with torch in an afternoon; with numpy the
rewards here use one thread, and torch tensors on the host are computed by numpy.
"""

import math
import statistics
import time
import tracemalloc

import numpy as np
import torch
from loops import fidelity_loop, gaussian_items, pairwise_loop, thurstone_loop

from tatar_rewards import GaussianScoreReward, pairwise_rank_reward, thurstone_rank_reward

PER_IMAGE = 8
PUBLISHED = {
    thurstone_rank_reward: {"dispersion": "reference", "loss": "bce", "temperature": 8.0},
    pairwise_rank_reward: {"loss": "bce", "temperature": 8.0},
}
FIDELITY = {"dispersion": "reference", "link": "normal", "loss": "fidelity", "hard_targets": True}
LOOPS = {thurstone_rank_reward: thurstone_loop, pairwise_rank_reward: pairwise_loop}


def make_batch(size):
    rng = np.random.default_rng(0)
    groups = np.arange(size) // PER_IMAGE
    targets = rng.uniform(5, 95, -(-size // PER_IMAGE))[groups]
    return np.clip(targets + rng.normal(0, 8, size), 0, 100), targets, groups


def milliseconds(call, runs):
    """Median of some runs, after one to warm up where there are several."""
    times = []
    for _ in range(runs + (runs > 1)):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times[runs > 1 :])


def broadcasting(predictions, targets, groups):
    """The published pairwise form over whole B x B matrices in torch."""
    p = torch.sigmoid((targets[:, None] - targets[None, :]) / 8)
    c = torch.sigmoid((predictions[:, None] - predictions[None, :]) / 8).clamp(1e-4, 1 - 1e-4)
    others = groups[:, None] != groups[None, :]
    loss = -(p * c.log() + (1 - p) * (1 - c).log())
    return 1 - (loss * others).sum(1) / others.sum(1) / -math.log(1e-4)


def broadcast_milliseconds(tensors, threads, runs):
    torch.set_num_threads(threads)
    spent = milliseconds(lambda: broadcasting(*tensors), runs)
    torch.set_num_threads(1)
    return spent


def against_the_loops():
    print("against the loops; milliseconds, medians of five runs or more (loops of 4,096 rows: of five), float64")
    print(f"{'':<12}{'':>6}{'published form':>37}{'':>10}{'torch broadcast':>19}{'default form':>29}")
    print(
        f"{'reward':<12}{'rows':>6}{'loop':>10}{'numpy':>9}{'torch':>9}{'speed-up':>9}{'error':>10}"
        f"{'1 thread':>11}{'2':>8}{'numpy':>10}{'torch':>9}{'speed-up':>10}"
    )
    for function, loop in LOOPS.items():
        for size in (64, 512, 4096):
            arrays = make_batch(size)
            lists, tensors = [a.tolist() for a in arrays], [torch.from_numpy(a) for a in arrays]
            settings, runs = PUBLISHED[function], 5 if size > 512 else 41
            exact = np.array(loop(*lists))
            error = np.abs(exact - function(*arrays, **settings)).max()
            looped = milliseconds(lambda: loop(*lists), 5)  # noqa: B023
            figures = [
                milliseconds(lambda: function(*batch, **chosen), runs)  # noqa: B023
                for chosen in (settings, {})
                for batch in (arrays, tensors)
            ]
            naive = [math.nan, math.nan]
            if function is pairwise_rank_reward:
                naive = [broadcast_milliseconds(tensors, threads, runs) for threads in (1, 2)]
            print(
                f"{function.__name__.partition('_')[0]:<12}{size:>6}{looped:>10.2f}{figures[0]:>9.2f}{figures[1]:>9.2f}"
                f"{looped / figures[0]:>8.0f}x{error:>10.0e}{naive[0]:>11.2f}{naive[1]:>8.2f}{figures[2]:>10.2f}"
                f"{figures[3]:>9.2f}{looped / figures[2]:>9.0f}x",
                flush=True,
            )


def against_peers():
    print("\nVisualQuality-R1's fidelity, as loops and here; a score reward item by item, and GaussianScoreReward")
    print(f"{'rows':>6}{'fidelity loop':>15}{'here':>8}{'speed-up':>10}{'error':>8}{'items':>10}{'Gaussian':>10}")
    for size in (64, 512, 4096):
        arrays = make_batch(size)
        lists = [a.tolist() for a in arrays]
        here = milliseconds(lambda: thurstone_rank_reward(*arrays, **FIDELITY), 5)  # noqa: B023
        error = np.abs(np.array(fidelity_loop(*lists)) - thurstone_rank_reward(*arrays, **FIDELITY)).max()
        looped = milliseconds(lambda: fidelity_loop(*lists), 5)  # noqa: B023
        texts, reward = [f"<think>Sharp.</think><answer>{q:.2f}</answer>" for q in lists[0]], GaussianScoreReward()
        items = milliseconds(lambda: gaussian_items(texts, lists[1]), 5)  # noqa: B023
        ours = milliseconds(lambda: reward([*texts, ""], mos=[*lists[1], 50.0]), 5)  # noqa: B023
        print(
            f"{size:>6}{looped:>15.2f}{here:>8.2f}{looped / here:>9.0f}x{error:>8.0e}{items:>10.2f}{ours:>10.2f}",
            flush=True,
        )


def limits():
    """Nanoseconds a pair of the published forms, beside what exp and log1p alone take on this machine."""
    z = np.random.default_rng(0).normal(0, 3, 1 << 14)
    limit = milliseconds(lambda: np.log1p(np.exp(z)), 201) * 1e6 / len(z)
    print(f"\nexp and log1p of one number take {limit:.2f} ns here; a pair of the published form at 4,096 rows takes")
    arrays = make_batch(4096)
    for function, opponents in ((thurstone_rank_reward, 512), (pairwise_rank_reward, 4096)):
        spent = milliseconds(lambda: function(*arrays, **PUBLISHED[function]), 5) * 1e6 / (4096 * opponents)  # noqa: B023
        print(f"{function.__name__:<24}{spent:6.2f} ns, {spent / limit:.1f} times the limit")


GROWING = {
    "thurstone": (thurstone_rank_reward, {}),
    "pairwise": (pairwise_rank_reward, {}),
    "observer": (thurstone_rank_reward, {"dispersion": "observer"}),
}


def growth():
    print("\nas the batch grows: the default forms, and Thurstone's with observer dispersion; milliseconds (numpy),")
    print("and MiB beyond what was there before, the most of the three")
    print(f"{'rows':>10}" + "".join(f"{name:>12}" for name in GROWING) + f"{'MiB':>8}")
    sizes, spent = [1 << k for k in (12, 14, 16, 18, 20)], {name: [] for name in GROWING}
    for size in sizes:
        arrays, peaks = make_batch(size), []
        for name, (function, settings) in GROWING.items():
            spent[name].append(milliseconds(lambda: function(*arrays, **settings), 5 if size < 1 << 20 else 1))  # noqa: B023
            tracemalloc.start()
            function(*arrays, **settings)
            peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
            tracemalloc.stop()
        print(
            f"{size:>10}" + "".join(f"{times[-1]:>12.1f}" for times in spent.values()) + f"{max(peaks):>8.0f}",
            flush=True,
        )
    exponents = [np.polyfit(np.log(sizes), np.log(times), 1)[0] for times in spent.values()]
    print(f"{'exponent':>10}" + "".join(f"{exponent:>12.2f}" for exponent in exponents))


def main():
    # The allocator hands freed memory back to the system until a large array has been freed, which any process that
    # has loaded a model has done. Without this line, page faults are a third to a half of the time from 4,096 rows on.
    np.empty(1 << 21)
    torch.set_num_threads(1)
    against_the_loops()
    against_peers()
    limits()
    growth()


if __name__ == "__main__":
    main()
