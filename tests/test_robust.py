"""Any model output, any batch, any order, any thread: the callables as a trainer may call them."""

import math
import random
import sys
import threading
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import tatar_rewards as tr

TAGS = ("<think>", "</think>", "<answer>", "</answer>")
PIECES = [*TAGS, "50", "1e999", "-", ".", "nan", " ", "\u200b", "\0", "9" * 50, "\ud800"]
ANY_TEXT = st.text(st.characters(), max_size=60)  # lone surrogates and control characters too
TEXT = st.one_of(ANY_TEXT, st.lists(st.sampled_from(PIECES)).map("".join))
BLOCKS = st.lists(
    st.one_of(TEXT, st.fixed_dictionaries({"type": st.sampled_from(["text", "thinking", "image"]), "text": TEXT}))
)
SAID = st.one_of(st.none(), TEXT, BLOCKS)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["assistant", "assistant", "tool", None]), "content": SAID},
        optional={"reasoning_content": SAID, "reasoning": SAID},
    ),
    max_size=3,
)
OUTPUTS = st.lists(st.one_of(TEXT, MESSAGES), min_size=1, max_size=8)


def make_rewards():
    return [
        *tr.tatar_reward_funcs(iqa_task="a", iaa_task="a"),
        *tr.tatar_reward_funcs(iqa_task="a", iaa_task="a", think_prefilled=True, answer_scale=tr.ScoreScale(1, 5)),
        tr.ThresholdScoreReward(),
        tr.LengthReward(shortest=3, longest=9, margin=2),
        tr.LengthReward(shortest=3, unit="tokens", name="tokens"),
        tr.PairwiseRankReward(opponents="memory", link="normal"),
        tr.ThurstoneRankReward(dispersion="reference", loss="bce", mos_std_column="mos_std"),
        tr.ThurstoneRankReward(dispersion="observer", loss="fidelity", num_generations=1),
    ]


