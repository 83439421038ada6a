"""`score` with rewards of a user's own, however they behave: each has its own data, and an error names it."""

import pytest
from support.logged_run import HEALTHY, lines_of, score, steps_of, write

from tatar_rewards.cli import main

OWN = """
import asyncio
def clears(completions, **columns): n = len(completions); completions.clear(); return [0.0] * n
def mutates(completions, mos, trainer_state, **columns):
    trainer_state.global_step = 99
    for row in range(len(completions)): mos[row] = 0.0
    completions[0][0]["content"] = "no"
    return [0.0] * len(completions)
def logs(completions, log_extra, **columns):
    for name in ("completion", "words", "total", "status", "answer_format", "half"):
        log_extra(name, [0.5] * len(completions))
    return [0.0] * len(completions)
def logs_too(completions, log_extra, **columns): log_extra("half", [0.25] * len(completions)); return [0.0] * len(completions)
def short(completions, log_extra, **columns): log_extra("x", [1.0]); return [0.0] * len(completions)
def single(completions, log_extra, **columns): log_extra("x", 5); return [0.0] * len(completions)
def figure(completions, log_metric, **columns): log_metric("x/share", "high"); return [0.0] * len(completions)
def exits(completions, **columns): raise SystemExit(3)
async def cancelled(completions, **columns): raise asyncio.CancelledError
def asserts(completions, **columns): assert False
def exits_late(completions, **columns): yield from [0.0]; raise SystemExit(3)
def nothing(completions, **columns): pass
def infinite(completions, **columns): return [0.0, float("inf")] + [0.0] * (len(completions) - 2)
def texts(completions, **columns): return ["good"] * len(completions)
def digits(completions, **columns): return ["1"] * len(completions)
def arrays(completions, **columns): import numpy; return [numpy.ones(1)] * len(completions)
def boundless(completions, **columns): return [1e40] * len(completions)
def total(completions, **columns): return [0.0] * len(completions)
def interrupted(completions, **columns): raise KeyboardInterrupt
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    (tmp_path / "my_own.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    return write(tmp_path / "a.jsonl", steps_of(HEALTHY))


@pytest.mark.parametrize("name", ["clears", "mutates"])
def test_what_a_reward_does_to_its_data_no_other_sees(tmp_path, capsys, path, name):
    rows = [{**row, "completion": [{"role": "assistant", "content": row["completion"]}]} for row in steps_of(HEALTHY)]
    path = write(tmp_path / "messages.jsonl", rows)
    _, found, _ = score(capsys, path, "--reward-funcs", f"my_own.{name}", "tatar")
    _, plain, _ = score(capsys, path)
    for mine, others in zip(found["steps"], plain["steps"], strict=True):
        assert {**mine["rewards"], name: 0.0} == {**others["rewards"], name: 0.0}
        assert mine["srcc"] == others["srcc"]
    assert found["statuses"] == {"ok": 24}


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_no_logged_column_takes_the_place_of_another(tmp_path, capsys, path, kind):
    pandas = pytest.importorskip("pandas")
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    out = tmp_path / f"out.{kind}"
    rewards = ["my_own.logs", "my_own.logs_too", "answer_format"]
    score(capsys, path, "--reward-funcs", *rewards, "--out", out)
    reader = {
        "jsonl": lambda: pandas.DataFrame(lines_of(out)),
        "csv": lambda: pandas.read_csv(out),
        "parquet": lambda: pandas.read_parquet(out),
    }
    first = reader[kind]().astype(object).to_dict("records")[0]
    assert (first["status"], first["words"], first["total"], first["answer_format"]) == ("ok", 20, 1, 1)
    assert first["completion"].endswith("<answer>12</answer>")
    logged = {
        "logs/completion": 0.5,
        "logs/words": 0.5,
        "logs/total": 0.5,
        "logs/status": 0.5,
        "logs/answer_format": 0.5,
        "half": 0.5,
        "logs_too/half": 0.25,
    }
    assert {name: float(first[name]) for name in logged} == logged


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("short", "the reward short fails: ValueError: log_extra('x', ...) takes one value a completion; got 1 of 8"),
        ("single", "the reward single fails: TypeError: log_extra('x', ...) takes a list; got 5"),
        ("figure", "the reward figure fails: TypeError: log_metric('x/share', ...) takes a number; got 'high'"),
        ("exits", "the reward exits fails: SystemExit: 3"),
        ("cancelled", "the reward cancelled fails: CancelledError\n"),
        ("asserts", "the reward asserts fails: AssertionError"),
        ("exits_late", "the reward exits_late fails: SystemExit: 3"),
        ("nothing", "the reward nothing must pay a list with a number or None a completion; got None"),
        ("infinite", "the reward infinite must pay finite numbers, or None; row 1 gets inf"),
        ("texts", "the reward texts must pay finite numbers, or None; row 0 gets 'good'"),
        ("digits", "the reward digits must pay finite numbers, or None; row 0 gets '1'; convert it by float(...)"),
        ("arrays", "the reward arrays must pay finite numbers, or None; row 0 gets array([1.]); convert it by"),
        ("boundless", "the reward boundless must pay finite numbers, or None; row 0 gets 1e+40; float32 ends at"),
    ],
)
def test_a_reward_that_fails_is_named(capsys, path, name, message):
    assert main(["score", path, "--reward-funcs", f"my_own.{name}", "tatar"]) == 2
    said = capsys.readouterr().err
    assert f"step 1 ({path}, row 0), rows counted from there: {message}" in said
    assert said.count("\n") == 1


def test_a_reward_cannot_have_the_name_of_a_column_that_is_written(capsys, path):
    assert main(["score", path, "--reward-funcs", "my_own.total"]) == 2
    assert "a reward is called 'total', as a column of the output is; give it another name" in capsys.readouterr().err


def test_an_interrupt_in_a_reward_is_one(path):
    assert main(["score", path, "--reward-funcs", "my_own.interrupted"]) == 130


def test_columns_may_be_called_as_what_a_trainer_passes(tmp_path, capsys, path):
    names = ("completions", "trainer_state", "log_extra", "log_metric", "self", "words", "total", "status")
    rows = [{**row, **dict.fromkeys(names, 7)} for row in steps_of(HEALTHY)]
    _, found, _ = score(capsys, write(tmp_path / "b.jsonl", rows), "--reward-funcs", "my_own.logs", "tatar")
    _, plain, _ = score(capsys, path, "--reward-funcs", "my_own.logs", "tatar")
    assert found == plain


def test_a_reward_of_ones_own_gets_the_mos_as_they_are(capsys, path):
    told = "logs gets the MOS as the files hold them: the scale that is given is for the rewards of this package"
    _, found, _ = score(capsys, path, "--reward-funcs", "my_own.logs", "tatar", "--mos-scale", 0, 200)
    assert told in found["remarks"]
    _, found, _ = score(capsys, path, "--reward-funcs", "my_own.logs", "tatar")
    assert told not in found["remarks"]


def test_numbers_that_json_lacks_are_none_in_what_is_written(tmp_path, capsys):
    rows = [{**row, "image_id": float("inf"), "iqa_gaussian_score": float("-inf")} for row in steps_of(HEALTHY)[:2]]
    out = tmp_path / "out.jsonl"
    score(capsys, write(tmp_path / "b.jsonl", rows), "--out", out)
    assert "Infinity" not in out.read_text()
    assert [line["image_id"] for line in lines_of(out)] == [None, None]
