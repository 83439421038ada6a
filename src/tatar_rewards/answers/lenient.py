r"""The lenient grammar, for evaluating models that were never taught the strict one.

1. Wrappers of other families of models come off: special tokens (`<|im_end|>`, `</s>`, `<end_of_turn>` and their like)
   and code fences. `<|begin_of_box|>85<|end_of_box|>` is a box. Tags may be of any case and hold white space.
2. What stands before the last `</think>`, opened or not, is thinking; `[THINK]`, Kimi's triangles and the channels
   before `final` count as such tags. Where there are none, blocks in `<thinking>`, `<thought>`, `<reasoning>` and their
   like are thinking wherever they stand. The rest is searched for answers.
3. Where there are answer tags, only what stands in them counts; where there are none, only what stands in
   `<CONCLUSION>` or `<final_answer>`; else all of the rest does.
4. The first of these forms that occurs there decides: `\boxed{number}`; `score`, `rating`, `answer` or `mos` followed
   by `:`, `=`, `is`, `was` or `of` and a number, also as a JSON field; the same with what is rated in between, as in
   `rating for this photo: 85`; nothing but a number.
5. A number after a label is the score only where the statement ends with it, or goes on with a unit (`points`,
   `stars`) or with a word such as `because`, `for` or `the`. Before any other word it may count things, as in
   `Score: 3 images are blurry`: no answer by itself, but a second one beside another number. After `of` it does count
   them: `score of 3 images` states nothing, and `The score of 3 images is 85` states 85.
6. A number may have digits of any script, mark-up round it, and `/` or `out of` the top of the scale behind it; on 0 to
   100 also `%`. A range, a decimal comma, an exponent or another scale's fraction is none.
7. The same number said twice is one answer. Two different ones are two.
"""

import math
import re

from tatar_rewards.answers.answer import Answer, AnswerStatus
from tatar_rewards.answers.foreign import ANSWER_TAG, split_thinking, without_wrappers
from tatar_rewards.answers.statements import statements
from tatar_rewards.scales import POINTS, ScoreScale

_ANY_TAG = re.compile(r"<\s*+(/?)\s*+(think|answer)\s*+>", re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\s*+\{([^{}]*+)\}")
_UNITS = r"(?:(?:points?|pts?|stars?|marks?)\b\s*+)?"
_NUMBER = re.compile(
    rf"([+\-\u2212]?)(\d+(?:\.\d*)?|\.\d+)\s*+{_UNITS}(?:(?:/|out of)\s*+(\d+(?:\.\d+)?)\s*+{_UNITS}|(%|percent\b))?",
    re.IGNORECASE,
)
_SPACES = "".join(character for character in map(chr, range(0x3001)) if character.isspace())
_MARK_UP = _SPACES + "*_`$\"'\u201c\u201d\u2018\u2019\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"


def parse_leniently(text: str, scale: ScoreScale, think_prefilled: bool) -> Answer:
    """The answer of a text in the lenient grammar."""
    think, before, rest, unclosed = _split_think(without_wrappers(text), think_prefilled)
    if unclosed:
        return Answer(AnswerStatus.UNCLOSED, None, think)
    if "<answer>" not in rest and "</answer>" not in rest:
        rest = ANSWER_TAG.sub(r"<\1answer>", rest)
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


def _split_think(text: str, think_prefilled: bool) -> tuple[str, str, str, bool]:
    """What was thought, also with its tags, what is searched for answers, and whether thinking was cut off."""
    text = _ANY_TAG.sub(lambda tag: f"<{tag[1]}{tag[2].lower()}>", text)
    before, closing, rest = text.rpartition("</think>")
    if "<think>" not in text and not closing:
        thoughts, rest, unclosed = split_thinking(text)
        cut_off = (unclosed and not rest.strip()) or (think_prefilled and not thoughts)
        before = "\n".join(thoughts).strip() if thoughts or not cut_off else text.strip()
        return before, before, rest, cut_off
    if "<think>" in rest or (think_prefilled and not closing):
        return rest.replace("<think>", "").strip(), before, "", True
    return before.strip().removeprefix("<think>").strip(), before, rest, False


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
    if boxed := _BOXED.findall(part):
        return [_to_number(text, scale) for text in boxed]
    if stated := statements(part):
        certain = any(statement.certain for statement in stated)
        return [_to_number(statement.number, scale) for statement in stated] if certain else [None]
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
