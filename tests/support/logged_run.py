"""Tables of completions as TRL's trainer writes them, made by calling rewards step by step as it does."""

import json
import math
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

import tatar_rewards as tr
from tatar_rewards.cli import main
from tatar_rewards.hacks import HackWatch

HEALTHY = [[12, 9, 40, 45, 66, 74, 88, 93]] * 3  # what is said of the images, step by step
MOS = [10.0, 10.0, 40.0, 40.0, 70.0, 70.0, 90.0, 90.0]


def say(score, words=20):
    return f"<think>{' '.join(f'w{k}' for k in range(words))}</think><answer>{score}</answer>"


def steps_of(scores_by_step):
    """Rows of a file: four images a step with two completions each, of both tasks; a score that is a text is said."""
    return [
        {
            "step": step,
            "task": "iqa" if k < 4 else "iaa",
            "image_id": f"{step}-{k // 2}",
            "dataset": "mine",
            "mos": MOS[k],
            "completion": score if isinstance(score, str) else say(score, 20 if k < 4 else 130),
        }
        for step, scores in enumerate(scores_by_step, start=1)
        for k, score in enumerate(scores)
    ]


def train_on(rows, rewards=None, messages=False):
    """The table of each step, and the alarms that the detector raised meanwhile."""
    rewards = rewards or tr.tatar_reward_funcs()
    watch, tables = HackWatch(), {}
    for step in sorted({row["step"] for row in rows}):
        its = [row for row in rows if row["step"] == step]
        columns = {name: [row[name] for row in its] for name in ("task", "image_id", "dataset", "mos")}
        said, extra, figures = [row["completion"] for row in its], {}, {}
        state = SimpleNamespace(global_step=step - 1, max_steps=100)
        keywords = {"trainer_state": state, "log_extra": extra.__setitem__, "log_metric": figures.__setitem__}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            paid = {one.__name__: one(completions=said, **columns, **keywords) for one in rewards}
        watch.read(step, figures)
        tables[step] = {
            "step": [step] * len(its),
            "prompt": ["Rate."] * len(its),
            "completion": [[{"role": "assistant", "content": text}] for text in said] if messages else said,
            **{name: [math.nan if one is None else one for one in column] for name, column in paid.items()},
            **extra,
            "advantage": [0.0] * len(its),
        }
    return tables, watch.alarms


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


TATAR = ["--reward-funcs", "tatar"]  # one reward for each task


def score(capsys, *arguments):
    """The exit code, the summary and what was said beside it, of TATAR's rewards unless others are named."""
    named = [] if "--reward-funcs" in arguments else TATAR
    code = main(["score", *map(str, arguments), *named, "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out, parse_constant=pytest.fail), said.err


def lines_of(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]
