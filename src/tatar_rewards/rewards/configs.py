"""Settings of the rewards: frozen, hashable, comparable and printable.

`AnswerConfig` and `LabelConfig` say which rows of a batch a reward grades and where it finds what it needs,
`OpponentConfig` whom a ranking compares with. A class `...RewardConfig` puts together what one reward takes: these, and
the settings of its function from `function_configs`.
"""

import math
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from tatar_rewards.distributed.groups import check_group
from tatar_rewards.functional._checks import LARGEST
from tatar_rewards.rewards.frozen_config import FrozenConfig
from tatar_rewards.rewards.function_configs import (
    CrpsScoreConfig,
    ErrorScoreConfig,
    GaussianScoreConfig,
    LengthConfig,
    PairwiseRankConfig,
    ThresholdScoreConfig,
    ThurstoneRankConfig,
)
from tatar_rewards.rewards.schedule import Schedule
from tatar_rewards.scales import POINTS, DeviationOf, Scale, ScalesByDataset, as_scales
from tatar_rewards.wording import in_words


def _to_scales(scale: Any) -> Any:
    try:
        return as_scales(scale)
    except (TypeError, ValidationError) as error:  # pydantic reports a ValueError with the name of the setting
        raise ValueError(in_words(error)) from None


def _to_scales_or_none(scale: Any) -> Any:
    return None if scale is None else _to_scales(scale)


def _check_group(group: Any) -> Any:
    try:
        check_group(group)
    except TypeError as error:
        raise ValueError(str(error)) from None
    return group


class AnswerConfig(FrozenConfig):
    """Which rows of a batch a reward grades, and how their answers are to be read.

    Attributes:
        task: Grade only rows whose task column holds this; None grades every row and needs no task column.
        name: What the trainer logs the reward under; None makes a name of the task and the reward. Two rewards of one
            trainer need two names.
        answer_scale: The scale that the prompt asks the model to answer on: a `ScoreScale`, or a pair (low, high).
        think_prefilled: True where the chat template writes `<think>` into the prompt.
        task_column: Column of the task.
        log_rows: Hand the trainer a column for its table of completions, from which each reward can be explained.
        weight: What its rewards are multiplied with. A trainer that weighs rewards itself needs none.
        schedule: A setting that changes over training; `scheduled` makes a reward with one.
        process_group: The ranks that call the reward, a group of `torch.distributed.new_group`; None: all of them. A
            pickle leaves it out, since a group belongs to its process.
    """

    task: str | None = None
    name: str | None = None
    answer_scale: Annotated[Scale, BeforeValidator(_to_scales)] = POINTS
    think_prefilled: bool = False
    task_column: str = "task"
    log_rows: bool = True
    weight: Annotated[float, Field(ge=0, le=LARGEST)] = 1.0
    schedule: Schedule | None = None
    process_group: Annotated[Any, AfterValidator(_check_group)] = None

    @model_validator(mode="after")
    def _check_schedule(self) -> Self:
        if self.schedule is None:
            return self
        name, fields = self.schedule.setting, type(self).model_fields
        known = [known for known, field in fields.items() if field.annotation is float]
        if name not in known:
            raise ValueError(f"{name!r} cannot change over training; of this reward these can: {', '.join(known)}")
        for end in ("start", "end"):
            settings = self.given_settings() | {"schedule": None, name: getattr(self.schedule, end)}
            try:
                type(self)(**settings)
            except ValidationError as error:
                raise ValueError(f"{end} of the schedule of {name}: {in_words(error)}") from None
        return self

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        state["__dict__"] = state["__dict__"] | {"process_group": None}
        return state


