"""`python -m tatar_rewards score`: rewards are those of a trainer, step by step."""

import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.logged_run import HEALTHY, TATAR, lines_of, say, score, steps_of, train_on, write

import tatar_rewards as tr
from tatar_rewards.cli import main
from tatar_rewards.presets import recommended_reward_funcs

UNREADABLE = ["no", "<answer>64", say(50) + " I think", ""]
SCORES = st.one_of(st.integers(0, 100), st.sampled_from(UNREADABLE))
STEPS = st.lists(st.lists(SCORES, min_size=8, max_size=8), min_size=1, max_size=3)


@given(STEPS, st.sampled_from(["tatar", "recommended"]))
def test_rewards_are_those_of_calls_step_by_step(scores, preset):
    rows = steps_of(scores)
    rewards = {"tatar": tr.tatar_reward_funcs, "recommended": recommended_reward_funcs}[preset]()
    tables, alarms = train_on(rows, rewards)
    with tempfile.TemporaryDirectory() as folder:
        path, out = write(Path(folder) / "run.jsonl", rows), Path(folder) / "out.jsonl"
        code = main(["score", path, "--reward-funcs", preset, "--out", str(out), "--json"])
        lines = lines_of(out)
    assert code == (1 if alarms else 0)
    expected = [
        {name: column[k] for name, column in table.items()}
        for table in tables.values()
        for k in range(len(table["step"]))
    ]
    assert [line["row"] for line in lines] == list(range(len(rows)))
    for line, wanted, row in zip(lines, expected, rows, strict=True):
        names = [reward.__name__ for reward in rewards]
        assert [line[name] for name in names] == [None if math.isnan(wanted[n]) else wanted[n] for n in names]
        assert line["total"] == pytest.approx(sum(line[name] or 0 for name in names))
        assert (line["target"], line["completion"], line["step"]) == (row["mos"], row["completion"], row["step"])
        assert (line["cure"] is None) == (line["status"] == "ok") == (line["score"] is not None)
        assert [line[name] for name in wanted if "/" in name] == [wanted[name] for name in wanted if "/" in name]


def test_the_labels_scale_and_columns_may_have_other_names(tmp_path, capsys):
    rows = [
        {"rating": row["mos"] * 10, "kind": row["task"], "picture": row["image_id"], "text": row["completion"], "iteration": row["step"], "dataset": row["dataset"]}
        for row in steps_of(HEALTHY)
    ]  # fmt: skip
    names = [
        "--mos-column=rating",
        "--task-column=kind",
        "--image-id-column=picture",
        "--completion-column=text",
        "--step-column=iteration",
    ]
    _, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows), *names, "--mos-scale", 0, 1000)
    _, plain, _ = score(capsys, write(tmp_path / "b.jsonl", steps_of(HEALTHY)))
    assert found["steps"] == plain["steps"]
    assert found["tasks"] == plain["tasks"]


def test_without_steps_all_rows_are_one_call(tmp_path, capsys):
    rows = [{**row, "step": None} for row in steps_of(HEALTHY)]
    _, found, _ = score(capsys, write(tmp_path / "a.jsonl", rows))
    (step,) = found["steps"]
    assert (step["step"], step["completions"]) == (None, 24)
    assert main(["score", str(tmp_path / "a.jsonl"), *TATAR]) == (1 if found["alarms"] else 0)
    assert "step 0" not in capsys.readouterr().out


def test_a_task_may_be_given_for_rows_that_have_none(tmp_path, capsys):
    rows = [row for row in steps_of(HEALTHY) if row["task"] == "iqa"]
    path = write(tmp_path / "a.jsonl", [{k: v for k, v in row.items() if k != "task"} for row in rows])
    _, found, _ = score(capsys, path, "--task", "iqa")
    _, plain, _ = score(capsys, write(tmp_path / "b.jsonl", rows), "--task", "iaa")  # the column counts
    assert found["steps"] == plain["steps"]
    assert found["tasks"][0]["task"] == "iqa"


