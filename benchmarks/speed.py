"""How much faster are the vectorised ranking rewards than the loops they replace? One core, same numbers out."""

import statistics
import time

import numpy as np
import torch
from loops import pairwise_loop, thurstone_loop

from tatar_rewards import pairwise_rank_reward, thurstone_rank_reward

PER_IMAGE = 8


def median_seconds(call, runs):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def compare(name, loop, function, settings, size):
    rng = np.random.default_rng(0)
    groups = np.arange(size) // PER_IMAGE
    targets = rng.uniform(5, 95, size // PER_IMAGE)[groups]
    predictions = np.clip(targets + rng.normal(0, 8, size), 0, 100)
    lists = predictions.tolist(), targets.tolist(), groups.tolist()
    arrays = predictions, targets, groups
    tensors = tuple(torch.from_numpy(array) for array in arrays)

    difference = np.abs(np.array(loop(*lists)) - function(*arrays, **settings)).max()
    runs = 5 if size > 512 else 25
    loop_seconds = median_seconds(lambda: loop(*lists), 3 if size > 512 else 9)
    numpy_seconds = median_seconds(lambda: function(*arrays, **settings), runs)
    torch_seconds = median_seconds(lambda: function(*tensors, **settings), runs)
    default_seconds = median_seconds(lambda: function(*arrays), runs)
    print(
        f"{name:<10}{size:>6}{loop_seconds * 1e3:>11.2f}{numpy_seconds * 1e3:>10.2f}{torch_seconds * 1e3:>10.2f}"
        f"{loop_seconds / numpy_seconds:>9.0f}x{loop_seconds / torch_seconds:>8.0f}x{default_seconds * 1e3:>13.2f}"
        f"{difference:>11.0e}"
    )


def main():
    torch.set_num_threads(1)
    print(
        "Published form (BCE) against the loop, and the default form (KL); milliseconds, medians, one thread, float64"
    )
    print(
        f"{'reward':<10}{'rows':>6}{'loop':>11}{'numpy':>10}{'torch':>10}{'numpy':>10}{'torch':>9}{'default':>13}{'error':>11}"
    )
    thurstone = {"dispersion": "reference", "loss": "bce"}
    for size in (64, 512, 2048):
        compare("thurstone", thurstone_loop, thurstone_rank_reward, thurstone, size)
    for size in (64, 512, 2048):
        compare("pairwise", pairwise_loop, pairwise_rank_reward, {"loss": "bce"}, size)


if __name__ == "__main__":
    main()
