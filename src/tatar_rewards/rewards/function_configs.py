"""Settings of the reward functions: one frozen config for each, which a callable takes up in its own.

Defaults are those of the function's signature, ranges those of its check: neither is written here a second time.
"""

import inspect
from collections.abc import Callable
from typing import Any, Literal, Self

from pydantic import model_validator

from tatar_rewards.functional._comparison import PairSettings
from tatar_rewards.functional.forecast import check_crps_settings, crps_score_reward
from tatar_rewards.functional.lengths import check_length_settings, length_reward
from tatar_rewards.functional.ranking import Dispersion, Link, Loss, pairwise_rank_reward, thurstone_rank_reward
from tatar_rewards.functional.scores import (
    Shape,
    check_error_settings,
    check_gaussian_settings,
    check_threshold_settings,
    error_score_reward,
    gaussian_score_reward,
    threshold_score_reward,
)
from tatar_rewards.rewards.frozen_config import FrozenConfig


def _default_of(function: Callable[..., Any], name: str) -> Any:
    return inspect.signature(function).parameters[name].default


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


class ErrorScoreConfig(FrozenConfig):
    """Settings of `error_score_reward`; the tolerance is in points on 0-100."""

    shape: Shape = _default_of(error_score_reward, "shape")
    tolerance: float = _default_of(error_score_reward, "tolerance")
    reward_at_tolerance: float = _default_of(error_score_reward, "reward_at_tolerance")

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        check_error_settings(self.shape, self.tolerance, self.reward_at_tolerance)
        return self


class CrpsScoreConfig(FrozenConfig):
    """Settings of `crps_score_reward`; the scale is in points on 0-100."""

    scale: float = _default_of(crps_score_reward, "scale")

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        check_crps_settings(self.scale)
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
