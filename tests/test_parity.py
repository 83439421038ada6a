"""Parity with the published code: its recorded outputs on 40 random batches, wherever they are defined.

The published parser accepts words around the answer and clamps to 0-100. Ours does neither, so what only that parser
accepts is fed to the rewards as numbers.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from tatar_rewards import (
    AnswerStatus,
    gaussian_score_reward,
    length_reward,
    pairwise_rank_reward,
    parse_answer,
    thurstone_rank_reward,
)

RECORDED = json.loads((Path(__file__).parent / "data" / "reference_rewards.json").read_text())
CASES = pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: f"{case['kind']}-{len(case['rows'])}")


def columns(case, task):
    """Predictions as the published code clamps them, and the targets of one task."""
    parsed = case["expected"]["parsed"]
    predictions = np.array([math.nan if p is None else min(max(p, 0.0), 100.0) for p in parsed])
    targets = np.array([row["gt"] if row["task"] == f"{task}_score" else math.nan for row in case["rows"]])
    return predictions, targets, np.array([row["image"] for row in case["rows"]])


def assert_equal_where_defined(rewards, recorded, targets):
    """A row that the published code leaves out or cannot compare earns 0 there; ours says NaN."""
    recorded = np.array([math.nan if value is None else value for value in recorded])
    on_task = ~np.isnan(targets) & ~np.isnan(recorded)
    missing = on_task & np.isnan(rewards)
    assert np.all(recorded[missing] == 0)
    compared = on_task & ~missing
    np.testing.assert_allclose(rewards[compared], recorded[compared], rtol=0, atol=1e-9)
    return int(compared.sum())


@CASES
@pytest.mark.parametrize("task", ["iqa", "iaa"])
def test_gaussian(case, task):
    predictions, targets, _ = columns(case, task)
    words = np.array([len(row["text"].split()) for row in case["rows"]])
    constants = RECORDED["constants"]["gaussian"]
    budget = {"longest": constants["max_words_iqa"]} if task == "iqa" else {"shortest": constants["min_words_iaa"]}
    rewards = gaussian_score_reward(
        predictions,
        targets,
        tolerance=case["threshold"],
        reward_at_tolerance=constants["reward_at_tolerance"],
        widening=constants["widening"][task],
        gain=constants["scale"][task],
    )
    assert_equal_where_defined(rewards * length_reward(words, **budget), case["expected"]["gaussian"], targets)


@CASES
def test_thurstone(case):
    predictions, targets, images = columns(case, "iaa")
    rewards = thurstone_rank_reward(
        predictions, targets, images, dispersion="reference", loss="bce", temperature=8, pair_weight_scale=12
    )
    assert_equal_where_defined(rewards, case["expected"]["thurstone"], targets)


@CASES
def test_pairwise(case):
    predictions, targets, images = columns(case, "iaa")
    rewards = pairwise_rank_reward(
        predictions, targets, images, loss="bce", temperature=8, pair_weight_scale=12, within_image=True
    )
    assert_equal_where_defined(rewards, case["expected"]["pairwise"], targets)


@CASES
def test_what_our_parser_reads_the_published_one_reads_alike(case):
    stricter = {AnswerStatus.TEXT_BEFORE_ANSWER, AnswerStatus.TEXT_AFTER_ANSWER, AnswerStatus.OFF_SCALE}
    rows = zip(case["rows"], case["expected"]["parsed"], case["expected"]["format"], strict=True)
    for row, parsed, well_formed in rows:
        answer = parse_answer(row["text"])
        if answer.ok:
            assert (answer.score, 1.0) == (parsed, well_formed)
        elif parsed is not None:
            assert answer.status in stricter, row["text"]


def test_enough_rows_are_compared_to_mean_something():
    compared = 0
    for case in RECORDED["cases"]:
        predictions, targets, images = columns(case, "iaa")
        rewards = thurstone_rank_reward(
            predictions, targets, images, dispersion="reference", loss="bce", temperature=8, pair_weight_scale=12
        )
        compared += assert_equal_where_defined(rewards, case["expected"]["thurstone"], targets)
    assert compared > 300
