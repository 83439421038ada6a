"""Every answer that cannot be read has a cure, and what its text shows makes it more precise."""

import itertools
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatar_rewards import AnswerStatus, ScoreScale, hacks, parse_answer, read_completion
from tatar_rewards.answers import completion_text
from tatar_rewards.answers.cures import cure_of, failure_number, most_common_failure
from tatar_rewards.answers.failures import FAILURES

ROOT = Path(__file__).parents[1]
CORPUS = json.loads((ROOT / "tests" / "data" / "answers.json").read_text())
S = AnswerStatus
GOOD = "<think>Sharp.</think><answer>73</answer>"

CASES = [  # text, think_prefilled, what it does, what helps
    ("Sharp.</think><answer>73</answer>", False, "close a think block that they never opened", "set think_prefilled=True"),
    ("73</answer>", False, "close an answer tag that they never opened", "show both tags of <answer>number</answer>"),
    ("Sharp.</think>73</answer>", True, "close an answer tag that they never opened", "show both tags"),
    (GOOD, True, "open the think block that think_prefilled=True takes for open", "set think_prefilled=False"),
    ("<answer>73</answer>", True, "answer inside the think block that think_prefilled=True", "set think_prefilled=False"),
    ("Sharp and", True, "never close the think block", "set think_prefilled=False where"),
    ("<think>Sharp and", False, "are cut off or leave a tag open", "raise max_completion_length"),
    ("<think>Sharp.</think><answer>73<|im_end|>", False, "end their turn with a tag open", "show both tags"),
    ("", False, "say nothing", "the last message is the assistant's"),
    ("<|im_end|>\n", False, "say nothing", "generation does not stop"),
    ("<think>Sharp.</think>", False, "stop after thinking", "show an answer after </think>"),
    ("<Answer>73</Answer>", False, "write the answer tags in another case", "in lower case, in the prompt; to evaluate"),
    ("\\boxed{73}", False, "answer in a box", "ask for <think>"),
    ("<|begin_of_box|>73<|end_of_box|>", False, "answer in a box", "ask for <think>...</think><answer>number</answer>"),
    ("<CONCLUSION>73</CONCLUSION>", False, "tags of their own", "set lenient=True"),
    ('{"score": 73}', False, "answer in JSON", "set lenient=True"),
    ("Score: 73", False, "give no answer in tags", "ask for <think>...</think><answer>number</answer> in the prompt"),
    ("<answer>1</answer><answer>2</answer>", False, "give several answers", "ask for one answer in the prompt"),
    ("<answer>1</answer><|im_end|>\n<answer>2</answer>", False, "after the end of their turn", "stop at the end-of-turn"),
    ("<think><answer>1</answer></think>", False, "answer inside the think block", "after </think> in the prompt"),
    ("<think>a</think><think>b</think><answer>1</answer>", False, "think in several blocks", "ask for one <think>"),
    (f"<|im_start|>assistant\n{GOOD}", False, "begin with special tokens", "skip_special_tokens=True"),
    ("<think>a</think><|x|><answer>1</answer>", False, "begin with special tokens", "skip_special_tokens=True"),
    ("<thinking>a</thinking><answer>1</answer>", False, "think in tags of their own", "ask for <think>"),
    ("[THINK]a[/THINK]<answer>1</answer>", False, "think in tags of their own", "ask for <think>"),
    ("\u25c1think\u25b7a\u25c1/think\u25b7<answer>1</answer>", False, "think in tags of their own", "ask for <think>"),
    ("```\n<answer>1</answer>\n```", False, "put the answer into a code fence", "ask for no code fence"),
    ("It is sharp. <answer>1</answer>", False, "write words outside the think block", "ask for thinking only in"),
    (f"{GOOD}<|im_end|>", False, "end with special tokens", "decode with skip_special_tokens=True"),
    (f"{GOOD}</s>", False, "end with special tokens", "stop at the end-of-turn token"),
    (f"{GOOD}<end_of_turn>\n", False, "end with special tokens", "decode with skip_special_tokens=True"),
    (f"{GOOD}<\uff5cend\u2581of\u2581sentence\uff5c>", False, "end with special tokens", "skip_special_tokens=True"),
    (f"{GOOD}<|im_end|>\nuser: more", False, "go on after the end of their turn", "let generation stop"),
    ("<answer>1</answer><think>a</think>", False, "answer before they think", "the thinking first"),
    (f"{GOOD} out of 100", False, "go on after the answer", "ask for nothing after the answer"),
    ("<answer></answer>", False, "leave the answer empty", "show a number as the example"),
    ("<answer>number</answer>", False, "copy what stands for it", "show a number as the example"),
    ("<answer>[your score]</answer>", False, "copy what stands for it", "show a number as the example"),
    ("<answer>...</answer>", False, "copy what stands for it", "show a number as the example"),
    ("<answer><|begin_of_box|>73<|end_of_box|></answer>", False, "write special tokens round the number", "set lenient"),
    ('<answer>{"score": 73}</answer>', False, "answer in JSON between the tags", "one plain decimal number"),
    ("<answer>7/10</answer>", False, "answer with a fraction", "one plain decimal number between the answer tags"),
    ("<answer>73%</answer>", False, "answer with a fraction or a percentage", "without / or %; to evaluate"),
    ("<answer>70-80</answer>", False, "answer with a range", "one plain decimal number"),
    ("<answer>73,5</answer>", False, "a decimal comma", "with a decimal point"),
    ("<answer>very good</answer>", False, "something other than one plain number", "one plain decimal number"),
    ("<answer>730</answer>", False, "answer off the scale", "set answer_scale= to the scale that the prompt names"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "think_prefilled", "does", "cure"), CASES)
