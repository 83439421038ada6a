"""Coverage-guided fuzzing of everything that reads a model's output; `make fuzz` runs it for a few minutes.

    python tools/fuzz.py [SECONDS]

Atheris grows inputs that reach new branches. Whatever they are, nothing may raise, statuses and scores must agree, and
a text that is ten times as long may not take much more than ten times as long.
"""

import sys
import time

import atheris

with atheris.instrument_imports(include=["tatar_rewards"]):
    from tatar_rewards import AnswerStatus, LengthReward, ScoreScale, parse_answer
    from tatar_rewards.answers import read_completion
    from tatar_rewards.answers.words import length_without_repetition

TOKENS = ["<think>", "</think>", "<answer>", "</answer>", "< Answer >", "\\boxed{", "}", "score", "rating", ": ", "of"]
TOKENS += ["(0-100)", "/100", "out of", "%", "73", "4.2", ".", ",", "-", "+", "1e9", "\r\n", " " * 9, '"', "*"]
TOKENS += ["<|im_end|>", "<thinking>", "</reasoning>", "[THINK]", "<|begin_of_box|>", "```json\n", "images", "for "]
TOKENS += ["\u200b", "\u0667", "\uff17", "\ud800"]
SCALES = [ScoreScale(0, 100), ScoreScale(1, 5), ScoreScale(-2, 2), ScoreScale(0, 1, higher_is_better=False)]
SLOWEST = 2.0  # seconds that a million characters may take; they take up to a third of that
LENGTH_REWARD = LengthReward(shortest=3, longest=9, unit="tokens")


def text_from(data: atheris.FuzzedDataProvider) -> str:
    """Tokens of the grammars and raw text in turn."""
    parts = []
    for _ in range(data.ConsumeIntInRange(0, 24)):
        number = data.ConsumeIntInRange(0, len(TOKENS) + 7)
        parts.append(TOKENS[number] if number < len(TOKENS) else data.ConsumeUnicode(data.ConsumeIntInRange(0, 12)))
    return "".join(parts)


def check_answer(text: str, scale: ScoreScale, think_prefilled: bool) -> None:
    strict = parse_answer(text, scale=scale, think_prefilled=think_prefilled)
    lenient = parse_answer(text, scale=scale, think_prefilled=think_prefilled, lenient=True)
    for answer in (strict, lenient):
        assert isinstance(answer.status, AnswerStatus)
        assert isinstance(answer.think, str)
        assert answer.ok == (answer.score is not None)
        assert answer.score is None or answer.score in scale
    if strict.ok and "</think>" not in strict.think.lower().replace(" ", ""):
        assert lenient[:2] == strict[:2], (text, strict, lenient)


def check_time(text: str) -> None:
    long = text * (1_000_000 // max(1, len(text)))
    for lenient in (False, True):
        start = time.process_time()
        parse_answer(long, lenient=lenient)
        seconds = time.process_time() - start
        assert seconds < SLOWEST, (text, lenient, seconds)


def test_one_input(raw: bytes) -> None:
    data = atheris.FuzzedDataProvider(raw)
    scale, think_prefilled = SCALES[data.ConsumeIntInRange(0, 3)], data.ConsumeBool()
    seldom = data.ConsumeIntInRange(0, 255) == 255
    text = text_from(data)
    check_answer(text, scale, think_prefilled)
    messages = [{"role": "assistant", "content": text, "reasoning_content": text_from(data)}]
    assert read_completion(messages, scale=scale).ok == (read_completion(messages, scale=scale).score is not None)
    words = text.split()
    assert length_without_repetition(words) <= len(words)
    assert length_without_repetition(words * 3) <= max(len(words) + 3, 7)
    (reward,) = LENGTH_REWARD([text], completion_ids=[words])
    assert 0 <= reward <= 1
    if seldom:
        check_time(text)


if __name__ == "__main__":
    seconds = sys.argv.pop(1) if len(sys.argv) > 1 and sys.argv[1].isdigit() else "120"
    options = [
        f"-max_total_time={seconds}",
        "-timeout=20",
        "-rss_limit_mb=4000",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    atheris.Setup([sys.argv[0], *options, *sys.argv[1:]], test_one_input)
    atheris.Fuzz()
