"""SFT of the recipe: what it learns, what it leaves unchanged, what stops it."""

import json
import shutil

import pytest
import torch
from support import kills, stages

import train_grpo
import train_sft
from recipe.config import TINY_CONFIG
from recipe.models import load_model
from recipe.yaml_files import load_recipe
from tatar_rewards import parse_answer

pytestmark = pytest.mark.slow


def test_sft_learns_the_assistants_tokens_and_the_end_of_its_turn_and_nothing_else(run_folder):
    recipe = load_recipe(TINY_CONFIG, [*stages.FEW_STEPS, f"out={run_folder}"])
    trainer = train_sft.make_trainer(recipe, train_sft.read_examples(recipe))
    tokenizer = trainer.processing_class.tokenizer
    batch = next(iter(trainer.get_train_dataloader()))
    assert len(batch["labels"]) == 32
    for tokens, labels, mask in zip(batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True):
        learnt = labels != -100
        assert torch.equal(tokens[learnt], labels[learnt])
        text = tokenizer.decode(tokens[learnt])
        assert text.endswith("</answer><|end|>")
        assert parse_answer(text.removesuffix("<|end|>")).ok
        begin = int(learnt.nonzero()[0])
        assert tokenizer.decode(tokens[:begin]).endswith("<|assistant|>")
        end = int(learnt.nonzero()[-1])
        assert learnt[begin : end + 1].all(), "without a gap"
        assert mask[: end + 1].sum() == (tokens[: end + 1] != tokenizer.pad_token_id).sum()
        assert not mask[end + 1 :].any(), "nothing but padding follows"


SPLITS = {"whole": (1, 32, 1), "split": (2, 8, 2)}  # processes, rows, accumulated batches: 32 pictures a step


def test_the_loss_is_a_mean_over_tokens_however_a_batch_is_split(run_folder, tmp_path):
    """Answers about aesthetics are longer: a mean of the means of parts would weigh their tokens less."""
    shutil.rmtree(run_folder / "sft")
    said, logs = tmp_path / "said", {}
    for name, (world, rows, steps) in SPLITS.items():
        out = shutil.copytree(run_folder, tmp_path / name, symlinks=True)
        sizes = [f"launch.processes={world}", f"sft.args.per_device_train_batch_size={rows}"]
        sizes += [f"sft.args.gradient_accumulation_steps={steps}", "sft.args.logging_steps=1", "sft.args.max_steps=1"]
        argv = ["--set", *stages.FEW_STEPS, *sizes, f"out={out}"]
        assert kills.run_ranks(world, "support.sft_without_counts", argv, said), said.read_text()[-3000:]
        log = json.loads((out / "sft" / "log.json").read_text())
        logs[name] = [line[figure] for line in log if "loss" in line for figure in ("loss", "grad_norm")]
    assert len(logs["whole"]) == 2
    assert logs["split"] == pytest.approx(logs["whole"], rel=1e-5)


def test_sft_leaves_the_vision_tower_unchanged(run_folder):
    recipe = load_recipe(TINY_CONFIG, [*stages.FEW_STEPS, f"out={run_folder}"])
    before, _ = load_model(recipe.model.path, recipe.model)
    after, _ = load_model(run_folder / "sft" / "model", recipe.model)
    moved = {
        name
        for (name, first), (_, second) in zip(before.named_parameters(), after.named_parameters(), strict=True)
        if not torch.equal(first, second)
    }
    assert moved
    assert not any("vision_tower" in name for name in moved)
    frozen = {name for name, parameter in after.named_parameters() if not parameter.requires_grad}
    assert frozen == {name for name, _ in after.named_parameters() if "vision_tower" in name}


def test_too_few_rationales_stop_sft(run_folder):
    lines = (run_folder / "rationales.jsonl").read_text().splitlines(keepends=True)
    (run_folder / "rationales.jsonl").write_text("".join(lines[:40]))
    shutil.rmtree(run_folder / "sft")
    with pytest.raises(SystemExit, match=r"an accepted rationale for 40 of 64 pictures; run build_rationales\.py"):
        stages.run_in_process(train_sft, f"out={run_folder}")


def test_a_test_picture_in_training_stops_sft_and_grpo(run_folder):
    shutil.rmtree(run_folder / "sft" / "model")
    leak = f"data.test.0.labels={run_folder}/data/iqa_sft.json"
    recipe = load_recipe(TINY_CONFIG, [*stages.FEW_STEPS, f"out={run_folder}", leak])
    with pytest.raises(SystemExit, match="32 test pictures are trained on"):
        train_sft.read_examples(recipe)
    with pytest.raises(SystemExit, match="32 test pictures are trained on"):
        stages.run_in_process(train_grpo, f"out={run_folder}", leak.replace("_sft", "_grpo"))
