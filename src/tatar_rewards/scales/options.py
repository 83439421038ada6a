"""Scales as the options of a command, or the keys of a file of settings, declare them."""

from collections.abc import Callable, Iterable
from typing import Any

from tatar_rewards.scales.declared import OTHERS
from tatar_rewards.scales.scale import ScoreScale
from tatar_rewards.wording import did_you_mean


def scale_of(option: str, ends: Any, *, lower: bool = False) -> ScoreScale:
    """The scale that an option gives.

    Raises:
        ValueError: it gives none; the option is named.
    """
    try:
        low, high = ends
        return ScoreScale(float(low), float(high), higher_is_better=not lower)
    except (TypeError, ValueError):
        listed = isinstance(ends, list | tuple)
        shown = " ".join(f"{end:g}" if isinstance(end, float) else str(end) for end in ends) if listed else repr(ends)
        turned = "; where the lowest is the best, give LOW first and say so (lower_is_better, answers_lower_is_better)"
        raise ValueError(f"{option} must have two finite numbers LOW < HIGH; got {shown:.80}{turned}") from None


def label_scales(
    everywhere: Any,
    by_dataset: Iterable[tuple[str, Any]],
    *,
    lower: bool,
    lower_of: Iterable[str],
    spell: Callable[[str], str] = str,
) -> ScoreScale | dict[str, ScoreScale]:
    """The scale of the MOS: one, or that of each data set that is named, and under `OTHERS` that of all others.

    Args:
        everywhere: The ends of `mos_scale`; None where it is not given: 0 and 100, unless data sets have their own.
        by_dataset: The names and ends of `mos_scale_of`.
        lower: Whether the lowest MOS is the best one, of all of them.
        lower_of: The data sets of which it is.
        spell: How the user writes the name of a setting.

    Raises:
        ValueError: a scale is none or given twice, or a data set of `lower_of` has no scale.

    Examples:
        >>> sorted(label_scales((1, 5), [("LIVE", (0, 100))], lower=False, lower_of=["LIVE"]))
        ['*', 'LIVE']
    """
    scales, lower_of = dict[str, ScoreScale](), dict.fromkeys(lower_of)
    for name, ends in by_dataset:
        if name in scales:
            raise ValueError(f"{spell('mos_scale_of')} {name} is given twice; give it once")
        scales[name] = scale_of(f"{spell('mos_scale_of')} {name}", ends, lower=lower or name in lower_of)
    without = [name for name in lower_of if name not in scales]
    if everywhere is not None or not scales:
        scales[OTHERS] = scale_of(spell("mos_scale"), (0, 100) if everywhere is None else everywhere, lower=lower)
    if without and OTHERS not in scales:
        raise ValueError(
            f"{spell('lower_is_better_of')} {without[0]}: no scale is given for that data set; give "
            f"{spell('mos_scale_of')} {without[0]} LOW HIGH, or {spell('mos_scale')} LOW HIGH for all others; "
            f"{did_you_mean(without[0], scales)}"
        )
    for name in without:
        scales[name] = ScoreScale(scales[OTHERS].low, scales[OTHERS].high, higher_is_better=False)
    return scales[OTHERS] if list(scales) == [OTHERS] else scales
