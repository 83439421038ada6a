"""`parse_answer`: one answer, one number, nothing else."""

import itertools
import json
import time
from pathlib import Path

import parsing_time
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import grammar

from tatar_rewards import POINTS, AnswerStatus, ScoreScale, parse_answer
from tatar_rewards.answers import read_completion, strict

S = AnswerStatus
CORPUS = json.loads((Path(__file__).parent / "data" / "answers.json").read_text())
EACH_ENTRY = pytest.mark.parametrize("entry", CORPUS, ids=[f"{entry['group']}: {entry['why']}" for entry in CORPUS])


@EACH_ENTRY
@pytest.mark.parametrize("grammar", ["strict", "lenient"])
def test_the_corpus_is_read_as_written(entry, grammar):
    answer = read_completion(
        entry["completion"],
        scale=ScoreScale(*entry["scale"]) if "scale" in entry else POINTS,
        think_prefilled=entry.get("think_prefilled", False),
        lenient=grammar == "lenient",
    )
    assert {"status": answer.status, "score": answer.score} == entry[grammar]


def test_the_corpus_is_large_and_holds_nothing_twice():
    entries = [json.dumps([entry["completion"], entry.get("scale"), "think_prefilled" in entry]) for entry in CORPUS]
    assert len(entries) == len(set(entries)) >= 250
    assert {entry["strict"]["status"] for entry in CORPUS} == set(AnswerStatus)


@pytest.mark.parametrize(
    ("text", "think"),
    [
        ("<answer>73</answer>", ""),
        ("<think>Soft light.</think><answer>64</answer>", "Soft light."),
        ("<think>\n Two\nlines. \n</think>\n<answer>64</answer>", "Two\nlines."),
        ("<think>70 < x < 80, <b>bold</b></think><answer>75</answer>", "70 < x < 80, <b>bold</b>"),
        ("<think>Cut off", "Cut off"),
        ("<think>Sharp.</think>So: <answer>73</answer>", "Sharp."),
        ("<think>so <answer>73</answer></think>", "so <answer>73</answer>"),
        ("<think>Sharp.</think><answer>good</answer>", "Sharp."),
        ("<think>Sharp.</think><answer>730</answer>", "Sharp."),
        ("<think>Sharp.</think><answer>73", "Sharp."),
        ("<think>Sharp.</think>", "Sharp."),
    ],
)
@pytest.mark.parametrize("lenient", [False, True])
def test_the_thinking_is_kept(text, think, lenient):
    assert parse_answer(text, lenient=lenient).think == think


def test_the_lenient_grammar_keeps_all_that_was_thought_before_the_last_closing_tag():
    assert parse_answer("<Think>a</Think> b </think>Score: 73", lenient=True) == (S.OK, 73.0, "a</think> b")


@pytest.mark.parametrize("text", [None, b"<answer>73</answer>", 73, ["<answer>73</answer>"]])
def test_only_text_can_be_parsed(text):
    with pytest.raises(TypeError, match="text must be a str; got"):
        parse_answer(text)


pieces = st.lists(
    st.one_of(
        st.sampled_from(
            ["<think>", "</think>", "<answer>", "</answer>", "73", "42.5", " ", "\n", "-", ".", "101", "x", "Score: "]
        ),
        st.text(max_size=5),
    ),
    max_size=12,
).map("".join)


@given(pieces, st.booleans())
def test_any_text_gets_an_answer_and_only_the_grammar_gets_a_score(text, think_prefilled):
    answer = parse_answer(text, think_prefilled=think_prefilled)
    assert answer.ok == (answer.score is not None)
    if answer.ok:
        whole = "<think>" * think_prefilled + text
        assert whole.count("<answer>") == whole.count("</answer>") == 1
        assert whole.count("<think>") == whole.count("</think>") <= 1
        think, number = whole.split("<answer>")
        assert think.strip(" \t\n\r\f\v").endswith("</think>") or not think.strip(" \t\n\r\f\v")
        assert float(number.split("</answer>")[0]) == answer.score
        assert 0 <= answer.score <= 100


@pytest.mark.parametrize("think_prefilled", [False, True])
@pytest.mark.parametrize("length", range(7))
def test_every_order_of_tags_and_words_is_read_as_the_grammar_says(length, think_prefilled):
    """All sequences of up to six pieces: seventy thousand texts; the short way and the long one."""
    parts = ["<think>", "</think>", "<answer>", "</answer>", "73", " ", "x"] if length < 6 else ["<think>", "</think>"]
    parts += [] if length < 6 else ["<answer>", "</answer>", "73"]
    for sequence in itertools.product(parts, repeat=length):
        text = "".join(sequence)
        expected = grammar.strict_answer(text, think_prefilled=think_prefilled)
        assert tuple(parse_answer(text, think_prefilled=think_prefilled)) == expected, text
        assert tuple(strict._parse_any(text, POINTS, think_prefilled)) == expected, text


