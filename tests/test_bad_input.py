"""Bad input by the caller: every error names the argument, the row, the value and the cure."""

import inspect
import math
import re

import numpy as np
import pytest
import torch
from pydantic import ValidationError

import tatar_rewards as tr
from tatar_rewards import distributed, metrics
from tatar_rewards.adapters.trl import HackDetector, RememberOpponents
from tatar_rewards.answers.words import length_without_repetition
from tatar_rewards.doctor import check_setup
from tatar_rewards.rewards.memory import OpponentMemory

Q, G, K = np.array([50.0, 60.0]), np.array([40.0, 70.0]), np.array([1, 2])
RANKINGS = (tr.thurstone_rank_reward, tr.pairwise_rank_reward)
SCORES = (tr.gaussian_score_reward, tr.threshold_score_reward)


def bad(function, *args, error, match, **settings):
    return pytest.param(function, args, settings, error, match, id=f"{function.__name__}: {match[:60]}")


def bad_columns(function, *keys):
    """What is wrong with columns, for every function that takes predictions and targets."""
    yield bad(
        function,
        [50.0, 60.0],
        G,
        *keys,
        error=TypeError,
        match="predictions must be a numpy or torch array; got list; try np.asarray",
    )
    yield bad(
        function, Q, [40.0, 70.0], *keys, error=TypeError, match="targets must be a numpy or torch array; got list"
    )
    yield bad(function, 50.0, G, *keys, error=TypeError, match="predictions must be a numpy or torch array; got float")
    yield bad(function, np.float64(50), G, *keys, error=TypeError, match="predictions must be a numpy or torch array")
    yield bad(
        function,
        Q[None],
        G,
        *keys,
        error=ValueError,
        match=r"predictions must be flat, one value per completion; got shape (1, 2)",
    )
    yield bad(
        function,
        Q,
        G[:, None],
        *keys,
        error=ValueError,
        match=r"targets must be flat, one value per completion; got shape (2, 1)",
    )
    yield bad(
        function,
        np.array(50.0),
        G,
        *keys,
        error=ValueError,
        match="predictions must be flat, one value per completion; got shape ()",
    )
    yield bad(
        function,
        Q,
        G[:1],
        *keys,
        error=ValueError,
        match="predictions and targets must have the same length, one row per completion; got 2 and 1",
    )
    yield bad(
        function,
        Q,
        torch.tensor(G),
        *keys,
        error=TypeError,
        match="predictions and targets must come from one array library; got ndarray of numpy and Tensor of torch",
    )
    yield bad(
        function,
        Q.astype(complex),
        G,
        *keys,
        error=TypeError,
        match="predictions must hold real numbers; got dtype complex128",
    )
    yield bad(function, Q > 55, G, *keys, error=TypeError, match="predictions must hold real numbers; got dtype bool")
    yield bad(
        function,
        np.array(["50", "60"]),
        G,
        *keys,
        error=TypeError,
        match="predictions must hold real numbers; got dtype <U2",
    )
    yield bad(
        function,
        Q,
        np.array([40.0, None]),
        *keys,
        error=TypeError,
        match="targets must hold real numbers; got dtype object",
    )
    yield bad(
        function,
        Q,
        np.array([40.0, 700.0]),
        *keys,
        error=ValueError,
        match="targets[1] is 700, but scores are in points on 0 to 100; convert them with ScoreScale",
    )
    yield bad(
        function,
        Q,
        np.array([-0.1, 70.0]),
        *keys,
        error=ValueError,
        match="targets[0] is -0.1, but scores are in points on 0 to 100",
    )
    yield bad(
        function,
        Q,
        np.array([40.0, math.inf]),
        *keys,
        error=ValueError,
        match="targets[1] is inf, but scores are in points",
    )
    meta = [torch.tensor(key, device="meta") if isinstance(key, np.ndarray) else key for key in (G, *keys)]
    yield bad(
        function,
        torch.tensor(Q),
        *meta,
        error=ValueError,
        match="predictions and targets must be on one device; got cpu and meta",
    )


def bad_stds(function, *columns):
    for stds, error, match in (
        ([1.0, 2.0], TypeError, "target_stds must be a numpy or torch array"),
        (np.array([1.0]), ValueError, "predictions and target_stds must have the same length"),
        (
            np.array([1.0, -2.0]),
            ValueError,
            "target_stds[1] is -2; it must be a finite number of at least 0, or NaN",
        ),
        (np.array([math.inf, 2.0]), ValueError, "target_stds[0] is inf; it must be a finite number"),
        (np.array(["a", "b"]), TypeError, "target_stds must hold real numbers"),
    ):
        yield bad(function, Q, G, *columns, error=error, match=match, target_stds=stds)


