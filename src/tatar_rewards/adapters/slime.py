"""Rewards for slime: `--custom-rm-path` on a sample or a group, `--custom-reward-post-process-path` on the whole batch.

--custom-rm-path my_rewards.custom_rm                      # where custom_rm = scorer(...)
--custom-reward-post-process-path my_rewards.post_process  # where post_process = post_processor(...)
"""

from collections.abc import Iterable, Sequence
from typing import Any

from tatar_rewards.adapters.samples import NamedRewards, RewardFunc, read_truth, without_end_of_turn
from tatar_rewards.adapters.slime_groups import normalized_by_group
from tatar_rewards.presets import recommended_reward_funcs


class _SampleRewards(NamedRewards):
    def score_samples(self, samples: Sequence[Any]) -> list[dict[str, float]]:
        """Columns come from the label, a dict or its JSON text, and what it lacks from the metadata."""
        truths = [{**(sample.metadata or {}), **read_truth(sample.label)} for sample in samples]
        return self.score([without_end_of_turn(sample.response) for sample in samples], truths)


class Scorer(_SampleRewards):
    """A custom reward model of slime; `scorer` makes it."""

    async def __call__(self, args: Any, samples: Any, **others: Any) -> Any:
        """The reward of one sample, or of each in a list: a number, or with `--reward-key` a dict with all names."""
        scores = self.score_samples(samples if isinstance(samples, list) else [samples])
        rewards = scores if args.reward_key else [parts[self.total] for parts in scores]
        return rewards if isinstance(samples, list) else rewards[0]


class PostProcessor(_SampleRewards):
    """What slime hands a whole batch to; `post_processor` makes it."""

    def __call__(self, args: Any, samples: Sequence[Any]) -> tuple[list[float], list[float]]:
        """Raw rewards, and those that slime trains on: less the mean of their group, by slime's own flags."""
        raw = [parts[self.total] for parts in self.score_samples(samples)]
        return raw, normalized_by_group(args, [sample.group_index for sample in samples], raw)


def scorer(rewards: Iterable[RewardFunc]) -> Scorer:
    """For `--custom-rm-path`, with or without `--group-rm`; rankings with `opponents="memory"`."""
    return Scorer(rewards)


def post_processor(rewards: Iterable[RewardFunc]) -> PostProcessor:
    """For `--custom-reward-post-process-path`: rankings compare the images of a whole step."""
    return PostProcessor(rewards)


custom_rm = scorer(recommended_reward_funcs(opponents="memory")[:3])  # for labels on 0-100
post_process = post_processor(recommended_reward_funcs())
