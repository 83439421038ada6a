"""The doctor on budgets of thinking: words are words, and tokens are tokens."""

import pytest
from support.labelled_rows import QUESTION

import tatar_rewards as tr

ROWS = [{"prompt": QUESTION, "mos": 10.0 * k, "task": "iaa", "image_id": k} for k in range(1, 10)]
ARGS = {"num_generations": 2, "per_device_train_batch_size": 16, "max_completion_length": 512}


def findings(rewards, **changes):
    return {finding.check: finding for finding in tr.check_setup(rewards, {**ARGS, **changes}, ROWS).findings}


@pytest.mark.parametrize("unit", ["words", "tokens"])
@pytest.mark.parametrize("budget", [{"shortest": 100.0}, {"longest": 30.0}, {"shortest": 40.0, "longest": 60.0}])
def test_a_budget_that_can_be_met_is_no_fault(unit, budget):
    rewards = [tr.LengthReward(unit=unit, **budget), tr.GaussianScoreReward(task="iaa")]
    assert findings(rewards) == {}
    gate = tr.LengthConfig(unit=unit, **budget)
    assert findings([tr.GaussianScoreReward(task="iaa", length_gate=gate)]) == {}


def test_words_and_tokens_can_be_asked_for_together():
    words = tr.GaussianScoreReward(task="iaa", length_gate=tr.LengthConfig(shortest=30, longest=80))
    assert findings([words, tr.LengthReward(unit="tokens", shortest=90.0)]) == {}


def test_a_budget_in_tokens_is_held_against_the_trainers_tokens():
    finding = findings([tr.LengthReward(unit="tokens", shortest=100.0)], max_completion_length=90)["word budgets"]
    assert "leave no room for the 100 tokens" in finding.problem
    assert "a word" not in finding.problem
    finding = findings([tr.LengthReward(shortest=100.0)], max_completion_length=90)["word budgets"]
    assert "the 100 words" in finding.problem
    assert "about 1.3 tokens a word" in finding.problem


def test_budgets_that_exclude_each_other_are_found_in_either_unit():
    for unit in ("words", "tokens"):
        short, long = tr.LengthReward(unit=unit, longest=20.0), tr.LengthReward(unit=unit, shortest=50.0, name="other")
        finding = findings([short, long])["word budgets"]
        assert f"at least 50 {unit} and another for at most 20" in finding.problem
