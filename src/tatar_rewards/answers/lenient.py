r"""The lenient grammar, for evaluating models that were never taught the strict one.

1. What stands before the last `</think>`, opened or not, is thinking. The rest is searched for answers. Tags may be of
   any case and hold white space.
2. Where there are answer tags, only what stands in them counts; else all of the rest does.
3. The first of these forms that occurs there decides: `\boxed{number}`; `score`, `rating`, `answer` or `mos` followed
   by `:`, `=`, `is` or `of` and a number, also as a JSON field; nothing but a number.
4. A number may have digits of any script, mark-up round it, and `/` or `out of` the top of the scale behind it; on 0 to
   100 also `%`. A range, a decimal comma, an exponent or another scale's fraction is none.
5. The same number said twice is one answer. Two different ones are two.
"""

import math
import re

from tatar_rewards.answers.answer import Answer, AnswerStatus
from tatar_rewards.scales import POINTS, ScoreScale

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


def parse_leniently(text: str, scale: ScoreScale, think_prefilled: bool) -> Answer:
    """The answer of a text in the lenient grammar."""
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
