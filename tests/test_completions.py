"""Every form of completion is read, and once a step however many rewards ask."""

from collections import UserDict, deque
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pydantic
import pytest
from openai.types.chat import ChatCompletionMessage
from support.reward_calls import GOOD, batch

import tatar_rewards as tr
from tatar_rewards.answers import completion_text, messages, read_completion
from tatar_rewards.rewards.batch import _reader

S = tr.AnswerStatus


@pytest.mark.parametrize(
    "completion",
    [
        "<think>Soft.</think><answer>64</answer>",
        [{"role": "assistant", "content": "<think>Soft.</think><answer>64</answer>"}],
        [{"role": "assistant", "content": [{"type": "text", "text": "<think>Soft.</think><answer>64</answer>"}]}],
        [
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "<think>Soft.</think>"}, {"text": "<answer>64</answer>"}],
            }
        ],
        [{"role": "assistant", "reasoning_content": "Soft.", "content": "<answer>64</answer>"}],
        [{"role": "assistant", "thinking": "Soft.", "content": "<answer>64</answer>"}],
        [
            {"role": "assistant", "content": "", "tool_calls": [{}]},
            {"role": "tool", "content": "histogram: flat"},
            {"role": "assistant", "content": "<think>Soft.</think><answer>64</answer>"},
        ],
    ],
)
def test_every_form_of_completion_is_read(completion):
    answer = read_completion(completion)
    assert (answer.score, answer.think) == (64.0, "Soft.")


def test_reasoning_that_was_moved_out_is_not_asked_for_again():
    message = {"role": "assistant", "reasoning_content": "Soft.", "content": "<answer>64</answer>"}
    assert read_completion([message], think_prefilled=True).score == 64.0
    hidden = {"role": "assistant", "reasoning_content": "<answer>99</answer>", "content": "<answer>64</answer>"}
    assert read_completion([hidden]).status is tr.AnswerStatus.SEVERAL_ANSWERS


TEXT = "<think>Soft.</think><answer>64</answer>"
MESSAGE = {"role": "assistant", "content": TEXT}


class Plain(pydantic.BaseModel):
    role: str
    content: object
    reasoning: object = None


class Block(NamedTuple):
    type: str
    text: str | None = None
    thinking: str | None = None


def array_of(*values):
    filled = np.empty(len(values), dtype=object)
    filled[:] = values
    return filled


THOUGHT = {"type": "thinking", "thinking": "Soft.", "signature": "x"}
ANSWER = {"type": "text", "text": "<answer>64</answer>"}


@pytest.mark.parametrize("sequence", [list, tuple, deque, pd.Series, lambda values: array_of(*values), pa.array])
def test_any_sequence_of_messages_is_read_and_any_sequence_of_blocks(sequence):
    if sequence is not pa.array:
        assert read_completion(sequence([{**MESSAGE, "content": sequence([THOUGHT, ANSWER])}])) == (S.OK, 64.0, "Soft.")
        assert read_completion(sequence([{**MESSAGE, "content": sequence(["<answer>", "64</answer>"])}])).score == 64.0
    assert read_completion(sequence([MESSAGE])) == (S.OK, 64.0, "Soft.")
    assert read_completion(sequence([])).status is S.NO_ANSWER


def test_the_last_message_is_the_last_by_place():
    assert read_completion(pd.Series([{"role": "user", "content": "?"}, MESSAGE], index=[1, 0])).score == 64.0


