"""Rewards through the adapters earn what they earn under TRL, row by row, and what the frameworks ask for holds."""

import asyncio
import inspect
import json
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from support.framework_calls import (
    ROWS,
    answer,
    as_easyr1,
    as_ms_swift,
    as_openrlhf,
    as_trl,
    as_trl_one_by_one,
    as_verifiers,
    as_verl,
    expected_of_one_sample,
    make_rewards,
    make_rewards_for_one_sample,
    numbers,
    row,
    slime_args,
    slime_samples,
)

import tatar_rewards as tr
from tatar_rewards.adapters import easyr1, ms_swift, openrlhf, slime, verifiers, verl

pytestmark = pytest.mark.filterwarnings("ignore:.*(cannot be read|no other image)")

NO_NONE = {"mos": 3.0, "task": "iaa", "image_id": "a.jpg", "dataset": "ava"}


def test_the_batch_has_what_the_tests_are_about():
    of_batch, of_one = as_trl(make_rewards(), ROWS), as_trl_one_by_one(make_rewards_for_one_sample(), ROWS)
    for parts in (of_batch, of_one):
        for name in parts[0]:
            assert len({row[name] for row in parts}) > 2 or name == "answer_format", name
    assert {of_batch[row]["iaa_thurstone_rank"] for row in (0, 8)} == {None}  # of another task, without a label
    assert of_one[2]["iaa_thurstone_rank"] is None  # the first image, and nothing remembered
    assert of_batch[2]["iaa_thurstone_rank"] is not None


# ---------------------------------------------------------------- ms-swift


def test_ms_swift_gets_a_class_a_reward_that_earns_what_trl_sees_none_too():
    orms = ms_swift.reward_classes(make_rewards())
    expected = as_trl(make_rewards(), ROWS)
    assert list(orms) == list(expected[0])
    for name, reward_class in orms.items():
        reward = reward_class(args=SimpleNamespace(num_generations=2))
        assert reward.__class__.__name__ == name  # what it is logged under
        assert as_ms_swift(reward, ROWS) == [parts[name] for parts in expected]


def test_ms_swift_makes_rewards_that_share_no_memory_and_keep_it_in_a_pickle():
    reward_class = ms_swift.reward_classes(make_rewards())["iaa_win_rate"]
    first, second = reward_class(), reward_class()
    as_ms_swift(first, ROWS)
    assert (first.reward.state.memory.calls, second.reward.state.memory.calls) == (1, 0)
    again = pickle.loads(pickle.dumps(first))
    assert type(again).__name__ == "iaa_win_rate"
    assert again.reward.state_dict() == first.reward.state_dict()


# ---------------------------------------------------------------- EasyR1


@pytest.mark.parametrize("truth", [dict, json.dumps])
def test_easyr1_ranks_over_the_whole_batch_from_dicts_or_json(truth):
    expected = [numbers(parts, "overall") for parts in as_trl(make_rewards(), ROWS)]
    assert as_easyr1(easyr1.scorer(make_rewards()), ROWS, truth=truth) == expected
    assert easyr1.REWARD_TYPE == "batch"


def test_easyr1_rows_may_lack_what_other_rows_have():
    rows = [row(answer(60), 3.0, "iqa", "a.jpg"), row(answer(60), 3.0, "iaa", "b.jpg")]
    del rows[0]["truth"]["mos"]
    earned = as_easyr1(easyr1.scorer([tr.GaussianScoreReward(mos_scale=(1, 5), tolerance=20)]), rows)
    assert [parts["gaussian_score"] > 0 for parts in earned] == [False, True]


# ---------------------------------------------------------------- verl


@pytest.mark.parametrize("truth", [dict, json.dumps])
@pytest.mark.parametrize("extra", [(), ("task", "image_id")])
def test_verl_earns_sample_by_sample_what_trl_would(truth, extra):
    compute_score = verl.scorer(make_rewards_for_one_sample())
    assert [as_verl(compute_score, row, truth=truth, extra=extra) for row in ROWS] == expected_of_one_sample()


def test_verl_takes_a_mos_alone_and_the_ground_truth_before_extra_info():
    compute_score = verl.scorer([tr.GaussianScoreReward(mos_scale={"koniq": (1, 5), "ava": (1, 10)})])
    for truth, extra_info, data_source, best in (
        (3.0, {}, "koniq", 50),
        (np.float64(5.5), None, "ava", 50),
        ("3", {"mos": 5.0}, "koniq", 50),
        ({"mos": 10, "dataset": "ava"}, {"dataset": "koniq"}, "lasco", 100),
    ):
        scores = compute_score(data_source, f"<answer>{best}</answer>", truth, extra_info, reward_router_address="x")
        assert scores == {"score": 1.0, "gaussian_score": 1.0}, truth


def test_verl_remembers_images_from_call_to_call_and_in_a_pickle():
    compute_score = verl.scorer(make_rewards_for_one_sample())
    first = [as_verl(compute_score, row) for row in ROWS[:6]]
    assert all(parts["iaa_win_rate"] == 0.0 for parts in first)  # one image so far
    moved = pickle.loads(pickle.dumps(compute_score))
    for twin in (compute_score, moved):
        assert as_verl(twin, ROWS[6])["iaa_win_rate"] == pytest.approx(0.3)


