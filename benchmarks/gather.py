"""What does gathering cost? Our `gather_rows` against `accelerate.utils.gather_object`, of the same rows in one run.

    python benchmarks/gather.py

Each number of processes is a launch of its own (gloo, one thread each). Completions are those of all processes
together; a row is two keys and three floats, as a ranking gathers them. Medians over repetitions of the slowest rank.
"""

import os
import subprocess
import sys
import time

import numpy as np

SIZES = (64, 256, 1024, 4096, 16384)
REPETITIONS = 41


def median_time(call, distributed):
    """Milliseconds until the slowest rank is done."""
    import torch

    times = []
    for _ in range(REPETITIONS):
        if distributed:
            torch.distributed.barrier()
        started = time.perf_counter()
        call()
        elapsed = torch.tensor(1e3 * (time.perf_counter() - started))
        if distributed:
            torch.distributed.all_reduce(elapsed, op=torch.distributed.ReduceOp.MAX)
        times.append(float(elapsed))
    return float(np.median(times))


def measure():
    from accelerate import PartialState
    from accelerate.utils import gather_object

    from tatar_rewards.distributed import gather_rows

    state = PartialState(cpu=True)
    rng = np.random.default_rng(state.process_index)
    for size in SIZES:
        n = size // state.num_processes
        keys, values = rng.integers(-(2**62), 2**62, (n, 2)), rng.normal(50, 20, (n, 3))
        rows = [(*key, *value) for key, value in zip(keys.tolist(), values.tolist(), strict=True)]
        gathered = gather_rows(keys, values)
        assert sorted(gather_object(rows)) == sorted(
            (*key, *value) for key, value in zip(gathered.keys.tolist(), gathered.values.tolist(), strict=True)
        )
        ours = median_time(lambda keys=keys, values=values: gather_rows(keys, values), state.use_distributed)
        theirs = median_time(lambda rows=rows: gather_object(rows), state.use_distributed)
        if state.is_main_process:
            print(f"{state.num_processes:>9}{size:>13}{ours:>14.2f}{theirs:>16.2f}{theirs / ours:>8.1f}x", flush=True)
    state.wait_for_everyone()
    state.destroy_process_group()


def main():
    if "RANK" in os.environ:
        return measure()
    print("milliseconds a gather; medians of", REPETITIONS)
    print(f"{'processes':>9}{'completions':>13}{'gather_rows':>14}{'gather_object':>16}{'ratio':>9}", flush=True)
    for processes in (1, 2, 4):
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        subprocess.run([*launcher, __file__], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


if __name__ == "__main__":
    main()
