"""What trains best in `benchmarks/study`."""

from typing import Any

from tatar_rewards.presets.published import Rewards, check_settings, with_format
from tatar_rewards.rewards import CrpsScoreReward, LabelConfig, OpponentConfig, ThurstoneRankReward, WinRateReward


def recommended_reward_funcs(**settings: Any) -> Rewards:
    """The rewards that train best in the study (docs/study.md): gaps, order and spread of the answers.

    - A Gaussian of predicted gap less true gap, 40 points wide, of every completion against the mean answers to the
      other images of its task and data set: it keeps order and scale, also where data sets sit on different offsets.
    - .3 of the win rate: the order alone, without a scale that a label could be wrong on.
    - .3 of the continuous ranked probability score of the answers to one image, which ties them to the labels' scale
      and keeps them as far apart as they are wrong.

    The same rewards serve quality and aesthetics; give the reward of one task alone with `task=`.

    Args:
        **settings: Of `LabelConfig` and `OpponentConfig`, such as `mos_scale=(1, 5)` or `min_opponents=16`.

    Returns:
        Four rewards: the format, the gaps, the win rate and the score.

    Raises:
        TypeError: a setting that does not exist, or that is set here.
        pydantic.ValidationError: a setting out of its range.

    Examples:
        >>> [reward.__name__ for reward in recommended_reward_funcs(mos_scale=(1, 5))]
        ['answer_format', 'thurstone_rank', 'win_rate', 'crps_score']
    """
    check_settings("recommended_reward_funcs", settings, LabelConfig, OpponentConfig)
    of_opponents = ("opponents", "min_opponents", "memory_size")
    of_labels = {name: value for name, value in settings.items() if name not in of_opponents}
    return with_format(
        ThurstoneRankReward(loss="margin", temperature=40.0, **settings),
        WinRateReward(weight=0.3, **settings),
        CrpsScoreReward(weight=0.3, **of_labels),
        settings=settings,
    )
