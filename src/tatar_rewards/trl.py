"""The rewards as callables for TRL's `GRPOTrainer(reward_funcs=[...])`.

A callable only converts: text to numbers, columns to arrays, rewards to floats. It is frozen, picklable, logs under
its `__name__`, and knows nothing of TRL: it takes the keywords that TRL passes and ignores those it does not need.

    row                                        reward
    another task's, or without a label         None: the trainer leaves it out
    unreadable answer                          0.0
    ranking, no other image to compare with    None, counted, and warned about once
"""

import math
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import PrivateAttr

from tatar_rewards import metrics
from tatar_rewards._batches import (
    Batch,
    Floats,
    column_of,
    count_tokens,
    count_words,
    number_images,
    on_task_rows,
    read_answers,
    read_batch,
    to_list,
)
from tatar_rewards.configs import (
    AnswerConfig,
    GaussianScoreConfig,
    LabelConfig,
    LengthConfig,
    PairwiseRankConfig,
    ThresholdScoreConfig,
    ThurstoneRankConfig,
)
from tatar_rewards.lengths import length_reward
from tatar_rewards.ranking import pairwise_rank_reward, thurstone_rank_reward
from tatar_rewards.scores import gaussian_score_reward, threshold_score_reward

RewardFunction = Callable[..., list[float | None]]

RECENT = 1024  # completions that the running metrics look back on


def _finish(reward: "_Labelled", batch: Batch, rewards: Floats, columns: Mapping[str, Any]) -> list[float | None]:
    """Gate by length, log what the answers were, and hand TRL its list."""
    if reward.length_gate is not None:
        rewards = rewards * length_reward(count_words(batch.answers), **reward.length_gate.model_dump())
    name, on_task = reward.__name__, batch.on_task
    log_extra, log_metric = columns.get("log_extra"), columns.get("log_metric")
    if log_extra is not None:
        log_extra(f"{name}/score", to_list(np.where(on_task, batch.predictions, math.nan)))
        log_extra(f"{name}/target", to_list(batch.targets))
        log_extra(
            f"{name}/status", [str(a.status) if on else None for a, on in zip(batch.answers, on_task, strict=True)]
        )
    reward._recent.extend(zip(batch.predictions[on_task], batch.targets[on_task], strict=True))
    if log_metric is not None:  # the same keys at every call: before TRL 1.16 anything else hangs the other ranks
        predictions, targets = np.array(reward._recent.copy(), dtype=float).reshape(-1, 2).T
        log_metric(f"{name}/parse_failure_rate", 1 - metrics.coverage(predictions))
        log_metric(f"{name}/mae", metrics.mae(predictions, targets))
        log_metric(f"{name}/srcc", metrics.srcc(predictions, targets))
    return to_list(rewards)


# ---------------------------------------------------------------- the callables


class _Labelled(LabelConfig):
    """Remembers recent predictions and targets for the running metrics; a pickle takes them along."""

    _recent: deque[tuple[float, float]] = PrivateAttr(default_factory=lambda: deque(maxlen=RECENT))
    _warned: bool = PrivateAttr(default=False)


class GaussianScoreReward(GaussianScoreConfig, _Labelled):
    """`gaussian_score_reward` of each completion against its row's MOS.

    Examples:
        >>> from tatar_rewards import ScoreScale
        >>> reward = GaussianScoreReward(task="iqa", mos_scale=ScoreScale(1, 5))
        >>> reward(["<answer>75</answer>", "75", "<answer>3</answer>"], mos=[4.0, 4.0, 3.0], task=["iqa", "iqa", "iaa"])
        [1.0, 0.0, None]
        >>> reward.__name__
        'iqa_gaussian_score'
    """

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        batch = read_batch(self, completions, columns)
        settings = self.model_dump(include=set(GaussianScoreConfig.model_fields))
        rewards = gaussian_score_reward(batch.predictions, batch.targets, batch.target_stds, **settings)
        return _finish(self, batch, rewards, columns)


class ThresholdScoreReward(ThresholdScoreConfig, _Labelled):
    """`threshold_score_reward` of each completion against its row's MOS.

    Examples:
        >>> ThresholdScoreReward(tolerance=5)(["<answer>75</answer>", "<answer>60</answer>"], mos=[73.0, 73.0])
        [1.0, 0.0]
    """

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        batch = read_batch(self, completions, columns)
        rewards = threshold_score_reward(batch.predictions, batch.targets, tolerance=self.tolerance)
        return _finish(self, batch, rewards, columns)


class ThurstoneRankReward(ThurstoneRankConfig, _Labelled):
    """`thurstone_rank_reward` of each completion against the other images of its data set.

    Needs a column of image keys. A row without an opponent in the call earns None.

    Examples:
        >>> reward = ThurstoneRankReward(task="iaa")
        >>> columns = dict(mos=[30.0, 60.0], task=["iaa", "iaa"], image_id=["a.jpg", "b.jpg"])
        >>> reward(["<answer>40</answer>", "<answer>70</answer>"], **columns)
        [1.0, 1.0]
    """

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return _rank(self, thurstone_rank_reward, ThurstoneRankConfig, completions, columns)


