"""Does the gather over processes work where a training run has it, on nccl, and what does it take?

    python benchmarks/gather_cuda.py
    python benchmarks/gather_cuda.py --device cpu      # gloo alone: a rehearsal without a GPU

On one card: one process on nccl, two whose group carries host tensors by gloo (accelerate's default), and two on nccl
alone, which nccl refuses to run on one card. A ranking over the processes must give the rewards of one process.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from datetime import timedelta

import numpy as np
import torch
from torch import distributed

LAUNCHES = {
    "cuda": [(1, "nccl"), (2, "cpu:gloo,cuda:nccl"), (2, "nccl")],
    "cpu": [(1, "gloo"), (2, "gloo")],
}
SIZES = (64, 1024, 16384)


def columns_of(size, start, stop):
    """Some rows of a step's completions, as a trainer hands them to a reward."""
    rng = np.random.default_rng(0)
    mos = rng.uniform(5, 95, size // 8).round(1)
    said = np.clip(np.repeat(mos, 8) + rng.normal(0, 10, size), 0, 100).round(1)
    rows = range(start, stop)
    return {
        "completions": [f"<think>Seen.</think><answer>{said[row]:.1f}</answer>" for row in rows],
        "mos": [float(mos[row // 8]) for row in rows],
        "image_id": [f"{row // 8}" for row in rows],
        "task": ["iaa" for _ in rows],
    }


def median_milliseconds(call, runs=21):
    times = []
    for _ in range(runs):
        distributed.barrier()
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def measure(backend):
    from tatar_rewards import ThurstoneRankReward
    from tatar_rewards.distributed import gather_rows

    if "cuda" in backend or backend == "nccl":
        torch.cuda.set_device(0)  # all processes share the one card
    distributed.init_process_group(backend, timeout=timedelta(seconds=60))
    number, world = distributed.get_rank(), distributed.get_world_size()
    for size in SIZES:
        share = size // world
        mine = columns_of(size, number * share, (number + 1) * share)
        rewards = torch.tensor(ThurstoneRankReward(task="iaa")(**mine), dtype=torch.float64)
        keys, values = np.full((share, 2), number), np.arange(3.0 * share).reshape(share, 3)
        gathered = gather_rows(keys, values)
        assert gathered.keys[:, 0].tolist() == [rank for rank in range(world) for _ in range(share)]
        spent = median_milliseconds(lambda keys=keys, values=values: gather_rows(keys, values))
        parts = [None] * world
        distributed.all_gather_object(parts, rewards.tolist())
        if number == 0:
            joined = [reward for part in parts for reward in part]
            print(f"{world:>9}  {backend:<20}{size:>12}{spent:>9.2f}{error_of(joined, size):>9.0e}", flush=True)
    distributed.destroy_process_group()


def error_of(rewards, size):
    """Against the rewards that a process would give to all completions by itself."""
    from tatar_rewards import ThurstoneRankReward
    from tatar_rewards.distributed import on_this_rank_alone

    with on_this_rank_alone():
        alone = ThurstoneRankReward(task="iaa")(**columns_of(size, 0, size))
    return np.abs(np.array(rewards) - np.array(alone)).max()


def main():
    parser = argparse.ArgumentParser(description="The gather over processes, on a CUDA device.")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--backend", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.backend:
        return measure(options.backend)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("no CUDA device on this machine: nothing was measured")
        return None
    print(f"{'processes':>9}  {'backend':<20}{'completions':>12}{'ms':>9}{'error':>9}", flush=True)
    failed = False
    for processes, backend in LAUNCHES[options.device]:
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        done = subprocess.run(
            [*launcher, __file__, "--backend", backend],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        print(done.stdout, end="", flush=True)
        if done.returncode:
            failed |= not refused_by_nccl(processes, backend, done.stderr)
    sys.exit(failed)


def refused_by_nccl(processes, backend, said):
    """Whether it was nccl that would not have two processes on one card; prints what was said."""
    refused = processes > 1 and backend == "nccl" and "Duplicate GPU" in said
    last = "nccl refuses two processes on one card" if refused else said.strip()[-2000:]
    print(f"{processes:>9}  {backend:<20}{last}", flush=True)
    return refused


if __name__ == "__main__":
    main()
