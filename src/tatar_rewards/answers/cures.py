"""What to do about answers that cannot be read, one by one and in a batch; the table stands in `failures`."""

from collections.abc import Sequence
from typing import NamedTuple

from tatar_rewards.answers.answer import Answer, AnswerStatus
from tatar_rewards.answers.failures import FAILURES
from tatar_rewards.answers.messages import CompletionText

_NUMBERS: dict[AnswerStatus, list[int]] = {}  # of the failures of each status
for _number, _failure in enumerate(FAILURES):
    _NUMBERS.setdefault(_failure.status, []).append(_number)


class CommonFailure(NamedTuple):
    """How most of the unreadable answers of a batch fail."""

    status: AnswerStatus
    n: int  # answers of this status
    cure: str
    does: str  # what the completions do
    example: str  # one of them, as it stands


def cure_of(status: AnswerStatus, text: str, *, think_prefilled: bool = False, lenient: bool = False) -> str:
    """What to do about an answer that cannot be read.

    Args:
        status: Its status, any but `OK`.
        text: The completion, with reasoning that was moved out in a think block.
        think_prefilled: As it was read with.
        lenient: Whether it was read with the lenient grammar; else the cure names it where it would help.

    Returns:
        The cure, with the setting or the words of the prompt to change.

    Raises:
        ValueError: the status is OK.

    Examples:
        >>> text = "Sharp.</think><answer>64</answer>"
        >>> cure_of(AnswerStatus.UNOPENED, text)
        'the chat template writes <think> into the prompt: set think_prefilled=True'
    """
    return FAILURES[failure_number(status, text, think_prefilled=think_prefilled)].advice(lenient=lenient)


def most_common_failure(
    answers: Sequence[Answer],
    texts: Sequence[CompletionText | str],
    *,
    think_prefilled: bool = False,
    lenient: bool = False,
) -> CommonFailure | None:
    """How most of the unreadable answers of a batch fail, with the cure of what most of those show.

    Args:
        answers: The answers.
        texts: The completions that they were read from.
        think_prefilled: As they were read with.
        lenient: Whether they were read with the lenient grammar.

    Returns:
        The status, how many have it, the cure, what they do, and an example; None where all could be read.

    Examples:
        >>> from tatar_rewards.answers import parse_answer
        >>> texts = ["<answer>64</answer>", "<answer>64", "<answer>70"]
        >>> common = most_common_failure([parse_answer(text) for text in texts], texts)
        >>> print(f"{common.n} {common.does}; {common.cure}")
        2 are cut off or leave a tag open; raise max_completion_length, or ask for shorter thinking in the prompt
    """
    numbers = failure_numbers(answers, texts, think_prefilled=think_prefilled)
    counts = [numbers.count(number) for number in range(len(FAILURES))]
    most = most_common_number(counts)
    if most is None:
        return None
    failure, example = FAILURES[most], as_text(texts[numbers.index(most)]).whole
    count = sum(counts[number] for number in _NUMBERS[failure.status])
    return CommonFailure(failure.status, count, failure.advice(lenient=lenient), failure.does, example)


def failure_numbers(
    answers: Sequence[Answer], texts: Sequence[CompletionText | str], *, think_prefilled: bool
) -> list[int | None]:
    """The number in `FAILURES` of each unreadable answer; None for a readable one."""
    numbers: list[int | None] = []
    for answer, given in zip(answers, texts, strict=True):
        text = as_text(given)
        prefilled = think_prefilled and not text.reasoning
        numbers.append(None if answer.ok else failure_number(answer.status, text.whole, think_prefilled=prefilled))
    return numbers


def failure_number(status: AnswerStatus, text: str, *, think_prefilled: bool) -> int:
    """The number in `FAILURES` of one unreadable answer."""
    if status is AnswerStatus.OK:
        raise ValueError("an answer of status ok needs no cure")
    numbers = _NUMBERS[AnswerStatus(status)]
    signs_of = ((number, FAILURES[number].shows) for number in numbers)
    return next(number for number, shows in signs_of if shows is None or shows(text, think_prefilled))


def most_common_number(counts: Sequence[float]) -> int | None:
    """Of how many answers fail in each way: the commonest way of the commonest status; None where all is 0."""
    if not any(counts):
        return None
    of_status = {status: sum(counts[number] for number in numbers) for status, numbers in _NUMBERS.items()}
    status = max(of_status, key=lambda one: of_status[one])
    return max(_NUMBERS[status], key=lambda number: counts[number])


def as_text(text: CompletionText | str) -> CompletionText:
    return CompletionText("", text) if isinstance(text, str) else text