class PairwiseRankReward(PairwiseRankConfig, _Labelled):
    """`pairwise_rank_reward` of each completion against every completion of the other images of its data set.

    Needs a column of image keys. A row without an opponent in the call earns None.

    Examples:
        >>> reward = PairwiseRankReward(task="iaa")
        >>> columns = dict(mos=[30.0, 60.0], task=["iaa", "iaa"], image_id=["a.jpg", "b.jpg"])
        >>> reward(["<answer>40</answer>", "<answer>70</answer>"], **columns)
        [1.0, 1.0]
    """

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return _rank(self, pairwise_rank_reward, PairwiseRankConfig, completions, columns)


def _rank(
    reward: _Labelled,
    function: Callable[..., Floats],
    config: type[ThurstoneRankConfig | PairwiseRankConfig],
    completions: Sequence[Any],
    columns: Mapping[str, Any],
) -> list[float | None]:
    batch = read_batch(reward, completions, columns)
    images, comparisons = number_images(reward, columns, len(completions))
    settings = reward.model_dump(include=set(config.model_fields))
    rewards = function(batch.predictions, batch.targets, images, comparisons, batch.target_stds, **settings)
    alone = np.isnan(rewards) & ~np.isnan(batch.targets)
    if columns.get("log_metric") is not None:
        columns["log_metric"](f"{reward.__name__}/no_opponent_rate", float(alone.sum() / max(1, batch.on_task.sum())))
    if alone.any() and not reward._warned:
        reward._warned = True
        warnings.warn(
            f"{reward.__name__}: {alone.sum()} of {batch.on_task.sum()} completions found no other image to compare "
            f"with in this call and earn None. Put more images into one call: raise per_device_train_batch_size, or "
            f"steps_per_generation, or lower num_generations.",
            stacklevel=3,
        )
    return _finish(reward, batch, rewards, columns)


class AnswerFormatReward(AnswerConfig):
    """1.0 for a completion that follows the answer grammar of `parse_answer` on the scale, else 0.0.

    Examples:
        >>> AnswerFormatReward()(["<think>Sharp.</think><answer>75</answer>", "<answer>75</answer> I think"])
        [1.0, 0.0]
    """

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        answers = read_answers(self, completions)
        on_task = on_task_rows(self, columns, len(answers))
        if columns.get("log_extra") is not None:
            columns["log_extra"](f"{self.__name__}/status", [str(a.status) for a in answers])
        if columns.get("log_metric") is not None:
            failures = sum(on and not a.ok for a, on in zip(answers, on_task, strict=True))
            columns["log_metric"](f"{self.__name__}/parse_failure_rate", failures / max(1, int(on_task.sum())))
        return [float(a.ok) if on else None for a, on in zip(answers, on_task, strict=True)]


class LengthReward(LengthConfig, AnswerConfig):
    """`length_reward` of the thinking of each readable completion; an unreadable one earns 0.0.

    Counted in words of the think block or, with `unit="tokens"`, in tokens of the completion. White space, all that
    the grammar lets stand outside the blocks, is taken off the tokens but for one between words: padding earns nothing.

    Examples:
        >>> LengthReward(shortest=2)(["<think>Soft light.</think><answer>64</answer>", "<answer>64</answer>"])
        [1.0, 0.0]
    """

    unit: Literal["words", "tokens"] = "words"

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        answers = read_answers(self, completions)
        on_task = on_task_rows(self, columns, len(answers))
        if self.unit == "words":
            lengths = count_words(answers)
        else:
            cure = 'TRL passes it; without it count unit="words"'
            lengths = count_tokens(answers, completions, column_of(self, columns, "completion_ids", len(answers), cure))
        rewards = length_reward(lengths, **self.model_dump(include=set(LengthConfig.model_fields)))
        if columns.get("log_metric") is not None:
            mean = float(np.nanmean(lengths[on_task])) if np.any(~np.isnan(lengths[on_task])) else math.nan
            columns["log_metric"](f"{self.__name__}/mean_{self.unit}", mean)
        return to_list(np.where(on_task, rewards, math.nan))


# ---------------------------------------------------------------- the recipe


def tatar_reward_funcs(
    *,
    iqa_task: str = "iqa",
    iaa_task: str = "iaa",
    iqa_words: float = 65,
    iaa_words: float = 125,
    iqa: GaussianScoreConfig | None = None,
    iaa: ThurstoneRankConfig | None = None,
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
        **answers_and_labels: Fields of `AnswerConfig` and `LabelConfig` for all of them, such as `mos_scale=` or
            `think_prefilled=`.

    Returns:
        Three callables: `answer_format`, `iqa_gaussian_score` and `iaa_thurstone_rank`.

    Raises:
        pydantic.ValidationError: an unknown field or a setting out of its range.

    Reference:
        TATAR (arXiv 2603.19779).

    Examples:
        >>> [reward.__name__ for reward in tatar_reward_funcs()]
        ['answer_format', 'iqa_gaussian_score', 'iaa_thurstone_rank']
    """
    labels = LabelConfig(**answers_and_labels)
    shared = {name: getattr(labels, name) for name in labels.model_fields_set}
    answers = {name: value for name, value in shared.items() if name in AnswerConfig.model_fields}
    iqa_settings = (iqa or GaussianScoreConfig()).model_dump()
    iaa_settings = (iaa or ThurstoneRankConfig()).model_dump()
    brief, deliberate = LengthConfig(longest=iqa_words), LengthConfig(shortest=iaa_words)
    return [
        AnswerFormatReward(**answers),
        GaussianScoreReward(**iqa_settings, **shared, task=iqa_task, length_gate=brief),
        ThurstoneRankReward(**iaa_settings, **shared, task=iaa_task, length_gate=deliberate),
    ]
