"""How errors are worded for people: an exception in one line of plain words, and the name that was probably meant."""

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_core import ArgsKwargs

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_PLAIN = {  # what pydantic says, and what is said here
    "Field required": "it is missing",
    "Extra inputs are not permitted": "there is no such field",
    "Input should be": "must be",
    "a valid number": "a number",
    "a valid integer": "a whole number",
    "a valid string": "a text",
    "a valid boolean": "True or False",
    "a valid list": "a list",
    "a valid dictionary": "a mapping",
    "less than inf": "a finite number",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
}
_DETAILS = (", unable to parse", ", got a number with a fractional part")  # what follows says it again


def in_words(error: BaseException) -> str:
    """An exception on one line, in words that need no knowledge of the libraries that raise it.

    Examples:
        >>> in_words(OSError(21, "Is a directory", "runs"))
        'runs: Is a directory'
        >>> in_words(KeyError())
        'KeyError'
    """
    if isinstance(error, ValidationError):
        return "; ".join(map(problem_in_words, error.errors()))
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def with_kind(error: BaseException) -> str:
    """The same after the kind of exception, which its author knows: for code of the user's own.

    Examples:
        >>> with_kind(KeyError("width")), with_kind(AssertionError())
        ("KeyError: 'width'", 'AssertionError')
    """
    said, kind = in_words(error), type(error).__name__
    return said if isinstance(error, ValidationError) or said == kind else f"{kind}: {said}"


def problem_in_words(problem: "ErrorDetails") -> str:
    """One of the problems that a `pydantic.ValidationError` tells of: the field, what is wrong, and the value.

    Examples:
        >>> from tatar_rewards import GaussianScoreReward
        >>> try:
        ...     GaussianScoreReward(weight=-1)
        ... except ValidationError as error:
        ...     print(in_words(error))
        weight: must be at least 0; got -1
    """
    said, place = without_place(problem), ".".join(map(str, problem["loc"]))
    if not place:  # the check of a whole names its values itself
        return said
    whole = problem["type"] == "missing" or isinstance(problem["input"], Mapping | ArgsKwargs)
    return f"{place}: {said}" + ("" if whole else f"; got {problem['input']!r:.80}")


def without_place(problem: "ErrorDetails") -> str:
    """What is wrong, without the field and the value."""
    cause = problem.get("ctx", {}).get("error")
    if isinstance(cause, BaseException):
        return in_words(cause)
    if isinstance(problem["input"], float) and math.isnan(problem["input"]):  # above and below nothing
        return "must be a number"
    said = problem["msg"]
    for detail in _DETAILS:
        said = said.partition(detail)[0]
    for theirs, ours in _PLAIN.items():
        said = said.replace(theirs, ours)
    return said


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The cure of a name that is none: those that were probably meant, or all of them.

    Examples:
        >>> did_you_mean("mso", ["mos", "task"]), did_you_mean("x", ["mos", "task"])
        ("did you mean 'mos'?", 'known are mos, task')
    """
    known = list(known)
    likely = alike(name, known)
    return f"did you mean {likely}?" if likely else f"known are {', '.join(known)}"


def alike(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Known names that were probably meant: all but the same, or up to three that begin so, or the nearest; or none.

    Examples:
        >>> alike("adamw", ["grokadamw", "adamw_torch", "adamw_8bit", "sgd"]), alike("sdg", ["sgd"])
        ("'adamw_torch' or 'adamw_8bit'", "'sgd'")
    """
    known = list(known)
    begun = [one for one in known if len(name) > 2 and one.startswith(name)][:3]
    likely = _nearest(name, known, 0.9) or begun or _nearest(name, known, cutoff)
    *others, last = map(repr, likely or [""])
    return f"{', '.join(others)} or {last}" if others else last if likely else ""


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that is most like this one; None where none is."""
    return next(iter(_nearest(name, known, cutoff)), None)


def _nearest(name: str, known: Iterable[str], cutoff: float) -> list[str]:
    import difflib  # only where something is misspelt

    return difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