def test_what_a_text_shows_decides_its_cure(text, think_prefilled, does, cure):
    answer = parse_answer(text, think_prefilled=think_prefilled)
    found = FAILURES[failure_number(answer.status, text, think_prefilled=think_prefilled)]
    assert found.status is answer.status
    assert does in found.does
    assert cure in cure_of(answer.status, text, think_prefilled=think_prefilled)


def test_every_way_of_failing_is_met_by_a_case():
    met = {failure_number(parse_answer(t, think_prefilled=p).status, t, think_prefilled=p) for t, p, *_ in CASES}
    general = {number for number, failure in enumerate(FAILURES) if failure.shows is None}
    assert set(range(len(FAILURES))) - met <= general


@pytest.mark.parametrize("think_prefilled", [False, True])
def test_think_prefilled_is_advised_only_where_it_helps(think_prefilled):
    """Whatever order of tags and words: where the cure is to set it otherwise, the answer is then read or fails else."""
    for length in range(6):
        for pieces in itertools.product(["<think>", "</think>", "<answer>", "</answer>", "73", "x"], repeat=length):
            text = "".join(pieces)
            before = parse_answer(text, think_prefilled=think_prefilled)
            if before.ok:
                continue
            cure = cure_of(before.status, text, think_prefilled=think_prefilled)
            assert f"think_prefilled={think_prefilled}" not in cure, (text, cure)
            if cure.endswith(f"set think_prefilled={not think_prefilled}"):
                after = parse_answer(text, think_prefilled=not think_prefilled)
                assert after.status is not before.status, (text, cure)


@pytest.mark.parametrize("grammar", ["strict", "lenient"])
def test_every_completion_of_the_corpus_that_cannot_be_read_has_a_cure(grammar):
    for entry in CORPUS:
        prefilled, scale = entry.get("think_prefilled", False), ScoreScale(*entry.get("scale", (0, 100)))
        text = completion_text(entry["completion"])
        answer = text.parse(scale=scale, think_prefilled=prefilled, lenient=grammar == "lenient")
        common = most_common_failure([answer], [text], think_prefilled=prefilled, lenient=grammar == "lenient")
        assert (common is None) == answer.ok
        if common is not None:
            assert (common.status, common.n, common.example) == (answer.status, 1, text.whole)
            assert ("lenient=True" in common.cure) <= (grammar == "strict")


def test_lenient_is_advised_where_it_reads_and_only_once():
    texts = ['<answer>{"score": 73}</answer>', "Score: 73", "<thinking>a</thinking><answer>73</answer>", "73<|im_end|>"]
    for text in texts:
        assert read_completion(text, lenient=True).score == 73
        assert cure_of(parse_answer(text).status, text).endswith(
            "; to evaluate a foreign model as it is, set lenient=True"
        )
        assert "lenient" not in cure_of(parse_answer(text).status, text, lenient=True)


@given(
    st.lists(
        st.sampled_from([GOOD, "Score: 73", '{"score": 7}', "<answer>7", "<answer>730</answer>", ""]), max_size=12
    ),
    st.randoms(),
)
def test_the_most_common_failure_is_that_of_the_most_common_status_in_any_order(texts, random):
    answers = [parse_answer(text) for text in texts]
    common = most_common_failure(answers, texts)
    if common is None:
        assert all(answer.ok for answer in answers)
        return
    statuses = [answer.status for answer in answers if not answer.ok]
    assert common.n == statuses.count(common.status) == max(statuses.count(status) for status in S)
    assert common.cure == cure_of(common.status, common.example)
    shuffled = random.sample(texts, len(texts))
    assert most_common_failure([parse_answer(text) for text in shuffled], shuffled) == common


def test_reasoning_that_was_moved_out_counts_as_the_whole_block():
    message = {"role": "assistant", "reasoning_content": "Sharp.", "content": "<answer>730</answer>"}
    text, answer = completion_text([message]), read_completion([message], think_prefilled=True)
    common = most_common_failure([answer], [text], think_prefilled=True)
    assert (common.status, common.cure) == (
        S.OFF_SCALE,
        "set answer_scale= to the scale that the prompt names, and name it there",
    )


def test_a_readable_answer_has_no_cure():
    with pytest.raises(ValueError, match="an answer of status ok needs no cure"):
        cure_of(S.OK, GOOD)


def test_each_status_has_one_cure_for_whatever_its_text_shows_and_no_sentence_stands_twice():
    general = [failure.status for failure in FAILURES if failure.shows is None]
    assert sorted(general) == sorted(set(S) - {S.OK})
    assert [failure.status for failure in FAILURES] == sorted((f.status for f in FAILURES), key=list(S).index)
    assert len({failure.does for failure in FAILURES}) == len(FAILURES)
    for failure in FAILURES:
        if failure.shows is None:
            said = hacks.FAILURES[failure.status]
            assert said.lower() == f"{failure.does}. {failure.cure}".lower()


def as_markdown(text):
    """With tags and settings as code."""
    return re.sub(r"(?:</?\w+>(?:\.\.\.|number|64)?)+|\w+=\w*|max_completion_length", r"`\g<0>`", text)


def test_the_page_holds_the_table():
    page = (ROOT / "docs" / "answers.md").read_text()
    for failure in FAILURES:
        row = f"| `{failure.status}` | {as_markdown(failure.does)} | {as_markdown(failure.cure)} |"
        assert row in page, f"docs/answers.md lacks\n{row}"


def test_no_alarm_advises_what_is_on_by_default():
    said = [hacks.SHRINKS, hacks.EXAGGERATES, *hacks.SHARES.values(), *hacks.FAILURES.values()]
    for text in said:
        assert "matched" not in text
        assert "think_prefilled=False" not in text
    assert "answer_scale= is the scale that the prompt names" in hacks.SHRINKS
