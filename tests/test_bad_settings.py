"""Bad settings of rewards: refused by name when the reward is made."""

import math
import re

import pytest
from pydantic import ValidationError

import tatar_rewards as tr

CONFIGS = [
    (tr.GaussianScoreReward, {"tolerance": 0}, "tolerance"),
    (tr.GaussianScoreReward, {"tolerance": "8"}, "tolerance"),
    (tr.GaussianScoreReward, {"tolerance": math.nan}, "tolerance"),
    (tr.GaussianScoreReward, {"tolerence": 8.0}, "unknown setting 'tolerence'; did you mean 'tolerance'?"),
    (tr.GaussianScoreConfig, {"tolerence": 8.0}, "unknown setting 'tolerence'; did you mean 'tolerance'?"),
    (tr.AnswerFormatReward, {"xyz": 8.0}, "unknown setting 'xyz'; known are task, name, answer_scale"),
    (tr.GaussianScoreReward, {"reward_at_tolerance": 1.0}, "reward_at_tolerance"),
    (tr.GaussianScoreReward, {"widening": -1.0}, "widening"),
    (tr.GaussianScoreReward, {"gain": 0.5}, "gain"),
    (tr.GaussianScoreReward, {"weight": 1e40}, "weight"),  # infinite in the float32 of a trainer
    (tr.GaussianScoreReward, {"mos_scale": (1, 5, 9)}, "mos_scale"),
    (tr.GaussianScoreReward, {"mos_scale": {"KonIQ": (5, 1)}}, "mos_scale"),
    (tr.GaussianScoreReward, {"answer_scale": "0-100"}, "answer_scale"),
    (tr.GaussianScoreReward, {"task": 1}, "task"),
    (tr.GaussianScoreReward, {"length_gate": 65}, "length_gate"),
    (tr.ThresholdScoreReward, {"tolerance": 101.0}, "tolerance"),
    (tr.LengthReward, {"shortest": 9.0, "longest": 5.0}, "longest must be at least shortest; got 5 and 9"),
    (tr.LengthReward, {"unit": "letters"}, "unit"),
    (tr.AnswerFormatReward, {"think_prefilled": "yes"}, "think_prefilled"),
    (tr.PairwiseRankReward, {"link": "probit"}, "link"),
    (tr.PairwiseRankReward, {"loss": "mse"}, "loss"),
    (tr.PairwiseRankReward, {"probability_floor": 0.5}, "probability_floor"),
    (tr.ThurstoneRankReward, {"dispersion": "none"}, "dispersion"),
    (tr.ThurstoneRankReward, {"hard_targets": "yes"}, "hard_targets"),
    (tr.ThurstoneRankReward, {"opponents": "all"}, "opponents"),
    (tr.ThurstoneRankReward, {"memory_size": 0}, "memory_size"),
    (tr.ThurstoneRankReward, {"opponents": "memory", "min_opponents": 0}, "min_opponents=0 remembers none"),
    (tr.ThurstoneRankReward, {"opponents": "memory", "num_generations": 8}, "leave num_generations=8 out"),
    (tr.HackThresholds, {"status_share": 2.0}, "status_share"),
]


@pytest.mark.parametrize(("config", "settings", "match"), CONFIGS)
def test_settings_are_refused_by_name_when_the_reward_is_made(config, settings, match):
    with pytest.raises(ValidationError, match=re.escape(match)):
        config(**settings)
