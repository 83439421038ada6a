"""The doctor on whatever a trainer takes for rewards, and on what it takes but cannot train with."""

import functools

import pytest
from support.labelled_rows import QUESTION
from support.other_rewards import OTHERS, own_function
from trl.rewards import get_soft_overlong_punishment

import tatar_rewards as tr

ARGS = {"per_device_train_batch_size": 64, "num_generations": 4, "max_completion_length": 400}


@pytest.mark.parametrize(
    ("mistake", "problem", "cure"),
    [
        (None, "reward_funcs is empty", "tatar_reward_funcs()"),
        ([], "reward_funcs is empty", "tatar_reward_funcs()"),
        (5, "reward_funcs is 5 of type int, and no reward", "in its place"),
        ({"a": own_function}, "reward_funcs is {'a'", "in its place"),
        ([own_function, None], "reward_funcs[1] is None of type NoneType, and no reward", "in its place"),
        ([0.5], "reward_funcs[0] is 0.5 of type float, and no reward", "in its place"),
        ([tr.LengthConfig()], "reward_funcs[0] is LengthConfig() of type LengthConfig, and no reward", "in its place"),
        ([tr.tatar_reward_funcs()], "reward_funcs[0] is [AnswerFormatReward", "unpack it"),
        (tr.GaussianScoreReward, "is the class GaussianScoreReward", "make one: GaussianScoreReward(...)"),
        ([tr.GaussianScoreReward], "reward_funcs[0] is the class GaussianScoreReward", "make one"),
        (tr.tatar_reward_funcs, "reward_funcs is the function tatar_reward_funcs", "call it"),
        ([tr.tatar_reward_funcs], "reward_funcs[0] is the function tatar_reward_funcs", "call it"),
        ([functools.partial(tr.tatar_reward_funcs, mos_scale=(1, 5))], "is the function tatar_reward_funcs", "call it"),
        (
            ["tatar_rewards.presets.answer_format"],
            "is the text 'tatar_rewards.presets.answer_format'",
            "pass the reward",
        ),
        ([""], "is the text ''", "pass the reward"),
        (
            [get_soft_overlong_punishment],
            "takes no 'prompts', which the trainer passes",
            "if it makes rewards, call it",
        ),
        ([lambda completions: [0.0]], "takes no 'prompts', which the trainer passes", "**columns"),
        ([lambda completions, answer, **columns: [0.0]], "needs 'answer', which the trainer does not pass", "a column"),
        ([lambda completions, /, **columns: [0.0]], "needs 'completions', which the trainer does not pass", "a column"),
    ],
)
def test_what_cannot_be_called_as_a_reward_is_a_fault_with_its_cure(mistake, problem, cure):
    report = tr.check_setup(mistake, ARGS, [{"prompt": QUESTION, "mos": 10.0 * k} for k in range(10)])
    assert any(problem in fault.problem and cure in fault.cure for fault in report.faults), str(report)


@pytest.mark.parametrize("other", OTHERS)
def test_rewards_of_others_are_not_called_and_the_report_says_so(other):
    rows = [{"prompt": QUESTION, "mos": 10.0 * k} for k in range(10)]
    for given_rewards in (other, [other], [other, tr.GaussianScoreReward()]):
        report = tr.check_setup(given_rewards, ARGS, rows)
        assert report.ok, str(report)
        assert "(not of this package)" in report.facts["not looked at"] or isinstance(other, str)
    assert "a-reward-model (a reward model)" in tr.check_setup(OTHERS[-1], ARGS, rows).facts["not looked at"]


def test_one_reward_that_is_in_no_list_is_one_reward():
    for reward in (tr.AnswerFormatReward(), tr.GaussianScoreReward(), tr.LengthReward(longest=50)):
        report = tr.check_setup(reward, ARGS, [{"prompt": QUESTION, "mos": 10.0 * k} for k in range(10)])
        assert report.ok, str(report)
        assert report.facts["rewards"] == reward.__name__


def test_a_wrapper_takes_what_it_takes_itself_not_what_it_wraps():
    def short(completions):
        return [0.0] * len(completions)

    @functools.wraps(short)
    def wrapper(**columns):
        return short(columns["completions"])

    assert tr.check_setup([wrapper], ARGS, [{"prompt": QUESTION}] * 4).ok
