"""Rewards that are ready to use: the recipe in one call, and its callables by import path.

Command lines that take rewards by name load one ready callable each, for labels on 0-100:

    trl grpo --reward_funcs tatar_rewards.presets.answer_format tatar_rewards.presets.iqa_gaussian_score ...

Other scales, columns and budgets: make a module of your own that calls `tatar_reward_funcs` and names its rewards.
"""

from collections.abc import Callable
from typing import Any

from tatar_rewards.configs import (
    AnswerConfig,
    GaussianScoreConfig,
    LabelConfig,
    LengthConfig,
    OpponentConfig,
    ThurstoneRankConfig,
)
from tatar_rewards.trl import AnswerFormatReward, GaussianScoreReward, ThurstoneRankReward

RewardFunction = Callable[..., list[float | None]]


def tatar_reward_funcs(
    *,
    iqa_task: str = "iqa",
    iaa_task: str = "iaa",
    iqa_words: float = 65,
    iaa_words: float = 125,
    iqa: GaussianScoreConfig | None = None,
    iaa: ThurstoneRankConfig | None = None,
    opponents: OpponentConfig | None = None,
    **answers_and_labels: Any,
) -> list[RewardFunction]:
    """The rewards of the TATAR recipe, ready for `GRPOTrainer(reward_funcs=...)`.

    Answer format for every row; a Gaussian around the MOS for quality, thought about briefly; Thurstone ranking for
    aesthetics, thought about at length.

    Args:
        iqa_task: What the task column holds for image quality.
        iaa_task: What it holds for image aesthetics.
        iqa_words: Most words of thinking for which a quality score still counts.
        iaa_words: Fewest words of thinking for which an aesthetics score counts.
        iqa: Settings of the quality reward; None takes the paper's.
        iaa: Settings of the aesthetics reward; None takes the defaults of `thurstone_rank_reward`.
        opponents: Whom the aesthetics reward compares with; None takes the defaults of `OpponentConfig`.
        **answers_and_labels: Fields of `AnswerConfig` and `LabelConfig` for all of them, such as `mos_scale=` or
            `think_prefilled=`.

    Returns:
        Three callables: `answer_format`, `iqa_gaussian_score` and `iaa_thurstone_rank`.

    Raises:
        TypeError: `iqa`, `iaa` or `opponents` is something other than its config.
        pydantic.ValidationError: an unknown field or a setting out of its range.

    Reference:
        TATAR (arXiv 2603.19779).

    Examples:
        >>> [reward.__name__ for reward in tatar_reward_funcs()]
        ['answer_format', 'iqa_gaussian_score', 'iaa_thurstone_rank']
    """
    for name, config, kind in (
        ("iqa", iqa, GaussianScoreConfig),
        ("iaa", iaa, ThurstoneRankConfig),
        ("opponents", opponents, OpponentConfig),
    ):
        if not isinstance(config, kind | None):
            raise TypeError(f"{name} must be a {kind.__name__} or None; got {config!r}")
    labels = LabelConfig(**answers_and_labels)
    shared = {name: getattr(labels, name) for name in labels.model_fields_set}
    answers = {name: value for name, value in shared.items() if name in AnswerConfig.model_fields}
    iqa_settings = (iqa or GaussianScoreConfig()).model_dump()
    iaa_settings = (iaa or ThurstoneRankConfig()).model_dump() | (opponents or OpponentConfig()).model_dump()
    brief, deliberate = LengthConfig(longest=iqa_words), LengthConfig(shortest=iaa_words)
    return [
        AnswerFormatReward(**answers),
        GaussianScoreReward(**iqa_settings, **shared, task=iqa_task, length_gate=brief),
        ThurstoneRankReward(**iaa_settings, **shared, task=iaa_task, length_gate=deliberate),
    ]


answer_format, iqa_gaussian_score, iaa_thurstone_rank = tatar_reward_funcs()
