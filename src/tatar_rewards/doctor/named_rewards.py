"""The rewards that a command or a file of settings names: by import path, or by a preset with its settings."""

from collections.abc import Mapping
from typing import Any

from tatar_rewards.adapters.grpo_settings import reward_of_trl
from tatar_rewards.presets import load_reward_funcs
from tatar_rewards.presets.load import names_a_preset
from tatar_rewards.rewards import LengthConfig, Reward
from tatar_rewards.scales import ScoreScale

REWARD_KEYS = (  # settings of a preset's rewards
    "answer_scale",
    "answers_lower_is_better",
    "iaa_words",
    "iqa_words",
    "lower_is_better",
    "lower_is_better_of",
    "mos_scale",
    "mos_scale_of",
    "mos_std_column",
    "mos_std_of",
    "mos_std_scale",
    "raters",
    "raters_column",
    "think_prefilled",
)


def load_rewards(settings: Mapping[str, Any]) -> list[Any]:
    """Those of `reward_model_name_or_path` and `reward_funcs`, in the order of `trl grpo`; without them the recipe's.

    Raises:
        AttributeError, ImportError: there is no reward of that name.
        TypeError: a preset does not take a setting.
        ValueError: a setting makes no sense.
    """
    paths, model = settings.get("reward_funcs"), settings.get("reward_model_name_or_path")
    if paths is None:
        paths = ["tatar"] if model is None else []
    paths = [paths] if isinstance(paths, str) else paths
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ValueError(f"reward_funcs must be a list of import paths; got {paths!r:.80}")
    rewards: list[Any] = [] if model is None else [str(model)]
    given = next((name for name in REWARD_KEYS if name in settings), None)
    without = [] if model is None else [str(model)]
    for path in paths:
        if names_a_preset(path):
            rewards += load_reward_funcs([path], **_settings_of_preset(path, settings))
            continue
        known = None if "." in path else reward_of_trl(path)
        loaded = load_reward_funcs([path]) if known is None else [known]
        without += [path] * any(isinstance(reward, Reward) for reward in loaded)
        rewards += loaded
    if given is not None and (without or not any(map(names_a_preset, paths))):
        raise ValueError(
            f"{given} is a setting of presets, such as tatar and recommended, and {', '.join(without or paths)} is "
            f"none; leave {given} out"
        )
    return rewards


def _settings_of_preset(path: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a preset is called with."""
    same = ("mos_std_column", "mos_std_of", "raters_column")
    called: dict[str, Any] = {name: settings[name] for name in same if name in settings}
    if any(name in settings for name in ("mos_scale", "mos_scale_of", "lower_is_better", "lower_is_better_of")):
        called["mos_scale"] = _mos_scale(settings)
    if "answer_scale" in settings or "answers_lower_is_better" in settings:
        lower = _is_true(settings, "answers_lower_is_better")
        called["answer_scale"] = _scale("answer_scale", settings.get("answer_scale", (0, 100)), lower=lower)
    if "think_prefilled" in settings:
        called["think_prefilled"] = _is_true(settings, "think_prefilled")
    if "raters" in settings:
        called["raters"] = _number("raters", settings["raters"])
    if "mos_std_scale" in settings:
        called["mos_std_scale"] = _scale("mos_std_scale", settings["mos_std_scale"], lower=False)
    for name, end, budget in (("iqa_words", "longest", "iqa_budget"), ("iaa_words", "shortest", "iaa_budget")):
        if name in settings:
            if path.rpartition(".")[2] not in ("tatar", "tatar_reward_funcs"):
                raise ValueError(f"{name} is a setting of the preset tatar, and {path} has no budget; leave it out")
            called[budget] = LengthConfig(**{end: _number(name, settings[name])})  # type: ignore[arg-type]
    return called


def _mos_scale(settings: Mapping[str, Any]) -> ScoreScale | dict[str, ScoreScale]:
    one, each = settings.get("mos_scale"), settings.get("mos_scale_of")
    if isinstance(one, Mapping) and each is None:
        one, each = None, one
    if one is not None and each is not None:
        raise ValueError("give mos_scale for all data sets or mos_scale_of for each, not both")
    everywhere, lower = _is_true(settings, "lower_is_better"), settings.get("lower_is_better_of", [])
    lower = [lower] if isinstance(lower, str) else list(lower)
    scales = {}
    for name, pair in _pairs(each):
        scales[name] = _scale(f"mos_scale_of {name}", pair, lower=everywhere or name in lower)
    unknown = [name for name in lower if name not in scales]
    if unknown:
        raise ValueError(f"lower_is_better_of {unknown[0]} needs its scale: mos_scale_of {unknown[0]} LOW HIGH")
    return scales or _scale("mos_scale", (0, 100) if one is None else one, lower=everywhere)


def _pairs(each: Any) -> list[tuple[str, Any]]:
    """A mapping of scales, or a list of (data set, low, high), as options give it."""
    if isinstance(each, Mapping):
        return [(str(name), pair) for name, pair in each.items()]
    rows = [] if each is None else each
    if not isinstance(rows, list) or not all(isinstance(row, list | tuple) and len(row) == 3 for row in rows):
        raise ValueError(f"mos_scale_of must list a data set, LOW and HIGH each; got {each!r:.80}")
    return [(str(name), (low, high)) for name, low, high in rows]


def _scale(name: str, pair: Any, *, lower: bool) -> ScoreScale:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise ValueError(f"{name} must be two numbers, LOW and HIGH; got {pair!r:.80}")
    low, high = (_number(name, end) for end in pair)
    try:
        return ScoreScale(low, high, higher_is_better=not lower)
    except ValueError:
        raise ValueError(f"{name}: a scale needs finite low < high; got {low:g} and {high:g}") from None


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
