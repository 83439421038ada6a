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


def looks_at_the_step(completions, trainer_state, **columns):
    return [0.5 + 0.0 * trainer_state.global_step for _ in completions]


def needs_the_log(completions, log_metric, **columns):
    return [0.5 for _ in completions]


def knows_other_tasks(completions, task, **columns):
    return [{"quality": 1.0}[one] for one in task]


def test_what_a_trainer_passes_is_no_column():
    check_reward_contract(looks_at_the_step)
    with pytest.raises(AssertionError, match="let log_metric be None by default"):
        check_reward_contract(needs_the_log)
    with pytest.raises(AssertionError, match="raised KeyError\\('iqa'\\) for completions"):
        check_reward_contract(knows_other_tasks)
    for arguments in ({"conversational": "yes"}, {"mos": dict.fromkeys(range(8), 1)}):
        with pytest.raises(TypeError):
            check_reward_contract(looks_at_the_step, **arguments)
    with pytest.raises(ValueError, match="processes must be 1, 2 or 4"):
        check_reward_contract(looks_at_the_step, processes=2.0)


class ByPlace(tr.GaussianScoreReward):
    """Pays by the row where the answer can be read."""

    def __call__(self, completions, **columns):
        paid = super().__call__(completions, **columns)
        return [value if not value else value * (row + 1) for row, value in enumerate(paid)]


def test_plain_answers_are_on_the_scale_that_a_reward_reads():
    for scale in ((1, 5), tr.ScoreScale(1, 5, higher_is_better=False)):
        check_reward_contract(tr.GaussianScoreReward(answer_scale=scale))
        with pytest.raises(AssertionError, match="the order of the rows changes"):
            check_reward_contract(ByPlace(answer_scale=scale))