def test_verl_may_call_from_many_threads_and_no_call_is_lost():
    compute_score = verl.scorer(make_rewards_for_one_sample())
    rows = [row(answer(37 * k % 101), 1 + k % 5, "iaa", f"{k}.jpg") for k in range(400)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(16) as pool:
            earned = list(pool.map(lambda row: as_verl(compute_score, row), rows))
    finally:
        sys.setswitchinterval(before)
    for reward in list(compute_score.rewards.values())[2:]:
        calls = [call for *_, call in reward.state_dict()["images"]]
        assert reward.state.memory.calls == 400
        assert calls == list(range(337, 401))  # the last 64, one a call
    assert sum(parts["iaa_win_rate"] == 0.0 for parts in earned) < 100


# ---------------------------------------------------------------- OpenRLHF


def test_openrlhf_earns_sample_by_sample_what_trl_would_from_its_threads():
    earned = as_openrlhf(openrlhf.scorer(make_rewards_for_one_sample()), ROWS)
    for result, parts in zip(earned, expected_of_one_sample(), strict=True):
        total = parts.pop("score")
        assert result == {"rewards": total, "scores": total, "extra_logs": parts}
        assert type(result["rewards"]) is float  # torch.tensor([reward]) is of float32 and of one dimension


PROMPT = "<|im_start|>user\n<image>How good is it?<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize(
    ("query", "prompt"),
    [
        (PROMPT, PROMPT),
        (PROMPT.replace("<image>", "<image>" * 9), PROMPT),
        (PROMPT[20:], PROMPT),  # cut where it was too long
        (PROMPT.replace("<image>", "<image>" * 9) + "Hm" + PROMPT, PROMPT + "Hm" + PROMPT),  # an earlier turn
    ],
)
def test_openrlhf_finds_where_the_prompt_ends(query, prompt):
    reward_func = openrlhf.scorer([tr.AnswerFormatReward()])
    for completion, earned in (
        ("<answer>60</answer><|im_end|>", 1.0),
        ("<answer>60</answer>", 1.0),  # cut, without the token that ends a turn
        ("<answer>60</answer><|im_end|><|im_end|>", 0.0),  # one of them was written
        (f"<answer>1</answer>{PROMPT}<answer>60</answer><|im_end|>", 0.0),  # the prompt's end, written again
    ):
        assert reward_func([query + completion], [prompt], ['{"mos": 60}'])["rewards"] == earned, completion


def test_openrlhf_is_told_where_a_query_does_not_belong_to_its_prompt():
    with pytest.raises(ValueError, match="does not hold the end of its prompt, .*assistant"):
        openrlhf.reward_func(["<answer>60</answer>"], [PROMPT], ['{"mos": 60}'])


# ---------------------------------------------------------------- slime


@pytest.mark.parametrize("reward_key", [None, "score"])
def test_slime_earns_sample_by_sample_what_trl_would(reward_key):
    args, custom_rm = slime_args(reward_key=reward_key), slime.scorer(make_rewards_for_one_sample())
    earned = [asyncio.run(custom_rm(args, sample)) for sample in slime_samples(ROWS)]
    expected = expected_of_one_sample()
    assert earned == (expected if reward_key else [parts["score"] for parts in expected])


def test_slime_scores_a_group_together():
    rewards, custom_rm = make_rewards(opponents="memory"), slime.scorer(make_rewards(opponents="memory"))
    for start in range(0, len(ROWS), 2):
        group = ROWS[start : start + 2]
        earned = asyncio.run(custom_rm(slime_args(group_rm=True), slime_samples(group)))
        assert earned == [numbers(parts, "score")["score"] for parts in as_trl(rewards, group)]


def test_slime_ranks_over_the_whole_batch_and_takes_off_the_mean_of_each_group():
    samples = slime_samples(ROWS)
    raw, rewards = slime.post_processor(make_rewards())(slime_args(), samples)
    assert raw == [numbers(parts, "score")["score"] for parts in as_trl(make_rewards(), ROWS)]
    for start in range(0, len(ROWS), 2):
        pair = np.array(raw[start : start + 2])
        expected = (pair - pair.mean()) / (pair.std(ddof=1) + 1e-6)
        assert rewards[start : start + 2] == pytest.approx(expected.tolist(), abs=1e-12)
    assert all(sample.reward is None for sample in samples)


# ---------------------------------------------------------------- verifiers


def test_verifiers_earns_trace_by_trace_what_trl_would():
    scorers = [verifiers.scorer(reward) for reward in make_rewards_for_one_sample()]
    for row_, expected in zip(ROWS, expected_of_one_sample(), strict=True):
        earned = [asyncio.run(as_verifiers(scorer, row_)) for scorer in scorers]
        assert earned == list(expected.values())[1:]
    assert list(inspect.signature(scorers[0]).parameters) == ["task", "trace"]  # it passes what has these names


def test_verifiers_may_score_many_traces_at_once():
    scorer = verifiers.scorer(make_rewards_for_one_sample()[2])

    async def all_at_once():
        return await asyncio.gather(*(as_verifiers(scorer, row) for row in ROWS))

    assert asyncio.run(all_at_once()) == [parts["iaa_thurstone_rank"] for parts in expected_of_one_sample()]


def test_verifiers_reads_reasoning_that_was_moved_out_and_no_answer_at_all():
    thoughtful = verifiers.scorer(tr.AnswerFormatReward(require_think=True))
    bare = row("<answer>60</answer>", 3.0, "iqa", "q.jpg")
    assert asyncio.run(as_verifiers(thoughtful, bare, reasoning="Sharp.")) == 1.0
    assert asyncio.run(as_verifiers(thoughtful, bare)) == 0.0
    assert asyncio.run(thoughtful(task=NO_NONE, trace=SimpleNamespace(assistant_messages=[]))) == 0.0