def test_rewards_of_ones_own_get_the_keywords_of_a_trainer(tmp_path, capsys, monkeypatch):
    (tmp_path / "my_score_rewards.py").write_text(
        "seen = []\n"
        "def plain(completions, mos, note, trainer_state, log_extra, **kw):\n"
        "    seen.append((trainer_state.global_step, trainer_state.max_steps, sorted(kw)))\n"
        "    log_extra('half', [0.5] * len(completions))\n"
        "    return [m / 100 for m in mos]\n"
        "async def later(completions, **kw):\n    return [None] * len(completions)\n"
        "def short(completions, **kw):\n    return [1.0]\n"
        "def fails(completions, **kw):\n    raise KeyError('width')\n"
        "mine = [plain, later]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path, out = write(tmp_path / "a.jsonl", [{**row, "note": 1} for row in steps_of(HEALTHY)]), tmp_path / "out.csv"
    _, found, _ = score(capsys, path, "--reward-funcs", "my_score_rewards.mine", "--out", out, "--max-steps", 9)
    import my_score_rewards

    assert my_score_rewards.seen[1] == (2, 9, ["dataset", "image_id", "log_metric", "task"])
    assert found["steps"][0]["rewards"] == {"plain": 0.525, "later": None}
    assert "half" in out.read_text().splitlines()[0]
    for name, message in (
        ("short", "the reward short must pay one value a completion; got 1 of 8"),
        ("fails", "step 1 (" + path + ", row 0), rows counted from there: the reward fails fails: KeyError: 'width'"),
    ):
        assert main(["score", path, "--reward-funcs", f"my_score_rewards.{name}"]) == 2
        assert message in capsys.readouterr().err


def test_flat_groups_are_counted_of_the_weighted_sum(tmp_path, capsys):
    rows = steps_of([[12, 12, 40, 45, "no", 60, 88, 93]])
    path = write(tmp_path / "a.jsonl", rows)
    for flags, share in (([], 0.25), (["--reward-weights", 1, 0, 0], 0.75)):
        _, found, _ = score(capsys, path, "--reward-funcs", "tatar", *flags)
        assert found["steps"][0]["flat_groups"] == pytest.approx(share)
    without = write(tmp_path / "b.jsonl", [{k: v for k, v in row.items() if k != "image_id"} for row in rows])
    _, found, _ = score(capsys, without, "--num-generations", 2)
    assert found["steps"][0]["flat_groups"] == pytest.approx(0.25)
    _, found, _ = score(capsys, without)
    assert found["steps"][0]["flat_groups"] is None
    assert any(remark.startswith("flat groups were not counted") for remark in found["remarks"])
    assert any(
        remark.startswith("iaa_thurstone_rank was not computed: the files have no column 'image_id'")
        for remark in found["remarks"]
    )


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("change", "flags", "message"),
    [
        ({}, ["--mos-scale", "1", "5"], "FILE, row 0: mos is 10, off its declared scale 1 to 5"),
        ({"mos": "high"}, [], "FILE, row 0: mos must be a finite number, or nothing without a label; got 'high'"),
        ({"mos": math.inf}, [], "FILE, row 0: mos must be a finite number, or nothing without a label; got inf"),
        ({"step": "x"}, [], "FILE, row 0: step must be a whole number; got 'x'; name another with --step-column"),
        ({"step": 9}, [], "FILE, row 1: step 1 comes after step 9; sort the rows by 'step'"),
        ({"step": None}, [], "FILE, row 1 has one in 'step', and rows before it have none; give every row its step, or none"),
        ({"completion": None}, [], 'FILE, row 0: completion is missing; give "" where the model said nothing'),
        ({"completion": 5}, [], "FILE, row 0: completions is 5, no completion"),
        ({"task": 3}, TATAR, "FILE, row 0: task is 3 of int"),
        ({}, ["--reward-funcs", "tatar", "answer_format"], "two rewards are called 'answer_format'; set name= of one of them"),
        ({}, ["--reward-funcs", "nothing"], "must name ready rewards"),
        ({}, ["--reward-weights", "1"], "reward_weights must have one number for each of ['answer_format', "),
        ({}, ["--num-generations", "0"], "--num-generations must be at least 1; got 0"),
        ({}, ["--out", "x.txt"], "--out must end in .jsonl, .csv or .parquet; got 'x.txt'"),
        ({}, ["--out", "nowhere/x.csv"], "--out: there is no folder 'nowhere'; make it first"),
        ({}, ["--html", "nowhere/x.html"], "--html: there is no folder 'nowhere'; make it first"),
        ({}, ["--mos-scale-of", "a", "1", "5", "--lower-is-better-of", "b"], "--lower-is-better-of b: no scale is given for that data set; give --mos-scale-of b LOW HIGH"),
        ({}, [*TATAR, "--reward-weights", "1", "inf", "0"], "--reward-weights: the weight of iqa_gaussian_score must be a finite number; got inf"),
        ({}, [*TATAR, "--reward-weights", "1", "0", "nan"], "--reward-weights: the weight of iaa_thurstone_rank must be a finite number; got nan"),
        ({}, ["FILE"], "the file 'FILE' is given twice; give it once"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_on_one_line_with_its_place_and_its_cure(tmp_path, capsys, change, flags, message):
    rows = steps_of(HEALTHY)
    path = write(tmp_path / "a.jsonl", [{**rows[0], **change}, *rows[1:]])
    assert main(["score", path, *(path if flag == "FILE" else flag for flag in flags)]) == 2
    said = capsys.readouterr()
    assert message.replace("FILE", path) in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_files_that_hold_nothing_are_told(tmp_path, capsys):
    (tmp_path / "empty.jsonl").write_text("")
    for path, message in (
        ("nowhere", "FILE must be a file or a folder that exists; got 'nowhere'"),
        (tmp_path, "holds no completions_*.parquet, as a trainer writes them with log_completions=True"),
        (tmp_path / "empty.jsonl", "the files hold no completions"),
    ):
        assert main(["score", str(path)]) == 2
        assert message in capsys.readouterr().err
