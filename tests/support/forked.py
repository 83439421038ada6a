"""Real processes, forked to start at once: `on_ranks` runs a function on each of them."""

import gc
import multiprocessing
import queue
import tempfile
from datetime import timedelta

import pytest
import torch.distributed as dist

FORK = multiprocessing.get_context("fork")


def on_ranks(world, work):
    """What `work(rank)` returns on each of some processes; this one is rank 0."""
    gc.collect()  # a group that an old exception still holds has threads, which a forked process would wait for
    with tempfile.TemporaryDirectory() as folder:
        answers = FORK.Queue()

        def run(number):
            dist.init_process_group(
                "gloo",
                init_method=f"file://{folder}/meet",
                rank=number,
                world_size=world,
                timeout=timedelta(seconds=20),
            )
            try:
                return work(number)
            finally:
                dist.destroy_process_group()

        children = [
            FORK.Process(target=lambda number=number: answers.put((number, run(number))), daemon=True)
            for number in range(1, world)
        ]
        for child in children:
            child.start()
        try:
            done = {0: run(0)}
            for _ in children:
                number, result = answers.get(timeout=30)
                done[number] = result
        except queue.Empty:
            pytest.fail("a rank never came back")
        finally:
            for child in children:
                child.join(timeout=5)
                child.kill()
    return [done[number] for number in range(world)]


def message_of(call, *arguments, **settings):
    try:
        call(*arguments, **settings)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing was raised"
