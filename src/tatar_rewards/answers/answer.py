"""What a completion says: a status, a score and what was thought."""

from enum import StrEnum
from typing import NamedTuple


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
