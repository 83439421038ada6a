"""The completions table of TRL's trainer: both layouts of completions and both of what rewards log, as figures by reward."""

import json
import math

import numpy as np
import pytest

from tatar_rewards.cli import main
from tatar_rewards.evaluation import evaluate_predictions
from tatar_rewards.predictions import read_predictions

pandas = pytest.importorskip("pandas", reason="pandas is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")

SAID = np.array([10, 30, 50, 70, 90, 20, 40, 60, 80, 95])
MOS = np.array([15, 25, 55, 65, 85, 30, 35, 50, 90, 99.0])
UNREAD = 3  # this row says nothing
REWARDS = {"iqa_gaussian_score": slice(0, 6), "iaa_thurstone_rank": slice(6, 10)}  # by name: the rows it grades


def logged(layout, name, graded, datasets):
    """The columns that a reward logs: None in the rows of the other task."""
    rows = []
    for k in range(len(SAID)):
        ok = k != UNREAD
        fields = {"status": "ok" if ok else "no_answer", "score": float(SAID[k]) if ok else None, "target": MOS[k]}
        rows.append(fields if k in range(len(SAID))[graded] else None)
    if layout == "earlier":
        return {f"{name}/{kind}": [row and row[kind] for row in rows] for kind in ("score", "target", "status")}
    task = name.partition("_")[0]
    more = {"image": "x.jpg", "task": task, "opponents": [1, 2], **({"dataset": datasets[task]} if datasets else {})}
    return {f"{name}/row": [row and json.dumps({**more, **row}) for row in rows]}


def table(layout="row", messages=True, step=7, datasets=None, rewards=REWARDS):
    """A frame as `GRPOTrainer.log` makes it."""
    texts = ["Hm." if k == UNREAD else f"<think>So.</think><answer>{said}</answer>" for k, said in enumerate(SAID)]
    columns = {}
    for name, graded in rewards.items():
        columns |= logged(layout, name, graded, datasets)
    return pandas.DataFrame(
        {
            "step": [step] * len(SAID),
            "prompt": [[{"role": "user", "content": [{"type": "text", "text": "Rate."}]}]] * len(SAID),
            "completion": [[{"role": "assistant", "content": text}] for text in texts] if messages else texts,
            "answer_format": [1.0] * len(SAID),
            **dict.fromkeys(rewards, [0.5] * len(SAID)),
            "answer_format/status": ["ok"] * len(SAID),
            **columns,
            "advantage": [0.0] * len(SAID),
        }
    )


WRITERS = {
    "t.parquet": lambda frame, path: frame.to_parquet(path),
    "t.csv": lambda frame, path: frame.to_csv(path, index=False),
    "t.json": lambda frame, path: frame.to_json(path),
    "t.jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
}


@pytest.mark.parametrize("messages", [False, True], ids=["texts", "messages"])
@pytest.mark.parametrize("layout", ["earlier", "row"])
@pytest.mark.parametrize("name", WRITERS)
def test_each_reward_has_its_figures(tmp_path, name, layout, messages, capsys):
    WRITERS[name](table(layout, messages), tmp_path / name)
    rows = list(read_predictions([tmp_path / name]))
    quality, beauty = evaluate_predictions(rows, n_resamples=0).datasets
    assert (quality.task, quality.dataset, quality.rows) == ("iqa", "iqa_gaussian_score", 6)
    assert (beauty.task, beauty.dataset, beauty.rows) == ("iaa", "iaa_thurstone_rank", 4)
    assert quality.failures == {"no_answer": 1}
    read = np.array([k for k in range(6) if k != UNREAD])
    assert quality.figures.rmse == pytest.approx(np.sqrt(np.mean((SAID - MOS)[read] ** 2)))
    assert quality.figures.plcc == pytest.approx(np.corrcoef(SAID[read], MOS[read])[0, 1])
    assert rows[0]["image_id"] == "step 7, row 0"
    assert main(["evaluate", str(tmp_path / name), "--resamples", "9"]) == 0
    printed = capsys.readouterr().out
    assert "iqa_gaussian_score" in printed
    assert "1 no_answer" in printed


@pytest.mark.parametrize("messages", [False, True], ids=["texts", "messages"])
def test_completions_arrive_as_the_trainer_wrote_them(tmp_path, messages):
    table(messages=messages).to_parquet(tmp_path / "t.parquet")
    first = next(read_predictions([tmp_path / "t.parquet"]))["completion"]
    text = "<think>So.</think><answer>10</answer>"
    assert first == ([{"content": text, "role": "assistant"}] if messages else text)