def columns_for(n, completions=None):
    """Columns of a batch with every image but one twice; n distinct labels keep every row rankable."""
    return {
        "completion_ids": [[k, k + 1, k + 2] for k in range(n)],
        "mos": [float(7 * (k // 2) % 101) for k in range(n)],
        "mos_std": [1.0 + k // 2 for k in range(n)],
        "task": ["a"] * n,
        "image_id": [str(k // 2) for k in range(n)],
        "dataset": ["x"] * n,
    }


@given(OUTPUTS)
def test_nothing_that_a_model_can_say_makes_a_reward_raise_or_leave_its_range(outputs):
    columns, logged, extra = columns_for(len(outputs)), {}, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for reward in make_rewards():
            if getattr(reward.config, "num_generations", None):
                columns = {**columns, "image_id": None}
            earned = reward(outputs, **columns, log_metric=logged.__setitem__, log_extra=extra.__setitem__)
            assert len(earned) == len(outputs)
            for value in earned:
                assert (type(value) is float and 0 <= value <= 1) or (value is None and isinstance(reward, RANKINGS))
    assert not np.isinf(list(logged.values())).any()
    assert all(len(column) == len(outputs) for column in extra.values())


RANKINGS = (tr.ThurstoneRankReward, tr.PairwiseRankReward)


@given(OUTPUTS)
def test_what_a_model_says_never_decides_whether_a_row_counts(outputs):
    """None only where no other image can be compared with: a row's own words cannot take it out of the loss."""
    n = len(outputs)
    columns = {**columns_for(n + 4), "image_id": [str(k) for k in range(n + 4)]}
    others = [f"<answer>{20 * k}</answer>" for k in range(4)]
    for reward in (tr.ThurstoneRankReward(), tr.PairwiseRankReward(), tr.GaussianScoreReward()):
        earned = reward([*outputs, *others], **columns)
        assert None not in earned


# ---------------------------------------------------------------- batches

SIZES = {
    "none": [],
    "one": ["<answer>50</answer>"],
    "one that cannot be read": ["dunno"],
    "one image": ["<answer>50</answer>", "<answer>60</answer>"],
    "none that can be read": ["dunno", "", "<answer>", "x"],
    "all equal": ["<answer>50</answer>"] * 6,
    "one of six that can be read": ["<answer>50</answer>", *["dunno"] * 5],
}


@pytest.mark.parametrize("answers", SIZES.values(), ids=SIZES)
def test_batches_of_every_awkward_kind(answers):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for reward in make_rewards():
            columns = columns_for(len(answers))
            if getattr(reward.config, "num_generations", None):
                columns["image_id"] = None
            logged = {}
            earned = reward(answers, **columns, log_metric=logged.__setitem__)
            assert len(earned) == len(answers)
            assert not any(value is not None and math.isnan(value) for value in earned)
            assert logged.keys() == logged_keys(reward)


def logged_keys(reward):
    logged = {}
    fresh = reward.fresh()
    columns = {
        **columns_for(4),
        "image_id": None if getattr(reward.config, "num_generations", None) else ["1", "1", "2", "2"],
    }
    fresh(["<answer>4</answer>"] * 4, **columns, log_metric=logged.__setitem__)
    return logged.keys()


# ---------------------------------------------------------------- order, repetition, threads


@pytest.fixture
def eager_switching():
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


ANSWERS = [f"<think>{'calm light ' * (k % 4)}</think><answer>{(37 * k) % 101}</answer>" for k in range(24)]


@given(st.permutations(range(len(ANSWERS))))
def test_rewards_follow_their_rows_through_any_order(order):
    columns = columns_for(len(ANSWERS))
    shuffled = {name: [column[k] for k in order] for name, column in columns.items()}
    for reward, again in zip(make_rewards(), make_rewards(), strict=True):
        if getattr(reward.config, "num_generations", None) is None:  # that one goes by place
            straight = reward(ANSWERS, **columns)
            np.testing.assert_allclose(
                again([ANSWERS[k] for k in order], **shuffled), [straight[k] for k in order], rtol=0, atol=1e-12
            )


def test_the_same_call_gives_the_same_bits():
    columns = {**columns_for(len(ANSWERS)), "image_id": [str(k // 2) for k in range(len(ANSWERS))]}
    for reward, again in zip(make_rewards()[:-1], make_rewards()[:-1], strict=True):
        assert reward(ANSWERS, **columns) == again(ANSWERS, **columns)
    rng = np.random.default_rng(0)
    q, g = rng.uniform(0, 100, 4096), np.repeat(rng.uniform(0, 100, 512), 8)
    for convert in (np.asarray, torch.as_tensor):
        arrays = [convert(values) for values in (q, g, np.arange(4096) // 8)]
        assert bool((tr.thurstone_rank_reward(*arrays) == tr.thurstone_rank_reward(*arrays)).all())
        assert bool((tr.pairwise_rank_reward(*arrays) == tr.pairwise_rank_reward(*arrays)).all())


@pytest.mark.parametrize("kind", [tr.GaussianScoreReward, tr.ThurstoneRankReward, tr.PairwiseRankReward])
def test_eight_threads_share_one_reward(kind, eager_switching):
    """As asynchronous trainers call it: every thread gets what it would have got alone."""
    reward, alone = kind(min_opponents=0) if kind is not tr.GaussianScoreReward else kind(), {}
    batches = {}
    for thread in range(8):
        rng = random.Random(thread)
        answers = [f"<answer>{rng.randint(0, 100)}</answer>" for _ in range(12)]
        pictures = [k // 2 for k in range(12)]
        columns = {"mos": [8.0 * k + thread for k in pictures], "image_id": [f"{thread}-{k}" for k in pictures]}
        batches[thread], alone[thread] = (answers, columns), kind()(answers, **columns)
    wrong, barrier = [], threading.Barrier(8)

    def work(thread):
        answers, columns = batches[thread]
        barrier.wait()
        try:
            for _ in range(60):
                logged = {}
                if reward(answers, **columns, log_metric=logged.__setitem__) != alone[thread]:
                    wrong.append(f"thread {thread} got another thread's rewards")
        except Exception as error:
            wrong.append(repr(error))

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wrong == []


def test_eight_threads_share_one_memory(eager_switching):
    reward, wrong = tr.ThurstoneRankReward(memory_size=16), []

    def work(thread):
        try:
            for k in range(60):
                answer, image = f"<answer>{(7 * k) % 101}</answer>", f"{thread}-{k}"
                (earned,) = reward([answer], mos=[float((11 * k) % 101)], image_id=[image], log_metric=lambda *_: None)
                assert earned is None or 0 <= earned <= 1
        except Exception as error:
            wrong.append(repr(error))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert wrong == []
    assert len(reward.state_dict()["images"]) == 16


# ---------------------------------------------------------------- half precision


@pytest.mark.parametrize("dtype", [np.float16, torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single_precision(dtype):
    rng = np.random.default_rng(1)
    q, g, k = rng.integers(0, 101, 64) * 1.0, np.repeat(rng.integers(0, 101, 16), 4) * 1.0, np.arange(64) // 4
    if dtype is np.float16:
        half = [q.astype(dtype), g.astype(dtype), k]
    else:
        half = [torch.tensor(q, dtype=dtype), torch.tensor(g, dtype=dtype), torch.tensor(k)]
    for function in (tr.thurstone_rank_reward, tr.pairwise_rank_reward):
        rewards = function(*half)
        assert rewards.dtype == dtype
        rewards = rewards.astype(float) if dtype is np.float16 else rewards.double().numpy()
        np.testing.assert_allclose(rewards, function(q, g, k), atol=1e-3 if dtype is not torch.bfloat16 else 4e-3)
    for function in (tr.gaussian_score_reward, tr.threshold_score_reward):
        rewards = function(*half[:2])
        assert rewards.dtype == dtype
        rewards = rewards.astype(float) if dtype is np.float16 else rewards.double().numpy()
        np.testing.assert_allclose(rewards, function(q, g), atol=1e-3 if dtype is not torch.bfloat16 else 4e-3)
