"""What can be no completion is refused: an error names the row, the value and the cure, and nobody gets a zero."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.reward_calls import EVERY_REWARD

import tatar_rewards as tr
from tatar_rewards.answers import read_completion

TAGS = ("<think>", "</think>", "<answer>", "</answer>")
TEXT = "<think>Soft.</think><answer>64</answer>"
MESSAGE = {"role": "assistant", "content": TEXT}
ANYTHING = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=20),
        st.sampled_from([*TAGS, "<answer>50</answer>", "assistant"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["role", "content", "text", "type", "reasoning_content", "thinking"]), inner),
    ),
    max_leaves=8,
)  # fmt: skip
NO_COMPLETIONS = [
    (None, "None, no completion; give a string or a list of messages with role and content (\"\" where the model said"),
    (5, "5, no completion; give a string or a list of messages with role and content"),
    (math.nan, "nan, no completion; give"),
    (True, "True, no completion; give"),
    (pd.NA, "<NA>, no completion; give"),
    (b"<answer>64</answer>", "b'<answer>64</answer>', no completion; give"),
    (MESSAGE, "{'role': 'assistant', 'content': '<think>Soft.</think><answer>64</answer>'}, no completion; give a "
     "string or a list of messages with role and content (this is one message: put it into a list)"),
    (SimpleNamespace(role="assistant", content=TEXT), "(this is one message: put it into a list)"),
    ({}, "{}, no completion"),
    ({MESSAGE["content"]}, "no completion"),
    ([1, 2], "[1, 2], no completion; give a string or a list of messages with role and content (item 0 is 1, no mess"),
    (np.array([64.0]), "array([64.]), no completion; give"),
    (np.array([[MESSAGE]]), "no completion; give"),
    (pd.DataFrame([MESSAGE]), "no completion; give"),
    (np.array(64), "array(64), no completion; give"),
    ([None], "(item 0 is None, no message)"),
    ([TEXT], "item 0 is '<think>Soft."),
    ([MESSAGE, [MESSAGE]], "(item 1 is [{'role'"),
    ([{"from": "gpt", "value": TEXT}], "item 0 is {'from': 'gpt'"),
    ([{"role": 3, "content": TEXT}], "(the last role is 3)"),
    ([{**MESSAGE, "content": 64}], "[{'role': 'assistant', 'content': 64}], no completion; give"),
    ([{**MESSAGE, "content": 64}], "(its content is 64)"),
    ([{**MESSAGE, "content": {"text": TEXT}}], "(its content is {'text'"),
    ([{**MESSAGE, "content": [64]}], "(its content holds 64)"),
    ([{**MESSAGE, "content": [{"text": 64}]}], "(its content holds {'text': 64})"),
    ([{**MESSAGE, "reasoning": 64}], "(its reasoning is 64)"),
]  # fmt: skip


@pytest.mark.parametrize(("completion", "says"), NO_COMPLETIONS, ids=lambda value: str(value)[:40])
def test_what_can_be_no_completion_is_refused_with_its_row(completion, says):
    with pytest.raises(TypeError, match=f"^completion is .*{re.escape(says)}"):
        read_completion(completion)
    completions = [TEXT, [MESSAGE], "", completion]
    columns = {"mos": [50.0] * 4, "image_id": list("abcd"), "completion_ids": [[1]] * 4}
    for reward in (*EVERY_REWARD, tr.LengthReward(unit="tokens")):
        with pytest.raises(TypeError, match=f"^completions\\[3\\] is .*{re.escape(says)}"):
            reward.fresh(task=None)(completions, **columns)
    rows = [
        {"dataset": "x", "task": "iqa", "image_id": k, "mos": 50, "completion": c} for k, c in enumerate(completions)
    ]
    with pytest.raises(TypeError, match=f"^row 3: completion is .*{re.escape(says)}"):
        tr.evaluate_predictions(rows, n_resamples=0)


NO_SEQUENCES = (TEXT, b"x", None, 5, {"a": TEXT}, {TEXT}, iter([TEXT]), np.array([[TEXT]]), np.array(TEXT))
TABLES = (pd.DataFrame([[TEXT]]), pa.table({"completion": [TEXT]}), torch.zeros(2, 2))


@pytest.mark.parametrize("completions", [*NO_SEQUENCES, *TABLES], ids=lambda value: type(value).__name__)
def test_what_is_no_sequence_of_completions_is_refused(completions):
    with pytest.raises(TypeError, match="answer_format: completions must be a list, one string or list of messages"):
        tr.AnswerFormatReward()(completions)


@given(ANYTHING)
def test_whatever_a_completion_is_it_gets_a_status_or_is_refused(anything):
    answer, refused = None, ""
    try:
        answer = read_completion(anything)
    except TypeError as error:
        refused = str(error)
    assert (answer is None) == refused.startswith("completion is ")
    assert answer is not None or ", no completion; give a string or a list of messages with role and" in refused