def test_the_readings_of_the_reward_count_whatever_the_command_line_says_of_scales(tmp_path):
    """The log is in points and knows whether <think> was prefilled; the command line would have to repeat it."""
    table(messages=False).to_parquet(tmp_path / "t.parquet")
    rows = list(read_predictions([tmp_path / "t.parquet"]))
    plain = evaluate_predictions(rows, n_resamples=0)
    assert plain == evaluate_predictions(
        rows, n_resamples=0, mos_scale=(1, 5), answer_scale=(1, 5), think_prefilled=True
    )


def test_a_data_set_has_its_own_name_and_that_of_the_reward_where_several_grade_it(tmp_path):
    datasets = {"iqa": "KonIQ", "iaa": "AVA"}
    for more, expected in (
        ({}, {"KonIQ": 6, "AVA": 4}),
        (
            {"iqa_gaussian_score": slice(0, 2), "iqa_threshold_score": slice(2, 6)},
            {"KonIQ": 2, "KonIQ (iqa_threshold_score)": 4, "AVA": 4},
        ),
        ({"iqa_threshold_score": slice(2, 6)}, {"KonIQ": 6, "KonIQ (iqa_threshold_score)": 4, "AVA": 4}),
        (
            {"iqa_threshold_score": slice(0, 6)},
            {"KonIQ (iqa_gaussian_score)": 6, "KonIQ (iqa_threshold_score)": 6, "AVA": 4},
        ),
    ):
        table(datasets=datasets, rewards={**REWARDS, **more}).to_parquet(tmp_path / "t.parquet")
        evaluated = evaluate_predictions(read_predictions([tmp_path / "t.parquet"]), n_resamples=0).datasets
        assert {one.dataset: one.rows for one in evaluated} == expected


def test_tables_of_several_steps_are_one_data_set_and_the_same_table_twice_is_told(tmp_path):
    paths = [tmp_path / f"completions_{step:05d}.parquet" for step in (1, 2)]
    for step, path in enumerate(paths, start=1):
        table(step=step).to_parquet(path)
    with pytest.warns(UserWarning, match="00002.parquet repeats the rows of the table before it"):
        quality, _ = evaluate_predictions(read_predictions(paths), n_resamples=0).datasets
    assert quality.rows == 12


def test_a_row_without_a_label_is_counted_as_unlabelled(tmp_path):
    frame = table()
    column = "iqa_gaussian_score/row"
    frame.loc[0, column] = json.dumps({**json.loads(frame.loc[0, column]), "target": None})
    frame.loc[1, column] = json.dumps({**json.loads(frame.loc[1, column]), "target": math.nan})
    frame.to_parquet(tmp_path / "t.parquet")
    quality, _ = evaluate_predictions(read_predictions([tmp_path / "t.parquet"]), n_resamples=0).datasets
    assert (quality.rows, quality.unlabelled) == (6, 2)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("{", "t.parquet, row 1, iqa_gaussian_score/row is no JSON"),
        ("[1]", "row 1, iqa_gaussian_score/row must hold a JSON object"),
        ({"score": None}, "row 1, iqa_gaussian_score: the status is ok and there is no score"),
        ({"score": "high"}, "iqa_gaussian_score: score must be a number of points; got 'high'"),
        ({"target": 101}, "iqa_gaussian_score: target must lie on 0 to 100 points; got 101"),
    ],
)
def test_a_cell_that_no_reward_has_written_is_told(tmp_path, cell, message):
    frame = table()
    if isinstance(cell, dict):
        cell = json.dumps({**json.loads(frame.loc[1, "iqa_gaussian_score/row"]), **cell})
    frame.loc[1, "iqa_gaussian_score/row"] = cell
    frame.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=message):
        list(read_predictions([tmp_path / "t.parquet"]))


def test_a_table_without_labels_is_refused(tmp_path):
    table(rewards={}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(
        ValueError, match="'mos' .*; the rewards of this package that read labels would have logged them"
    ):
        list(read_predictions([tmp_path / "t.parquet"]))


def test_rounding_past_the_end_of_the_scale_is_none(tmp_path):
    frame = table()
    frame.loc[1, "iqa_gaussian_score/row"] = json.dumps({"status": "ok", "score": 100.00000000000001, "target": -1e-9})
    frame.to_parquet(tmp_path / "t.parquet")
    row = list(read_predictions([tmp_path / "t.parquet"]))[1]
    assert (row["logged_answer"].score, row["mos"]) == (100.0, 0.0)
