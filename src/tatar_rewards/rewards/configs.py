"""Settings of the rewards: frozen, hashable, comparable and printable, one class for each kind.

The defaults of a reward's numbers are those of its function, which also checks their ranges: neither is written here
a second time. `AnswerConfig` and `LabelConfig` say which rows of a batch a reward grades and where it finds what it
needs, `OpponentConfig` whom a ranking compares with. A class `...RewardConfig` puts together what one reward takes.
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from tatar_rewards.functional._comparison import PairSettings
from tatar_rewards.functional.lengths import check_length_settings, length_reward
from tatar_rewards.functional.ranking import Dispersion, Link, Loss, pairwise_rank_reward, thurstone_rank_reward
from tatar_rewards.functional.scores import (
    check_gaussian_settings,
    check_threshold_settings,
    gaussian_score_reward,
    threshold_score_reward,
)
from tatar_rewards.rewards.frozen_config import FrozenConfig
from tatar_rewards.scales import POINTS, Scale, ScalesByDataset, as_scales


def _default_of(function: Callable[..., Any], name: str) -> Any:
    return inspect.signature(function).parameters[name].default


# ---------------------------------------------------------------- of the functions


class GaussianScoreConfig(FrozenConfig):
    """Settings of `gaussian_score_reward`; lengths are in points on 0-100."""

    tolerance: float = _default_of(gaussian_score_reward, "tolerance")
    reward_at_tolerance: float = _default_of(gaussian_score_reward, "reward_at_tolerance")
    widening: float = _default_of(gaussian_score_reward, "widening")
    gain: float = _default_of(gaussian_score_reward, "gain")

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        check_gaussian_settings(self.tolerance, self.reward_at_tolerance, self.widening, self.gain)
        return self


class ThresholdScoreConfig(FrozenConfig):
    """Settings of `threshold_score_reward`; the tolerance is in points on 0-100."""

    tolerance: float = _default_of(threshold_score_reward, "tolerance")

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        check_threshold_settings(self.tolerance)
        return self


class ThurstoneRankConfig(FrozenConfig):
    """Settings of `thurstone_rank_reward`; temperature and weight scale are in points on 0-100."""

    temperature: float = _default_of(thurstone_rank_reward, "temperature")
    pair_weight_scale: float = _default_of(thurstone_rank_reward, "pair_weight_scale")
    dispersion: Dispersion = _default_of(thurstone_rank_reward, "dispersion")
    link: Link = _default_of(thurstone_rank_reward, "link")
    loss: Loss = _default_of(thurstone_rank_reward, "loss")
    hard_targets: bool = _default_of(thurstone_rank_reward, "hard_targets")
    loss_scale: float = _default_of(thurstone_rank_reward, "loss_scale")
    variance_floor: float = _default_of(thurstone_rank_reward, "variance_floor")
    probability_floor: float = _default_of(thurstone_rank_reward, "probability_floor")

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        PairSettings(opponents="images", **function_settings(self, ThurstoneRankConfig)).checked()
        return self


class PairwiseRankConfig(FrozenConfig):
    """Settings of `pairwise_rank_reward`; temperature and weight scale are in points on 0-100."""

    temperature: float = _default_of(pairwise_rank_reward, "temperature")
    pair_weight_scale: float = _default_of(pairwise_rank_reward, "pair_weight_scale")
    link: Link = _default_of(pairwise_rank_reward, "link")
    loss: Loss = _default_of(pairwise_rank_reward, "loss")
    hard_targets: bool = _default_of(pairwise_rank_reward, "hard_targets")
    within_image: bool = _default_of(pairwise_rank_reward, "within_image")
    loss_scale: float = _default_of(pairwise_rank_reward, "loss_scale")
    probability_floor: float = _default_of(pairwise_rank_reward, "probability_floor")

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        PairSettings(opponents="completions", **function_settings(self, PairwiseRankConfig)).checked()
        return self


class LengthConfig(FrozenConfig):
    """A budget of thinking: settings of `length_reward`, and what is counted.

    Attributes:
        shortest: Smallest length that earns everything.
        longest: Largest length that earns everything.
        margin: How far outside the budget the reward reaches 0; 0 makes the edge a gate.
        unit: Words of the think block, or tokens of the completion, for which the trainer must pass `completion_ids`.
    """

    shortest: float = _default_of(length_reward, "shortest")
    longest: float = _default_of(length_reward, "longest")
    margin: float = _default_of(length_reward, "margin")
    unit: Literal["words", "tokens"] = "words"

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        check_length_settings(self.shortest, self.longest, self.margin)
        return self


def function_settings(config: FrozenConfig, of: type[FrozenConfig]) -> dict[str, Any]:
    """Of a config that holds more, the settings of one function."""
    return {name: getattr(config, name) for name in of.model_fields}


# ---------------------------------------------------------------- of a batch


def _to_scales(scale: Any) -> Any:
    try:
        return as_scales(scale)
    except TypeError as error:  # pydantic reports a ValueError with the name of the setting
        raise ValueError(str(error)) from None


class AnswerConfig(FrozenConfig):
    """Which rows of a batch a reward grades, and how their answers are to be read.

    Attributes:
        task: Grade only rows whose task column holds this; None grades every row and needs no task column.
        name: What the trainer logs the reward under; None makes a name of the task and the reward. Two rewards of one
            trainer need two names.
        answer_scale: The scale that the prompt asks the model to answer on: a `ScoreScale`, or a pair (low, high).
        think_prefilled: True where the chat template writes `<think>` into the prompt.
        task_column: Column of the task.
    """

    task: str | None = None
    name: str | None = None
    answer_scale: Annotated[Scale, BeforeValidator(_to_scales)] = POINTS
    think_prefilled: bool = False
    task_column: str = "task"


class LabelConfig(AnswerConfig):
    """Where a reward finds the labels, and on which scale they are.

    Attributes:
        mos_scale: The scale of the MOS column, a `ScoreScale` or a pair (low, high), or one for each value of the
            dataset column.
        mos_column: Column of the MOS; None and NaN are missing labels.
        dataset_column: Column of the data set; a batch without it is taken as one data set.
        image_id_column: Column of the image's key, unique within its data set. Only rankings need it.
        mos_std_column: Column of the raters' standard deviation, on the MOS scale; None leaves it out.
        length_gate: Multiply the reward by the reward of this budget, as TATAR does.
    """

    mos_scale: Annotated[Scale | ScalesByDataset, BeforeValidator(_to_scales)] = POINTS
    mos_column: str = "mos"
    dataset_column: str = "dataset"
    image_id_column: str = "image_id"
    mos_std_column: str | None = None
    length_gate: LengthConfig | None = None


class OpponentConfig(FrozenConfig):
    """Whom a ranking compares with.

    Attributes:
        opponents: `"gathered"` compares with the images of this call on all ranks, and adds remembered ones where
            those are fewer than `min_opponents`; `"memory"` compares with remembered ones always.
        min_opponents: With fewer other images than this in a call, remembered ones are added; 0 remembers none.
        memory_size: How many images to remember for each task and data set.
        num_generations: The trainer's, for data without a column of image keys: that many consecutive rows are taken
            for one image. Valid only where no group is split over processes; nothing is remembered then.
    """

    opponents: Literal["gathered", "memory"] = "gathered"
    min_opponents: Annotated[int, Field(ge=0)] = 8
    memory_size: Annotated[int, Field(ge=1)] = 64
    num_generations: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _check_memory(self) -> Self:
        if self.opponents == "memory" and self.min_opponents == 0:
            raise ValueError(
                "opponents='memory' compares with remembered images, and min_opponents=0 remembers none; give "
                "min_opponents= another value, or opponents='gathered'"
            )
        if self.opponents == "memory" and self.num_generations is not None:
            raise ValueError(
                "opponents='memory' must know its images by a key, so that none is compared with itself; leave "
                f"num_generations={self.num_generations} out and add a column of image keys"
            )
        return self


# ---------------------------------------------------------------- of the rewards


class AnswerFormatRewardConfig(AnswerConfig):
    """Settings of `AnswerFormatReward`.

    Attributes:
        require_think: Pay only for an answer after some thinking; False pays a bare answer too.
    """

    require_think: bool = False


class LengthRewardConfig(LengthConfig, AnswerConfig):
    """Settings of `LengthReward`."""


class GaussianScoreRewardConfig(GaussianScoreConfig, LabelConfig):
    """Settings of `GaussianScoreReward`."""


class ThresholdScoreRewardConfig(ThresholdScoreConfig, LabelConfig):
    """Settings of `ThresholdScoreReward`."""


class RankingConfig(OpponentConfig, LabelConfig):
    """What both rankings take beside the settings of their functions."""


class ThurstoneRankRewardConfig(ThurstoneRankConfig, RankingConfig):
    """Settings of `ThurstoneRankReward`."""


class PairwiseRankRewardConfig(PairwiseRankConfig, RankingConfig):
    """Settings of `PairwiseRankReward`."""
