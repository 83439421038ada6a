"""`train_tatar.py --plan`, and the configurations for GPUs, which only a plan can check here."""

import re
import tomllib

import pytest
from support import kills, stages
from trl import GRPOConfig, SFTConfig

import train_grpo
import train_tatar
from recipe.config import TINY_CONFIG
from recipe.yaml_files import load_recipe

pytestmark = pytest.mark.slow


def test_the_plan_of_the_tiny_run_misses_nothing_and_that_of_the_real_one_says_what(tmp_path):
    said = tmp_path / "said"
    assert kills.run("train_tatar", ["--plan", "--out", tmp_path / "run"], said) == 0, said.read_text()
    tiny = said.read_text()
    assert "60 steps; 256 rows a step (256 x 1 accumulated x 1 processes), 64 pictures with 4" in tiny
    assert "Nothing is missing." in tiny
    assert not (tmp_path / "run").exists(), "a plan writes nothing"
    for name, floor in (("qwen2_5_vl_7b_8gpu", "18.7 GB"), ("qwen2_5_vl_3b_lora_1gpu", "8.25 GB")):
        config, said = stages.EXAMPLES / "configs" / f"{name}.yaml", tmp_path / name
        assert kills.run("train_tatar", ["--plan", "--config", config], said) == 1, said.read_text()
        real = said.read_text()
        assert f"at least {floor} a process" in real
        assert "data/KonIQ-10k/train.json, the labels of KonIQ-10k" in real
        assert "is not on this machine; get it with" in real
        assert "doctor" not in real.partition("missing")[2], "its settings are sound"


@pytest.mark.parametrize("path", sorted((stages.EXAMPLES / "configs").glob("*_*gpu.yaml")), ids=lambda path: path.stem)
def test_real_configurations_differ_from_the_tiny_one_in_nothing_but_fields(path):
    recipe = load_recipe(path)
    assert {spec.task for spec in recipe.data.test} == {"iqa", "iaa"}
    assert len(recipe.data.test) == 8
    assert train_tatar.stages_of(recipe)[-1].program == train_tatar.stages_of(load_recipe(TINY_CONFIG))[-1].program
    assert train_grpo.make_rewards(recipe)[0].__name__ == "answer_format"
    elsewhere = {"output_dir": "unused", "use_cpu": True, "bf16": False, "report_to": "none"}
    SFTConfig(**{**recipe.sft.args, **elsewhere})
    assert GRPOConfig(**{**recipe.grpo.args, **elsewhere, "use_vllm": False}).num_generations in (4, 8)


def test_the_extras_bring_what_the_configurations_name():
    extras = tomllib.loads((stages.EXAMPLES.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    recipe, guide = " ".join(extras["recipe"]), (stages.EXAMPLES.parent / "docs" / "recipe.md").read_text()
    gpu = re.search(r"`pip install '([^`]+)` adds what the GPU configurations need", " ".join(guide.split()))[1]
    for path in (stages.EXAMPLES / "configs").glob("*.yaml"):
        text = path.read_text()
        for tracker in re.findall(r"report_to: (\w+)", text):
            assert tracker == "none" or tracker in recipe, path
        assert "DEEPSPEED" not in text or "deepspeed" in gpu
        assert "use_vllm: true" not in text or "vllm" in gpu
        assert "qwen" not in text or "torchvision" in gpu
