"""What the doctor says of prompts that no trainer can read, and of rewards that contradict each other."""

import numpy as np
import pytest

import tatar_rewards as tr
from tatar_rewards.doctor.scales_in_text import named_scale

ARGS = {"num_generations": 4, "per_device_train_batch_size": 16, "max_completion_length": 400}
MESSAGES = [{"role": "user", "content": "Rate it: <answer>"}]


def report(prompts, rewards=None):
    rows = [
        {"prompt": prompt, "mos": 5.0 + 10 * (k % 9), "image_id": k, "task": "iqa"} for k, prompt in enumerate(prompts)
    ]
    return tr.check_setup(rewards or [tr.GaussianScoreReward()], ARGS, rows)


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        (None, "prompt[3] is None, neither a text nor messages"),
        (5, "prompt[3] is 5"),
        ("", "prompt[3] is an empty text"),
        ([], "prompt[3] holds no message"),
        ({"role": "user", "content": "x"}, "prompt[3] is {'role': 'user', 'content': 'x'}, neither"),
        ([{"content": "x"}], "prompt[3] holds a message without role"),
        ([{"role": "user", "content": None}], "prompt[3] holds a message without content"),
        (["x"], "prompt[3] holds 'x', no message"),
    ],
)
def test_prompts_that_cannot_be_tokenized_are_faults(prompt, says):
    prompts = [MESSAGES] * 12
    prompts[3] = prompt
    assert any(says in finding.problem for finding in report(prompts).faults)


def test_texts_mixed_with_messages_are_a_fault_and_either_alone_is_none():
    assert any("some prompts are texts" in finding.problem for finding in report(["x", MESSAGES] * 6).faults)
    assert report(["Rate it: <answer>"] * 12).ok
    assert report([MESSAGES] * 12).ok


def test_rewards_that_read_the_same_completions_in_two_ways_are_a_fault():
    for setting, value in (("answer_scale", (1, 5)), ("think_prefilled", True)):
        rewards = [tr.GaussianScoreReward(task="iqa", **{setting: value}), tr.AnswerFormatReward()]
        found = [finding for finding in report([MESSAGES] * 12, rewards).faults if finding.check == "one reading"]
        assert setting in found[0].problem
    each = [tr.GaussianScoreReward(task="iqa", answer_scale=(1, 5)), tr.ThurstoneRankReward(task="iaa")]
    assert "one reading" not in {finding.check for finding in report([MESSAGES] * 12, each).findings}


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("1 = bad, 2 = poor, 3 = fair, 4 = good, 5 = excellent", "1 to 5"),
        ("1: bad\n2: poor\n3: fair\n4: good\n5: excellent", "1 to 5"),
        ("a score of at least 1 and at most 5", "1 to 5"),
        ("minimum 1, maximum 10", "1 to 10"),
        ("1 \u2264 score \u2264 5", "1 to 5"),
        ("use a 1-to-10 scale", "1 to 10"),
        ("where 1 is the worst and 10 is the best", "1 to 10"),
    ],
)
def test_scales_in_other_wordings(text, scale):
    assert str(named_scale(text)) == scale


def test_rewards_in_no_list_are_told_whatever_holds_them():
    for make in (tuple, iter, set):
        rewards = make([tr.AnswerFormatReward()])
        assert any("takes for one reward" in finding.problem for finding in report([MESSAGES] * 12, rewards).findings)
    array = np.array([tr.AnswerFormatReward()], dtype=object)
    assert any("is a ndarray" in finding.problem for finding in tr.check_setup(array, ARGS).findings)


def test_the_first_rows_of_a_stream_prove_little_and_a_label_that_is_none_proves_enough():
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    rows = [{"prompt": MESSAGES, "mos": k / 300, "image_id": k} for k in range(3000)]  # sorted: 0 to 7 come first
    stream = datasets.Dataset.from_list(rows).to_iterable_dataset()
    look = tr.check_setup([tr.GaussianScoreReward()], ARGS, stream)
    assert look.ok, str(look)
    assert "label scale" in {finding.check for finding in look.advice}
    assert not tr.check_setup([tr.GaussianScoreReward()], ARGS, rows[:2000]).ok
    rows[5]["mos"] = 300.0
    assert not tr.check_setup(
        [tr.GaussianScoreReward()], ARGS, datasets.Dataset.from_list(rows).to_iterable_dataset()
    ).ok


def test_labels_are_not_judged_before_the_data_sets_own_transform():
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    rows = [{"prompt": MESSAGES, "mos": 1 + k / 10, "image_id": k} for k in range(40)]
    plain = datasets.Dataset.from_list(rows)
    assert not tr.check_setup([tr.GaussianScoreReward()], ARGS, plain).ok
    rescaled = plain.with_transform(lambda batch: {**batch, "mos": [25 * (mos - 1) for mos in batch["mos"]]})
    assert tr.check_setup([tr.GaussianScoreReward()], ARGS, rescaled).ok
