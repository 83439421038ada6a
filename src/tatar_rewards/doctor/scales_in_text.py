"""Which scale of answers a prompt names: "from 1 to 5", "on a scale of 1-10", "out of 10", "0 (bad) to 100 (good)"."""

import re
from collections.abc import Iterator
from typing import NamedTuple

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMBERS = {word: float(number) for number, word in enumerate(WORDS)} | {
    "a hundred": 100.0,
    "one hundred": 100.0,
    "hundred": 100.0,
}
LONGEST_PROMPT = 20_000  # characters that are read

_NUMBER = (
    r"(?<![A-Za-z0-9_])(?<!\d\.)(-?\d{1,6}(?:\.\d{1,3})?|"
    + "|".join(sorted(NUMBERS, key=len, reverse=True))
    + r")(?!\.?\d)(?![A-Za-z0-9_])"
)
_NOTE = r"(?:\s*[\(\[]([^()\[\]]{1,60})[\)\]]|\s*[:=]\s*([a-z][a-z ]{0,30}))?"  # (worst), [bad], = poor
_TO = r"\s*(?:to|through|up to|until|and|-{1,2}|\u2013|\u2014|~|\.{2,3}|\u5230|\u81f3)\s*"  # dashes; 到 and 至 are "to"
_RANGE = rf"{_NUMBER}{_NOTE}{_TO}{_NUMBER}{_NOTE}"
_LISTED = rf"{_NUMBER}{_NOTE}\s*,\s*{_NUMBER}{_NOTE}"
_ASKS = r"(?:scale|scores?|ratings?|rate|grades?|marks?|numbers?|range|interval|values?|integers?|decimals?|mos)"
_RANGES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:from|between|within)\s+{_RANGE}",
        rf"\b{_ASKS}\b[^.\n\d]{{0,40}}?[\(\[]?{_RANGE}",
        rf"\b{_ASKS}\b[^.\n\d]{{0,40}}?[\(\[]{_LISTED}[\)\]]",
        rf"{_RANGE}\s*(?:point\s+)?(?:scale|分)",
        rf"(?:从|在)\s*{_RANGE}",
    )
]
_NOTED = [re.compile(pattern, re.IGNORECASE) for pattern in (_RANGE, _LISTED)]  # both ends explained
_BARE = re.compile(_RANGE, re.IGNORECASE)  # no evidence of a scale, but perhaps another one
_LEVEL = r"\s*[=:\u2013-]\s*[a-z][a-z ]{1,20}"  # what one number stands for
_LEVELS = re.compile(  # "1 = bad, 2 = poor, ..., 5 = excellent", also line by line
    rf"{_NUMBER}{_LEVEL}(?:[,;\n]\s*(?:and\s+|or\s+)?\d{{1,3}}{_LEVEL}){{1,9}}"
    rf"[,;\n]\s*(?:and\s+|or\s+)?{_NUMBER}{_LEVEL}",
    re.IGNORECASE,
)
_MEANS, _SIGN = r"\s+(?:is|being|means|for)\s+(?:the\s+)?", r"\.?\s*(?:of|is|=|:)?\s*"
_BOUNDS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"at least\s+{_NUMBER}\s*(?:,|and)\s*at most\s+{_NUMBER}",
        rf"min(?:imum)?{_SIGN}{_NUMBER}\s*(?:,|and|;)\s*max(?:imum)?{_SIGN}{_NUMBER}",
        rf"{_NUMBER}\s*(?:<=|\u2264)\s*(?:score|rating|answer|x)\s*(?:<=|\u2264)\s*{_NUMBER}",
        rf"{_NUMBER}[ -](?:to|through)[ -]{_NUMBER}[ -](?:point[ -])?(?:scale|stars?)",
        rf"{_NUMBER}{_MEANS}(?:worst|lowest|poorest)\b[^.\n\d]{{0,30}}{_NUMBER}{_MEANS}(?:best|highest)",
    )
]
_OUT_OF = re.compile(rf"\bout\s+of\s+(?:a\s+(?:possible|maximum(?:\s+of)?)\s+)?{_NUMBER}", re.IGNORECASE)
_N_POINT = re.compile(rf"{_NUMBER}[\s-]point\s+(?:\w+\s+)?scale", re.IGNORECASE)
_UNITS = re.compile(
    r"[\s-]*(?:short\s+|brief\s+|complete\s+|full\s+|different\s+|main\s+|key\s+)?(?:words?|sentences?|tokens?|lines?|"
    r"paragraphs?|seconds?|minutes?|hours?|characters?|letters?|items?|reasons?|steps?|bullets?|examples?|images?|"
    r"pictures?|photos?|pixels?|px|times?|people|raters?|aspects?|attributes?|features?|years?|phrases?|questions?|"
    r"degrees?|mm|cm|dpi|am|pm|percent|字|句)(?![A-Za-z0-9_])",
    re.IGNORECASE,
)
_THINGS = re.compile(  # "1 to 5 defects": a range of any other things in the plural is none of answers
    r"\s+(?!points\b|stars\b|marks\b|grades\b|levels\b|is\b|as\b|was\b|this\b|has\b|its\b|thus\b|indicates\b|means\b|represents\b|denotes\b)"
    r"[a-z]{3,}s\b",
    re.IGNORECASE,
)
_GOOD = re.compile(
    r"best|excellent|perfect|good|beautiful|imperceptible|pristine|flawless|outstanding|undistorted|"
    r"no (?:visible )?(?:distortion|noise|artefact|artifact|impairment|blur)|high(?:est)? quality",
    re.IGNORECASE,
)
_BAD = re.compile(
    r"worst|bad|poor|terrible|ugly|annoying|awful|unacceptable|severe|heavy|heavily|low(?:est)? quality", re.IGNORECASE
)
_IS = r"\s*(?:is|are|being|mean(?:s|ing)?|represent(?:s|ing)?|indicat(?:es?|ing)|denot(?:es?|ing)|stands for)\s+"
_BETTER = re.compile(r"\b(lower|higher)(?: (?:scores?|numbers?|values?))? (?:is|are|means?) better\b", re.IGNORECASE)


