"""Completion text to `Answer`: one strict grammar for the rewards, the format reward and the evaluation.

    completion = space [ "<think>" text "</think>" ] space "<answer>" space number space "</answer>" space
    number     = [ "+" | "-" ] digits [ "." digits ]

`text` may hold anything but these four tags. Tags are lower case, digits are ASCII, `space` is ASCII white space. A
completion that says more, less or something else gets a status and no score: nothing is clamped, nothing is guessed.
Time is linear in the length of the text.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from tatar_rewards.scales import POINTS, ScoreScale


class AnswerStatus(StrEnum):
    """What became of a completion; every status but `OK` means that there is no score."""

    OK = "ok"
    NO_ANSWER = "no_answer"  # no <answer> tag at all
    SEVERAL_ANSWERS = "several_answers"  # a second <answer> or </answer>, wherever it stands
    UNCLOSED = "unclosed"  # a tag was opened and never closed: most often a truncated completion
    UNOPENED = "unopened"  # a tag was closed and never opened
    ANSWER_IN_THINK = "answer_in_think"  # the only answer stands inside the think block
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
_WELL_FORMED = re.compile(r"<answer>[ \t\n\r\f\v]*([+-]?[0-9]+(?:\.[0-9]+)?)[ \t\n\r\f\v]*</answer>[ \t\n\r\f\v]*\Z")


def parse_answer(text: str, *, scale: ScoreScale = POINTS, think_prefilled: bool = False) -> Answer:
    """Read the one answer of a completion, strictly.

    Args:
        text: The completion.
        scale: The scale that the model was asked to answer on.
        think_prefilled: True where the chat template writes `<think>` into the prompt, so that the completion begins
            inside the block and only `</think>` is seen.

    Returns:
        The status, the score on `scale` (None unless the status is OK) and the text of the think block.

    Raises:
        TypeError: `text` is not a string.

    Examples:
        >>> parse_answer("<think>Sharp, clean.</think><answer>81.5</answer>")
        Answer(status=<AnswerStatus.OK: 'ok'>, score=81.5, think='Sharp, clean.')
        >>> parse_answer("<answer>7</answer>", scale=ScoreScale(1, 5)).status
        <AnswerStatus.OFF_SCALE: 'off_scale'>
        >>> parse_answer("<answer>70</answer> or <answer>80</answer>").status
        <AnswerStatus.SEVERAL_ANSWERS: 'several_answers'>
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a str; got {type(text).__name__}")
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
        return text.partition("<think>")[2].strip(), "", AnswerStatus.UNCLOSED
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
