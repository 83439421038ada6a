"""Both ranking functions name what is wrong with their arguments."""

import numpy as np
import pytest
from hypothesis import assume, given
from support import strategies
from support.rankings import BOTH

from tatar_rewards import thurstone_rank_reward


@BOTH
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"groups": np.zeros(3, dtype=int)}, ValueError, "predictions and groups must have the same length.* 4 and 3"),
        ({"groups": np.zeros(4)}, TypeError, "groups must hold integer or string keys; got dtype float64"),
        ({"groups": ["a"] * 4}, TypeError, "groups must be a numpy or torch array; got list"),
        ({"groups": np.zeros(4, dtype=int)}, ValueError, r"groups\[0\] and groups\[1\] are both 0.* 20 and 40"),
        ({"comparisons": np.zeros(4)}, TypeError, "comparisons must hold integer or string keys"),
        ({"targets": np.array([20.0, 40.0, 60.0, 800.0])}, ValueError, r"targets\[3\] is 800"),
        ({"target_stds": np.array([1.0, 1.0, -3.0, 1.0])}, ValueError, r"target_stds\[2\] is -3"),
        ({"wanted": np.ones(4)}, TypeError, "wanted must hold True and False; got dtype float64"),
        ({"wanted": np.ones(3, dtype=bool)}, ValueError, "predictions and wanted must have the same length.* 4 and 3"),
        ({"temperature": 0.0}, ValueError, "temperature must lie in"),
        ({"pair_weight_scale": -1}, ValueError, "pair_weight_scale must lie in"),
        ({"link": "probit"}, ValueError, "link must be one of 'logistic', 'normal'; got 'probit'"),
        ({"loss": "mse"}, ValueError, "loss must be one of 'kl', 'bce', 'fidelity', 'margin', 'order'; got 'mse'"),
        ({"loss_scale": 0}, ValueError, "loss_scale must lie in"),
        ({"probability_floor": 0.5}, ValueError, "probability_floor must lie in"),
        ({"hard_targets": 1}, TypeError, "hard_targets must be True or False; got 1"),
    ],
)
def test_bad_input_is_named(function, change, error, message):
    arguments = {
        "predictions": np.full(4, 50.0),
        "targets": np.array([20.0, 40.0, 60.0, 80.0]),
        "groups": np.arange(4),
    }
    with pytest.raises(error, match=message):
        function(**{**arguments, **change})


def test_an_unknown_dispersion_is_named():
    with pytest.raises(ValueError, match="dispersion must be one of 'matched', 'observer', 'reference'; got 'other'"):
        thurstone_rank_reward(np.ones(1), np.ones(1), np.arange(1), dispersion="other")


@given(strategies.ranked_batches(labels=strategies.points))
def test_one_group_with_two_targets_is_an_error_that_names_both_rows(batch):
    q, g, groups, comparisons, stds = batch
    rows = np.flatnonzero((groups == groups[0]) & (comparisons == comparisons[0])) if len(q) else []
    assume(len(rows) > 1)
    g = g.copy()
    g[rows[-1]] = (g[rows[-1]] + 50) % 100 + 0.125
    with pytest.raises(ValueError, match=rf"groups\[\d+\] and groups\[{rows[-1]}\] are both"):
        thurstone_rank_reward(q, g, groups, comparisons, stds)