class LabelConfig(AnswerConfig):
    """Where a reward finds the labels, and on which scale they are.

    Attributes:
        mos_scale: The scale of the MOS column, a `ScoreScale` or a pair (low, high), or one for each value of the
            dataset column; under the name `"*"` that of all others.
        mos_column: Column of the MOS; None and NaN are missing labels.
        dataset_column: Column of the data set; a batch without it is taken as one data set.
        image_id_column: Column of the image's key, unique within its data set. Only rankings need it.
        mos_std_column: Column of the raters' standard deviations; None leaves them out.
        mos_std_of: What that column holds: the spread of single `"ratings"` of an image, or the standard error of their
            `"mean"`. A score reward needs the error of the MOS, a ranking the spread of ratings.
        mos_std_scale: The scale of the deviations, where it is another than that of the MOS: one, or one for each data
            set. Only its width counts.
        raters: How many ratings are behind each MOS: it turns one kind of deviation into the other.
        raters_column: Column of that number, where it differs between images.
        length_gate: Multiply the reward by the reward of this budget, as TATAR does.
    """

    mos_scale: Annotated[Scale | ScalesByDataset, BeforeValidator(_to_scales)] = POINTS
    mos_column: str = "mos"
    dataset_column: str = "dataset"
    image_id_column: str = "image_id"
    mos_std_column: str | None = None
    mos_std_of: DeviationOf = "ratings"
    mos_std_scale: Annotated[Scale | ScalesByDataset | None, BeforeValidator(_to_scales_or_none)] = None
    raters: Annotated[float, Field(ge=1, lt=math.inf)] | None = None
    raters_column: str | None = None
    length_gate: LengthConfig | None = None

    needs_std_of: ClassVar[DeviationOf | None] = None  # None: the reward makes no use of deviations

    @model_validator(mode="after")
    def _check_deviations(self) -> Self:
        number = "raters=" if self.raters is not None else "raters_column=" if self.raters_column is not None else None
        if self.raters is not None and self.raters_column is not None:
            raise ValueError("give raters= for all images or raters_column= for each, not both")
        setting = number or ("mos_std_scale=" if self.mos_std_scale is not None else None)
        if self.mos_std_column is None and setting is not None:
            raise ValueError(
                f"{setting} says something of deviations; name their column with mos_std_column= (--mos-std-column)"
            )
        if self.mos_std_column is not None and self.needs_std_of not in (None, self.mos_std_of) and number is None:
            needs = "the standard error of each MOS" if self.needs_std_of == "mean" else "the spread of single ratings"
            raise ValueError(
                f"this reward needs {needs}, but by mos_std_of={self.mos_std_of!r} {self.mos_std_column!r} holds "
                f"something else. Give the number of ratings of an image with raters= or raters_column= (--raters, "
                f"--raters-column), which turns one into the other, or set mos_std_of={self.needs_std_of!r} "
                f"(--mos-std-of {self.needs_std_of}) if that is what the column holds"
            )
        return self


class GroupConfig(FrozenConfig):
    """How a reward knows which completions show the same image, where it must.

    Attributes:
        num_generations: The trainer's, for data without a column of image keys: that many consecutive rows are taken
            for one image. Valid only where no group is split over processes; nothing is remembered then.
    """

    num_generations: Annotated[int, Field(ge=1)] | None = None


class OpponentConfig(GroupConfig):
    """Whom a ranking compares with.

    Attributes:
        opponents: `"gathered"` compares with the images of this call on all ranks, and adds remembered ones where
            those are fewer than `min_opponents`; `"memory"` compares with remembered ones always.
        min_opponents: With fewer other images than this in a call, remembered ones are added; 0 remembers none.
        memory_size: How many images to remember for each task and data set.
    """

    opponents: Literal["gathered", "memory"] = "gathered"
    min_opponents: Annotated[int, Field(ge=0)] = 8
    memory_size: Annotated[int, Field(ge=1)] = 64

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

    needs_std_of = "mean"


class ErrorScoreRewardConfig(ErrorScoreConfig, LabelConfig):
    """Settings of `ErrorScoreReward`."""

    needs_std_of = "mean"


class ImageConfig(GroupConfig, LabelConfig):
    """What a reward takes that must know which completions show the same image."""


class CrpsScoreRewardConfig(CrpsScoreConfig, ImageConfig):
    """Settings of `CrpsScoreReward`."""

    needs_std_of = "ratings"


class ThresholdScoreRewardConfig(ThresholdScoreConfig, LabelConfig):
    """Settings of `ThresholdScoreReward`."""


class RankingConfig(OpponentConfig, ImageConfig):
    """What the rankings take beside the settings of their functions."""

    needs_std_of = "ratings"


class ThurstoneRankRewardConfig(ThurstoneRankConfig, RankingConfig):
    """Settings of `ThurstoneRankReward`."""


class PairwiseRankRewardConfig(PairwiseRankConfig, RankingConfig):
    """Settings of `PairwiseRankReward`."""


class WinRateRewardConfig(RankingConfig):
    """Settings of `WinRateReward`."""
