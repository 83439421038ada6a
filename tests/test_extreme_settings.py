"""Every setting at the ends of its range: a reward on [0, 1], or a refusal that names it, never NaN or an overflow."""

import inspect
import itertools
import math
from contextlib import suppress

import numpy as np
import pytest
from support.arrays import on_host
from test_configs import PAIRS

import tatar_rewards as tr
from tatar_rewards.functional import _arrays

LADDER = [0.0, 5e-324, 1e-300, 1e-12, 1e-6, 1e-3, 0.49, 1 - 1e-6, 1.0, 100.0, 1e6, 1e20, 1e160, 1.7e308, math.inf]
ANSWERS = np.array([0.0, 100.0, 50.0, 50.0, 70.0, 71.0])
TARGETS = np.array([100.0, 100.0, 0.0, 0.0, 50.0, 0.0])
IMAGES = np.array([0, 0, 1, 1, 2, 3])
SPREADS = {None: None, "least": 5e-324, "largest": 1e6}


def accepted(config, name):
    """The smallest and the largest values of a setting that are not refused."""
    values = []
    for value in LADDER:
        with suppress(ValueError):
            values.append(getattr(config(**{name: value}), name))
    return sorted({values[0], values[1], values[-2], values[-1]})


def calls_at_the_ends(config):
    """Settings two by two: numbers at the ends of their ranges, and each choice of the others."""
    fields = {name: field for name, field in config.model_fields.items() if name != "unit"}
    ends = {}
    for name, field in fields.items():
        numeric, choices = field.annotation is float, getattr(field.annotation, "__args__", (True, False))
        ends[name] = accepted(config, name) if numeric else choices
    for size in {1, min(2, len(ends))}:
        for names in itertools.combinations(ends, size):
            yield from (dict(zip(names, at, strict=True)) for at in itertools.product(*(ends[name] for name in names)))


@pytest.mark.parametrize(("library", "dtype"), [("numpy", "float32"), ("numpy", "float64"), ("torch", "float32")])
@pytest.mark.parametrize(("config", "function"), PAIRS)
def test_a_reward_is_finite_whatever_the_settings(monkeypatch, config, function, library, dtype):
    monkeypatch.setattr(_arrays, "NUMPY_FOR_CPU_TENSORS", False)
    arrays = np.asarray if library == "numpy" else pytest.importorskip("torch").from_numpy
    parameters = inspect.signature(function).parameters
    columns = [arrays(ANSWERS.astype(dtype))]
    if function is not tr.length_reward:
        columns.append(arrays(TARGETS.astype(dtype)))
    if "groups" in parameters:
        columns.append(arrays(IMAGES if function is not tr.crps_score_reward else np.array([0, 0, 1, 1, 2, 2])))
    if function is tr.crps_score_reward:
        columns[1] = arrays(np.repeat([100.0, 0.0, 50.0], 2).astype(dtype))
    for settings in calls_at_the_ends(config):
        if settings.get("longest", math.inf) < settings.get("shortest", 0):
            continue  # refused
        for name, spread in SPREADS.items() if "target_stds" in parameters else [(None, None)]:
            stds = {} if spread is None else {"target_stds": arrays(np.full(6, spread, dtype))}
            rewards = on_host(function(*columns, **settings, **stds))
            assert np.all((rewards >= 0) & (rewards <= 1)), (settings, name, rewards)


@pytest.mark.parametrize("pair_weight_scale", [1e-3, 0.01, 0.05])
def test_a_lone_completion_meets_other_images_however_fast_weights_fall(arrays, pair_weight_scale):
    q, g, images = arrays([30.0, 70.0]), arrays([0.0, 100.0]), arrays([1, 2])
    settings = {"pair_weight_scale": pair_weight_scale}
    expected = on_host(tr.pairwise_rank_reward(q, g, images, **settings))
    np.testing.assert_array_equal(
        on_host(tr.pairwise_rank_reward(q, g, images, **settings, within_image=True)), expected
    )


@pytest.mark.parametrize(("config", "function"), PAIRS)
def test_longdouble_is_computed_in_float64_and_comes_back_as_it_was(config, function):
    wide, columns = ANSWERS.astype(np.longdouble), [ANSWERS]
    if function is not tr.length_reward:
        columns.append(ANSWERS[::-1])
    if "groups" in inspect.signature(function).parameters:
        columns = [*columns[:1], np.full(6, 50.0), np.zeros(6, int) if function is tr.crps_score_reward else IMAGES]
    for link in ({"link": "normal"}, {}) if "link" in config.model_fields else ({},):
        rewards = function(wide, *(c.astype(np.longdouble) if c.dtype == float else c for c in columns[1:]), **link)
        assert rewards.dtype == np.longdouble
        np.testing.assert_array_equal(rewards.astype(float), function(*columns, **link))
