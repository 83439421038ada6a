"""The contract of a reward that reads columns of its own."""

import math

import numpy as np
import pytest

import tatar_rewards as tr
from tatar_rewards.testing import check_reward_contract


def test_columns_of_ones_own_take_the_place_of_the_examples():
    reward = tr.GaussianScoreReward(mos_column="score", mos_scale=(1, 5))
    with pytest.raises(AssertionError, match="needs a column 'score'"):
        check_reward_contract(reward)
    check_reward_contract(reward, score=[1.0, 1.0, 2.0, 2.0, 3.5, 3.5, 5.0, 5.0])
    for column in (np.linspace(1, 5, 8), [math.nan, *np.linspace(1, 5, 7)]):
        check_reward_contract(reward, score=column, votes=np.ones((8, 3)))
    with pytest.raises(ValueError, match="every column needs 8 rows, one for each example; score has 1"):
        check_reward_contract(reward, score=[1.0])
    for column in (5, "abcdefgh"):
        with pytest.raises(TypeError, match="score must be a list or an array of 8 values, one for each example; got"):
            check_reward_contract(reward, score=column)
    with pytest.raises(TypeError, match="score cannot be copied for each call .*; give values that can be pickled"):
        check_reward_contract(reward, score=[lambda: 1] * 8)


def looks_at_its_own(completions, mso, **columns):
    return [float(value) for value in mso]


def test_a_misspelt_column_is_found():
    with pytest.raises(AssertionError, match="makes no use of the column 'mso'; did you mean 'mos'"):
        check_reward_contract(tr.GaussianScoreReward(), mso=[1] * 8)
    check_reward_contract(looks_at_its_own, mso=range(8))
    with pytest.raises(AssertionError, match="graded nothing"):
        check_reward_contract(tr.GaussianScoreReward(), mos=[None] * 8)
    with pytest.raises(KeyboardInterrupt):
        check_reward_contract(interrupted)


def interrupted(completions, **columns):
    raise KeyboardInterrupt


def needs_a_keyword(completions, score, **columns):
    return [float(value) for value in score]


def needs_a_column(completions, **columns):
    return [float(value) for value in columns["score"]]


def lacks_something_else(completions, **columns):
    return [{"mos": 1.0}[text] for text in completions]


def test_a_column_that_the_reward_lacks_is_named_with_the_call_that_gives_it():
    for reward in (needs_a_keyword, needs_a_column):
        with pytest.raises(AssertionError, match=r"give the check what it needs: .*\(reward, score=\[\.\.\.\]\)$"):
            check_reward_contract(reward)
        check_reward_contract(reward, conversational=False, score=range(8))
    with pytest.raises(AssertionError, match="raised KeyError.* for completions"):
        check_reward_contract(lacks_something_else, **{"<think>Sharp.</think><answer>20</answer>": range(8)})
