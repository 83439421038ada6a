"""How much was thought: words of the think block, and how many of them say something new."""

from collections.abc import Hashable, Sequence

SPAN = 4  # words in a row that count as a repetition; shorter turns of phrase come back in honest prose


class _WithoutSigns(dict[int, int | None]):
    """A table for `str.translate` that keeps letters, digits and white space, filled as characters are met."""

    def __missing__(self, code: int) -> int | None:
        character = chr(code)
        self[code] = code if character.isalnum() or character.isspace() else None
        return self[code]


_WITHOUT_SIGNS = _WithoutSigns()


def count_words(think: str) -> int:
    """Words of a text, split at white space.

    Examples:
        >>> count_words("Soft light, calm colours.")
        4
    """
    return len(think.split())


def count_new_words(think: str) -> int:
    """Words of a text that hold a letter or a digit and do not repeat others; case makes no difference.

    Examples:
        >>> count_new_words("Soft light, calm colours. - - - soft light, calm colours!")
        4
    """
    return length_without_repetition(think.casefold().translate(_WITHOUT_SIGNS).split())


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
