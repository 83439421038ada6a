"""A reward on several processes of one group, each with a slice of the rows."""

import importlib
import multiprocessing
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from datetime import timedelta
from multiprocessing import connection
from typing import Any

from tatar_rewards.testing.calls import Reward, Rewards, call, require


def earn_together(
    reward: Reward, completions: Sequence[Any], columns: Mapping[str, Sequence[Any]], processes: int
) -> Rewards:
    """The rewards that as many processes of one group earn, each for a slice of the rows."""
    forks = "fork" in multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("fork" if forks else "spawn")
    share, children, answers = len(completions) // processes, [], {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(processes):
            mine = slice(number * share, (number + 1) * share)
            passed = (reward, completions[mine], {name: column[mine] for name, column in columns.items()})
            receiver, sender = context.Pipe(duplex=False)
            about = (number, processes, f"file://{folder}/meet")
            children.append(context.Process(target=_earn_on_rank, args=(sender, about, passed), daemon=True))
            children[-1].start()
            sender.close()  # so that only the child holds it, and its death ends the pipe
            answers[receiver] = number
        try:
            found = _receive(answers, children)
        finally:
            for child in children:
                child.kill()
                child.join()
    return [value for number in range(processes) for value in found[number]]


def _receive(answers: Mapping[Any, int], children: Sequence[Any]) -> dict[int, Rewards]:
    """What each process has earned, by its number. The first one that fails or dies ends the waiting."""
    found: dict[int, Rewards] = {}
    latest = time.monotonic() + 60
    while len(found) < len(answers):
        waiting = [receiver for receiver, number in answers.items() if number not in found]
        ready: list[Any] = connection.wait(waiting, timeout=latest - time.monotonic())
        require(bool(ready), f"a process waits for the others: {sorted(found)} of {len(answers)} came back")
        for receiver in ready:
            number = answers[receiver]
            try:
                earned = receiver.recv()
            except EOFError:
                children[number].join(timeout=5)
                earned = f"it died with the exit code {children[number].exitcode}"
            require(isinstance(earned, list), f"process {number} of {len(answers)} ended: {earned}")
            found[number] = earned
    return found


def _earn_on_rank(sender: Any, about: tuple[int, int, str], passed: tuple[Reward, Any, Any]) -> None:
    """Call the reward on one rank, and send what it has earned or the error that it raised."""
    number, world, meet = about
    try:
        distributed = importlib.import_module("torch.distributed")
        distributed.init_process_group(
            "gloo", init_method=meet, rank=number, world_size=world, timeout=timedelta(seconds=30)
        )
        sender.send(call(*passed))
    except Exception:
        sender.send(traceback.format_exc(limit=0).strip())
