"""The strict grammar, for every reward and for models that were trained on it.

    completion = space [ "<think>" text "</think>" ] space "<answer>" space number space "</answer>" space
    number     = [ "+" | "-" ] digits [ "." digits ]

`text` may hold anything but these four tags. Tags are lower case, digits are ASCII, `space` is ASCII white space.
"""

import re

from tatar_rewards.answers.answer import Answer, AnswerStatus
from tatar_rewards.scales import ScoreScale

_SPACE = " \t\n\r\f\v"
_WELL_FORMED = re.compile(
    r"<answer>[ \t\n\r\f\v]*+([+-]?[0-9]++(?:\.[0-9]++)?)[ \t\n\r\f\v]*+</answer>[ \t\n\r\f\v]*+\Z"
)


def parse_strictly(text: str, scale: ScoreScale, think_prefilled: bool) -> Answer:
    """The answer of a text in the strict grammar."""
    return _parse_well_formed(text, scale, think_prefilled) or _parse_any(text, scale, think_prefilled)


def _parse_well_formed(text: str, scale: ScoreScale, think_prefilled: bool) -> Answer | None:
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


def _parse_any(text: str, scale: ScoreScale, think_prefilled: bool) -> Answer:
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
