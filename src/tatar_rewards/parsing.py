r"""Completion text to `Answer`: one strict grammar for rewards and evaluation, and a lenient one for foreign models.

The strict grammar, for every reward and for models that were trained on it:

    completion = space [ "<think>" text "</think>" ] space "<answer>" space number space "</answer>" space
    number     = [ "+" | "-" ] digits [ "." digits ]

`text` may hold anything but these four tags. Tags are lower case, digits are ASCII, `space` is ASCII white space.

The lenient grammar, for evaluating models that were never taught the strict one:

1. What stands before the last `</think>`, opened or not, is thinking. The rest is searched for answers. Tags may be of
   any case and hold white space.
2. Where there are answer tags, only what stands in them counts; else all of the rest does.
3. The first of these forms that occurs there decides: `\boxed{number}`; `score`, `rating`, `answer` or `mos` followed
   by `:`, `=`, `is` or `of` and a number, also as a JSON field; nothing but a number.
4. A number may have digits of any script, mark-up round it, and `/` or `out of` the top of the scale behind it; on 0 to
   100 also `%`. A range, a decimal comma, an exponent or another scale's fraction is none.
5. The same number said twice is one answer. Two different ones are two.

In both, a completion that says more, less or something else gets a status and no score: nothing is clamped, no choice
is made between two answers, a cut-off answer is none. Time is linear in the length of the text.
"""

import math
import re
from enum import StrEnum
from typing import NamedTuple

from tatar_rewards.scales import POINTS, ScoreScale


class AnswerStatus(StrEnum):
    """What became of a completion; every status but `OK` means that there is no score."""

    OK = "ok"
    NO_ANSWER = "no_answer"  # no <answer> tag at all; lenient: nothing that states an answer
    SEVERAL_ANSWERS = "several_answers"  # a second <answer> or </answer>, wherever it stands; lenient: another number
    UNCLOSED = "unclosed"  # a tag was opened and never closed: most often a truncated completion
    UNOPENED = "unopened"  # a tag was closed and never opened
    ANSWER_IN_THINK = "answer_in_think"  # the only answer stands inside the think block; lenient: before its end
    SEVERAL_THINKS = "several_thinks"  # more than one think block, or one inside another
    TEXT_BEFORE_ANSWER = "text_before_answer"  # words outside the think block
    TEXT_AFTER_ANSWER = "text_after_answer"
    NOT_A_NUMBER = "not_a_number"  # the answer is not one plain decimal number
    OFF_SCALE = "off_scale"  # a number, but none that the scale allows


class Answer(NamedTuple):
    """What a completion says.

    Attributes:
        status: Whether it is well formed, or what is wrong with it.
        score: The number in the answer, on the scale that was asked for; None unless `status` is OK.
        think: The text between the think tags without surrounding white space, "" where there is none.
    """

    status: AnswerStatus
    score: float | None
    think: str

    @property
    def ok(self) -> bool:
        return self.status is AnswerStatus.OK


_SPACE = " \t\n\r\f\v"
_WELL_FORMED = re.compile(
    r"<answer>[ \t\n\r\f\v]*+([+-]?[0-9]++(?:\.[0-9]++)?)[ \t\n\r\f\v]*+</answer>[ \t\n\r\f\v]*+\Z"
)


