"""What does parsing cost, and can a completion make it slow? Beside what one cannot do without.

    python benchmarks/parsing_time.py

First honest completions, beside one search for the answer with a regular expression and one `str.rfind`. Then hostile
patterns, beside a backtracking pattern as forks use it: the parser reads a million characters of each; the backtracking
pattern five hundred, then a thousand, since its time grows with the square or the cube.
"""

import re
import statistics
import time
import timeit

from tatar_rewards import parse_answer

PATTERNS = {
    "opening answer tags": "<answer>",
    "closing answer tags": "</answer>",
    "whole answers": "<answer>7</answer>",
    "opening think tags": "<think>",
    "closing think tags": "</think>",
    "whole think blocks": "<think>a</think>",
    "less-than signs": "<",
    "tags without an end": "<answer",
    "tags with spaces": "<  /  think  >",
    "spaces": " ",
    "line ends": "\r\n",
    "digits": "9",
    "decimals": "0.",
    "signs": "+-",
    "numbers": "7 ",
    "labels": "score: ",
    "labels with numbers": "score: 7 ",
    "labels with brackets": "score (",
    "open boxes": "\\boxed{",
    "zero-width spaces": "\u200b",
    "special tokens": "<|im_start|>",
    "tokens without an end": "<|",
    "foreign think tags": "<thinking>",
    "closing foreign tags": "a</reasoning>",
    "code fences": "```",
    "scores of things": "score of 3 a ",
    "labels of long things": "score of a 'b-c' ",
}
BACKTRACKING = re.compile(r"<think>.*?</think>\s*<answer>\s*(.*?)\s*</answer>|<answer>\s*(.*?)\s*</answer>", re.DOTALL)


def hostile(pattern: str, length: int) -> list[str]:
    """The pattern alone, inside answer tags, and between an answer that opens and nothing that closes it."""
    text = pattern * (length // len(pattern))
    return [text, f"<answer>{text}</answer>", f"<think>a</think><answer>{text}"]


def milliseconds(read, texts: list[str], runs: int) -> float:
    """The slowest of the texts, each the median of some runs."""

    def once(text: str) -> float:
        start = time.perf_counter()
        read(text)
        return 1e3 * (time.perf_counter() - start)

    return max(statistics.median(once(text) for _ in range(runs)) for text in texts)


SEARCH = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


def honest(length: int) -> str:
    """A completion of about so many characters."""
    answer = "<answer>73.42</answer>"
    words = ["soft", "light", "falls", "on", "calm", "water", "and", "the", "far", "shore", "stays", "dark", "while"]
    thought = " ".join(f"{words[k % len(words)]}{k}" for k in range(length // 6))
    return f"<think>{thought[: max(0, length - len(answer) - 15)]}</think>{answer}" if length > 40 else answer


def search_and_convert(text: str) -> float:
    """The least that a reward can do: the number in the first answer tags."""
    return float(SEARCH.search(text)[1])


def honest_completions() -> None:
    print("microseconds a completion; ratio of strict to a search with the number made of it")
    print(
        f"{'characters':>10}{'strict':>8}{'search':>8}{'+ float':>8}{'ratio':>7}{'rfind':>7}{'lenient':>8}{'words':>7}"
    )
    readers = (
        parse_answer,
        SEARCH.search,
        search_and_convert,
        lambda text: text.rfind("<answer>"),
        lambda text: parse_answer(text, lenient=True),
        lambda text: len(text.split()),
    )
    for length in (25, 100, 1_000, 10_000):
        text, number = honest(length), 100_000 // length
        strict, search, least, rfind, lenient, words = (
            1e6 * min(timeit.repeat(lambda: read(text), number=number, repeat=9)) / number  # noqa: B023
            for read in readers
        )
        print(
            f"{len(text):>10}{strict:>8.2f}{search:>8.2f}{least:>8.2f}{strict / least:>6.1f}x{rfind:>7.2f}"
            f"{lenient:>8.2f}{words:>7.2f}"
        )
    print()


def main() -> None:
    honest_completions()
    print(f"{'milliseconds, the worst of three places':<40}{'1 MB':>8}{'1 MB':>9}{'500 B':>14}{'1 kB':>14}")
    print(f"{'pattern':<40}{'strict':>8}{'lenient':>9}{'backtracking':>14}{'backtracking':>14}")
    for name, pattern in PATTERNS.items():
        long = hostile(pattern, 1_000_000)
        strict = milliseconds(parse_answer, long, 5)
        lenient = milliseconds(lambda text: parse_answer(text, lenient=True), long, 5)
        forks = [milliseconds(BACKTRACKING.search, hostile(pattern, length), 3) for length in (500, 1_000)]
        print(f"{name:<40}{strict:8.1f}{lenient:9.1f}{forks[0]:14.3f}{forks[1]:14.3f}")


if __name__ == "__main__":
    main()
