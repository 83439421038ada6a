"""`parse_answer`: one answer, one number, nothing else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatar_rewards import AnswerStatus, ScoreScale, parse_answer

S = AnswerStatus


@pytest.mark.parametrize(
    ("text", "score", "think"),
    [
        ("<answer>73</answer>", 73.0, ""),
        ("<answer>73.42</answer>", 73.42, ""),
        ("<answer>0</answer>", 0.0, ""),
        ("<answer>100</answer>", 100.0, ""),
        ("<answer>+7</answer>", 7.0, ""),
        ("<answer>007.50</answer>", 7.5, ""),
        (" \n<answer>\t73 \n</answer>\r\n", 73.0, ""),
        ("<think>Soft light.</think><answer>64</answer>", 64.0, "Soft light."),
        ("<think>\nTwo\nlines.\n</think>\n\n<answer>64</answer>", 64.0, "Two\nlines."),
        ("<think></think><answer>64</answer>", 64.0, ""),
        (
            "<think>I weigh 70 < x < 80, <b>bold</b></think><answer>75</answer>",
            75.0,
            "I weigh 70 < x < 80, <b>bold</b>",
        ),
    ],
)
def test_well_formed(text, score, think):
    answer = parse_answer(text)
    assert answer.ok
    assert (answer.score, answer.think) == (score, think)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", S.NO_ANSWER),
        ("73", S.NO_ANSWER),
        ("<think>Sharp.</think>", S.NO_ANSWER),
        ("<Answer>73</Answer>", S.NO_ANSWER),
        ("<answer>73", S.UNCLOSED),
        ("<think>Sharp, and so", S.UNCLOSED),
        ("<think>Sharp.<answer>73</answer>", S.UNCLOSED),
        ("73</answer>", S.UNOPENED),
        ("</answer>73<answer>", S.UNCLOSED),
        ("Sharp.</think><answer>73</answer>", S.UNOPENED),
        ("</think>Sharp.<think><answer>73</answer>", S.UNOPENED),
        ("<answer>73</answer><answer>73</answer>", S.SEVERAL_ANSWERS),
        ("<answer>73</answer></answer>", S.SEVERAL_ANSWERS),
        ("<answer><answer>73</answer></answer>", S.SEVERAL_ANSWERS),
        ("<think><answer>70</answer></think><answer>73</answer>", S.SEVERAL_ANSWERS),
        ("<think><answer>70</think><answer>73</answer>", S.SEVERAL_ANSWERS),
        ("<answer>70</answer><think>no</think><answer>73</answer>", S.SEVERAL_ANSWERS),
        ("<think>so <answer>73</answer></think>", S.ANSWER_IN_THINK),
        ("<think>one</think><think>two</think><answer>73</answer>", S.SEVERAL_THINKS),
        ("<think><think>one</think><answer>73</answer>", S.SEVERAL_THINKS),
        ("Score: <answer>73</answer>", S.TEXT_BEFORE_ANSWER),
        ("Well. <think>Sharp.</think><answer>73</answer>", S.TEXT_BEFORE_ANSWER),
        ("<think>Sharp.</think>So: <answer>73</answer>", S.TEXT_BEFORE_ANSWER),
        ("\u00a0<answer>73</answer>", S.TEXT_BEFORE_ANSWER),
        ("\u00a0<think>Sharp.</think><answer>73</answer>", S.TEXT_BEFORE_ANSWER),
        ("<answer>73</answer>.", S.TEXT_AFTER_ANSWER),
        ("<answer>73</answer> I am sure.", S.TEXT_AFTER_ANSWER),
        ("<answer>73</answer><think>Sharp.</think>", S.TEXT_AFTER_ANSWER),
        ("<answer>73</answer>\u200b", S.TEXT_AFTER_ANSWER),
        ("<answer>73</answer>\u00a0", S.TEXT_AFTER_ANSWER),
        ("<answer></answer>", S.NOT_A_NUMBER),
        ("<answer>good</answer>", S.NOT_A_NUMBER),
        ("<answer>70-80</answer>", S.NOT_A_NUMBER),
        ("<answer>7/10</answer>", S.NOT_A_NUMBER),
        ("<answer>73,42</answer>", S.NOT_A_NUMBER),
        ("<answer>73%</answer>", S.NOT_A_NUMBER),
        ("<answer>73 points</answer>", S.NOT_A_NUMBER),
        ("<answer>7e1</answer>", S.NOT_A_NUMBER),
        ("<answer>73.</answer>", S.NOT_A_NUMBER),
        ("<answer>.73</answer>", S.NOT_A_NUMBER),
        ("<answer>7 3</answer>", S.NOT_A_NUMBER),
        ("<answer>nan</answer>", S.NOT_A_NUMBER),
        ("<answer>inf</answer>", S.NOT_A_NUMBER),
        ("<answer>\u0667\u0663</answer>", S.NOT_A_NUMBER),
        ("<answer>\uff17\uff13</answer>", S.NOT_A_NUMBER),
        ("<answer>--7</answer>", S.NOT_A_NUMBER),
        ("<answer>-1</answer>", S.OFF_SCALE),
        ("<answer>100.01</answer>", S.OFF_SCALE),
        ("<answer>11111</answer>", S.OFF_SCALE),
        ("<answer>" + "9" * 400 + "</answer>", S.OFF_SCALE),
    ],
)
def test_anything_else_has_a_status_and_no_score(text, status):
    answer = parse_answer(text)
    assert (answer.status, answer.score) == (status, None)
    assert not answer.ok


def test_the_scale_decides_what_is_on_it():
    five = ScoreScale(1, 5)
    assert parse_answer("<answer>4.2</answer>", scale=five).score == 4.2
    assert parse_answer("<answer>42</answer>", scale=five).status is S.OFF_SCALE
    assert parse_answer("<answer>-1.5</answer>", scale=ScoreScale(-2, 2)).score == -1.5


def test_a_think_block_that_the_template_opened_is_read_only_when_told_so():
    text = "Sharp.</think><answer>73</answer>"
    assert parse_answer(text).status is S.UNOPENED
    assert parse_answer(text, think_prefilled=True) == (S.OK, 73.0, "Sharp.")
    assert parse_answer("<answer>73</answer>", think_prefilled=True).status is S.UNCLOSED
    assert parse_answer("<think>" + text, think_prefilled=True).status is S.SEVERAL_THINKS
    assert parse_answer("<answer>73</answer></think>", think_prefilled=True).status is S.ANSWER_IN_THINK


@pytest.mark.parametrize("text", [None, b"<answer>73</answer>", 73, ["<answer>73</answer>"]])
def test_only_text_can_be_parsed(text):
    with pytest.raises(TypeError, match="text must be a str; got"):
        parse_answer(text)


pieces = st.lists(
    st.one_of(
        st.sampled_from(
            ["<think>", "</think>", "<answer>", "</answer>", "73", "42.5", " ", "\n", "-", ".", "101", "x"]
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


@given(st.floats(0, 100).map(lambda x: f"{x:.4f}"), pieces)
def test_whatever_follows_a_good_answer_spoils_it_unless_it_is_space(number, more):
    text = f"<think>Sharp.</think><answer>{number}</answer>"
    assert parse_answer(text).score == float(number)
    assert parse_answer(text + more).ok == (not more.strip(" \t\n\r\f\v"))


@pytest.mark.parametrize(
    "unit",
    ["<answer>", "</answer>", "<answer>7</answer>", "<think>", "</think>", "<", "<answer", " ", "9", "<think></think>"],
)
def test_time_is_linear_in_the_length_of_the_text(unit):
    text = unit * (1_000_000 // len(unit))
    start = time.process_time()
    parse_answer(text)
    parse_answer(f"<answer>{text}</answer>")
    assert time.process_time() - start < 1.0