def bad_numbers(function, args, **limits):
    """Each setting: not a number, a truth value, NaN, below its range, beyond it."""
    for name, (low, beyond) in limits.items():
        for value in ("8", None, True, [8.0]):
            yield bad(
                function, *args, error=TypeError, match=f"{name} must be a number; got {value!r}", **{name: value}
            )
        for value in (math.nan, low, *([] if beyond is None else [beyond])):
            yield bad(function, *args, error=ValueError, match=f"{name} must lie in [", **{name: value})


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
            bad(function, Q, G, K, error=ValueError, match="loss must be one of 'kl', 'bce', 'fidelity'; got None", loss=None),
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
    bad(tr.tatar_reward_funcs, error=TypeError, match="iqa must be a GaussianScoreConfig or None; got {}", iqa={}),
    bad(tr.tatar_reward_funcs, error=TypeError, match="iaa must be a ThurstoneRankConfig or None; got GaussianScoreConfig(", iaa=tr.GaussianScoreConfig()),
    bad(tr.tatar_reward_funcs, error=TypeError, match="opponents must be a OpponentConfig or None; got 'memory'", opponents="memory"),
    bad(tr.tatar_reward_funcs, error=TypeError, match="mos_scael", mos_scael=1),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="length_gate", iaa_budget=-1),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="mos_scale", mos_scale=(5, 1)),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="mos_scale", mos_scale={"AVA": 10}),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="a scale must be a ScoreScale or a pair such as (1, 5); got '0-100'", answer_scale="0-100"),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="length_gate", iqa_budget=65),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="task", iqa_task=1),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="task", iaa_task=["iaa"]),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="think_prefilled", think_prefilled="yes"),
    bad(tr.tatar_reward_funcs, error=ValidationError, match="require_think", require_think=1),
    *(
        bad(tr.tatar_reward_funcs, error=ValidationError, match=name, **{name: 7})
        for name in ("task_column", "mos_column", "mos_std_column", "dataset_column", "image_id_column")
    ),
    bad(tr.read_completion, "7", error=TypeError, match="scale must be a ScoreScale, for example ScoreScale(1, 5); got (0, 100)", scale=(0, 100)),
    bad(tr.evaluate_predictions, [], error=ValueError, match="there are no rows to evaluate; give one for each picture"),
    bad(tr.evaluate_predictions, [{}], error=ValueError, match="row 0: dataset: Field required"),
    bad(tr.evaluate_predictions, ROWS, error=TypeError, match="a scale must be a ScoreScale or a pair such as (1, 5); got '0-100'", mos_scale="0-100"),
    bad(tr.evaluate_predictions, ROWS, error=TypeError, match="a scale must be a ScoreScale or a pair such as (1, 5); got 100", answer_scale=100),
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
    bad(RememberOpponents, tr.ThurstoneRankReward(), error=TypeError, match="reward_funcs must be the trainer's list of rewards; got one reward"),
    bad(HackDetector, {"constant_share": 0.5}, error=TypeError, match="thresholds must be a HackThresholds or None; got {'constant_share'"),
    bad(HackDetector, error=ValueError, match="stop_after must be None or at least 1; got 0", stop_after=0),
    bad(check_setup, [], {}, None, 0, error=ValueError, match="world_size must be at least 1; got 0"),
    bad(tr.ScoreScale, 5, 1, error=ValidationError, match="a ScoreScale needs finite low < high; got low=5, high=1"),
    bad(tr.ScoreScale, 0, math.inf, error=ValidationError, match="a ScoreScale needs finite low < high"),
    bad(tr.ScoreScale, -1e308, 1e308, error=ValidationError, match="high - low is too large for a float"),
    bad(tr.ScoreScale, "one", 5, error=ValidationError, match="unable to parse string as a number"),
    bad(tr.ScoreScale(1, 5).to_points, 73, error=ValueError, match="a score of 73 is off the declared scale 1 to 5; declare the scale it was given on"),
    bad(tr.ScoreScale(1, 5).from_points, -3, error=ValueError, match="points must lie on 0 to 100; got -3"),
    bad(tr.ScoreScale(1, 5).column_to_points, [3, "x"], error=TypeError, match="mos[1] must be a number or None; got 'x'"),
    bad(tr.ScoreScale(1, 5).column_to_points, [3, 73], error=ValueError, match="mos[1] is 73, off its declared scale 1 to 5; declare the scale that the labels were given on"),
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
            assert function in tested, name
            keywords = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
            for keyword in set(keywords) - {"think_prefilled", "lenient"}:
                assert (function, keyword) in named, f"{name}({keyword}=)"
    assert length_without_repetition([]) == 0  # any sequence will do: there is nothing to refuse


# ---------------------------------------------------------------- callables

