"""How much was thought: words of the think block, and how many of them say something new.

Words are split at white space. Scripts that write none between words count by the character: a character of Chinese
is 2/3 of a word, one of the Japanese kana 1/2, one of Thai, Lao, Khmer, Burmese and their like 1/5, and the sum is
rounded to whole words. Signs between such characters count nothing.
"""

import re
from collections.abc import Hashable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

SPAN = 4  # words in a row that count as a repetition; shorter turns of phrase come back in honest prose

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31f0-\u31ff\uff66-\uff9f"
_SOUTH_EAST_ASIAN = (  # letters, and the signs above, below and beside them; Tibetan and Javanese write no spaces too
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e50-\u0e59\u0e81-\u0edf\u0f20-\u0f33\u0f40-\u0fbc\u1000-\u1049\u1050-\u109f"
    "\u1780-\u17d3\u17dc-\u17e9\u1950-\u19df\u1a20-\u1a99\u1b05-\u1b59\ua980-\ua9c0\ua9cf-\ua9fe\uaa60-\uaadd"
)
_BY_CHARACTER = re.compile(f"[{_HAN}{_KANA}{_SOUTH_EAST_ASIAN}]")
_TOKEN = re.compile(f"([{_HAN}])|([{_KANA}])|([{_SOUTH_EAST_ASIAN}])|([^\\s{_HAN}{_KANA}{_SOUTH_EAST_ASIAN}]+)")
_PARTS_OF_WORD = (0, 20, 15, 6, 30)  # of each group of `_TOKEN`, in thirtieths of a word
_PARTS_OF_SPAN = (0, 3, 2, 1, 6)  # in 24ths of a span: 8 characters of Chinese, 12 kana, 24 of Thai, or 4 words
_WORD, _WHOLE_SPAN = 30, 24


class _WithoutSigns(dict[int, int | None]):
    """A table for `str.translate` that keeps letters, digits and white space, filled as characters are met."""

    def __missing__(self, code: int) -> int | None:
        character = chr(code)
        kept = character.isalnum() or character.isspace() or _BY_CHARACTER.match(character)
        self[code] = code if kept else None
        return self[code]


_WITHOUT_SIGNS = _WithoutSigns()


def count_words(think: str) -> int:
    """Words of a text, split at white space; of scripts without spaces by the character.

    Examples:
        >>> count_words("Soft light, calm colours.")
        4
        >>> count_words("光线柔和。色彩平静。")  # eight characters
        5
    """
    if think.isascii() or not _BY_CHARACTER.search(think):
        return len(think.split())
    return _whole_words(sum(token.parts for token in _tokens(think.translate(_WITHOUT_SIGNS))))


def count_new_words(think: str) -> int:
    """Words of a text that hold a letter or a digit and do not repeat others; case makes no difference.

    Examples:
        >>> count_new_words("Soft light, calm colours. - - - soft light, calm colours!")
        4
        >>> count_new_words("光线柔和。色彩平静。" * 20)
        5
    """
    text = think.casefold().translate(_WITHOUT_SIGNS)
    if text.isascii() or not _BY_CHARACTER.search(text):
        return length_without_repetition(text.split())
    return _whole_words(_parts_without_repetition(list(_tokens(text))))


def count_padding(text: str, score: float) -> int:
    """Characters that the grammar lets stand and that say nothing: white space, and digits beyond the sixth.

    Examples:
        >>> count_padding("<answer>64.0000000000</answer>", 64.0)
        11
    """
    number = text.rpartition("<answer>")[2].partition("</answer>")[0].strip()
    return len(text) - len(" ".join(text.split())) + max(0, len(number) - len(f"{score:.6g}"))


def length_without_repetition(words: Sequence[Hashable]) -> int:
    """How many of the words are not part of four in a row that have stood before.

    A text that repeats itself is no longer for it. Four words in a row hardly come back in prose.

    Args:
        words: The words of a text in order, or its tokens.

    Returns:
        The number of words, at most `len(words)`.

    Reference:
        The n-gram repetition of text-generation decoding; counting only what is new is ours.

    Examples:
        >>> sentence = "The light is soft and the colours are calm".split()
        >>> length_without_repetition(sentence), length_without_repetition(5 * sentence)
        (9, 9)
        >>> length_without_repetition(["good"] * 200)
        1
    """
    later = [words[start:] for start in range(1, SPAN)]
    if len(set(zip(words, *later, strict=False))) == len(later[-1]):
        return len(words)
    seen: set[tuple[Hashable, ...]] = set()
    repeated = covered = 0
    for start, span in enumerate(zip(words, *later, strict=False)):
        if span in seen:
            repeated += start + SPAN - max(covered, start)
            covered = start + SPAN
        seen.add(span)
    return len(words) - repeated


# ---------------------------------------------------------------- scripts without spaces


class _Token(NamedTuple):
    """A character of a script without spaces, or a word."""

    text: str
    parts: int  # of a word
    of_span: int  # parts of a span


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        kind = found.lastindex or 0
        yield _Token(found[0], _PARTS_OF_WORD[kind], _PARTS_OF_SPAN[kind])


def _whole_words(parts: int) -> int:
    return (parts + _WORD // 2) // _WORD


def _parts_without_repetition(tokens: Sequence[_Token]) -> int:
    """The same as `length_without_repetition` in parts of words, with spans of as many tokens as make one."""
    texts = [token.text for token in tokens]
    parts = [0, *accumulate(token.parts for token in tokens)]
    seen: set[tuple[str, ...]] = set()
    repeated = covered = end = in_span = 0
    for start, token in enumerate(tokens):
        while in_span < _WHOLE_SPAN and end < len(tokens):
            in_span += tokens[end].of_span
            end += 1
        if in_span < _WHOLE_SPAN:
            break
        span = tuple(texts[start:end])
        if span in seen:
            repeated += parts[end] - parts[max(covered, start)]
            covered = end
        seen.add(span)
        in_span -= token.of_span
    return parts[-1] - repeated