@pytest.mark.parametrize("space", ["\u00a0", "\u2003", "\x1c", "\x85"], ids=ascii)
@pytest.mark.parametrize("think_prefilled", [False, True])
def test_only_ascii_space_is_space(space, think_prefilled):
    block = "a</think>" if think_prefilled else "<think>a</think>"
    forms = [
        f"{space}{block}<answer>7</answer>",
        f"{block}{space}<answer>7</answer>",
        f"{block}<answer>7</answer>{space}",
    ]
    forms += [f"{space}<answer>7</answer>", f"<answer>{space}7</answer>", f"<answer>7{space}</answer>"]
    for text in forms:
        expected = grammar.strict_answer(text, think_prefilled=think_prefilled)
        assert tuple(parse_answer(text, think_prefilled=think_prefilled)) == expected, text
        assert tuple(strict._parse_any(text, POINTS, think_prefilled)) == expected, text
        assert expected[0] != "ok" or (think_prefilled and text.startswith(space)), text


@given(pieces, st.booleans())
def test_any_text_is_read_as_the_grammar_says(text, think_prefilled):
    scale = ScoreScale(1, 73.5)
    expected = grammar.strict_answer(text, scale.low, scale.high, think_prefilled)
    assert tuple(parse_answer(text, scale=scale, think_prefilled=think_prefilled)) == expected


nearly_plain = st.tuples(
    st.sampled_from(["", " ", "<think>", "\n<think>", "<think> <", "x"]),
    pieces,
    st.sampled_from(["</think>", "</think>\n", "", "</think>x"]),
    st.sampled_from(
        ["<answer>73</answer>", "<answer> 101.5 </answer>\n", "<answer>+7.</answer>", "<answer>7</answer>x"]
    ),
).map("".join)


@given(st.one_of(pieces, nearly_plain), st.booleans())
def test_the_short_way_through_the_parser_ends_where_the_long_one_does(text, think_prefilled):
    plain = strict._parse_well_formed(text, POINTS, think_prefilled)
    assert plain is None or plain == strict._parse_any(text, POINTS, think_prefilled)


@EACH_ENTRY
def test_the_corpus_takes_no_short_way_that_ends_elsewhere(entry):
    for prefilled in (False, True):
        text = entry["completion"] if isinstance(entry.get("completion"), str) else ""
        plain = strict._parse_well_formed(text, POINTS, prefilled)
        assert plain is None or plain == strict._parse_any(text, POINTS, prefilled)


@given(pieces, st.booleans())
def test_what_the_strict_grammar_reads_the_lenient_one_reads_alike(text, think_prefilled):
    strict = parse_answer(text, think_prefilled=think_prefilled)
    lenient = parse_answer(text, think_prefilled=think_prefilled, lenient=True)
    assert lenient.ok == (lenient.score is not None)
    if strict.ok and "</think>" not in strict.think:
        assert lenient[:2] == strict[:2]


@given(st.floats(0, 100).map(lambda x: f"{x:.4f}"), pieces)
def test_whatever_follows_a_good_answer_spoils_it_unless_it_is_space(number, more):
    text = f"<think>Sharp.</think><answer>{number}</answer>"
    assert parse_answer(text).score == float(number)
    assert parse_answer(text + more).ok == (not more.strip(" \t\n\r\f\v"))


FORMS = ["<answer>{}</answer>", r"\boxed{{{}}}", "Score: {}", '{{"rating": {}}}', "**Rating (0-100): {}/100**"]


@given(
    st.integers(0, 100), st.integers(0, 100), st.sampled_from(FORMS), st.text(st.characters(categories=["Ll", "Zs"]))
)
def test_two_answers_are_one_only_where_they_are_the_same_number(first, second, form, between):
    text = form.format(first) + f" {between} " + form.format(second)
    answer = parse_answer(text, lenient=True)
    assert answer == ((S.OK, first, "") if first == second else (S.SEVERAL_ANSWERS, None, ""))


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("pattern", parsing_time.PATTERNS.values(), ids=parsing_time.PATTERNS)
def test_no_pattern_takes_more_than_linear_time(pattern, lenient):
    for text in parsing_time.hostile(pattern, 1_000_000):
        start = time.process_time()
        parse_answer(text, lenient=lenient)
        assert time.process_time() - start < 2.0  # ten times what it takes; a square would take minutes
