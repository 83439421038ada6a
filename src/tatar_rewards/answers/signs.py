"""What the text of an unreadable answer shows of its cause. Each sign looks at the text and at `think_prefilled`."""

import re

from tatar_rewards.answers.foreign import ANSWER_TAG, BOX_OPENS, CODE_FENCE, SPECIAL_TOKEN, THINK_OPENS, THINK_TAG

_ANSWER_TAG_IN_ANY_FORM = re.compile(r"<\s*+/?\s*+answer\s*+>", re.IGNORECASE)
_JSON_FIELD = re.compile(r"""\{\s{0,9}["']\w[^"'\n]{0,60}["']\s{0,3}:""")
_PLACEHOLDER = re.compile(
    r"""[\s\[({<"'*_]*+
    (?: your\b[\w ]{0,40} | (?:the\ )?(?:number|score|rating|answer|value|mos) | n | x+ | \?+ | \.{2,} | \u2026 )?
    [\s\])}>"'*_]*+""",
    re.IGNORECASE | re.VERBOSE,
)
_FRACTION = re.compile(r"\d\s{0,2}(?:/|%|out of\b|percent\b)")
_RANGE_OR_COMMA = re.compile(r"\d\s{0,2}(?:-|\u2013|,|to\b|or\b)\s{0,2}\d")


def only_closes_thinking(text: str, think_prefilled: bool) -> bool:
    return not think_prefilled and "</think>" in text and "<think>" not in text and not only_closes_answer(text, False)


def only_closes_answer(text: str, think_prefilled: bool) -> bool:
    return "</answer>" in text and "<answer>" not in text


def answers_in_prefilled_thinking(text: str, think_prefilled: bool) -> bool:
    return think_prefilled and "</think>" not in text and "</answer>" in text


def never_closes_prefilled_thinking(text: str, think_prefilled: bool) -> bool:
    return think_prefilled and "</think>" not in text


def opens_prefilled_thinking(text: str, think_prefilled: bool) -> bool:
    return think_prefilled and text.lstrip().startswith("<think>")


def ends_with_special_token(text: str, think_prefilled: bool) -> bool:
    return any(token.end() == len(text.rstrip()) for token in SPECIAL_TOKEN.finditer(text))


def says_nothing(text: str, think_prefilled: bool) -> bool:
    return not SPECIAL_TOKEN.sub("", text).strip()


def stops_after_thinking(text: str, think_prefilled: bool) -> bool:
    return SPECIAL_TOKEN.sub("", text).rstrip().endswith("</think>")


def tags_in_another_form(text: str, think_prefilled: bool) -> bool:
    return _ANSWER_TAG_IN_ANY_FORM.search(text) is not None


def box_or_other_tags(text: str, think_prefilled: bool) -> bool:
    return BOX_OPENS in text or "\\boxed" in text or ANSWER_TAG.search(text) is not None


def json_field(text: str, think_prefilled: bool) -> bool:
    return _JSON_FIELD.search(text) is not None


def turn_goes_on(text: str, think_prefilled: bool) -> bool:
    return SPECIAL_TOKEN.search(_after_answer(text)) is not None


def only_tokens_before(text: str, think_prefilled: bool) -> bool:
    return says_nothing(_before_answer(text, think_prefilled), think_prefilled)


def only_tokens_after(text: str, think_prefilled: bool) -> bool:
    return says_nothing(_after_answer(text), think_prefilled)


def thinks_in_other_tags(text: str, think_prefilled: bool) -> bool:
    before = _before_answer(text, think_prefilled)
    return THINK_OPENS.search(before) is not None or THINK_TAG.search(before) is not None


def thinks_after_answering(text: str, think_prefilled: bool) -> bool:
    after = _after_answer(text)
    return "<think>" in after or "</think>" in after


def code_fence(text: str, think_prefilled: bool) -> bool:
    around = _before_answer(text, think_prefilled) + _after_answer(text)
    return CODE_FENCE.search(around) is not None and not CODE_FENCE.sub("", around).strip()


def placeholder(text: str, think_prefilled: bool) -> bool:
    return _PLACEHOLDER.fullmatch(_inside_answer(text)) is not None


def token_in_answer(text: str, think_prefilled: bool) -> bool:
    return SPECIAL_TOKEN.search(_inside_answer(text)) is not None


def json_in_answer(text: str, think_prefilled: bool) -> bool:
    return "{" in _inside_answer(text) and "\\" not in _inside_answer(text)


def fraction_in_answer(text: str, think_prefilled: bool) -> bool:
    return _FRACTION.search(_inside_answer(text)) is not None


def range_in_answer(text: str, think_prefilled: bool) -> bool:
    return _RANGE_OR_COMMA.search(_inside_answer(text)) is not None


# ---------------------------------------------------------------- parts of a text


def _before_answer(text: str, think_prefilled: bool) -> str:
    """What stands before the answer and outside the think block."""
    before = text.partition("<answer>")[0]
    outside, opening, inside = before.partition("<think>")
    if opening or think_prefilled:
        return (outside if opening else "") + (inside or outside).rpartition("</think>")[2]
    return outside


def _after_answer(text: str) -> str:
    return text.partition("</answer>")[2]


def _inside_answer(text: str) -> str:
    return text.rpartition("<answer>")[2].partition("</answer>")[0]
