"""A few steps of TRL's own trainers with our rewards: text only, and pictures through the tiny LLaVA."""

import json
import math
import shutil
import warnings

import numpy as np
import pytest
import torch
import trl
from datasets import Dataset
from support import ranked_run
from support.launch import torchrun
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

import tatar_rewards as tr
from recipe.config import TINY_CONFIG
from recipe.pictures import to_dataset
from recipe.yaml_files import load_recipe
from tatar_rewards.adapters.trl import HackDetector, RememberOpponents
from tatar_rewards.answers import read_completion
from tatar_rewards.cli import main
from tiny import model as tiny_model
from tiny import pictures as tiny_pictures
from tiny.vision_tower import TinyVisionTower, TinyVisionTowerConfig

pytestmark = pytest.mark.slow
QUESTIONS = load_recipe(TINY_CONFIG).prompts
QUIET = {**ranked_run.QUIET, "save_strategy": "no"}


@pytest.fixture(scope="module")
def examples():
    return tiny_pictures.make_examples(tiny_pictures.TEST_PHOTOGRAPHS[:2], per_task=8, seed=0)


@pytest.fixture(scope="module")
def pictures(examples, tmp_path_factory):
    """Those examples as labelled pictures on disk, and what is to be said of each."""
    folder = tmp_path_factory.mktemp("pictures")
    tiny_pictures.write_examples(examples, "sft", folder)
    told = {f"sft-{example.image_id}.png": example.completion() for example in examples}
    pictures = tiny_pictures.written_pictures(folder, "sft")
    return pictures, [told[picture.image_id] for picture in pictures]


@pytest.fixture(scope="module")
def processor(examples):
    return tiny_model.build_processor(tiny_model.train_tokenizer([e.completion() for e in examples]))


