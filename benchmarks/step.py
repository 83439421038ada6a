"""What do the rewards cost a training step? All default rewards, with parsing, grouping, figures and log hooks.

    python benchmarks/step.py
    python -m torch.distributed.run --standalone --nproc-per-node 2 benchmarks/step.py

Completions of about 1,000 characters, eight an image, IQA and IAA in turn; new ones at every step, as message lists.
Then ten thousand small steps, to see whether memory grows.
"""

import os
import statistics
import time
import tracemalloc
import warnings

import numpy as np
import torch.distributed as dist

from tatar_rewards import tatar_reward_funcs

WORDS = [f"{a}{b}" for a in ("soft", "warm", "flat", "calm", "dark", "sharp") for b in range(500)]


def make_step(rng: np.random.Generator, n: int, rank: int, words: int = 150) -> dict:
    """The keywords that a trainer passes for n completions."""
    thoughts = [" ".join(rng.choice(WORDS, words if k // 8 % 2 else min(words, 60))) for k in range(n)]
    scores = rng.integers(0, 101, n)
    texts = [f"<think>{thought}</think><answer>{s}</answer>" for thought, s in zip(thoughts, scores, strict=True)]
    images = [k // 8 + rank * n for k in range(n)]
    return {
        "completions": [[{"role": "assistant", "content": text}] for text in texts],
        "mos": [float(37 * image % 101) for image in images],
        "task": [("iqa", "iaa")[image % 2] for image in images],
        "image_id": [f"{image}.jpg" for image in images],
        "dataset": ["tiny"] * n,
        "trainer_state": None,
        "log_metric": lambda name, value: None,
        "log_extra": lambda name, values: None,
    }


def main() -> None:
    warnings.simplefilter("ignore")  # of labels and opponents in steps as small as those at the end
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if world > 1:
        dist.init_process_group("gloo")
    rng = np.random.default_rng(rank)

    def show(line: str) -> None:
        if rank == 0:
            print(line, flush=True)

    show(f"{world} process{'es' if world > 1 else ''}; milliseconds a step on each, medians of 9")
    show(f"{'completions':>12}{'first':>9}{'later':>9}{'us a completion':>18}")
    for n in (64, 512, 4096):
        rewards, seconds = tatar_reward_funcs(), []
        for _ in range(10):
            step = make_step(rng, n, rank)
            start = time.perf_counter()
            for reward in rewards:
                reward(**step)
            seconds.append(time.perf_counter() - start)
        later = statistics.median(seconds[1:])
        show(f"{n:>12}{seconds[0] * 1e3:>9.1f}{later * 1e3:>9.1f}{later / n * 1e6:>18.1f}")
    if world > 1:
        dist.destroy_process_group()
        return
    rewards, kept = tatar_reward_funcs(), []
    tracemalloc.start()
    for number in range(10_001):
        step = make_step(rng, 16, 0, words=8)
        for reward in rewards:
            reward(**step)
        if number in (1000, 10_000):
            kept.append(tracemalloc.get_traced_memory()[0] / 1024)
    print(f"memory held after 1,000 steps {kept[0]:.0f} KiB, after 10,000 steps {kept[1]:.0f} KiB")


if __name__ == "__main__":
    main()
