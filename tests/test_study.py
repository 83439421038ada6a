"""The study: its contestants are what they are called, its policy learns, its tables say what the results hold."""

import sys
from pathlib import Path

import numpy as np
import pytest

STUDY = Path(__file__).parents[1] / "benchmarks" / "study"
sys.path.insert(0, str(STUDY))

import contestants  # noqa: E402
import one_step  # noqa: E402
import results  # noqa: E402
import run  # noqa: E402
import show  # noqa: E402
import show_tiny  # noqa: E402
import tiny_rewards  # noqa: E402
import two_digits  # noqa: E402

from tatar_rewards import functional as f  # noqa: E402

RNG = np.random.default_rng(0)
MOS = np.repeat(RNG.uniform(10, 90, 8), 8)
ANSWERS = np.clip(MOS + RNG.normal(0, 12, 64), 0, 99).round()
IMAGES, SETS = np.repeat(np.arange(8), 8), np.repeat(np.arange(8) % 2, 8)


@pytest.mark.parametrize("name", [*contestants.CONTESTANTS, *contestants.REMEMBERING])
def test_every_contestant_pays_good_answers_more_than_bad_ones(name):
    reward = contestants.contestant(name)
    earned = reward(ANSWERS, MOS, IMAGES, SETS)
    assert earned.shape == (64,)
    assert np.isfinite(earned).all()
    good, bad = (contestants.contestant(name)(q, MOS, IMAGES, SETS).mean() for q in (MOS, 100 - MOS))
    assert good > bad or name == "CRPS", "answers that are all alike differ in nothing"


def test_a_published_contestant_is_its_preset_and_a_sum_is_a_sum():
    margin = f.thurstone_rank_reward(ANSWERS, MOS, IMAGES, SETS, loss="margin", temperature=40.0)
    wins, crps = (fn(ANSWERS, MOS, IMAGES, SETS) for fn in (f.win_rate_reward, f.crps_score_reward))
    earned = contestants.CONTESTANTS[contestants.RECOMMENDED](ANSWERS, MOS, IMAGES, SETS)
    np.testing.assert_allclose(earned, margin + 0.3 * wins + 0.3 * crps)
    threshold = contestants.CONTESTANTS["Q-Insight: threshold 8.75"](ANSWERS, MOS, IMAGES, SETS)
    np.testing.assert_array_equal(threshold, np.abs(ANSWERS - MOS) <= 8.75)


def test_a_memory_compares_with_earlier_calls_and_never_with_the_same_image_twice():
    reward = contestants.Remembering(contestants.WINS, size=4)
    one, other = slice(0, 8), slice(8, 16)
    assert np.isnan(reward(ANSWERS[one], MOS[one], IMAGES[one] * 0, SETS[one] * 0)).all()
    earned = reward(ANSWERS[other], MOS[other], IMAGES[one] * 0, SETS[one] * 0)
    both = slice(0, 16)
    np.testing.assert_array_equal(earned, f.win_rate_reward(ANSWERS[both], MOS[both], IMAGES[both])[8:])


def test_one_step_tells_a_perfect_reward_from_a_useless_one(monkeypatch):
    perfect = {"perfect": lambda q, g, images, sets: -np.abs(q - g), "none": lambda q, g, images, sets: 0 * q}
    monkeypatch.setattr(one_step, "CONTESTANTS", perfect)
    monkeypatch.setattr(one_step, "CALLS", 5)
    for regime in one_step.REGIMES:
        assert one_step.measure("perfect")[regime]["within-group correlation"] == pytest.approx(1)
        assert one_step.measure("none")[regime]["flat groups"] == 1
        assert one_step.measure("none")[regime]["signal to noise"] == 0


def test_the_policy_learns_from_a_reward_and_from_labels():
    regime = two_digits.Regime(sft_labels=100, sft_steps=60, labels=500, steps=80)
    figures = {
        name: two_digits.run_seed(regime, name, 3e-3, seed=0)
        for name in (two_digits.START, two_digits.MORE_LABELS, contestants.RECOMMENDED)
    }
    start = figures.pop(two_digits.START)
    for name, one in figures.items():
        assert one["mean SRCC"] > start["mean SRCC"] + 0.02, name
        assert one["mean SRCC"] > one["one sample SRCC"], "averaging helps"
        assert 0.5 < one["slope"] < 1.5


@pytest.mark.parametrize(("divide", "best"), [(True, 1e-3), (True, 3e-5), (True, 1e-1), (False, 1e-4)])
def test_rates_are_tried_beyond_the_first_ones_while_the_best_lies_at_their_end(monkeypatch, divide, best):
    """SRCC falls with the distance to the best rate, so the search walks to it, and no further than one beyond."""
    tried = []

    class Bench:
        validation = None

        def __init__(self, regime, seed):
            pass

        def trained(self, name, rate):
            tried.append(rate)
            return rate

    monkeypatch.setattr(two_digits, "bench", Bench)
    monkeypatch.setattr(two_digits, "measure", lambda rate, _: {"mean SRCC": -abs(np.log(rate / best))})
    assert two_digits.best_rate(two_digits.Regime(divide=divide), "any", [0]) == best
    assert len(tried) == len(set(tried)), "none is trained twice"
    last = two_digits.RATES.index(best)
    assert set(tried) <= {*two_digits.RATES[two_digits.TRIED[divide]], *two_digits.RATES[max(0, last - 1) :]}


