"""Where a sentence, a list or a JSON object states a number as its score, for the lenient grammar.

A statement is a label (`score`, `rating`, `answer`, `mos`), then `:`, `=`, `is`, `was` or `of`, then a number. Between
label and sign may stand what is rated: `rating for this photo: 85`. The number is a score only where the statement ends
with it or goes on as after a score. Before any other word it counts things after `of`, and may count them after other
signs: `Score: 3 images are blurry`.
"""

import re
from typing import NamedTuple

_MARKS = r"""["'*_`$]"""
_UNITS = r"(?:points?|pts?|stars?|marks?)"
_NOT_OF_SCALE = "".join(  # "the maximum score is 100" tells of the scale
    rf"(?<!{word}\ )" for word in ("maximum", "max", "minimum", "min", "highest", "lowest", "possible", "top", "full")
)
_LABEL = re.compile(
    # a word of its own, or the end of one_like_this
    rf"""(?<![^\W_]) {_NOT_OF_SCALE} (?:score|rating|answer|mos) {_MARKS}{{0,3}}
    (?: \s{{1,3}} out \s of \s \d{{1,4}} )? (?: \s{{0,3}} \([^()\n]{{0,40}}\) )? {_MARKS}{{0,3}} \s{{0,3}}""",
    re.IGNORECASE | re.VERBOSE,
)
_NUMBER = re.compile(
    rf"""(?: : | = | (?P<sentence> (?:is|was|of)\b ) ) (?: {_MARKS}{{0,3}} \s{{1,5}} )? (?P<opened>{_MARKS}{{1,3}}+)?
    (?P<number> [+\-\u2212]? \.? \d [\d.,/%:+\-\u2212\u2013eE]*+  # with what could belong to it: 70 of 70-80 is none
      (?: [ \t]{{0,2}} (?: {_UNITS} [ \t]{{1,2}} )? (?:/|out[ ]of|to|or|and|-|\u2013)? [ \t]{{0,2}} \d [\d.,%]*+ )?
      (?: [ \t]?% )? )""",
    re.IGNORECASE | re.VERBOSE,
)
_THING = re.compile(
    rf"""(?:of|for|to|on|over|from|by|across|among|in|with)\b
    (?: \s{{1,2}} (?! (?:is|are|was|were|be|has|have|but|because|since|while|which|that|if|when|number|count)\b )
      [\w\#\u2019'*`"-]{{1,30}}+ ){{1,7}}+
    (?: \s{{0,3}} \([^()\n]{{0,40}}\) )? {_MARKS}{{0,3}} \s{{0,3}} (?= : | = | (?:is|was)\b )""",
    re.IGNORECASE | re.VERBOSE,
)
_GOES_ON = r"""(?:
    as|at|because|but|by|considering|despite|due|from|given|giving|for|hence|here|however|i|if|indicat(?:es|ing)|is|it|
    its|mainly|meaning|mostly|my|note|on|overall|owing|primarily|rating|rationale|reason(?:s|ing)?|reflect(?:s|ing)|
    explanation|justification|confidence|answer|score|seems|since|so|suggest(?:s|ing)|thanks|that|the|there|therefore|
    these|this|though|although|thus|was|we|when|where|which|while|with|without|would|an?|based|according|
    in (?!\s+\d) | and (?!\s+(?:more|other|a\s+half|up)) | to (?=\s+(?:this|the|it|that)\b) )\b"""
_SPACE = r"[^\S\r\n\v\f]|[\u200b-\u200f\u2060\ufeff]"  # within a line
_AFTER = rf"""(?: (?:{_SPACE}){{0,2}} (?:{_UNITS}\b|\u5206) )?+ (?: (?:{_SPACE}){{0,3}} \([^()\n]{{0,60}}\) )?+
    (?: \s{{1,3}} {_MARKS}{{0,3}} {_GOES_ON}
      | (?! (?:{_SPACE}){{1,3}} {_MARKS}{{1,3}} [^\W\d_] ) (?:{_SPACE})*+ (?: \Z | _ | [^\w\s\u00b0\u00d7~] | %s ) )"""
_LINE_ENDS = re.compile(_AFTER % r"\s", re.IGNORECASE | re.VERBOSE)
_SENTENCE_ENDS = re.compile(_AFTER % r"\s (?! \s{0,2} (?-i:[a-z]) )", re.IGNORECASE | re.VERBOSE)  # its lines may wrap
_ITEM = re.compile(r"(?:(?<=\.)|\)) \S")  # of a numbered list that begins below the label
_CLOSING = re.compile(rf"{_MARKS}{{0,3}}")


class Statement(NamedTuple):
    """A number that is stated as the score."""

    number: str  # as it is written
    certain: bool  # else it may count things


def statements(text: str) -> list[Statement]:
    """The numbers that a text states as its score; what is stated right after a label goes before what is of a thing.

    Examples:
        >>> [number for number, _ in statements("Score: 70, since it is sharp. Rating for the colours: 80")]
        ['70,']
        >>> statements("The score of 3 images is 85."), statements("Score: 3 images are blurry.")
        ([Statement(number='85.', certain=True)], [Statement(number='3', certain=False)])
    """
    direct: list[Statement] = []
    of_things: list[Statement] = []
    for label in _LABEL.finditer(text):
        number = _NUMBER.match(text, label.end())
        certain = number is not None and _ends_statement(number)
        after_of = number is not None and (number["sentence"] or "").lower() == "of"
        of_thing = None if certain and not after_of else _number_of_thing(text, label.end())
        if of_thing is not None and (of_thing["sentence"] or not certain):  # a score of 70: 3 of them stays 70
            (of_things if number is None else direct).append(Statement(of_thing["number"], certain=True))
        elif number is not None and (certain or not after_of):
            direct.append(Statement(number["number"], certain))
    return direct or of_things


def _number_of_thing(text: str, start: int) -> re.Match[str] | None:
    thing = _THING.match(text, start)
    number = None if thing is None else _NUMBER.match(text, thing.end())
    return number if number is not None and _ends_statement(number) else None


def _ends_statement(number: re.Match[str]) -> bool:
    text, end = number.string, number.end()
    if "\n" in number[0] and _ITEM.match(text, end):
        return False
    if text[end - 1] in ".,:;":
        return True
    if number["opened"] and (closing := _CLOSING.match(text, end)):  # 3 of **3** images
        end = closing.end()
    return (_SENTENCE_ENDS if number["sentence"] else _LINE_ENDS).match(text, end) is not None