def run_grpo(model, processor, dataset, tmp_path, max_completion_length=12):
    args = GRPOConfig(
        output_dir=str(tmp_path),
        max_steps=2,
        per_device_train_batch_size=8,
        num_generations=2,
        max_completion_length=max_completion_length,
        logging_steps=1,
        **QUIET,
    )
    rewards = [
        *tr.tatar_reward_funcs(iqa_budget=tr.LengthConfig(longest=20), iaa_budget=tr.LengthConfig(shortest=40)),
        tr.LengthReward(shortest=1, unit="tokens"),
    ]
    rewards += [tr.PairwiseRankReward(task="iaa"), tr.ThresholdScoreReward(task="iqa")]
    trainer = GRPOTrainer(
        model=model, args=args, train_dataset=dataset, processing_class=processor, reward_funcs=rewards
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.train()
    return trainer


def assert_everything_was_logged(trainer):
    steps = [line for line in trainer.state.log_history if "reward" in line]
    assert len(steps) == 2
    for reward in trainer.reward_funcs:
        assert f"rewards/{reward.__name__}/mean" in steps[-1]
    for name in ("iqa_gaussian_score", "iaa_thurstone_rank"):
        for metric in ("parse_failure_rate", "mae", "srcc"):
            assert f"{name}/{metric}" in steps[-1]
    assert "iaa_thurstone_rank/no_opponent_rate" in steps[-1]
    extra = trainer._logs["extra"]
    assert {len(column) for column in extra.values()} == {len(trainer._logs["prompt"])}


def test_grpo_trains_on_text_alone(processor, examples, tmp_path):
    tokenizer = processor.tokenizer
    tokenizer.chat_template = None
    columns = ["mos", "task", "dataset", "image_id"]
    dataset = Dataset.from_list(
        [{"prompt": "How good is it?", **{column: getattr(e, column) for column in columns}} for e in examples]
    )
    trainer = run_grpo(ranked_run.tiny_llama(tokenizer), tokenizer, dataset, tmp_path)
    assert_everything_was_logged(trainer)


def test_sft_and_grpo_train_on_pictures(processor, pictures, tmp_path):
    torch.manual_seed(0)
    model = tiny_model.build_model(TinyVisionTower(TinyVisionTowerConfig()), processor)
    args = SFTConfig(
        output_dir=str(tmp_path),
        max_steps=40,
        per_device_train_batch_size=16,
        learning_rate=3e-3,
        logging_steps=20,
        max_length=None,
        **QUIET,
    )
    sft = SFTTrainer(
        model=model,
        args=args,
        train_dataset=to_dataset(pictures[0], QUESTIONS, pictures[1]),
        processing_class=processor,
    )
    sft.train()
    losses = [line["loss"] for line in sft.state.log_history if "loss" in line]
    assert losses[-1] < losses[0] / 2

    trainer = run_grpo(model, processor, to_dataset(pictures[0], QUESTIONS), tmp_path, max_completion_length=80)
    assert_everything_was_logged(trainer)
    statuses = [read_completion(completion).status for completion in trainer._logs["completion"]]
    assert list(trainer._logs["rewards"]["answer_format"]) == [
        float(status is tr.AnswerStatus.OK) for status in statuses
    ]
    on_task = [value for value in trainer._logs["rewards"]["iqa_gaussian_score"] if not math.isnan(value)]
    assert on_task
    assert all(0 <= value <= 1 for value in on_task)


# ---------------------------------------------------------------- rankings over calls and processes


def grade_alone(call, rewards):
    """What one process pays for the completions that a trainer logged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mos = [ranked_run.MOS[prompt] for prompt in call["prompt"]]
        return {r.__name__: r(call["completion"], mos=mos, image_id=call["prompt"]) for r in rewards}


def test_two_processes_that_share_every_group_earn_what_one_process_pays(tmp_path):
    run = torchrun(2, ranked_run.__file__, tmp_path, seconds=240)
    assert run.returncode == 0, run.stderr[-3000:]
    seen = json.loads((tmp_path / "run.json").read_text())
    assert len(seen["calls"]) >= 2
    assert [line for line in seen["history"] if "eval_reward" in line]
    for call in seen["calls"]:
        assert len(call["prompt"]) == 32
        assert len({prompt for prompt in call["prompt"]}) == 4
        expected = grade_alone(call, ranked_run.make_rewards(min_opponents=0))
        for name, values in call["rewards"].items():
            np.testing.assert_allclose(values, expected[name], rtol=1e-6, err_msg=name)  # the trainer keeps float32
            assert len(set(values)) > 8


def test_streamed_shards_mix_prompts_in_the_trainers_groups_but_not_in_the_rankings(tmp_path):
    """The trainer's own defect: two ranks that each read their own shard share its groups. The doctor warns of it."""
    run = torchrun(2, ranked_run.__file__, tmp_path, "streamed", seconds=240)
    if "Iterable datasets are not yet supported" in run.stderr:
        pytest.skip(f"TRL {trl.__version__} takes no streamed datasets")
    assert run.returncode == 0, run.stderr[-3000:]
    for call in json.loads((tmp_path / "run.json").read_text())["calls"]:
        assert len(call["prompt"]) == 8
        assert len(set(call["prompt"])) == 2, "one group of the trainer: no longer mixed? then the doctor can relent"
        expected = grade_alone(call, ranked_run.make_rewards(min_opponents=0))
        for name, values in call["rewards"].items():
            np.testing.assert_allclose(values, expected[name], rtol=1e-6, err_msg=name)


def post_mortem(capsys, *files):
    """What `score` says of a run of `ranked_run` from its logs."""
    capsys.readouterr()  # the trainer prints completions
    main(["score", *map(str, files), "--reward-funcs", "support.ranked_run.REWARDS", "--json"])
    return json.loads(capsys.readouterr().out)


def test_a_run_that_is_resumed_earns_what_an_uninterrupted_one_does(tmp_path, capsys, monkeypatch):
    settings = {"per_device_train_batch_size": 8, "max_steps": 6, "save_steps": 3}  # one image a call
    detectors = []

    def train(folder, resume=None):
        rewards = ranked_run.make_rewards()
        detectors.append(HackDetector())
        callbacks = [RememberOpponents(rewards), detectors[-1]]
        trainer, recorder = ranked_run.make_trainer(folder, rewards, callbacks, log_completions=True, **settings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer.train(resume_from_checkpoint=resume)
        return recorder.calls

    whole = train(tmp_path / "whole")
    assert [call["step"] for call in whole] == [1, 2, 3, 4, 5, 6]
    moved = tmp_path / "elsewhere"
    shutil.copytree(tmp_path / "whole" / "checkpoint-3", moved)
    resumed = train(tmp_path / "resumed", resume=str(moved))
    assert [call["completion"] for call in resumed] == [call["completion"] for call in whole[3:]]
    assert [call["rewards"] for call in resumed] == [call["rewards"] for call in whole[3:]]
    ranked = whole[3]["rewards"]["thurstone_rank"]
    forgetful = grade_alone(whole[3], ranked_run.make_rewards())["thurstone_rank"]
    assert not any(math.isnan(value) for value in ranked)
    assert None in forgetful, "the image came alone: without its memory the ranking has no opponent"

    first, second = (sorted((tmp_path / name / "completions").iterdir()) for name in ("whole", "resumed"))
    for files in ([tmp_path / "whole"], [*second, *first[:3]]):
        monkeypatch.setattr(ranked_run, "REWARDS", ranked_run.make_rewards(), raising=False)
        found = post_mortem(capsys, *files)
        assert {name: one["differ"] for name, one in found["compared_with_log"].items()} == {
            "thurstone_rank": 0, "pairwise_rank": 0, "gaussian_score": 0, "answers read": 0
        }  # fmt: skip
        alarms = [(alarm["step"], alarm["reward"], alarm["figure"]) for alarm in found["alarms"]]
        raised = [(alarm.step, alarm.reward, alarm.figure) for alarm in detectors[0].alarms]
        assert sorted(alarm for alarm in alarms if alarm[1] != "answers") == sorted(raised)
        assert raised
    monkeypatch.setattr(ranked_run, "REWARDS", ranked_run.make_rewards(), raising=False)
    assert post_mortem(capsys, *second)["compared_with_log"]["thurstone_rank"]["differ"] > 0
