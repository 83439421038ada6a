"""Stages of the recipe in processes of their own, which start in an instant and can be killed at a chosen moment.

A server that has imported everything forks them, so that none spends seconds on imports.
"""

import multiprocessing
import os
import socket
import sys
import time
from multiprocessing import forkserver
from pathlib import Path

import pytest

EXAMPLES, TESTS = Path(__file__).parents[2] / "examples", Path(__file__).parents[1]
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    [
        "train_sft",
        "train_grpo",
        "evaluate_model",
        "make_report",
        "build_rationales",
        "tiny.model",
        "train_tatar",
        "recipe.plan",
    ]
)


def start_server():
    """It finds modules by its environment alone."""
    given = [path] if (path := os.environ.get("PYTHONPATH")) else []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLES), str(TESTS), *given]))
        patch.setenv("OMP_NUM_THREADS", "1")
        forkserver.ensure_running()


def _run(name, argv, output, environment):
    os.environ.update(environment)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.argv = [name, *argv]
    import importlib

    importlib.import_module(name).main()


def start(name, argv, output, **environment):
    start_server()
    process = SERVER.Process(target=_run, args=(name, [str(word) for word in argv], str(output), environment))
    process.start()
    return process


def start_ranks(world, name, argv, output):
    """Ranks that find one another as under torchrun."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": str(world)}
    return [start(name, argv, output, RANK=str(k), LOCAL_RANK=str(k), **address) for k in range(world)]


def run_ranks(world, name, argv, output, stop=lambda: False):
    """Whether all ranks ended well; killed when `stop()`."""
    ranks, end = start_ranks(world, name, argv, output), time.monotonic() + 120
    while any(rank.is_alive() for rank in ranks) and not stop():
        assert time.monotonic() < end, output.read_text()[-3000:]
        time.sleep(0.002)
    for rank in ranks:
        if stop():
            rank.kill()
        rank.join(60)
    return all(rank.exitcode == 0 for rank in ranks)


def run(name, argv, output, seconds=120):
    """Its exit code; what it says is appended to the file `output`."""
    process = start(name, argv, output)
    process.join(seconds)
    if process.is_alive():
        process.kill()
        raise AssertionError(f"{name} never ended: {output.read_text()[-2000:]}")
    return process.exitcode


def run_until(name, argv, output, reached, seconds=120):
    """Kill it the moment that `reached()`; whether it was killed before it ended."""
    process, end = start(name, argv, output), time.monotonic() + seconds
    while process.is_alive() and not reached():
        assert time.monotonic() < end, output.read_text()[-2000:]
        time.sleep(0.001)
    process.kill()
    process.join()
    return process.exitcode != 0
