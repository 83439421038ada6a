"""Every form of completion is read, and once a step however many rewards ask."""

import pytest
from support.reward_calls import GOOD, batch

import tatar_rewards as tr
from tatar_rewards.answers import completion_text, messages, read_completion
from tatar_rewards.rewards.batch import _reader


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


@pytest.mark.parametrize(
    "completion",
    [None, 7, b"<answer>64</answer>", [], {}, [None], [[]], [{"role": "tool", "content": "<answer>64</answer>"}]]
    + [
        [{"role": "assistant", "content": content}]
        for content in (None, 7, [], [None], [{"text": None}], {"text": "x"})
    ],
)
def test_no_form_of_completion_raises(completion):
    assert read_completion(completion).status is tr.AnswerStatus.NO_ANSWER
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