def parse_answer(
    text: str, *, scale: ScoreScale = POINTS, think_prefilled: bool = False, lenient: bool = False
) -> Answer:
    """Read the one answer of a completion.

    Args:
        text: The completion.
        scale: The scale that the model was asked to answer on.
        think_prefilled: True where the chat template writes `<think>` into the prompt, so that the completion begins
            inside the block and only `</think>` is seen.
        lenient: Read the lenient grammar, for evaluating a model that was not trained on the strict one. Never for a
            reward: what it lets through, a policy learns to say.

    Returns:
        The status, the score on `scale` (None unless the status is OK) and the text of the think block.

    Raises:
        TypeError: `text` is not a string, or `scale` not a ScoreScale.

    Examples:
        >>> parse_answer("<think>Sharp, clean.</think><answer>81.5</answer>")
        Answer(status=<AnswerStatus.OK: 'ok'>, score=81.5, think='Sharp, clean.')
        >>> parse_answer("<answer>7</answer>", scale=ScoreScale(1, 5)).status
        <AnswerStatus.OFF_SCALE: 'off_scale'>
        >>> parse_answer("<answer>70</answer> or <answer>80</answer>").status
        <AnswerStatus.SEVERAL_ANSWERS: 'several_answers'>
        >>> parse_answer("Sharp, clean. **Score: 81.5/100**", lenient=True).score
        81.5
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a str; got {type(text).__name__}")
    if not isinstance(scale, ScoreScale):
        raise TypeError(f"scale must be a ScoreScale, for example ScoreScale(1, 5); got {scale!r}")
    if lenient:
        return _parse_leniently(text, scale, think_prefilled)
    return _parse_plain(text, scale, think_prefilled) or _parse_strictly(text, scale, think_prefilled)


def _parse_plain(text: str, scale: ScoreScale, think_prefilled: bool) -> Answer | None:
    """What trained models nearly always write, in a third of the time; None where a closer look is due."""
    start = text.rfind("<answer>")
    found = _WELL_FORMED.match(text, start) if start >= 0 else None
    if found is None:
        return None
    think = text[:start].strip(_SPACE)
    if think or think_prefilled:
        opening = "" if think_prefilled else "<think>"
        if not (think.startswith(opening) and think.endswith("</think>")):
            return None
        think = think[len(opening) : -len("</think>")].strip()
        if "<" in think:
            return None
    score = float(found.group(1))
    return Answer(AnswerStatus.OK, score, think) if score in scale else Answer(AnswerStatus.OFF_SCALE, None, think)


def _parse_strictly(text: str, scale: ScoreScale, think_prefilled: bool) -> Answer:
    think, rest, status = _split_think(text, think_prefilled)
    if status is not AnswerStatus.OK:
        return Answer(status, None, think)
    status = _answer_form(rest)
    if status is not AnswerStatus.OK:
        return Answer(status, None, think)
    found = _WELL_FORMED.match(rest, rest.index("<answer>"))
    if found is None:
        return Answer(AnswerStatus.NOT_A_NUMBER, None, think)
    score = float(found.group(1))
    return Answer(AnswerStatus.OK, score, think) if score in scale else Answer(AnswerStatus.OFF_SCALE, None, think)


def _split_think(text: str, think_prefilled: bool) -> tuple[str, str, AnswerStatus]:
    """The think block, what follows it, and what is wrong with the block."""
    opened, closed = text.count("<think>") + think_prefilled, text.count("</think>")
    if opened == closed == 0:
        return "", text, AnswerStatus.OK
    if opened > 1 or closed > 1:
        return "", text, AnswerStatus.SEVERAL_THINKS
    if closed == 0:
        return (text if think_prefilled else text.partition("<think>")[2]).strip(), "", AnswerStatus.UNCLOSED
    if opened == 0:
        return "", text, AnswerStatus.UNOPENED
    before, _, inside = ("", "", text) if think_prefilled else text.partition("<think>")
    think, closing, rest = inside.partition("</think>")
    if not closing:  # </think> comes before <think>
        return "", text, AnswerStatus.UNOPENED
    think = think.strip()
    if "<answer>" in before or "</answer>" in before:
        outside = before + rest
        several = outside.count("<answer>") + think.count("<answer>") > 1
        return think, rest, AnswerStatus.SEVERAL_ANSWERS if several else AnswerStatus.TEXT_AFTER_ANSWER
    if before.strip(_SPACE):
        return think, rest, AnswerStatus.TEXT_BEFORE_ANSWER
    if "<answer>" in think or "</answer>" in think:
        several = "<answer>" in rest or think.count("<answer>") > 1 or think.count("</answer>") > 1
        return think, rest, AnswerStatus.SEVERAL_ANSWERS if several else AnswerStatus.ANSWER_IN_THINK
    return think, rest, AnswerStatus.OK


def _answer_form(rest: str) -> AnswerStatus:
    """What is wrong with the answer tags of a text without think tags, or with the words around them."""
    opened, closed = rest.count("<answer>"), rest.count("</answer>")
    if opened > 1 or closed > 1:
        return AnswerStatus.SEVERAL_ANSWERS
    if opened == 0:
        return AnswerStatus.UNOPENED if closed else AnswerStatus.NO_ANSWER
    before, _, tail = rest.partition("<answer>")
    if "</answer>" not in tail:
        return AnswerStatus.UNCLOSED
    if before.strip(_SPACE):
        return AnswerStatus.TEXT_BEFORE_ANSWER
    if tail.partition("</answer>")[2].strip(_SPACE):
        return AnswerStatus.TEXT_AFTER_ANSWER
    return AnswerStatus.OK


# ---------------------------------------------------------------- the lenient grammar

_ANY_TAG = re.compile(r"<\s*+(/?)\s*+(think|answer)\s*+>", re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\s*+\{([^{}]*+)\}")
_LABELLED = re.compile(
    r"""(?<![^\W_]) (?:score|rating|answer|mos) ["'*_`]{0,3}  # a word of its own, or the end of one_like_this
        (?:\s{0,3}\([^()\n]{0,40}\))? ["'*_`]{0,3} \s{0,3}  # (out of 100)
        (?: : | = | is\b | of\b ) [\s"'*_`$]{0,5}
        ( [+\-\u2212]? \.? \d [\d.,/%:+\-\u2212\u2013eE]*+  # with all that could belong to it: 70 of 70-80 is none
          (?: [ \t]{0,2} (?:/|out[ ]of|to|or|and|-|\u2013)? [ \t]{0,2} \d [\d.,%]*+ )? [ \t]?%? )""",
    re.IGNORECASE | re.VERBOSE,
)
_NUMBER = re.compile(
    r"([+\-\u2212]?)(\d+(?:\.\d*)?|\.\d+)\s*+(?:(?:/|out of)\s*+(\d+(?:\.\d+)?)|(%|percent\b)|points?\b)?",
    re.IGNORECASE,
)
_SPACES = "".join(character for character in map(chr, range(0x3001)) if character.isspace())
_MARK_UP = _SPACES + "*_`$\"'\u201c\u201d\u2018\u2019\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"


def _parse_leniently(text: str, scale: ScoreScale, think_prefilled: bool) -> Answer:
    text = _ANY_TAG.sub(lambda tag: f"<{tag[1]}{tag[2].lower()}>", text)
    before, closing, rest = text.rpartition("</think>")
    think = before.strip().removeprefix("<think>").strip()
    if "<think>" in rest or (think_prefilled and not closing):
        return Answer(AnswerStatus.UNCLOSED, None, rest.replace("<think>", "").strip())
    tagged, status = _tagged_answers(rest)
    if status is not AnswerStatus.OK:
        return Answer(status, None, think)
    stated = {number for part in tagged or [rest] for number in _stated_numbers(part, scale)}
    if not stated and not tagged:
        in_think = "<answer>" in before
        return Answer(AnswerStatus.ANSWER_IN_THINK if in_think else AnswerStatus.NO_ANSWER, None, think)
    if len(stated) > 1:
        return Answer(AnswerStatus.SEVERAL_ANSWERS, None, think)
    score = next(iter(stated), None)
    if score is None:
        return Answer(AnswerStatus.NOT_A_NUMBER, None, think)
    return Answer(AnswerStatus.OK, score, think) if score in scale else Answer(AnswerStatus.OFF_SCALE, None, think)


def _tagged_answers(rest: str) -> tuple[list[str], AnswerStatus]:
    """What stands in answer tags, and what is wrong with them."""
    pieces = rest.split("<answer>")
    if any("</answer>" not in piece for piece in pieces[1:]):
        return [], AnswerStatus.UNCLOSED
    if rest.count("</answer>") > len(pieces) - 1:
        return [], AnswerStatus.UNOPENED
    return [piece.partition("</answer>")[0] for piece in pieces[1:]], AnswerStatus.OK


def _stated_numbers(part: str, scale: ScoreScale) -> list[float | None]:
    """Every number that the part states as its answer, in the most explicit form that it uses."""
    for form in (_BOXED, _LABELLED):
        if stated := form.findall(part):
            return [_to_number(text, scale) for text in stated]
    number = _to_number(part, scale)
    return [] if number is None else [number]


def _to_number(text: str, scale: ScoreScale) -> float | None:
    """None where the text is no number; infinity, which is off every scale, where it is one on another scale."""
    found = _NUMBER.fullmatch(text.lstrip(_MARK_UP).rstrip(_MARK_UP + ".,;:!"))
    if found is None:
        return None
    sign, digits, top, percent = found.groups()
    if (top and float(top) != scale.high) or (percent and scale != POINTS):
        return math.inf
    return float(digits) if sign in ("", "+") else -float(digits)
