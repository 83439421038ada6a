"""Rewards for OpenRLHF: `reward_func` in a file, on one sample a call, from threads.

--reward.remote_url my_rewards.py  # where reward_func = scorer(...)
"""

from collections.abc import Iterable, Sequence
from typing import Any

from tatar_rewards.adapters.samples import NamedRewards, RewardFunc, read_truth, without_end_of_turn
from tatar_rewards.presets import recommended_reward_funcs

SHORTEST_TAIL = 16  # characters of a prompt's end by which a query is split


class Scorer(NamedRewards):
    """`reward_func` of OpenRLHF; `scorer` makes it."""

    one_sample = True

    def __call__(self, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any]) -> dict[str, Any]:
        """The sum as reward and score, and each reward in the extra logs; the labels are dicts or their JSON text."""
        (query,), (prompt,), (label,) = queries, prompts, labels  # OpenRLHF sends one at a time
        (parts,) = self.score([_completion(query, prompt)], [read_truth(label)])
        total = parts.pop(self.total)
        return {"rewards": total, "scores": total, "extra_logs": parts}


def scorer(rewards: Iterable[RewardFunc]) -> Scorer:
    """A `reward_func` of these rewards: rankings with `opponents="memory"`.

    Examples:
        >>> from tatar_rewards import AnswerFormatReward, GaussianScoreReward
        >>> reward_func = scorer([AnswerFormatReward(), GaussianScoreReward()])
        >>> reward_func(["Rate it.<answer>60</answer></s>"], ["Rate it."], ['{"mos": 60}'])
        {'rewards': 2.0, 'scores': 2.0, 'extra_logs': {'answer_format': 1.0, 'gaussian_score': 1.0}}
    """
    return Scorer(rewards)


def _completion(query: str, prompt: str) -> str:
    """What follows the prompt. In the query it has more image tokens, or lacks its beginning, but it ends alike."""
    if query.startswith(prompt):
        return without_end_of_turn(query[len(prompt) :])
    sizes = range(SHORTEST_TAIL, len(prompt))
    tail = next((prompt[-size:] for size in sizes if prompt.count(prompt[-size:]) == 1), prompt)
    _, found, completion = query.partition(tail)  # the first one: a model may write another
    if not found:
        raise ValueError(f"the query does not hold the end of its prompt, {tail!r:.80}: {query!r:.80}")
    return without_end_of_turn(completion)


reward_func = scorer(recommended_reward_funcs(opponents="memory")[:3])  # for labels on 0-100