def test_a_line_that_a_kill_cut_off_is_run_again(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text('{"regime": "clean", "name": "a"}\n{"regime": "cle')
    assert run.read_lines(path) == [{"regime": "clean", "name": "a"}]
    assert run.read_lines(tmp_path / "none") == []


def made_up(srccs):
    """Runs of two regimes and three seeds, by name."""
    runs = {}
    for regime in ("clean", "narrow labels"):
        for name, mean in srccs.items():
            runs[regime, name] = {
                seed: {"mean SRCC": mean + 0.01 * seed, "mean RMSE": 10 - mean, "slope": 1.0} for seed in range(3)
            }
    return runs


def test_tables_mark_the_best_and_what_is_level_with_it():
    runs = made_up({two_digits.START: 0.7, "good": 0.8, "level": 0.8, "worse": 0.75})
    lines = {line.split(" | ")[0].strip("| "): line for line in show.gains(runs).splitlines()[2:]}
    assert lines[two_digits.START].count("0.710") == 2
    assert lines["good"].count("**+0.100 ± 0.000**") == lines["level"].count("**+0.100 ± 0.000**") == 2
    assert lines["worse"].count("+0.050") == 2
    assert "**" not in lines["worse"]
    goal = show.goals(runs, "worse").splitlines()[2:]
    assert all("| 0.050 ± 0.000 | no | 1.005 | 1.00 | 0.750 |" in line for line in goal)


def test_a_collapse_on_some_seeds_is_never_level():
    assert results.is_level(0.001, 0.001)
    assert not results.is_level(0.3, 0.4)


def test_gains_of_the_tiny_model_are_paired_by_seed():
    def line(name, seed, srcc, means, **settings):
        figures = {"srcc": srcc, "rmse": 10.0}
        task = {"greedy": figures, "one": figures, "mean": figures, "mos": [10, 20, 30, 40], "means": means}
        about = {"name": name, "seed": seed, "rate": 1e-4, "scale_rewards": "none", "steps": 9, "part": "test"}
        return {**about, **settings, "iqa": task, "iaa": task}

    lines = [line("start", k, 0.5 + k / 10, [10, 30, 20, 40]) for k in range(2)]
    lines += [line("good", k, 0.6 + k / 10, [10, 20, 30, None]) for k in range(2)]
    lines += [line("recommended", k, 0.7 + k / 10, [10, 20, 30, 40], **show_tiny.CHOSEN) for k in range(2)]
    lines += [line("tatar", k, 0.6 + k / 5, [10, 30, 20, 40], **show_tiny.CHOSEN) for k in range(2)]
    start, good = show_tiny.gains(lines, "iqa", chosen=False).splitlines()[2:]
    assert start.startswith("| SFT | 0.500 | 0.600 | 0.550 |")
    assert good.startswith("| good, rate 0.0001, not divided, 9 steps | +0.100 | +0.100 | +0.100 (")
    _, best, other = (row.split(" | ") for row in show_tiny.gains(lines, "iqa").splitlines()[2:])
    assert (best[0], best[1], best[4]) == (f"| {show_tiny.NAMES['recommended']}", "+0.200", "")
    assert (other[0], other[1:3], other[4]) == (
        f"| {show_tiny.NAMES['tatar']}",
        ["+0.100", "+0.200"],
        "-0.050 ± 0.050",
    )


def test_learning_rates_of_the_tiny_model_are_compared_by_seed():
    def line(name, seed, srcc, **settings):
        task = {"mean": {"srcc": srcc}}
        return {"name": name, "seed": seed, "part": "test", **show_tiny.CHOSEN, **settings, "iqa": task, "iaa": task}

    lines = [line("start", k, 0.5) for k in range(3)]
    lines += [line("recommended", k, 0.6 + k / 100) for k in range(3)]
    lines += [line("recommended", k, 0.61 + k / 50, rate=4e-4) for k in range(2)]
    lines += [line("tatar", 0, 0.7)]  # at one rate only
    (row,) = show_tiny.by_rate(lines).splitlines()[2:]
    assert row.split(" | ")[1:4] == ["0, 1", "+0.105", "+0.120 (+0.015 ± 0.005)"]


@pytest.mark.parametrize("name", [name for name in vars(tiny_rewards) if isinstance(getattr(tiny_rewards, name), list)])
def test_every_list_of_the_tiny_model_has_a_format_and_names_of_its_own(name):
    rewards = getattr(tiny_rewards, name)
    assert rewards[0].__name__ == "answer_format"
    assert len({reward.__name__ for reward in rewards}) == len(rewards)


def test_the_pages_say_what_the_results_in_the_repository_say():
    tables = {title: make() for title, make in show.sections("").items()}
    page, every = (show.DOCS / "study.md").read_text(), (show.DOCS / "study_tables.md").read_text()
    assert show.with_tables(page, tables) == page, "run python benchmarks/study/show.py --draw"
    assert all(f"### {title}\n\n{text}\n" in every for title, text in tables.items())
    assert sum(f"### {title}\n" in page for title in tables) >= 8
