"""The rewards that train the tiny vision-language model in part 3, each list by name: `reward_funcs` of the recipe.

The rationales of the tiny model are short, so the budgets are too: at most 20 words of thinking on quality, at least 40
on aesthetics.
"""

from collections.abc import Callable
from typing import Any

from tatar_rewards import (
    AnswerFormatReward,
    CrpsScoreReward,
    ErrorScoreReward,
    GaussianScoreReward,
    LengthConfig,
    ThurstoneRankReward,
    WinRateReward,
    presets,
    tatar_reward_funcs,
)

BRIEF, LONG = LengthConfig(longest=20), LengthConfig(shortest=40)


def on_both_tasks(*kinds: tuple[type[Any], dict[str, Any]]) -> list[Any]:
    """The format, and each reward once for quality, thought about briefly, and once for aesthetics, at length."""
    rewards: list[Any] = [AnswerFormatReward()]
    for reward, settings in kinds:
        rewards += [reward(task=task, length_gate=gate, **settings) for task, gate in (("iqa", BRIEF), ("iaa", LONG))]
    return rewards


def of_preset(preset: Callable[..., list[Any]]) -> list[Any]:
    """The format, and the other rewards of a preset for each task within its budget."""
    quality, aesthetics = preset(task="iqa", length_gate=BRIEF), preset(task="iaa", length_gate=LONG)
    return [AnswerFormatReward(), *quality[1:], *aesthetics[1:]]


MARGIN = {"loss": "margin", "temperature": 40.0}

tatar = tatar_reward_funcs(iqa_budget=BRIEF, iaa_budget=LONG)
tatar_without_budgets = tatar_reward_funcs(iqa_budget=None, iaa_budget=None)
gaussian = on_both_tasks((GaussianScoreReward, {}))
gaussian_20 = on_both_tasks((GaussianScoreReward, {"tolerance": 20, "widening": 0}))
linear = on_both_tasks((ErrorScoreReward, {"tolerance": 50}))
thurstone = on_both_tasks((ThurstoneRankReward, {}))
crps = on_both_tasks((CrpsScoreReward, {}))
win_rate_and_crps = on_both_tasks((WinRateReward, {}), (CrpsScoreReward, {}))
recommended = of_preset(presets.recommended)
margin_and_crps = on_both_tasks((ThurstoneRankReward, MARGIN), (CrpsScoreReward, {"weight": 0.3}))
fidelity = of_preset(presets.visualquality_r1)
as_in_the_paper = [
    AnswerFormatReward(),
    GaussianScoreReward(task="iqa", length_gate=BRIEF),
    ThurstoneRankReward(
        task="iaa", length_gate=LONG, loss="bce", dispersion="reference", temperature=8.0, pair_weight_scale=12.0
    ),
]
