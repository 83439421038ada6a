"""Settings that are no faults, and whose effect on a run is worth knowing."""

from collections.abc import Iterator, Sequence
from typing import Any

from tatar_rewards.doctor.kinds import labelled_rewards
from tatar_rewards.doctor.settings import TrainingSettings
from tatar_rewards.findings import Finding


def advise_on_settings(rewards: Sequence[Any], settings: TrainingSettings) -> Iterator[Finding]:
    yield from _advise_on_scaling(rewards, settings)
    if settings.beta > 0 and settings.use_bias_correction_kl:
        yield Finding(
            "KL term",
            f"beta={settings.beta:g} with use_bias_correction_kl=True, the default since TRL 1.10: the KL term has "
            "another gradient than in earlier versions",
            "to compare with runs of earlier versions, set use_bias_correction_kl=False",
            "advice",
        )


def _advise_on_scaling(rewards: Sequence[Any], settings: TrainingSettings) -> Iterator[Finding]:
    if settings.multi_objective_aggregation == "normalize_then_sum":
        if len(rewards) > 1:
            yield Finding(
                "scale of rewards",
                "multi_objective_aggregation='normalize_then_sum' gives every reward the same spread within a group, "
                "also one that hardly differs there, and a None scores as the group's mean",
                "keep 'sum_then_normalize' unless that is meant",
                "advice",
            )
        return
    if settings.scaling == "none":
        yield Finding(
            "scale of rewards",
            "scale_rewards='none' leaves the advantages as small as the rewards differ within a group, so that the "
            "size of the rewards is part of the learning rate",
            "choose the learning rate for it, or keep scale_rewards='group'",
            "advice",
        )
    tasks = {reward.config.task for reward in labelled_rewards(rewards)}
    if settings.scaling == "batch" and len(tasks) > 1:
        yield Finding(
            "scale of rewards",
            "scale_rewards='batch' divides by one standard deviation for all tasks, so that a task whose rewards "
            "differ less teaches less",
            "set reward_weights= to balance the tasks, or keep scale_rewards='group'",
            "advice",
        )
