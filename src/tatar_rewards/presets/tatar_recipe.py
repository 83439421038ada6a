"""The TATAR recipe in one call, as this package has it."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from tatar_rewards.rewards import (
    AnswerFormatReward,
    GaussianScoreConfig,
    GaussianScoreReward,
    LabelConfig,
    LengthConfig,
    OpponentConfig,
    ThurstoneRankConfig,
    ThurstoneRankReward,
)
from tatar_rewards.rewards.frozen_config import FrozenConfig, unknown_setting
from tatar_rewards.scales import DeviationOf, Scale

AT_MOST_65_WORDS = LengthConfig(longest=65)
AT_LEAST_125_WORDS = LengthConfig(shortest=125)
_DEFAULT = LabelConfig()
_CONFIGS: dict[type[FrozenConfig], str] = {
    GaussianScoreConfig: "iqa",
    ThurstoneRankConfig: "iaa",
    OpponentConfig: "opponents",
    LengthConfig: "iqa_budget",
}
Settings = ParamSpec("Settings")
Rewards = TypeVar("Rewards")


def _name_the_right_keyword(function: Callable[Settings, Rewards]) -> Callable[Settings, Rewards]:
    """Say what to write in place of a keyword that the function does not have."""
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def checked(*args: Settings.args, **settings: Settings.kwargs) -> Rewards:
        for name in settings:
            if name not in known:
                raise TypeError(f"tatar_reward_funcs: {_in_place_of(name, known)}")
        return function(*args, **settings)

    return checked


def _in_place_of(name: str, known: list[str]) -> str:
    if name == "task":
        return (
            "unknown setting 'task'; set iqa_task= and iaa_task= to what the task column holds. Where all rows are of "
            "one task, give the trainer the reward of that task alone: GaussianScoreReward(task=None) for quality, "
            "ThurstoneRankReward(task=None) for aesthetics"
        )
    if name == "length_gate":
        return "unknown setting 'length_gate'; set iqa_budget= and iaa_budget=: None pays whatever the length"
    for config, keyword in _CONFIGS.items():
        if name in config.model_fields:
            return f"unknown setting {name!r}; set it in {keyword}={config.__name__}({name}=...)"
    return unknown_setting(name, known)


@_name_the_right_keyword
def tatar_reward_funcs(
    *,
    mos_scale: Scale | Mapping[str, Scale] = _DEFAULT.mos_scale,
    answer_scale: Scale = _DEFAULT.answer_scale,
    iqa_task: str = "iqa",
    iaa_task: str = "iaa",
    iqa_budget: LengthConfig | None = AT_MOST_65_WORDS,
    iaa_budget: LengthConfig | None = AT_LEAST_125_WORDS,
    iqa: GaussianScoreConfig | None = None,
    iaa: ThurstoneRankConfig | None = None,
    opponents: OpponentConfig | None = None,
    think_prefilled: bool = _DEFAULT.think_prefilled,
    require_think: bool = False,
    task_column: str = _DEFAULT.task_column,
    mos_column: str = _DEFAULT.mos_column,
    mos_std_column: str | None = _DEFAULT.mos_std_column,
    mos_std_of: DeviationOf = _DEFAULT.mos_std_of,
    mos_std_scale: Scale | Mapping[str, Scale] | None = _DEFAULT.mos_std_scale,
    raters: float | None = _DEFAULT.raters,
    raters_column: str | None = _DEFAULT.raters_column,
    dataset_column: str = _DEFAULT.dataset_column,
    image_id_column: str = _DEFAULT.image_id_column,
    log_rows: bool = _DEFAULT.log_rows,
    process_group: Any = _DEFAULT.process_group,
) -> list[AnswerFormatReward | GaussianScoreReward | ThurstoneRankReward]:
    """The rewards of the TATAR recipe, ready for `GRPOTrainer(reward_funcs=...)`.

    Answer format for every row; a Gaussian around the MOS for quality, thought about briefly; Thurstone ranking for
    aesthetics, thought about at length.

    Args:
        mos_scale: The scale of the labels: a `ScoreScale`, a pair such as `(1, 5)`, or a mapping with one of them for
            each data set; under the name `"*"` that of all others.
        answer_scale: The scale that the prompt asks the model to answer on: a `ScoreScale` or a pair.
        iqa_task: What the task column holds for image quality.
        iaa_task: What it holds for image aesthetics.
        iqa_budget: Thinking for which a quality score counts, in words or tokens: at most 65 words, as in the paper.
            None pays whatever the length.
        iaa_budget: Thinking for which an aesthetics score counts: at least 125 words. None pays whatever the length.
        iqa: Settings of the quality reward; None takes the paper's.
        iaa: Settings of the aesthetics reward; None takes the defaults of `thurstone_rank_reward`.
        opponents: Whom the aesthetics reward compares with; None takes the defaults of `OpponentConfig`.
        think_prefilled: True where the chat template writes `<think>` into the prompt.
        require_think: The format reward pays only for an answer after some thinking.
        task_column: Column of the task.
        mos_column: Column of the MOS.
        mos_std_column: Column of the raters' standard deviations; None leaves them out.
        mos_std_of: What it holds: the spread of single `"ratings"`, or the standard error of their `"mean"`.
        mos_std_scale: The scale of the deviations, where it is not that of the MOS.
        raters: How many ratings are behind each MOS.
        raters_column: Column of that number.
        dataset_column: Column of the data set.
        image_id_column: Column of the image's key, unique within its data set.
        log_rows: Hand the trainer a column for its table of completions, from which each reward can be explained.
        process_group: The ranks that call the rewards, a group of `torch.distributed`; None: all of them.

    Returns:
        Three rewards: `answer_format`, `iqa_gaussian_score` and `iaa_thurstone_rank`.

    Raises:
        TypeError: an unknown argument, with the one to use instead, or one of another type than its config.
        pydantic.ValidationError: a setting out of its range.

    Reference:
        TATAR (arXiv 2603.19779).

    Examples:
        >>> [reward.__name__ for reward in tatar_reward_funcs(mos_scale=(1, 5))]
        ['answer_format', 'iqa_gaussian_score', 'iaa_thurstone_rank']
    """
    for name, budget in (("iqa_budget", iqa_budget), ("iaa_budget", iaa_budget)):
        if not isinstance(budget, LengthConfig | None):
            raise TypeError(f"{name} must be a LengthConfig, such as LengthConfig(longest=65), or None; got {budget!r}")
    iqa_settings = _settings("iqa", iqa, GaussianScoreConfig)
    iaa_settings = _settings("iaa", iaa, ThurstoneRankConfig) | _settings("opponents", opponents, OpponentConfig)
    answers: dict[str, Any] = {
        "answer_scale": answer_scale,
        "think_prefilled": think_prefilled,
        "task_column": task_column,
        "log_rows": log_rows,
        "process_group": process_group,
    }
    labels: dict[str, Any] = {
        **answers,
        "mos_scale": mos_scale,
        "mos_column": mos_column,
        "mos_std_column": mos_std_column,
        "mos_std_of": mos_std_of,
        "mos_std_scale": mos_std_scale,
        "raters": raters,
        "raters_column": raters_column,
        "dataset_column": dataset_column,
        "image_id_column": image_id_column,
    }
    return [
        AnswerFormatReward(require_think=require_think, **answers),
        GaussianScoreReward(task=iqa_task, length_gate=iqa_budget, **iqa_settings, **labels),
        ThurstoneRankReward(task=iaa_task, length_gate=iaa_budget, **iaa_settings, **labels),
    ]


def _settings(name: str, config: FrozenConfig | None, kind: type[FrozenConfig]) -> dict[str, Any]:
    if not isinstance(config, kind | None):
        raise TypeError(f"{name} must be a {kind.__name__} or None; got {config!r}")
    return {} if config is None else config.given_settings()
