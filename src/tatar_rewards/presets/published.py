"""The rewards of published recipes, by the constants of their released code, in points on 0-100.

Only the formulas are theirs. What is mended is the same everywhere: one strict parser, an unreadable answer earns 0 and
no random or constant score, labels are on the scale that is declared, and rankings compare the images of all ranks.

Each function takes settings of `LabelConfig` as keywords, such as `mos_scale=(1, 5)`, rankings those of
`OpponentConfig` too, and makes one list for `GRPOTrainer(reward_funcs=...)`. Recipes of one task grade every row,
unless `task=` names one. TypeError names a setting that a recipe does not take.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tatar_rewards.rewards import (
    AnswerFormatReward,
    ErrorScoreReward,
    GaussianScoreReward,
    LabelConfig,
    LengthConfig,
    OpponentConfig,
    PairwiseRankReward,
    ThresholdScoreReward,
    ThurstoneRankReward,
)
from tatar_rewards.rewards.configs import AnswerConfig
from tatar_rewards.rewards.frozen_config import FrozenConfig, unknown_setting

Rewards = list[Any]


def with_format(*rewards: Any, settings: Mapping[str, Any], weight: float = 1.0) -> Rewards:
    """The rewards after one for the format, which reads the same answers of the same rows."""
    answers = {name: value for name, value in settings.items() if name in AnswerConfig.model_fields}
    return [AnswerFormatReward(weight=weight, **answers), *rewards]


def check_settings(
    preset: str, settings: Mapping[str, Any], *configs: type[FrozenConfig], own: Sequence[str] = ()
) -> None:
    """TypeError names what a preset does not take."""
    fixed = ("name", "weight", "schedule", *own)
    known = [name for config in configs for name in config.model_fields if name not in fixed]
    for name in settings:
        if name in fixed:
            raise TypeError(f"{preset} sets {name} of its rewards itself; make them one by one to choose it")
        if name not in known:
            raise TypeError(f"{preset}: {unknown_setting(name, known)}")


def tatar_released(*, iqa_task: str = "iqa", iaa_task: str = "iaa", **labels: Any) -> Rewards:
    """TATAR as its code is launched: a Gaussian on both tasks, with a gain on aesthetics, and a pairwise ranking there.

    A Gaussian of half its height at 8.75 points, which widens by .8 (quality) or 2 (aesthetics) of the error, times 1
    or 1.5 and at most 1; at most 65 words of thinking on quality and at least 125 on aesthetics. For aesthetics also a
    ranking against all completions, those of the same image among them: logistic with 8 points, pair weights of 12,
    binary cross-entropy clipped at 1e-4.

    Mended: as launched, each process compares the completions of one image with each other, which pays for agreeing;
    here those of other images are compared too.

    Reference:
        TATAR (arXiv 2603.19779) and its released code.

    Examples:
        >>> [reward.__name__ for reward in tatar_released()]
        ['answer_format', 'iqa_gaussian_score', 'iaa_gaussian_score', 'iaa_pairwise_rank']
    """
    check_settings("tatar_released", labels, LabelConfig, own=("task", "length_gate"))
    brief, long = LengthConfig(longest=65), LengthConfig(shortest=125)
    bell: dict[str, Any] = {"tolerance": 8.75, "reward_at_tolerance": 0.5, **labels}
    return with_format(
        GaussianScoreReward(task=iqa_task, length_gate=brief, widening=0.8, **bell),
        GaussianScoreReward(task=iaa_task, length_gate=long, widening=2.0, gain=1.5, **bell),
        PairwiseRankReward(
            task=iaa_task,
            length_gate=long,
            loss="bce",
            temperature=8.0,
            pair_weight_scale=12.0,
            within_image=True,
            probability_floor=1e-4,
            **labels,
        ),
        settings=labels,
    )


def visualquality_r1(**settings: Any) -> Rewards:
    """VisualQuality-R1: the fidelity of a normal comparison with hard labels, and the format.

    The gap to another image's mean answer is divided by the root of both images' variances and 1e-6 on a scale of one
    to five, which is 6.25e-4 square points.

    Mended: an unreadable answer is given a random score there. Its variances divide by n - 1, ours by n.

    Reference:
        VisualQuality-R1 (arXiv 2505.14460) and its released code.

    Examples:
        >>> [reward.__name__ for reward in visualquality_r1(mos_scale=(1, 5))]
        ['answer_format', 'thurstone_rank']
    """
    check_settings("visualquality_r1", settings, LabelConfig, OpponentConfig)
    fidelity: dict[str, Any] = {"loss": "fidelity", "link": "normal", "hard_targets": True}
    return with_format(
        ThurstoneRankReward(dispersion="reference", variance_floor=6.25e-4, **fidelity, **settings), settings=settings
    )


def q_insight(**settings: Any) -> Rewards:
    """Q-Insight, its score task: 1 within .35 of the MOS on one to five, which is 8.75 points, and the format.

    Left out: its second task, which names a distortion and its level.

    Reference:
        Q-Insight (arXiv 2503.22679) and its released code.

    Examples:
        >>> [reward.__name__ for reward in q_insight(mos_scale=(1, 5))]
        ['answer_format', 'threshold_score']
    """
    check_settings("q_insight", settings, LabelConfig)
    return with_format(ThresholdScoreReward(tolerance=8.75, **settings), settings=settings)


def mr_iqa(**settings: Any) -> Rewards:
    """MR-IQA: a Gaussian of predicted gap less true gap, of width 1 on one to five, which is 25 points; the format.

    Reference:
        MR-IQA (arXiv 2606.29760) and its released code.

    Examples:
        >>> [reward.__name__ for reward in mr_iqa(mos_scale=(1, 5))]
        ['answer_format', 'thurstone_rank']
    """
    check_settings("mr_iqa", settings, LabelConfig, OpponentConfig)
    return with_format(ThurstoneRankReward(loss="margin", temperature=25.0, **settings), settings=settings)


def q_hawkeye(**settings: Any) -> Rewards:
    """Q-Hawkeye: exp(-error / .3) on one to five, which is 7.5 points, and .8 of the format.

    Left out: what is no reward, such as weights of the advantages by a group's spread; its penalty for repetition.

    Reference:
        Q-Hawkeye (arXiv 2601.22920) and its released code.

    Examples:
        >>> [(reward.__name__, reward.config.weight) for reward in q_hawkeye(mos_scale=(1, 5))]
        [('answer_format', 0.8), ('error_score', 1.0)]
    """
    check_settings("q_hawkeye", settings, LabelConfig)
    shape: dict[str, Any] = {"shape": "laplace", "tolerance": 7.5, "reward_at_tolerance": math.exp(-1)}
    return with_format(ErrorScoreReward(**shape, **settings), settings=settings, weight=0.8)


def ie_critic_r1(**settings: Any) -> Rewards:
    """IE-Critic-R1: 1 - .95 error on one to five, so .05 at an error of 25 points, and the format.

    Mended: there no answer on the scale earns less than .05, however wrong it is; here the line goes on to 0.

    Reference:
        IE-Critic-R1 (arXiv 2511.18055) and its released code.

    Examples:
        >>> [reward.__name__ for reward in ie_critic_r1(mos_scale=(1, 5))]
        ['answer_format', 'error_score']
    """
    check_settings("ie_critic_r1", settings, LabelConfig)
    return with_format(
        ErrorScoreReward(shape="linear", tolerance=25.0, reward_at_tolerance=0.05, **settings), settings=settings
    )
