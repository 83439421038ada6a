"""Each stage, killed at its start, in its middle and at its end: started again it goes on, to the same result."""

import hashlib
import json
import shutil
from collections import Counter

import pytest
from support import kills, stages
from support.chat_server import ChatServer
from support.rationale_runs import write_config, write_pictures

from recipe.rationales import Rationales

pytestmark = pytest.mark.slow
STEPS = [
    *stages.FEW_STEPS,
    "sft.args.max_steps=4",
    "sft.args.save_steps=1",
    "sft.args.save_total_limit=null",
    "grpo.args.max_steps=3",
    "grpo.args.save_steps=1",
    "grpo.args.weight_decay=0.5",  # an untrained policy earns nothing, and something has to move the weights
    "evaluation.batch_size=2",
]
SCRIPTS = {
    "data": "tiny.pictures",
    "model": "tiny.model",
    "sft": "train_sft",
    "grpo": "train_grpo",
    "evaluate": "evaluate_model",
    "report": "make_report",
}


def flags(folder, *changes):
    return ["--set", *STEPS, f"out={folder}", *changes]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run without any kill, kept after each stage: the folder before the stage, by its name, and at last."""
    out = tmp_path_factory.mktemp("whole") / "run"
    before = {}
    for stage, script in SCRIPTS.items():
        before[stage] = out.parent / f"before {stage}"
        shutil.copytree(out, before[stage], dirs_exist_ok=True) if out.exists() else before[stage].mkdir()
        assert kills.run(script, flags(out), out.parent / "said") == 0, (out.parent / "said").read_text()[-3000:]
    weights = contents(out)
    assert len({weights[f"{stage}model/model.safetensors"] for stage in ("", "sft/", "grpo/")}) == 3, "they moved"
    return before, out


def contents(folder):
    """What the stages of a run leave, but for what tells of times and of how they got there."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        skipped = "checkpoint-" in name or path.suffix in (".lock", ".html", ".bin") or name.startswith("pictures")
        if path.is_file() and not skipped and path.name not in ("log.json", "README.md", "rank0.jsonl"):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    for stage in ("sft", "grpo"):
        path = folder / "predictions" / stage / "rank0.jsonl"
        if path.exists():
            found[f"{stage} answers"] = sorted(path.read_text().splitlines())
    return found


def lines(path):
    return path.read_text().count("\n") if path.exists() else 0


MOMENTS = {  # what is there when a stage is killed: at its start, in its middle, at its end
    "data": ("data/started.json", "data/iqa_sft.json", "data/iaa_test.json"),
    "model": ("model/started.json", "model/started.json", "model/model.safetensors"),
    "sft": ("sft/started.json", "sft/checkpoint-2/trainer_state.json", "sft/model"),
    "grpo": ("grpo/started.json", "grpo/checkpoint-2/trainer_state.json", "grpo/model"),
    "evaluate": ("predictions/sft/started.json", "predictions/grpo/rank0.jsonl", "table.txt"),
    "report": ("run.lock", "run.lock", "report.html"),
}
CHANGES = {
    "data": "seed=1 data.make.sft=40 data.make.grpo=40 data.make.test=8 data.make.sft=41",
    "model": "seed=1 data.make.sft=40 model.make.vision_tower_steps=3 model.path=other data.make.test=8",
    "sft": "seed=1 sft.args.learning_rate=1e-4 model.dtype=bfloat16 prompts.iaa=Nice? data.sft.0.limit=20",
    "grpo": "grpo.args.beta=0.1 grpo.rewards.iaa_words=41 model.max_pixels=9 data.grpo.1.limit=20 think_prefilled=true",
    "evaluate": "evaluation.max_new_tokens=9 prompts.iqa=Good? model.max_pixels=9 model.dtype=bfloat16 prompts=null",
}


@pytest.mark.parametrize("moment", [0, 1, 2], ids=["start", "middle", "end"])
@pytest.mark.parametrize("stage", SCRIPTS)
def test_a_killed_stage_goes_on_to_the_result_of_an_uninterrupted_one(whole, tmp_path, stage, moment):
    before, finished = whole
    folder, said = tmp_path / "run", tmp_path / "said"
    shutil.copytree(before[stage], folder)
    sign = folder / MOMENTS[stage][moment]
    already = sign.exists()
    kills.run_until(SCRIPTS[stage], flags(folder), said, lambda: already or sign.exists())
    answered = lines(folder / "predictions" / "sft" / "rank0.jsonl")
    for change in CHANGES.get(stage, "").split() if moment == 1 else []:
        assert kills.run(SCRIPTS[stage], flags(folder, change), said) == 1, change
        assert "was made with other settings" in said.read_text()
        said.unlink()
    if said.exists():
        said.unlink()
    assert kills.run(SCRIPTS[stage], flags(folder), said) == 0, said.read_text()[-3000:]
    expected, found = contents(finished), contents(folder)
    assert found.keys() <= expected.keys()
    assert {name: found[name] for name in found} == {name: expected[name] for name in found}
    if stage in ("sft", "grpo") and moment == 1:
        assert "resuming from" in said.read_text()
    if stage == "evaluate":
        assert lines(folder / "predictions" / "sft" / "rank0.jsonl") == 12 >= answered, "nothing was asked twice"


# ---------------------------------------------------------------- rationales


@pytest.mark.parametrize("moment", [0, 5, 15])
def test_killed_writers_of_rationales_pay_for_nothing_twice(tmp_path, moment):
    folder, said, ledger = write_pictures(tmp_path / "data"), tmp_path / "said", tmp_path / "rationales.jsonl"
    with ChatServer(delay=0.05) as server:
        config = write_config(tmp_path, folder, server.url, concurrency=1)
        start = ["--config", config]
        started = tmp_path / "rationales.jsonl.record" / "started.json"
        kills.run_until("build_rationales", start, said, lambda: started.exists() and lines(ledger) >= moment)
        paid = len(server.answered)
        for change in (
            "iqa.model=n",
            "iqa.temperature=0.1",
            "judge.max_tokens=9",
            "iqa_words=[30, 49]",
            "iaa.extra_body={a: 1}",
        ):
            assert kills.run("build_rationales", [*start, "--set", f"rationales.{change}"], said) == 1, change
            assert "was made with other settings" in said.read_text()
        assert len(server.answered) <= paid + 1, "what is refused asks nothing"
        assert kills.run("build_rationales", start, said) == 0, said.read_text()[-2000:]
        assert len(server.answered) <= 17, "at most the one that was under way"
    events = [json.loads(line) for line in ledger.open()]
    assert Counter((event["key"], event["step"]) for event in events).most_common(1)[0][1] == 1
    assert len(Rationales(ledger).texts()) == 8
