"""Configs mirror their functions, refuse what the functions refuse, and cannot be changed."""

import inspect
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import tatar_rewards as tr

COLUMNS = ("comparisons", "target_stds", "wanted")
PAIRS = [
    (tr.GaussianScoreConfig, tr.gaussian_score_reward),
    (tr.ErrorScoreConfig, tr.error_score_reward),
    (tr.CrpsScoreConfig, tr.crps_score_reward),
    (tr.ThresholdScoreConfig, tr.threshold_score_reward),
    (tr.ThurstoneRankConfig, tr.thurstone_rank_reward),
    (tr.PairwiseRankConfig, tr.pairwise_rank_reward),
    (tr.LengthConfig, tr.length_reward),
]


@pytest.mark.parametrize(("config", "function"), PAIRS)
def test_fields_and_defaults_are_the_functions_keyword_arguments(config, function):
    parameters = inspect.signature(function).parameters.values()
    settings = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in COLUMNS}
    assert config().model_dump(exclude={"unit"}) == settings


@pytest.mark.parametrize(("config", "function"), PAIRS)
@given(data=st.data())
def test_config_and_function_accept_the_same_numbers(config, function, data):
    import numpy as np

    name = data.draw(st.sampled_from([n for n, f in config.model_fields.items() if f.annotation is float]))
    edges = st.sampled_from([-1.0, 0.0, 1e-30, 1e-12, 1e-6, 1e-3, 0.5, 1.0, 100.0, 101.0, math.inf, math.nan])
    value = data.draw(st.one_of(edges, st.floats()))
    columns = [np.zeros(0)] if function is tr.length_reward else [np.zeros(0), np.zeros(0)]
    if "rank" in function.__name__ or function is tr.crps_score_reward:
        columns.append(np.zeros(0, dtype=int))
    outcomes = []
    for call in (lambda: config(**{name: value}), lambda: function(*columns, **{name: value})):
        try:
            call()
            outcomes.append(True)
        except ValueError:
            outcomes.append(False)
    assert outcomes[0] == outcomes[1], (name, value)


@pytest.mark.parametrize(("config", "_"), PAIRS)
def test_configs_are_frozen_and_refuse_unknown_fields(config, _):
    with pytest.raises(ValidationError, match="frozen"):
        setattr(config(), next(iter(config.model_fields)), 1.0)
    with pytest.raises(ValidationError, match="unknown setting .tolerence."):
        config(tolerence=5.0)


def test_a_number_in_quotes_is_refused():
    with pytest.raises(ValidationError, match="tolerance"):
        tr.GaussianScoreConfig(tolerance="8.75")


def test_a_budget_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValidationError, match="longest must be at least shortest"):
        tr.LengthConfig(shortest=10, longest=5)
