"""The rewards that a command or a file of settings names: by import path, or by a preset with its settings."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from tatar_rewards.adapters.grpo_settings import reward_of_trl
from tatar_rewards.presets import load_reward_funcs
from tatar_rewards.presets.load import WITHOUT_NAMES, takes_settings
from tatar_rewards.rewards import LengthConfig, Reward
from tatar_rewards.scales import ScoreScale, label_scales, scale_of
from tatar_rewards.wording import in_words

REWARD_KEYS = (  # settings of a preset's rewards
    "answer_scale",
    "answers_lower_is_better",
    "dataset_column",
    "iaa_words",
    "image_id_column",
    "iqa_words",
    "lower_is_better",
    "lower_is_better_of",
    "mos_column",
    "mos_scale",
    "mos_scale_of",
    "mos_std_column",
    "mos_std_of",
    "mos_std_scale",
    "raters",
    "raters_column",
    "task_column",
    "think_prefilled",
)


def load_rewards(settings: Mapping[str, Any]) -> list[Any]:
    """Those of `reward_model_name_or_path` and `reward_funcs`, in the order of `trl grpo`; without them `recommended`.

    Raises:
        AttributeError, ImportError: there is no reward of that name.
        TypeError: a preset does not take a setting.
        ValueError: a setting makes no sense.
    """
    paths, model = settings.get("reward_funcs"), settings.get("reward_model_name_or_path")
    if paths is None:
        paths = [WITHOUT_NAMES] if model is None else []
    paths = [paths] if isinstance(paths, str) else paths
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ValueError(f"reward_funcs must be a list of import paths; got {paths!r:.80}")
    rewards: list[Any] = [] if model is None else [str(model)]
    given = next((name for name in REWARD_KEYS if name in settings), None)
    taking, own = [path for path in paths if takes_settings(path)], list[str]()
    for path in paths:
        if path in taking:
            rewards += load_reward_funcs([path], **_settings_of_preset(path, settings))
            continue
        known = None if "." in path else reward_of_trl(path)
        loaded = load_reward_funcs([path]) if known is None else [known]
        own += [path] * any(isinstance(reward, Reward) for reward in loaded)
        rewards += loaded
    if given is not None and (own or not taking):
        others = ", ".join(own or paths or [str(model)])
        raise ValueError(
            f"{given} is a setting of the rewards that this package names, such as recommended and gaussian_score; "
            f"{others} has its own; set it there, and leave {given} out"
        )
    budget = next((name for name in ("iqa_words", "iaa_words") if name in settings), None)
    if budget is not None and not any(map(_is_tatar, paths)):
        raise ValueError(f"{budget} is a setting of the preset tatar; name tatar, or leave {budget} out")
    return rewards


def _is_tatar(path: str) -> bool:
    return path.rpartition(".")[2] in ("tatar", "tatar_reward_funcs")


def _settings_of_preset(path: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a preset is called with."""
    columns = [name for name in REWARD_KEYS if name.endswith("_column")]
    called: dict[str, Any] = {name: settings[name] for name in (*columns, "mos_std_of") if name in settings}
    if any(name in settings for name in ("mos_scale", "mos_scale_of", "lower_is_better", "lower_is_better_of")):
        called["mos_scale"] = _mos_scale(settings)
    if "answer_scale" in settings or "answers_lower_is_better" in settings:
        lower = _is_true(settings, "answers_lower_is_better")
        called["answer_scale"] = scale_of("answer_scale", settings.get("answer_scale", (0, 100)), lower=lower)
    if "think_prefilled" in settings:
        called["think_prefilled"] = _is_true(settings, "think_prefilled")
    if "raters" in settings:
        called["raters"] = _number("raters", settings["raters"])
    if "mos_std_scale" in settings:
        called["mos_std_scale"] = scale_of("mos_std_scale", settings["mos_std_scale"])
    for name, end, budget in (("iqa_words", "longest", "iqa_budget"), ("iaa_words", "shortest", "iaa_budget")):
        if name in settings and _is_tatar(path):
            called[budget] = _budget(name, end, settings[name])
    return called


def _mos_scale(settings: Mapping[str, Any]) -> ScoreScale | dict[str, ScoreScale]:
    one, each = settings.get("mos_scale"), settings.get("mos_scale_of")
    lower, lower_of = _is_true(settings, "lower_is_better"), settings.get("lower_is_better_of") or []
    if isinstance(one, Mapping) and {"low", "high"} <= set(one) <= {"low", "high", "higher_is_better"}:
        lower = lower or not one.get("higher_is_better", True)
        one = [one["low"], one["high"]]
    elif isinstance(one, Mapping) and each is None:
        one, each = None, one
    if not isinstance(lower_of, str | list):
        raise ValueError(f"lower_is_better_of must list names of data sets; got {lower_of!r:.80}")
    return label_scales(
        one,
        _pairs(each),
        lower=lower,
        lower_of=[lower_of] if isinstance(lower_of, str) else map(str, lower_of),
    )


def _pairs(each: Any) -> list[tuple[str, Any]]:
    """A mapping of scales, or a list of (data set, low, high), as options give it."""
    if isinstance(each, Mapping):
        return [(str(name), pair) for name, pair in each.items()]
    rows = [] if each is None else each
    if not isinstance(rows, list) or not all(isinstance(row, list | tuple) and len(row) == 3 for row in rows):
        raise ValueError(f"mos_scale_of must list a data set, LOW and HIGH each; got {each!r:.80}")
    return [(str(name), (low, high)) for name, low, high in rows]


def _budget(name: str, end: str, words: Any) -> LengthConfig:
    try:
        return LengthConfig(**{end: _number(name, words)})  # type: ignore[arg-type]
    except ValidationError as error:
        raise ValueError(in_words(error).replace(end, name, 1)) from None


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number; got {value!r:.80}") from None


def _is_true(settings: Mapping[str, Any], name: str) -> bool:
    value = settings.get(name, False)
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false; got {value!r:.80}")
    return value
