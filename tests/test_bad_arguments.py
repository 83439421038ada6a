"""Bad arguments of functions: every error names the argument, the row, the value and the cure."""

import inspect
import math
import re

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from support.bad_arguments import G, K, Q, bad, bad_columns, bad_numbers, bad_stds

import tatar_rewards as tr
from tatar_rewards import distributed, metrics
from tatar_rewards.adapters.trl import HackDetector, RememberOpponents
from tatar_rewards.answers.words import length_without_repetition
from tatar_rewards.doctor import check_setup
from tatar_rewards.rewards.memory import OpponentMemory

RANKINGS = (tr.thurstone_rank_reward, tr.pairwise_rank_reward)
SCORES = (tr.gaussian_score_reward, tr.threshold_score_reward)
ROWS = [
    {"dataset": "d", "task": "iqa", "image_id": k, "mos": 20.0 + k, "completion": f"<answer>{30 + k}</answer>"} for k in range(3)
]  # fmt: skip
FUNCTIONS = [
    *(case for function in SCORES for case in bad_columns(function)),
    *(case for function in RANKINGS for case in bad_columns(function, K)),
    *bad_stds(tr.gaussian_score_reward),
    *(case for function in RANKINGS for case in bad_stds(function, K)),
    *bad_numbers(
        tr.gaussian_score_reward, (Q, G), tolerance=(0, math.inf), reward_at_tolerance=(0, 1), widening=(-1, math.inf), gain=(0.9, math.inf)
    ),
    *(case for case in bad_columns(tr.error_score_reward)),
    *(case for function in (tr.crps_score_reward, tr.win_rate_reward) for case in bad_columns(function, K)),
    *bad_stds(tr.error_score_reward),
    *(case for function in (tr.crps_score_reward, tr.win_rate_reward) for case in bad_stds(function, K)),
    *bad_numbers(tr.error_score_reward, (Q, G), tolerance=(0, math.inf), reward_at_tolerance=(0, 1)),
    *bad_numbers(tr.crps_score_reward, (Q, G, K), scale=(0, math.inf)),
    bad(tr.error_score_reward, Q, G, error=ValueError, match="shape must be one of 'laplace', 'linear', 'squared', 'huber'; got 'x'", shape="x"),
    *bad_numbers(tr.threshold_score_reward, (Q, G), tolerance=(-1, 101)),
    *bad_numbers(tr.length_reward, (Q,), shortest=(-1, math.inf), longest=(-1, None), margin=(-1, math.inf)),
    *(
        case
        for function in RANKINGS
        for case in bad_numbers(
            function, (Q, G, K), temperature=(0, math.inf), pair_weight_scale=(0, None), loss_scale=(0, math.inf), probability_floor=(0, 0.5)
        )
    ),
    *bad_numbers(tr.thurstone_rank_reward, (Q, G, K), variance_floor=(0, math.inf)),
    *(
        case
        for function in (tr.crps_score_reward, tr.win_rate_reward)
        for case in (
            bad(function, Q, G, [1, 2], error=TypeError, match="groups must be a numpy or torch array; got list"),
            bad(function, Q, G, Q, error=TypeError, match="groups must hold integer or string keys; got dtype float64"),
            bad(function, Q, G, K, Q, error=TypeError, match="comparisons must hold integer or string keys"),
            bad(function, Q, G, K, None, None, K, error=TypeError, match="wanted must hold True and False; got dtype int64"),
            bad(function, Q, G, np.array([7, 7]), error=ValueError, match="groups[0] and groups[1] are both 7, but their targets differ: 40 and 70"),
        )
    ),
    *(
        case
        for function in RANKINGS
        for case in (
            bad(function, Q, G, [1, 2], error=TypeError, match="groups must be a numpy or torch array; got list"),
            bad(function, Q, G, Q, error=TypeError, match="groups must hold integer or string keys; got dtype float64"),
            bad(function, torch.tensor(Q), torch.tensor(G), torch.tensor(Q), error=TypeError, match="groups must hold integer keys; got dtype torch.float64"),
            bad(function, Q, G, K[:1], error=ValueError, match="predictions and groups must have the same length"),
            bad(function, Q, G, K, Q, error=TypeError, match="comparisons must hold integer or string keys"),
            bad(function, Q, G, K, K[:1], error=ValueError, match="predictions and comparisons must have the same length"),
            bad(function, Q, G, K, None, None, K, error=TypeError, match="wanted must hold True and False; got dtype int64"),
            bad(function, Q, G, np.array([7, 7]), error=ValueError, match="groups[0] and groups[1] are both 7, but their targets differ: 40 and 70; one image has one MOS"),
            bad(function, Q, G, K, error=ValueError, match="link must be one of 'logistic', 'normal'; got 'probit'", link="probit"),
            bad(function, Q, G, K, error=ValueError, match="loss must be one of 'kl', 'bce', 'fidelity', 'margin', 'order'; got None", loss=None),
            bad(function, Q, G, K, error=TypeError, match="hard_targets must be True or False; got 1", hard_targets=1),
        )
    ),
    bad(tr.thurstone_rank_reward, Q, G, K, error=ValueError, match="dispersion must be one of 'matched', 'observer', 'reference'; got 'x'", dispersion="x"),
    bad(tr.pairwise_rank_reward, Q, G, K, error=TypeError, match="within_image must be True or False; got None", within_image=None),
    bad(tr.length_reward, [3], error=TypeError, match="lengths must be a numpy or torch array; got list"),
    bad(tr.length_reward, Q[None], error=ValueError, match="lengths must be flat"),
    bad(tr.length_reward, np.array(["3"]), error=TypeError, match="lengths must hold real numbers"),
    bad(tr.length_reward, np.array([3, -1]), error=ValueError, match="lengths[1] is -1; it must be a finite number of at least 0, or NaN"),
    bad(tr.length_reward, Q, error=ValueError, match="longest must be at least shortest; got 5 and 9", shortest=9, longest=5),
    bad(tr.parse_answer, None, error=TypeError, match="text must be a str; got NoneType"),
    bad(tr.parse_answer, b"<answer>7</answer>", error=TypeError, match="text must be a str; got bytes"),
    bad(tr.parse_answer, "7", error=TypeError, match="scale must be a ScoreScale, for example ScoreScale(1, 5); got (0, 100)", scale=(0, 100)),
    bad(tr.recommended_reward_funcs, error=TypeError, match="unknown setting 'mos_scael'; did you mean 'mos_scale'?", mos_scael=1),
    bad(tr.recommended_reward_funcs, error=TypeError, match="recommended_reward_funcs sets weight of its rewards itself; make them one by one", weight=1),
    bad(tr.recommended_reward_funcs, error=ValidationError, match="memory_size", memory_size=0),
    bad(tr.scheduled, tr.GaussianScoreReward(), "tol", error=ValidationError, match="'tol' cannot change over training", start=1, end=2),
    bad(tr.scheduled, tr.GaussianScoreReward(), "tolerance", error=ValidationError, match="end of the schedule of tolerance: tolerance must lie", start=1, end=-2),
    bad(tr.scheduled, tr.GaussianScoreReward(), error=ValidationError, match="over", start=1, end=2, over=1.5),
    bad(metrics.crps, Q, G, ["a"], error=ValueError, match="pictures must hold a key for each prediction; got shape (1,) for 2 of them"),
    bad(metrics.spread_within, ["x"], [1.0], ["a"], error=TypeError, match="predictions must hold numbers"),
    bad(tr.tatar_reward_funcs, error=TypeError, match="iqa must be a GaussianScoreConfig or None; got {}", iqa={}),
    bad(tr.tatar_reward_funcs, error=TypeError, match="iaa must be a ThurstoneRankConfig or None; got GaussianScoreConfig(", iaa=tr.GaussianScoreConfig()),
    bad(tr.tatar_reward_funcs, error=TypeError, match="opponents must be a OpponentConfig or None; got 'memory'", opponents="memory"),
    bad(tr.tatar_reward_funcs, error=TypeError, match="unknown setting 'mos_scael'; did you mean 'mos_scale'?", mos_scael=1),
    bad(tr.tatar_reward_funcs, error=TypeError, match="unknown setting 'task'; set iqa_task= and iaa_task= to what the task column holds. Where all rows are of one task, give the trainer the reward of that task alone: GaussianScoreReward(task=None)", task=None),
    bad(tr.tatar_reward_funcs, error=TypeError, match="unknown setting 'length_gate'; set iqa_budget= and iaa_budget=: None pays whatever the length", length_gate=None),
    bad(tr.tatar_reward_funcs, error=TypeError, match="set it in iqa=GaussianScoreConfig(tolerance=...)", tolerance=8),
    bad(tr.tatar_reward_funcs, error=TypeError, match="set it in iaa=ThurstoneRankConfig(temperature=...)", temperature=8),
    bad(tr.tatar_reward_funcs, error=TypeError, match="set it in opponents=OpponentConfig(memory_size=...)", memory_size=8),
    bad(tr.tatar_reward_funcs, error=TypeError, match="set it in iqa_budget=LengthConfig(longest=...)", longest=8),
    bad(tr.tatar_reward_funcs, error=TypeError, match="iaa_budget must be a LengthConfig, such as LengthConfig(longest=65), or None; got -1", iaa_budget=-1),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="mos_scale", mos_scale=(5, 1)),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="mos_scale", mos_scale={"AVA": 10}),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="a scale must be a ScoreScale or a pair such as (1, 5); got '0-100'", answer_scale="0-100"),
    bad(tr.tatar_reward_funcs, error=TypeError, match="iqa_budget must be a LengthConfig, such as LengthConfig(longest=65), or None; got 65", iqa_budget=65),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="task", iqa_task=1),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="task", iaa_task=["iaa"]),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="think_prefilled", think_prefilled="yes"),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="process_group must be a group that torch.distributed.new_group made, or None; got 'gloo'", process_group="gloo"),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="require_think", require_think=1),
    *(
        bad(tr.tatar_reward_funcs, error=ValidationError, match=name, **{name: 7})
        for name in ("task_column", "mos_column", "mos_std_column", "dataset_column", "image_id_column")
    ),
    bad(tr.read_completion, "7", error=TypeError, match="scale must be a ScoreScale, for example ScoreScale(1, 5); got (0, 100)", scale=(0, 100)),
    bad(tr.evaluate_predictions, [], error=ValueError, match="there are no rows to evaluate; give one for each picture"),
    bad(tr.evaluate_predictions, [{}], error=ValueError, match="row 0: no 'task', 'image_id', 'mos', 'completion'"),
    bad(tr.evaluate_predictions, ROWS, error=TypeError, match="a scale must be a ScoreScale or a pair such as (1, 5); got '0-100'", mos_scale="0-100"),
    bad(tr.evaluate_predictions, ROWS, error=TypeError, match="a scale must be a ScoreScale or a pair such as (1, 5); got 100", answer_scale=100),
    bad(tr.evaluate_predictions, ROWS, error=TypeError, match="a scale must be a ScoreScale or a pair such as (1, 5); got 5", other_mos_scale=5),
    bad(tr.evaluate_predictions, ROWS, error=ValueError, match="n_resamples must be at least 1; got -1", n_resamples=-1),
    *(
        case
        for function in (metrics.srcc, metrics.plcc, metrics.krcc, metrics.rmse, metrics.mae, metrics.calibration_slope, metrics.spread_ratio, metrics.constant_share)
        for case in (
            bad(function, [1.0, 2.0], [1.0], error=ValueError, match="predictions and targets must be equally long, one pair a row; got 2 and 1"),
            bad(function, [[1.0], [2.0]], [1.0, 2.0], error=ValueError, match="predictions must be flat, one value a row; got shape (2, 1)"),
            bad(function, [1.0, 2.0], ["good", "bad"], error=TypeError, match="targets must hold numbers, with NaN for what is missing; got ['good', 'bad']"),
        )
    ),
    bad(metrics.coverage, 5.0, error=ValueError, match="predictions must be flat, one value a row; got shape ()"),
    bad(metrics.coverage, ["x"], error=TypeError, match="predictions must hold numbers"),
    bad(distributed.gather_rows, np.zeros(2), np.zeros((2, 1)), error=ValueError, match="keys and values must be (n, k) and (n, v), one row a completion; got shapes (2,) and (2, 1)"),
    bad(distributed.gather_rows, np.zeros((2, 1)), np.zeros((3, 1)), error=ValueError, match="got shapes (2, 1) and (3, 1)"),
    bad(OpponentMemory, 0, error=ValueError, match="size must be at least 1 image; got 0"),
    bad(RememberOpponents, [tr.ThurstoneRankReward(), tr.ThurstoneRankReward(temperature=9.0)], error=ValueError, match="two rewards of one name would share what a checkpoint remembers: ['thurstone_rank', 'thurstone_rank']; set name="),
    bad(RememberOpponents, tr.ThurstoneRankReward(), error=TypeError, match="reward_funcs must be the trainer's list of rewards; got one reward"),
    bad(HackDetector, {"constant_share": 0.5}, error=TypeError, match="thresholds must be a HackThresholds or None; got {'constant_share'"),
    bad(HackDetector, error=ValueError, match="stop_after must be None or at least 1; got 0", stop_after=0),
    bad(check_setup, [], {}, None, error=TypeError, match="processing_class must be a tokenizer, a processor or the text of a chat template; got 5", processing_class=5),
    bad(check_setup, [], 5, error=TypeError, match="args must be a GRPOConfig or a mapping of its fields; got 5"),
    bad(check_setup, [], {}, 5, error=TypeError, match="dataset must be a datasets.Dataset, a list of rows or a mapping of columns; got 5"),
    bad(check_setup, [], {}, [5], error=TypeError, match="row 0 of the dataset must be a mapping of columns; got 5"),
    bad(check_setup, [], {}, None, "two", error=TypeError, match="world_size must be a whole number of processes; got 'two'"),
    bad(check_setup, [], {"world_size": True}, error=TypeError, match="world_size must be a whole number of processes; got True"),
    bad(check_setup, [], {"num_generations": "four"}, error=ValidationError, match="num_generations"),
    bad(check_setup, [], {}, None, 10**9, error=ValueError, match="world_size must be at most 1,000,000; got 1000000000"),
    bad(check_setup, [], {}, None, 0, error=ValueError, match="world_size must be at least 1; got 0"),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="this reward needs the standard error of each MOS, but by mos_std_of='ratings' 'sd' holds something else. Give the number of ratings", mos_std_column="sd"),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="this reward needs the spread of single ratings, but by mos_std_of='mean' 'sd' holds something else", mos_std_column="sd", mos_std_of="mean"),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="give raters= for all images or raters_column= for each, not both", mos_std_column="sd", raters=9, raters_column="n"),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="mos_std_scale= says something of deviations; name their column with mos_std_column=", mos_std_scale=(1, 5)),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="raters", mos_std_column="sd", raters=0.5),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="log_rows", log_rows="no"),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="mos_std_of", mos_std_column="sd", mos_std_of="sem"),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="raters_column", mos_std_column="sd", raters_column=5),
    bad(tr.ScoreScale(1, 5).stds_to_points, [0.5, 3], error=ValueError, match="mos_std[1] is 3, but ratings on a scale of 1 to 5 cannot deviate by more than 2.11; declare the scale of the deviations with mos_std_scale="),
    bad(tr.ScoreScale, 5, 1, error=ValidationError, match="a ScoreScale needs finite low < high, and higher_is_better=False where the lowest is the best; got low=5, high=1"),
    bad(tr.ScoreScale, 0, math.inf, error=ValidationError, match="a ScoreScale needs finite low < high"),
    bad(tr.ScoreScale, -1e308, 1e308, error=ValidationError, match="high - low is too large for a float"),
    bad(tr.ScoreScale, 0, 1e-310, error=ValidationError, match="high - low is too small for a float; got low=0, high=1e-310"),
    bad(tr.ScoreScale, "one", 5, error=ValidationError, match="unable to parse string as a number"),
    bad(tr.ScoreScale(1, 5).to_points, 73, error=ValueError, match="a score of 73 is off the declared scale 1 to 5; declare the scale it was given on"),
    bad(tr.ScoreScale(1, 5).from_points, -3, error=ValueError, match="points must lie on 0 to 100; got -3"),
    bad(tr.ScoreScale(1, 5).column_to_points, [3, "x"], error=TypeError, match="mos[1] must be a number or None; got 'x'"),
    bad(tr.ScoreScale(1, 5).column_to_points, [3, 73], error=ValueError, match="mos[1] is 73, off its declared scale 1 to 5; mend the label, or declare the scale that the labels were given on"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "args", "settings", "error", "match"), FUNCTIONS)
def test_functions_name_the_argument_the_row_the_value_and_the_cure(function, args, settings, error, match):
    with pytest.raises(error, match=re.escape(match)):
        function(*args, **settings)


def test_the_table_leaves_no_public_function_and_no_setting_out():
    tested = {case.values[0] for case in FUNCTIONS}
    named = {(case.values[0], name) for case in FUNCTIONS for name in case.values[2]}
    for name in tr.__all__:
        function = getattr(tr, name)
        if inspect.isfunction(function):
            assert function in tested, f"add {name} to FUNCTIONS"
            keywords = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
            for keyword in set(keywords) - {"think_prefilled", "lenient", "logistic", "unbounded"}:
                assert (function, keyword) in named, f"{name}({keyword}=)"
    assert length_without_repetition([]) == 0  # any sequence will do: there is nothing to refuse
