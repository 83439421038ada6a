"""The steps that lead from a completion to its reward."""

import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from tatar_rewards.answers import completion_text
from tatar_rewards.answers.cures import cure_of
from tatar_rewards.answers.words import count_new_words, count_words
from tatar_rewards.explain.asked import Asked, Opponent, scale_of_labels
from tatar_rewards.functional.scores import bell_width
from tatar_rewards.rewards import (
    AnswerFormatReward,
    ErrorScoreReward,
    GaussianScoreReward,
    LabelConfig,
    Reward,
    ThresholdScoreReward,
)
from tatar_rewards.rewards.configs import AnswerConfig, ImageConfig, RankingConfig
from tatar_rewards.scales import ScoreScale, as_scale, is_missing


class Step(NamedTuple):
    """One thing that a reward depends on, and its number if it has one."""

    what: str
    says: str
    value: float | None = None


class Explanation(NamedTuple):
    """Steps, and the reward that they lead to; None where the trainer leaves the row out."""

    name: str
    steps: list[Step]
    reward: float | None

    def to_json(self) -> str:
        """All of it at full precision."""
        return json.dumps({**self._asdict(), "steps": [step._asdict() for step in self.steps]}, indent=2)

    def __str__(self) -> str:
        width = max(len(step.what) for step in self.steps)
        earned = "none: the trainer leaves it out" if self.reward is None else f"{self.reward:.4g}"
        return "\n".join([f"{self.name}: {earned}", *(f"  {step.what:<{width}}  {step.says}" for step in self.steps)])


def explain_reward(
    reward: Reward[AnswerConfig],
    completion: Any,
    *,
    mos: float | None = None,
    others: Sequence[float] = (),
    opponents: Sequence[Opponent] = (),
    completion_ids: Sequence[int] = (),
) -> Explanation:
    """Why a completion earns what it earns from a reward of this package.

    Args:
        reward: Any of them; its state is neither used nor changed.
        completion: A string or messages.
        mos: The MOS of its image, on the reward's scale of labels; None: it has none.
        others: What was answered to the same image besides, on the scale of answers: CRPS and some rankings look at it.
        opponents: Other images, for a ranking.
        completion_ids: Tokens of the completion, for a budget in tokens.

    Returns:
        The steps and the reward.

    Raises:
        TypeError: the completion can be none.
        ValueError: a MOS or an answer is off its scale, or that of an opponent is no number.

    Examples:
        >>> print(explain_reward(GaussianScoreReward(), "<think>Sharp.</think><answer>64</answer>", mos=70))
        gaussian_score: 0.7432
          read    64 on 0 to 100, after 1 word of thinking
          MOS     70 on 0 to 100
          error   6 points
          width   7.788 points: 7.432 where 8.75 points of error pay 0.5, and wider the larger the error is
          bell    exp(-error^2 / (2 width^2)) = 0.7432
          reward  0.7432
    """
    mos = None if is_missing(mos) else mos
    asked = Asked(reward, completion, mos, list(others), list(opponents), list(completion_ids))
    asked.check()
    text = completion_text(completion)
    answer = text.parse(scale=as_scale(reward.config.answer_scale), think_prefilled=reward.config.think_prefilled)
    steps = [_read(reward, answer, text.whole)]
    if isinstance(reward.config, LabelConfig):
        steps += _labelled(reward, asked, answer)
    elif isinstance(reward, AnswerFormatReward) and reward.config.require_think and answer.ok and not answer.think:
        steps.append(Step("thinking", "none, and require_think=True asks for some"))
    if reward.budget is not None and answer.ok:
        steps.append(_budget(asked, answer))
    if reward.config.weight != 1:
        steps.append(Step("weight", f"{reward.config.weight:g}", reward.config.weight))
    earned = asked.reward_of(opponents)
    steps.append(Step("reward", "none: the trainer leaves the row out" if earned is None else f"{earned:.4g}", earned))
    return Explanation(reward.__name__, steps, earned)


def _read(reward: Reward[AnswerConfig], answer: Any, whole: str) -> Step:
    scale = as_scale(reward.config.answer_scale)
    if not answer.ok:
        prefilled = reward.config.think_prefilled
        cure = cure_of(answer.status, whole, think_prefilled=prefilled, lenient=True)  # no reward reads that grammar
        return Step("read", f"nothing: {str(answer.status).replace('_', ' ')}; {cure}")
    n_words = count_words(answer.think)
    thought = f"after {n_words} word{'s' * (n_words != 1)} of thinking" if n_words else "without thinking"
    return Step("read", f"{_on(scale, answer.score, scale.to_points(answer.score))}, {thought}", answer.score)


