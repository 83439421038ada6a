"""Which processes take part: a process group, or this rank alone. torch is never imported to find out."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.distributed.scopes import InheritedFlag

_NOBODY = object()  # in place of a group: a call that began alone stays alone
_given: ContextVar[Any] = ContextVar("tatar_rewards_process_group", default=None)
_alone = InheritedFlag("alone")


def rank() -> int:
    """This process's number among those that gather; 0 where there is one."""
    group = process_group()
    return 0 if group is None else int(_torch_distributed().get_rank(group))


@contextmanager
def on_this_rank_alone() -> Iterator[None]:
    """Within it nothing is gathered: for calling a reward on one rank of many, to try it out for example.

    It holds in the thread that enters it, and in all that start before it is left.

    Examples:
        >>> with on_this_rank_alone():
        ...     rank()
        0
    """
    with _alone.raised():
        yield


@contextmanager
def gathering_nothing() -> Iterator[None]:
    """`on_this_rank_alone` for code that starts no threads."""
    with _alone.raised_in_this_thread():
        yield


@contextmanager
def among(group: Any) -> Iterator[None]:
    """Within it the ranks of a group take part; None leaves it at those that did.

    Raises:
        TypeError: `group` is no process group.
        ValueError: this rank does not belong to it.
    """
    check_group(group)
    if group is not None and not _alone and _torch_distributed().get_rank(group) < 0:
        raise ValueError("this rank does not belong to process_group; call the reward on the ranks of the group only")
    token = _given.set(_NOBODY if _alone else _given.get() if group is None else group)
    try:
        yield
    finally:
        _given.reset(token)


def process_group() -> Any:
    """The group of `torch.distributed` that takes part; None where this process is alone."""
    distributed = _torch_distributed()
    given = _given.get()
    if _alone or given is _NOBODY or distributed is None or not distributed.is_initialized():
        return None
    group = distributed.group.WORLD if given is None else given
    return group if distributed.get_world_size(group) > 1 else None


def prepare_all_gather(group: Any, words: NDArray[np.int64]) -> tuple[Callable[[], Any], Any]:
    """What sends the words to every rank, and the tensor that it fills: (ranks, words), equally many of each.

    A row that has not arrived holds -1.
    """
    torch, distributed = sys.modules["torch"], _torch_distributed()
    mine = torch.from_numpy(words).to(_device(distributed.get_backend_config(group)))
    everyones = mine.new_full((distributed.get_world_size(group) * len(words),), -1)
    all_gather = getattr(distributed, "all_gather_single", None) or distributed.all_gather_into_tensor  # its old name
    return partial(all_gather, everyones, mine, group=group), everyones.reshape(-1, len(words))


def check_group(group: Any) -> None:
    """Raise a TypeError where a group is none that `torch.distributed.new_group` returns, to whatever rank."""
    distributed = _torch_distributed()
    known = distributed is not None and (
        isinstance(group, distributed.ProcessGroup) or group is distributed.GroupMember.NON_GROUP_MEMBER
    )
    if group is not None and not known:
        raise TypeError(f"process_group must be a group that torch.distributed.new_group made, or None; got {group!r}")


def _torch_distributed() -> Any:
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    return distributed if distributed is not None and distributed.is_available() else None


def _device(backends: str) -> str:
    """Where a group takes its tensors: gloo's on the host, nccl's on the current CUDA device."""
    devices = [pair.partition(":")[0] for pair in backends.split(",")]
    return "cpu" if "cpu" in devices else devices[0]