ANSWERS = ["<answer>50</answer>", "<answer>60</answer>"]
COLUMNS = {"mos": [40.0, 70.0], "task": ["iaa", "iaa"], "image_id": ["a", "b"], "dataset": ["x", "x"], "completion_ids": [[1], [2]], "mos_std": [5.0, 6.0]}  # fmt: skip
REWARDS = {
    "answer_format": tr.AnswerFormatReward(task="iaa"),
    "gaussian_score": tr.GaussianScoreReward(task="iaa", mos_std_column="mos_std"),
    "threshold_score": tr.ThresholdScoreReward(task="iaa"),
    "length": tr.LengthReward(task="iaa", unit="tokens"),
    "pairwise_rank": tr.PairwiseRankReward(task="iaa", mos_std_column="mos_std"),
    "thurstone_rank": tr.ThurstoneRankReward(task="iaa", mos_std_column="mos_std"),
}
LABELLED = [name for name in REWARDS if name.endswith(("score", "rank"))]
RANKED = [name for name in REWARDS if name.endswith("rank")]
ON_MOS = [name for name in LABELLED if name != "threshold_score"]
CALLS = [
    (REWARDS, {"completions": "<answer>50</answer>"}, TypeError, "completions must be a list, one string or list of messages a completion; got str"),
    (REWARDS, {"completions": None}, TypeError, "completions must be a list, one string or list of messages a completion; got NoneType"),
    (REWARDS, {"completions": {"a": 1}}, TypeError, "completions must be a list, one string or list of messages a completion; got dict"),
    (REWARDS, {"task": None}, ValueError, "needs a column 'task', but the batch has"),
    (REWARDS, {"task": ["iaa"]}, ValueError, "column 'task' has 1 rows for 2 completions; give one a completion"),
    (REWARDS, {"task": "iaa"}, TypeError, "column 'task' must hold one value a completion; got 'iaa'; give a list"),
    (LABELLED, {"mos": None}, ValueError, "needs a column 'mos', but the batch has"),
    (LABELLED, {"mos": [40.0]}, ValueError, "column 'mos' has 1 rows for 2 completions"),
    (LABELLED, {"mos": 40.0}, TypeError, "column 'mos' must hold one value a completion; got 40.0; give a list"),
    (LABELLED, {"mos": [40.0, "good"]}, TypeError, "mos[1] must be a number or None; got 'good'"),
    (LABELLED, {"mos": [40.0, [70.0]]}, TypeError, "mos[1] must be a number or None; got [70.0]"),
    (LABELLED, {"mos": [40.0, -0.5]}, ValueError, "mos[1] is -0.5, off its declared scale 0 to 100; declare the scale"),
    (LABELLED, {"mos": [math.inf, 70.0]}, ValueError, "mos[0] is inf, off its declared scale"),
    (ON_MOS, {"mos_std": None}, ValueError, "needs a column 'mos_std', but the batch has"),
    (ON_MOS, {"mos_std": [5.0]}, ValueError, "column 'mos_std' has 1 rows for 2 completions"),
    (ON_MOS, {"mos_std": [5.0, "wide"]}, TypeError, "mos_std[1] is 'wide'; give a finite number of at least 0 on the scale of the MOS (0 to 100), or None"),
    (ON_MOS, {"mos_std": [-1.0, 5.0]}, ValueError, "mos_std[0] is -1; give a finite number of at least 0 on the scale of the MOS"),
    (ON_MOS, {"mos_std": [5.0, math.inf]}, ValueError, "mos_std[1] is inf; give a finite number"),
    (["length"], {"completion_ids": None}, ValueError, "needs a column 'completion_ids', but the batch has"),
    (["length"], {"completion_ids": [[1]]}, ValueError, "column 'completion_ids' has 1 rows for 2 completions"),
    (RANKED, {"image_id": None}, ValueError, "needs a column 'image_id', but the batch has"),
    (RANKED, {"image_id": ["a"]}, ValueError, "column 'image_id' has 1 rows for 2 completions"),
    (RANKED, {"image_id": ["a", None]}, TypeError, "image_id[1] must be a string or an integer; got None of NoneType; give each image a key"),
    (RANKED, {"image_id": [1.5, 2.5]}, TypeError, "image_id[0] must be a string or an integer; got 1.5 of float"),
    (RANKED, {"image_id": ["a", "a"]}, ValueError, "row 0 of image_id 'a' with mos 40.0 and row 1 of image_id 'a' with mos 70.0 count as one image, but their labels differ"),
    (RANKED, {"dataset": [3.5, 3.5]}, TypeError, "dataset[0] must be a string or an integer; got 3.5"),
    (RANKED, {"dataset": ["x"]}, ValueError, "column 'dataset' has 1 rows for 2 completions"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "changes", "error", "match"),
    [pytest.param(name, *case, id=f"{name}: {case[2][:60]}") for names, *case in CALLS for name in names],
)
def test_callables_name_the_column_the_row_the_value_and_the_cure(name, changes, error, match):
    columns = {"completions": ANSWERS, **COLUMNS, **changes}
    with pytest.raises(error, match=re.escape(match)):
        REWARDS[name](**columns)


@pytest.mark.parametrize("name", LABELLED)
def test_what_belongs_to_another_task_is_not_looked_at(name):
    columns = {
        "mos": [40.0, "?"], "task": ["iaa", "iqa"], "image_id": ["a", None], "mos_std": [5.0, -1.0], "dataset": ["x", 3.5]
    }  # fmt: skip
    assert REWARDS[name].fresh(name=f"other_{name}")(ANSWERS, **columns)[1] is None


# ---------------------------------------------------------------- settings

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