def _on(scale: ScoreScale, score: float, points: float) -> str:
    """A score on its scale, and in points where they differ."""
    return f"{score:g} on {scale}" + ("" if points == score else f" ({points:.4g} points)")


def _labelled(reward: Reward[Any], asked: Asked, answer: Any) -> list[Step]:
    """The label, and what the formula makes of it."""
    scale = scale_of_labels(reward.config)
    if asked.mos is None:
        return [Step("MOS", "none: without a label there is no reward")]
    points = float(scale.column_to_points([asked.mos], column="mos")[0])
    steps = [Step("MOS", _on(scale, asked.mos, points), asked.mos)]
    if not answer.ok:
        return steps
    error = abs(as_scale(reward.config.answer_scale).to_points(answer.score) - points)
    if isinstance(reward.config, RankingConfig):
        return steps + _compared(asked)
    if isinstance(reward.config, ImageConfig):
        return [*steps, *_forecast(asked)]
    return [*steps, Step("error", f"{error:.4g} points", error), *_formula(reward, error)]


def _formula(reward: Reward[Any], error: float) -> list[Step]:
    c = reward.config
    if isinstance(reward, GaussianScoreReward):
        narrowest, width = (bell_width(e, c.tolerance, c.reward_at_tolerance, c.widening) for e in (0.0, error))
        bell = math.exp(-(error**2) / (2 * width**2))
        why = f"{narrowest:.4g} where {c.tolerance:g} points of error pay {c.reward_at_tolerance:g}"
        wider = ", and wider the larger the error is" * (c.widening > 0)
        steps = [Step("width", f"{width:.4g} points: {why}{wider}", width)]
        steps.append(Step("bell", f"exp(-error^2 / (2 width^2)) = {bell:.4g}", bell))
        gained = Step("gain", f"times {c.gain:g}, at most 1: {min(1.0, c.gain * bell):.4g}", min(1.0, c.gain * bell))
        return steps + [gained] * (c.gain != 1)
    if isinstance(reward, ThresholdScoreReward):
        within = error <= c.tolerance
        return [Step("within", f"{'yes' if within else 'no'}, of {c.tolerance:g} points", float(within))]
    if isinstance(reward, ErrorScoreReward):
        return [Step("shape", f"{c.shape}, {c.reward_at_tolerance:g} at an error of {c.tolerance:g} points")]
    return []


def _compared(asked: Asked) -> list[Step]:
    """What each opponent alone would lead to."""
    if not asked.opponents:
        return [Step("opponents", "none: a ranking compares with other images, and earns nothing without")]
    steps = []
    for number, opponent in enumerate(asked.opponents, start=1):
        alone = asked.reward_of([opponent], weight=1.0, length_gate=None)
        name = opponent.name or f"opponent {number}"
        said = ", ".join(f"{score:g}" for score in opponent.answers)
        pays = "nothing to compare" if alone is None else f"alone would pay {alone:.4g}"
        steps.append(Step(name, f"MOS {opponent.mos:g}, answered {said}: {pays}", alone))
    together = asked.reward_of(asked.opponents, weight=1.0, length_gate=None)
    return [*steps, Step("together", "none" if together is None else f"{together:.4g}", together)]


def _forecast(asked: Asked) -> list[Step]:
    if not asked.others:
        return [Step("group", "no other answer to the image: alone it is no forecast")]
    said = ", ".join(f"{score:g}" for score in asked.others)
    return [Step("group", f"beside it {said}: an answer that makes their forecast no better and no worse earns 1/2")]


def _budget(asked: Asked, answer: Any) -> Step:
    budget = asked.reward.budget
    assert budget is not None
    wanted = [f"at least {budget.shortest:g}"] * (budget.shortest > 0)
    wanted += [f"at most {budget.longest:g}"] * (budget.longest < math.inf)
    if budget.unit == "tokens":
        counted = f"{len(asked.completion_ids)} tokens"
    else:
        total, new = count_words(answer.think), count_new_words(answer.think)
        counted = f"{total} words" + f", {new} of them new" * (new < total and budget.shortest > 0)
    with_it, without = asked.reward_of(asked.opponents), asked.reward_of(asked.opponents, **_without_budget(asked))
    factor = None if not without or with_it is None else with_it / without
    pays = "" if factor is None else f": times {factor:.4g}"
    return Step("budget", f"{counted} of {' and '.join(wanted) or 'any number'}{pays}", factor)


def _without_budget(asked: Asked) -> dict[str, Any]:
    return {"length_gate": None} if isinstance(asked.reward.config, LabelConfig) else {}
