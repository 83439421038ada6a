"""Can a completion make parsing slow? Twenty hostile patterns, beside a backtracking pattern as forks use it.

    python benchmarks/parsing_time.py

The parser reads a million characters of each; the backtracking pattern five hundred, then a
thousand, since its time grows with the square or the cube.
"""

import re
import statistics
import time

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


def main() -> None:
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
