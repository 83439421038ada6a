"""One frozen, validated settings object per reward; fields and defaults are those of the reward's function.

`AnswerConfig` and `LabelConfig` say which rows of a batch a callable grades and where it finds what it needs. A reward
of `tatar_rewards.trl` is such a config with a call.
"""

import math
import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tatar_rewards.ranking import Dispersion, Link, Loss
from tatar_rewards.scales import POINTS, ScoreScale


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)


class GaussianScoreConfig(_Frozen):
    """Settings of `gaussian_score_reward`; lengths are in points on 0-100."""

    tolerance: Annotated[float, Field(ge=1e-3, lt=math.inf)] = 8.75
    reward_at_tolerance: Annotated[float, Field(ge=1e-6, le=1 - 1e-6)] = 0.5
    widening: Annotated[float, Field(ge=0, lt=math.inf)] = 0.8
    gain: Annotated[float, Field(ge=1, lt=math.inf)] = 1.0


class ThresholdScoreConfig(_Frozen):
    """Settings of `threshold_score_reward`; the tolerance is in points on 0-100."""

    tolerance: Annotated[float, Field(ge=0, le=100)] = 8.75


class ThurstoneRankConfig(_Frozen):
    """Settings of `thurstone_rank_reward`; temperature and weight scale are in points on 0-100."""

    temperature: Annotated[float, Field(ge=1e-3, lt=math.inf)] = 8.0
    pair_weight_scale: Annotated[float, Field(ge=1e-3)] = math.inf
    dispersion: Dispersion = "matched"
    link: Link = "logistic"
    loss: Loss = "kl"
    hard_targets: bool = False
    loss_scale: Annotated[float, Field(ge=1e-6, lt=math.inf)] = 0.2
    variance_floor: Annotated[float, Field(ge=1e-6, lt=math.inf)] = 0.01
    probability_floor: Annotated[float, Field(ge=1e-12, lt=0.5)] = 1e-6


class PairwiseRankConfig(_Frozen):
    """Settings of `pairwise_rank_reward`; temperature and weight scale are in points on 0-100."""

    temperature: Annotated[float, Field(ge=1e-3, lt=math.inf)] = 8.0
    pair_weight_scale: Annotated[float, Field(ge=1e-3)] = math.inf
    link: Link = "logistic"
    loss: Loss = "kl"
    hard_targets: bool = False
    within_image: bool = False
    loss_scale: Annotated[float, Field(ge=1e-6, lt=math.inf)] = 0.2
    probability_floor: Annotated[float, Field(ge=1e-12, lt=0.5)] = 1e-4


class LengthConfig(_Frozen):
    """Settings of `length_reward`, in words or tokens."""

    shortest: Annotated[float, Field(ge=0, lt=math.inf)] = 0
    longest: Annotated[float, Field(ge=0)] = math.inf
    margin: Annotated[float, Field(ge=0, lt=math.inf)] = 0

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.longest < self.shortest:
            raise ValueError(f"longest must be at least shortest; got {self.longest:g} and {self.shortest:g}")
        return self


class AnswerConfig(_Frozen):
    """Which rows of a batch a callable grades, and how their answers are to be read.

    Attributes:
        task: Grade only rows whose task column holds this; None grades every row and needs no task column.
        name: What the trainer logs the reward under; None makes a name of the task and the reward. Two rewards of one
            trainer need two names.
        answer_scale: The scale that the prompt asks the model to answer on.
        think_prefilled: True where the chat template writes `<think>` into the prompt.
        task_column: Column of the task.
    """

    task: str | None = None
    name: str | None = None
    answer_scale: ScoreScale = POINTS
    think_prefilled: bool = False
    task_column: str = "task"

    @property
    def __name__(self) -> str:
        if self.name is not None:
            return self.name
        class_name = self.__class__.__qualname__.removesuffix("Reward")
        words = re.findall("[A-Z][a-z]*", class_name)
        return "_".join([*([self.task] if self.task else []), *(word.lower() for word in words)])


class LabelConfig(AnswerConfig):
    """Where a callable finds the labels, and on which scale they are.

    Attributes:
        mos_scale: The scale of the MOS column, or one for each value of the dataset column.
        mos_column: Column of the MOS; None and NaN are missing labels.
        dataset_column: Column of the data set; a batch without it is taken as one data set.
        image_id_column: Column of the image's key, unique within its data set. Only rankings need it.
        mos_std_column: Column of the raters' standard deviation, on the MOS scale; None leaves it out.
        length_gate: Multiply the reward by `length_reward` of the words of thinking, as TATAR does.
    """

    mos_scale: ScoreScale | dict[str, ScoreScale] = POINTS
    mos_column: str = "mos"
    dataset_column: str = "dataset"
    image_id_column: str = "image_id"
    mos_std_column: str | None = None
    length_gate: LengthConfig | None = None


class OpponentConfig(_Frozen):
    """Whom a ranking callable compares with.

    Attributes:
        opponents: `"gathered"` compares with the images of this call on all ranks, and with remembered ones only where
            those are fewer than `min_opponents`; `"memory"` compares with remembered ones always.
        min_opponents: Fewest images to compare with before remembered ones fill up; 0 remembers none.
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


class RankingConfig(OpponentConfig, LabelConfig):
    """What a ranking callable is told beside the settings of its reward."""


class HackThresholds(_Frozen):
    """Where `HackDetector` raises its alarms: shares on [0, 1], and a ratio of spreads.

    Attributes:
        constant_share: Most of the answers that may be one and the same number.
        smallest_spread_ratio: Least spread of the predictions, as a multiple of the MOS's.
        largest_spread_ratio: Most of it.
        flat_group_share: Most of the groups that may earn one and the same reward.
        saturated_share: Most of the rewards that may be all, or nothing.
        off_budget_share: Most of the readable answers that may miss their word budget.
        status_share: Most of the completions that may fail in one and the same way.
    """

    constant_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    smallest_spread_ratio: Annotated[float, Field(ge=0, lt=math.inf)] = 0.5
    largest_spread_ratio: Annotated[float, Field(ge=0)] = 2.0
    flat_group_share: Annotated[float, Field(ge=0, le=1)] = 0.8
    saturated_share: Annotated[float, Field(ge=0, le=1)] = 0.95
    off_budget_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    status_share: Annotated[float, Field(ge=0, le=1)] = 0.25

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.largest_spread_ratio < self.smallest_spread_ratio:
            raise ValueError(
                f"largest_spread_ratio must be at least smallest_spread_ratio; got {self.largest_spread_ratio:g} and "
                f"{self.smallest_spread_ratio:g}"
            )
        return self
