"""The doctor's look at prompts: the scale that they name, the tags that they ask for, thinking that they open."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards.doctor.labels import Reading
from tatar_rewards.doctor.reading import Data
from tatar_rewards.doctor.scales_in_text import NamedScale, is_tied_to_the_score, named_scale
from tatar_rewards.doctor.templates import TemplateError, messages_of, opens_thinking, render, text_of
from tatar_rewards.findings import Finding
from tatar_rewards.scales import ScoreScale, as_scale

PICTURES = {"images", "image"}  # columns that TRL puts into the messages
OFTEN = 0.1  # share of the prompts
ROUNDING = 0.02  # of a scale: what 1-100 and 0-100 differ by


class Prompt(NamedTuple):
    """What is known of one prompt."""

    text: str
    is_text: bool  # a plain text, to which the trainer applies no chat template
    opens: bool | None  # whether a completion of it begins inside <think>; None where the template is not known
    template_opens: bool | None  # whether the template would open thinking after it; None where there is none


def read_prompts(
    data: Data, template: Any, settings: Mapping[str, Any] | str | None
) -> tuple[dict[int, Prompt], list[str]]:
    """The sampled prompts by row, and notes on what was not looked at."""
    prompts: dict[int, Prompt] = {}
    notes: list[str] = []
    with_pictures = bool(PICTURES & set(data.names))
    for row, prompt in data.prompts.items():
        text, is_text, template_opens = text_of(prompt), isinstance(prompt, str), None
        if template is not None and not notes:
            try:
                values = json.loads(settings) if isinstance(settings, str) else dict(settings or {})
                turns = [{"role": "user", "content": prompt}] if is_text else prompt
                rendered = render(template, messages_of(turns, in_blocks=with_pictures), values)
                template_opens = opens_thinking(rendered)
            except (TemplateError, ValueError, TypeError) as error:
                notes = [f"the chat template, which fails ({error})"]
        prompts[row] = Prompt(text, is_text, opens_thinking(text) if is_text else template_opens, template_opens)
    if template is None and any(not prompt.is_text for prompt in prompts.values()):
        notes = ["the chat template"]
    return prompts, notes


def check_prompts(readings: Sequence[Reading], prompts: Mapping[int, Prompt], data: Data) -> Iterator[Finding]:
    by_scale: dict[ScoreScale, NDArray[np.bool_]] = {}
    by_prefill: dict[bool, NDArray[np.bool_]] = {}
    graded: NDArray[np.bool_] = np.zeros(data.n_rows, dtype=bool)
    for reading in readings:
        config = reading.reward.config
        graded = graded | reading.on_task
        scale, prefilled = as_scale(config.answer_scale), config.think_prefilled
        by_scale[scale] = by_scale.get(scale, False) | reading.on_task
        by_prefill[prefilled] = by_prefill.get(prefilled, False) | reading.on_task
    for scale, rows in by_scale.items():
        yield from _check_scale(scale, [prompt.text for row, prompt in prompts.items() if rows[row]])
    for prefilled, rows in by_prefill.items():
        yield from _check_thinking([prompt for row, prompt in prompts.items() if rows[row]], prefilled=prefilled)
    yield from _check_tags([prompt.text for row, prompt in prompts.items() if graded[row]])
    pictures = PICTURES & set(data.names)
    if pictures and any(prompt.is_text for prompt in prompts.values()):
        yield Finding(
            "prompts",
            f"the prompts are texts beside a column {min(pictures)!r}, and TRL puts pictures into messages only: it "
            "would stop at the first step",
            "give messages: [{'role': 'user', 'content': ...}]",
            "advice",
        )


# ---------------------------------------------------------------- the scale


def _check_scale(declared: ScoreScale, texts: Sequence[str]) -> Iterator[Finding]:
    others = Counter(scale for scale in map(named_scale, texts) if scale is not None and _differs(scale, declared))
    if sum(others.values()) < max(1, OFTEN * len(texts)):
        return
    scale, count = others.most_common(1)[0]
    low = declared.low if scale.low is None else scale.low
    lower = ", higher_is_better=False" if scale.higher_is_better is False else ""
    yield Finding(
        "answer scale",
        f"{count} of {len(texts)} prompts ask for a score {_in_words(scale)}, but the answers are read on {declared}",
        f"set answer_scale=ScoreScale({low:g}, {scale.high:g}{lower}) in every reward (--answer-scale {low:g} "
        f"{scale.high:g}{' --answers-lower-is-better' * bool(lower)}), or mend the prompts",
        "fault" if any(map(is_tied_to_the_score, texts)) else "advice",
    )


def _in_words(scale: NamedScale) -> str:
    return str(scale) if scale.low is None else f"from {scale}"


def _differs(scale: NamedScale, declared: ScoreScale) -> bool:
    allowed = ROUNDING * (declared.high - declared.low)
    ends = abs(scale.high - declared.high) > allowed
    ends |= scale.low is not None and abs(scale.low - declared.low) > allowed
    return ends or scale.higher_is_better is (not declared.higher_is_better)


# ---------------------------------------------------------------- tags and thinking


def _check_tags(texts: Sequence[str]) -> Iterator[Finding]:
    without = sum("<answer>" not in text for text in texts)
    if without > len(texts) / 2:
        yield Finding(
            "answer tags",
            f"{without} of {len(texts)} prompts name no <answer> tags, and a completion without them earns 0",
            "ask for <think>...</think><answer>number</answer>, unless the model has learned that form already",
            "advice",
        )


def _check_thinking(prompts: Sequence[Prompt], *, prefilled: bool) -> Iterator[Finding]:
    known = [prompt for prompt in prompts if prompt.opens is not None]
    if not known:
        return
    opened = sum(bool(prompt.opens) for prompt in known) > len(known) / 2
    by_template = sum(bool(prompt.template_opens) for prompt in known) > len(known) / 2
    texts, templated = known[0].is_text, known[0].template_opens is not None
    if opened and not prefilled:
        yield Finding(
            "thinking",
            f"{'the prompts end' if texts else 'the chat template ends'} in <think>, and rewards without "
            "think_prefilled=True cannot read a completion that begins inside it",
            "set think_prefilled=True in every reward",
        )
    elif prefilled and not opened:
        yield Finding(
            "thinking",
            "rewards have think_prefilled=True, but "
            + ("the prompts are texts that do not end" if texts else "the chat template does not end")
            + " in <think>, and a completion that writes <think> itself cannot be read",
            "leave think_prefilled out, or use a template that writes <think>",
            "fault" if templated and not by_template else "advice",
        )
    elif by_template and not opened:
        yield Finding(
            "thinking",
            "the chat template ends in <think>, but the prompts are texts, to which TRL applies no template",
            "give messages: [{'role': 'user', 'content': ...}]; and set think_prefilled=True then",
            "advice",
        )
