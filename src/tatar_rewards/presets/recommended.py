"""What trains best in `benchmarks/study`."""

from typing import Any

from tatar_rewards.presets.published import Rewards, with_format
from tatar_rewards.rewards import CrpsScoreReward, ThurstoneRankReward


def recommended_reward_funcs(**labels: Any) -> Rewards:
    """The rewards that train best in the study: gaps to other images, and answers that forecast what people say.

    A Gaussian of predicted gap less true gap, 40 points wide, of every completion against the mean answers to the other
    images of its task and data set; .3 of the continuous ranked probability score of the answers to one image; and the
    format. The gaps keep order and scale where data sets sit on different offsets, and the score keeps answers apart
    and the scale in its place. The same rewards serve quality and aesthetics.

    Args:
        **labels: Settings of `LabelConfig` and of `OpponentConfig`, such as `mos_scale=(1, 5)`.

    Returns:
        Three rewards: the format, the gaps and the score.

    Raises:
        pydantic.ValidationError: a setting that does not exist, or is out of its range.

    Examples:
        >>> [reward.__name__ for reward in recommended_reward_funcs(mos_scale=(1, 5))]
        ['answer_format', 'thurstone_rank', 'crps_score']
    """
    of_opponents = ("opponents", "min_opponents", "memory_size")
    scored = {name: value for name, value in labels.items() if name not in of_opponents}
    return with_format(
        ThurstoneRankReward(loss="margin", temperature=40.0, **labels), CrpsScoreReward(weight=0.3, **scored)
    )