_SCORED = re.compile(r"\b(?:scores?|ratings?|rate|scale|grades?|marks?|mos|stars)\b|分", re.IGNORECASE)


def is_tied_to_the_score(text: str) -> bool:
    """Whether a sentence that names the scale speaks of scoring: other ranges stand in prompts too.

    Examples:
        >>> is_tied_to_the_score("Rate it from 1 to 5."), is_tied_to_the_score("Taken between 1990 and 2000?")
        (True, False)
    """
    sentences = re.split(r"(?<=[.!?;\n])\s", text[:LONGEST_PROMPT])
    return any(_SCORED.search(sentence) for sentence in sentences if any(True for _ in _scales(sentence)))


class NamedScale(NamedTuple):
    """A scale that a text names; None for what it leaves open."""

    low: float | None
    high: float
    higher_is_better: bool | None

    def __str__(self) -> str:
        ends = f"out of {self.high:g}" if self.low is None else f"{self.low:g} to {self.high:g}"
        return ends + (" (lower is better)" if self.higher_is_better is False else "")


def named_scale(text: str) -> NamedScale | None:
    """The one scale that a text names; None where it names several or none."""
    text = _LEVELS.sub(r" score from \1 to \2 ", text[:LONGEST_PROMPT])
    found = set(_scales(text))
    ranges = {(scale.low, scale.high) for scale in found if scale.low is not None}
    others = {(scale.low, scale.high) for match in _BARE.finditer(text) for scale in _of_range(match, text)}
    highs = {scale.high for scale in found}
    if len(highs) != 1 or len(ranges | others) > 1:
        return None
    low = next((scale.low for scale in found if scale.low is not None), None)
    high = highs.pop()
    said = {scale.higher_is_better for scale in found} | set(_said(text, low, high))
    directions = said - {None}
    return NamedScale(low, high, directions.pop() if len(directions) == 1 else None)


def _scales(text: str) -> Iterator[NamedScale]:
    for pattern in _RANGES:
        for match in pattern.finditer(text):
            yield from _of_range(match, text)
    for pattern in _NOTED:
        for match in pattern.finditer(text):
            if (match[2] or match[3]) and (match[5] or match[6]):
                yield from _of_range(match, text)
    for pattern in _BOUNDS:
        for match in pattern.finditer(text):
            low, high = _value(match[1]), _value(match[2])
            if low < high:
                yield NamedScale(low, high, None)
    for pattern in (_OUT_OF, _N_POINT):
        for match in pattern.finditer(text):
            if not _UNITS.match(text, match.end()) and _value(match[1]) > 1:
                yield NamedScale(None, _value(match[1]), None)


def _of_range(match: re.Match[str], text: str) -> Iterator[NamedScale]:
    low, low_note, low_word, high, high_note, high_word = match.groups()
    counts = _UNITS.match(text, match.end()) or _THINGS.match(text, match.end())
    if counts or _value(low) == _value(high):
        return
    better = _direction(low_note or low_word or "", high_note or high_word or "")
    if _value(low) < _value(high):
        yield NamedScale(_value(low), _value(high), better)
    else:  # "from 100 (best) to 0 (worst)"
        yield NamedScale(_value(high), _value(low), None if better is None else not better)


def _direction(low: str, high: str) -> bool | None:
    """Whether higher is better, by what is said of both ends."""
    goods, bads = (bool(_GOOD.search(low)), bool(_GOOD.search(high))), (bool(_BAD.search(low)), bool(_BAD.search(high)))
    if goods == (False, True) and bads == (True, False):
        return True
    return False if goods == (True, False) and bads == (False, True) else None


def _said(text: str, low: float | None, high: float) -> Iterator[bool]:
    """The same by sentences: "1 is the worst", "10 being best", "lower is better"."""
    for end, is_high in ((low, False), (high, True)):
        if end is None:
            continue
        for match in re.finditer(rf"(?<![\w.]){end:g}{_IS}([^.;,\d\n]{{1,40}})", text, re.IGNORECASE):
            good, bad = bool(_GOOD.search(match[1])), bool(_BAD.search(match[1]))
            if good != bad:
                yield good == is_high
    for match in _BETTER.finditer(text):
        yield match[1].lower() == "higher"


def _value(number: str) -> float:
    return NUMBERS[number.lower()] if number.lower() in NUMBERS else float(number)
