"""What a reward is asked about: a completion, its image, and those that it is compared with."""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from tatar_rewards.rewards import LabelConfig, Reward
from tatar_rewards.rewards.configs import AnswerConfig, ImageConfig, RankingConfig
from tatar_rewards.scales import ScoreScale, as_scale, as_scales

_THIS = "this image"


class Opponent(NamedTuple):
    """Another image of the comparison: its MOS on the scale of the labels, and the answers to it."""

    mos: float
    answers: Sequence[float]
    name: str = ""


class Asked(NamedTuple):
    """What a reward is asked about."""

    reward: Reward[AnswerConfig]
    completion: Any
    mos: float | None
    others: list[float]
    opponents: list[Opponent]
    completion_ids: list[int]

    def check(self) -> None:
        """ValueError: an answer is off the scale of answers, or a MOS of an opponent off that of the labels.

        A MOS of the image that is off its scale the reward refuses itself.
        """
        scale = as_scale(self.reward.config.answer_scale)
        self._check_answers("others (--other)", self.others, scale)
        for number, opponent in enumerate(self.opponents, start=1):
            name = f"{opponent.name or f'opponent {number}'} (--opponent)"
            self._check_answers(name, opponent.answers, scale)
            if isinstance(self.reward.config, LabelConfig):
                _check_number(f"the MOS of {name}", opponent.mos, scale_of_labels(self.reward.config), "mos_scale")

    def _check_answers(self, name: str, answers: Sequence[float], scale: ScoreScale) -> None:
        for answer in answers:
            _check_number(f"each answer of {name}", answer, scale, "answer_scale")

    def reward_of(self, opponents: Sequence[Opponent], **changes: Any) -> float | None:
        """What the completion earns beside these opponents."""
        settings = {"process_group": None, "log_rows": False, "schedule": None, **changes}
        if isinstance(self.reward.config, ImageConfig):
            settings |= {"num_generations": None}
        if isinstance(self.reward.config, RankingConfig):
            settings |= {"opponents": "gathered", "min_opponents": 0}
        twin: Any = self.reward.fresh(**settings)
        said = [self.completion, *(f"<answer>{score:g}</answer>" for score in self.others)]
        labels, images = [self.mos] * len(said), [_THIS] * len(said)
        for number, opponent in enumerate(opponents):
            said += [f"<answer>{score:g}</answer>" for score in opponent.answers]
            labels += [opponent.mos] * len(opponent.answers)
            images += [f"opponent {number}"] * len(opponent.answers)
        config = twin.config
        columns: dict[str, Any] = {config.task_column: [config.task] * len(said)}
        if isinstance(config, LabelConfig):
            columns |= {config.mos_column: labels, config.image_id_column: images}
            columns |= {name: [None] * len(said) for name in (config.mos_std_column, config.raters_column) if name}
            if not isinstance(as_scales(config.mos_scale), ScoreScale):
                columns[config.dataset_column] = [next(iter(config.mos_scale))] * len(said)  # type: ignore[arg-type]
        if self.reward.budget is not None and self.reward.budget.unit == "tokens":
            columns["completion_ids"] = [self.completion_ids, *[[0]] * (len(said) - 1)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the first call: the steps say more
            earned: float | None = twin(said, **columns)[0]
        return earned


def scale_of_labels(config: LabelConfig) -> ScoreScale:
    """The scale of the MOS; where each data set has its own, that of the first."""
    scales = as_scales(config.mos_scale)
    return scales if isinstance(scales, ScoreScale) else next(iter(scales.values()))


def _check_number(what: str, number: float, scale: ScoreScale, setting: str) -> None:
    try:
        scale.to_points(number)
    except ValueError:
        cure = f"mend it, or declare its scale with {setting}= (--{setting.replace('_', '-')})"
        raise ValueError(f"{what} must be a number on {scale}; got {number:g}; {cure}") from None
