"""The figures that rewards log: over whole calls, of all ranks, the same however the rows are split."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tatar_rewards as tr
from tatar_rewards import metrics
from tatar_rewards.rewards.running_figures import RECENT, Graded, RunningFigures, count_flat_groups


def graded(n, seed, unreadable=0.2, groups=True):
    """One call of n completions, four an image."""
    rng = np.random.default_rng(seed)
    predictions = np.where(rng.random(n) < unreadable, math.nan, rng.integers(0, 100, n))
    targets = (np.arange(n) // 4 * 37.0 + seed) % 101
    rewards = np.where(np.isnan(predictions), 0.0, rng.integers(0, 3, n) / 2)
    lengths = np.where(np.isnan(predictions), math.nan, rng.integers(1, 90, n))
    return Graded(predictions, targets, rewards, lengths, lengths / lengths, np.arange(n if groups else 0) // 4)


def joined(calls):
    return [np.concatenate(columns) for columns in zip(*(call[:5] for call in calls), strict=True)]


def figures_of(calls):
    running = RunningFigures()
    for call in calls:
        running = running.with_call(call)
    return running.figures(unit="words")


@given(sizes=st.lists(st.sampled_from([0, 4, 8, 400, 1024, 2048]), min_size=1, max_size=6))
def test_figures_are_those_of_one_big_table_of_the_newest_calls(sizes):
    calls = [graded(n, seed) for seed, n in enumerate(sizes)]
    kept = []
    for call in reversed(calls):
        if sum(len(one.rewards) for one in kept) >= RECENT:
            break
        kept.insert(0, call)
    predictions, targets, _, lengths, _ = joined(kept)
    figures = figures_of(calls)
    assert figures["parse_failure_rate"] == pytest.approx(1 - metrics.coverage(predictions), nan_ok=True)
    assert figures["srcc"] == pytest.approx(metrics.srcc(predictions, targets), nan_ok=True)
    assert figures["mae"] == pytest.approx(metrics.mae(predictions, targets), nan_ok=True)
    assert figures["mean_words"] == pytest.approx(np.nanmean(lengths) if len(lengths) else math.nan, nan_ok=True)
    flat = [len(set(group)) == 1 for call in kept for group in call.rewards.reshape(-1, 4)]
    assert figures["flat_group_share"] == pytest.approx(np.mean(flat) if flat else math.nan, nan_ok=True)


def test_every_row_of_a_large_call_counts():
    """A window of 1,024 rows took a call for readable whose first half was not."""
    call = graded(2048, 0, unreadable=0)
    call.predictions[:1024] = math.nan
    assert figures_of([call])["parse_failure_rate"] == 0.5


@given(order=st.permutations(range(24)))
def test_the_order_of_the_rows_of_a_call_changes_no_figure(order):
    call = graded(24, 3)
    shuffled = Graded(*(column[list(order)] if len(column) else column for column in call))
    assert figures_of([shuffled]) == pytest.approx(figures_of([call]), abs=1e-12)


def test_groups_are_flat_where_several_rewards_are_equal_but_for_rounding():
    groups = np.array([1, 1, 2, 2, 3, 4, 4, 4])
    rewards = np.array([0.5, 0.5 + 1e-9, 0.5, 0.6, 0.5, math.nan, 0.2, 0.2])
    assert count_flat_groups(rewards, groups) == (2, 3)
    assert count_flat_groups(rewards, groups[:0]) == (0, 0)


def test_what_is_remembered_stays_bounded():
    running = RunningFigures()
    for seed in range(3000):
        running = running.with_call(graded(16, seed))
    assert len(pickle.dumps(running)) < 120_000
    running = running.with_call(graded(50_000, 0)).with_call(graded(2_000, 0))
    assert len(pickle.dumps(running)) < 120_000


# ---------------------------------------------------------------- rewards without labels


@pytest.mark.parametrize(
    ("reward", "figure", "value"),
    [
        (tr.AnswerFormatReward(task="iqa"), "parse_failure_rate", 0.5),
        (tr.AnswerFormatReward(task="iqa"), "status_no_answer", 0.5),
        (tr.LengthReward(task="iqa", longest=2), "mean_words", 3.0),
        (tr.LengthReward(task="iqa", longest=2), "off_budget_share", 1.0),
    ],
)
def test_a_call_without_rows_of_the_task_logs_what_the_last_one_counted(reward, figure, value):
    reward, logs = reward.fresh(), []
    for task in ("iaa", "iqa", "iaa"):
        logged = {}
        texts = ["<think>a b c</think><answer>50</answer>", "dunno"]
        reward(texts, task=[task] * 2, log_metric=logged.__setitem__)
        logs.append(logged[f"{reward.__name__}/{figure}"])
    assert logs == pytest.approx([math.nan, value, value], nan_ok=True)


def test_the_first_look_at_the_labels_waits_for_rows_of_the_task():
    reward = tr.GaussianScoreReward(task="iqa")
    texts, mos = ["<answer>50</answer>"] * 4, [1.0, 2.0, 3.0, 4.5]
    reward(texts, mos=mos, task=["iaa"] * 4)
    with pytest.warns(UserWarning, match="lowest tenth of their declared scale"):
        reward(texts, mos=mos, task=["iqa"] * 4)
