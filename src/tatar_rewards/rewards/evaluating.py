"""Whether a call evaluates: such calls neither train the memory of opponents nor enter training's figures."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tatar_rewards.distributed.scopes import InheritedFlag

_evaluating = InheritedFlag("evaluating")


@contextmanager
def evaluation() -> Iterator[None]:
    """Within it the calls of rewards evaluate, in this thread and in those that start meanwhile.

    TRL's trainer needs none: its own mode tells. Figures of such calls are logged under `eval_` and the reward's name.

    Examples:
        >>> from tatar_rewards import ThurstoneRankReward
        >>> reward = ThurstoneRankReward()
        >>> with evaluation():
        ...     rewards = reward(["<answer>40</answer>", "<answer>70</answer>"], mos=[30.0, 60.0], image_id=["a", "b"])
        >>> rewards, reward.state_dict()["images"]
        ([1.0, 1.0], [])
    """
    with _evaluating.raised():
        yield


def is_evaluation(columns: Mapping[str, Any]) -> bool:
    """Whether a call evaluates: somebody says so, or it comes from a trainer whose model is in evaluation mode."""
    return bool(_evaluating) or trainer_evaluates(columns)


def trainer_evaluates(columns: Mapping[str, Any]) -> bool:
    """Whether the trainer itself takes the call for an evaluation: TRL goes by the mode of its model.

    It does not say so to a reward, but its `log_metric` is a method of the trainer.
    """
    trainer = getattr(columns.get("log_metric"), "__self__", None)
    return getattr(getattr(trainer, "model", None), "training", None) is False
