"""The contract of a reward passes on every reward of the package, and finds planted faults."""

import math
import os
import random
import time

import pytest
from support.reward_calls import EVERY_REWARD

import tatar_rewards as tr
from tatar_rewards.testing import check_reward_contract


@pytest.mark.parametrize("reward", EVERY_REWARD, ids=lambda reward: reward.__name__)
@pytest.mark.filterwarnings("ignore:.*no other image")
def test_every_reward_keeps_the_contract(reward):
    before = reward.state_dict()
    check_reward_contract(reward)
    assert reward.state_dict() == before


def nan_for_silence(completions, **columns):
    return [math.nan if not completion else 1.0 for completion in completions]


def one_short(completions, **columns):
    return [1.0] * max(0, len(completions) - 1)


def texts_only(completions, **columns):
    return [float("answer" in completion) for completion in completions]


def unprepared(completions, **columns):
    return [float(completion[-1]["content"] != "") if completion else 0.0 for completion in completions]


def by_place(completions, **columns):
    return [float(row) for row in range(len(completions))]


def fixed_keywords(completions, mos):
    return [1.0] * len(completions)


def one_number(completions, **columns):
    return 1.0


class Counting:
    """Pays for the first calls only."""

    __name__ = "counting"

    def __init__(self):
        self.calls = 0

    def __call__(self, completions, **columns):
        self.calls += 1
        return [float(self.calls < 4)] * len(completions)


def greedy(prompts, completions, **columns):
    prompts.clear()
    return [1.0] * len(completions)


def asking_again(prompts, completions, **columns):
    for prompt in prompts:
        if not isinstance(prompt, str):
            prompt.append({"role": "user", "content": "Are you sure?"})
    return [1.0] * len(completions)


def boundless(completions, **columns):
    return [1e40] * len(completions)


def at_random(completions, **columns):
    return [random.random() for _ in completions]


def destructive(completions, mos, **columns):
    earned = [1.0] * len(completions)
    mos.clear()
    return earned


class Unpicklable:
    __name__ = "unpicklable"

    def __init__(self):
        self.pay = lambda: 1.0

    def __deepcopy__(self, memo):
        return self

    def __call__(self, completions, **columns):
        return [self.pay() for _ in completions]


def nothing(completions, **columns):
    return [None] * len(completions)


def leaving(completions, **columns):
    raise SystemExit(3)


def leaving_late(completions, **columns):
    yield from [1.0] * (len(completions) - 1)
    raise SystemExit(3)


def texts(completions, **columns):
    return ["1"] * len(completions)


class Nameless:
    def __call__(self, completions, **columns):
        return [1.0] * len(completions)


@pytest.mark.parametrize(
    ("reward", "problem"),
    [
        (nan_for_silence, "must be a finite number or None; got nan for ''; give None where nothing can be graded"),
        (boundless, "got 1e[+]40 for .*; float32 ends at 3.4e38"),
        (one_short, "got 7 rewards for 8 completions"),
        (texts_only, "message lists earn otherwise than the same texts"),
        (unprepared, "the reward raised TypeError"),
        (by_place, "the order of the rows changes what they earn"),
        (fixed_keywords, "unexpected keyword argument"),
        (one_number, "must return a list; got float"),
        (at_random, "the same call of a copy of the reward pays otherwise"),
        (Counting(), "call 4 of the same rows pays otherwise than the first: row 0 earns 0.0 instead of 1.0"),
        (destructive, "changed the mos that it was given; let it work on a copy"),
        (greedy, "changed the prompts that it was given"),
        (asking_again, "changed the prompts that it was given"),
        (Nameless(), "has no __name__"),
        (nothing, "graded nothing: it gave None for each of 8 plain answers"),
        (tr.GaussianScoreReward(task="quality"), "The column 'task' holds 'iqa', 'iaa': let the reward grade one of"),
        (leaving, r"the reward raised SystemExit\(3\)"),
        (leaving_late, r"the reward raised SystemExit\(3\)"),
        (texts, r"must be a finite number or None; got '1' for .*; convert it by float"),
    ],
)
def test_a_broken_contract_is_found(reward, problem):
    with pytest.raises(AssertionError, match=problem):
        check_reward_contract(reward)


@pytest.mark.filterwarnings("ignore:.*no other image")
@pytest.mark.slow
@pytest.mark.parametrize("reward", [tr.ThurstoneRankReward(task="iaa"), tr.CrpsScoreReward()], ids=["rank", "crps"])
def test_rewards_that_look_at_other_rows_keep_it_on_two_processes(reward):
    check_reward_contract(reward, processes=2)


def better_than(completions, completion_ids, **columns):
    """The share of the rows of the call that are shorter: not what it is over all processes."""
    return [sum(len(ids) < len(mine) for ids in completion_ids) / len(completions) for mine in completion_ids]


def stops_where_there_are_others(completions, **columns):
    import torch.distributed

    if torch.distributed.is_initialized() and torch.distributed.get_rank() == 1:
        raise OSError("no space")
    return [1.0] * len(completions)


def dies_where_there_are_others(completions, **columns):
    import torch.distributed

    if torch.distributed.is_initialized() and torch.distributed.get_rank() == 1:
        os._exit(3)
    return [1.0] * len(completions)


@pytest.mark.slow
def test_a_process_that_dies_is_noticed_at_once():
    start = time.monotonic()
    with pytest.raises(AssertionError, match="process 1 of 2 ended: it died with the exit code 3"):
        check_reward_contract(dies_where_there_are_others, processes=2)
    assert time.monotonic() - start < 20  # most of it for the first import of torch


@pytest.mark.slow
def test_faults_of_several_processes_are_found():
    check_reward_contract(stops_where_there_are_others)
    with pytest.raises(AssertionError, match="process 1 of 2 ended: .*OSError"):
        check_reward_contract(stops_where_there_are_others, processes=2)
    with pytest.raises(AssertionError, match="on 2 processes the reward pays otherwise"):
        check_reward_contract(better_than, processes=2)
    with pytest.raises(ValueError, match="processes must be 1, 2 or 4"):
        check_reward_contract(better_than, processes=3)


def test_rewards_of_trl_pass_where_they_keep_it():
    rewards = pytest.importorskip("trl.rewards", reason="TRL is not installed")
    check_reward_contract(rewards.think_format_reward, conversational=True)
    with pytest.raises(AssertionError, match="TypeError"):
        check_reward_contract(rewards.think_format_reward)
    check_reward_contract(rewards.get_soft_overlong_punishment(100, 20))
    check_reward_contract(rewards.get_repetition_penalty_reward(), conversational=True)


def test_what_cannot_be_pickled_is_found():
    with pytest.raises(AssertionError, match="cannot be pickled"):
        check_reward_contract(Unpicklable())