@pytest.mark.parametrize(
    "message",
    [
        Plain(role="assistant", content=TEXT),
        SimpleNamespace(role="assistant", content="<answer>64</answer>", reasoning_content="Soft."),
        UserDict(MESSAGE),
        ChatCompletionMessage(role="assistant", content=TEXT),
        ChatCompletionMessage.model_validate(
            {"role": "assistant", "content": "<answer>64</answer>", "reasoning_content": "Soft."}
        ),
        Plain(role="assistant", content=[Block("thinking", thinking="Soft."), Block("text", "<answer>64</answer>")]),
        Plain(role="assistant", content=[ANSWER], reasoning=[THOUGHT]),
        Plain(role="assistant", content=[ANSWER], reasoning=["So", "ft."]),
        {**MESSAGE, "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Soft."}]}, ANSWER]},
        {**MESSAGE, "content": [{"type": "reasoning", "text": "Soft."}, ANSWER]},
        {**MESSAGE, "content": [{"type": "reasoning", "summary": [{"text": "Soft."}]}, ANSWER]},
        {**MESSAGE, "content": [ANSWER], "reasoning": "Soft.", "reasoning_content": "Soft.", "thinking": None},
        {**MESSAGE, "reasoning_content": None, "thinking": "", "reasoning": [], "tool_calls": None},
        {"role": None, "content": [{"type": None, "text": TEXT}, {"type": "image", "text": None}, None]},
    ],
)
def test_messages_are_mappings_or_objects_and_reasoning_stands_where_a_server_puts_it(message):
    assert read_completion([message]) == (S.OK, 64.0, "Soft.")


def test_completions_read_from_a_parquet_table_are_those_that_were_written(tmp_path):
    """As a trainer's table of completions: pandas gives arrays of messages, and None where a field was not there."""
    completions = [
        [MESSAGE],
        [{**MESSAGE, "reasoning_content": "Soft.", "content": "<answer>64</answer>"}],
        [{"role": "assistant", "content": None}],
        [],
    ]
    table = pa.table({"completion": completions, "mos": [64.0] * 4})
    pq.write_table(table, tmp_path / "completions.parquet")
    frame = pd.read_parquet(tmp_path / "completions.parquet").iloc[::-1]
    for column in (frame["completion"], frame["completion"].to_numpy(), tuple(frame["completion"])):
        assert tr.GaussianScoreReward()(column, mos=frame["mos"]) == [0.0, 0.0, 1.0, 1.0]
    for column in (table["completion"], table["completion"].combine_chunks(), list(table["completion"])):
        assert tr.GaussianScoreReward()(column, mos=table["mos"]) == [1.0, 1.0, 0.0, 0.0]
    assert tr.AnswerFormatReward()(pd.Series([TEXT, "64"], dtype="string")) == [1.0, 0.0]
    assert tr.AnswerFormatReward()(np.array([TEXT, "64"])) == tr.AnswerFormatReward()(pa.array([TEXT, "64"]))


@pytest.mark.parametrize("completion", ["", [], (), np.array([]), [{"role": "tool", "content": "<answer>64</answer>"}]])
def test_who_says_nothing_or_leaves_others_the_last_word_gives_no_answer(completion):
    assert read_completion(completion).status is S.NO_ANSWER
    assert completion_text(completion) == ("", "")


def test_the_rewards_of_a_step_read_each_completion_once(monkeypatch):
    seen = []
    _reader.cache_clear()
    monkeypatch.setattr(messages, "parse_answer", lambda text, **how: seen.append(text) or tr.parse_answer(text, **how))
    rewards = [*tr.tatar_reward_funcs(), tr.LengthReward(), tr.ThresholdScoreReward()]
    for step in range(3):
        texts = [f"<think>step {step}</think><answer>{20 + k}</answer>" for k in range(8)]
        for completions in (texts, [[{"role": "assistant", "content": text}] for text in texts]):
            seen.clear()
            for reward in rewards:
                reward(**batch(completions))
            assert len(seen) <= len(texts)
    seen.clear()
    _reader.cache_clear()
    tr.AnswerFormatReward()(GOOD)
    tr.AnswerFormatReward(answer_scale=tr.ScoreScale(1, 5))(GOOD)
    tr.AnswerFormatReward(think_prefilled=True)(GOOD)
    assert len(seen) == 3 * len(GOOD)


def test_a_list_that_changes_between_two_calls_is_read_anew():
    reward, texts = tr.AnswerFormatReward(), ["<answer>20</answer>", "dunno"]
    messages = [[{"role": "assistant", "content": text}] for text in texts]
    assert reward(texts) == reward(messages) == [1.0, 0.0]
    texts[1], messages[1][0]["content"] = "<answer>30</answer>", "<answer>30</answer>"
    assert reward(texts) == reward(messages) == [1.0, 1.0]
    messages[0][0]["reasoning_content"] = "<answer>30</answer>"
    assert reward(messages) == [0.0, 1.0]
