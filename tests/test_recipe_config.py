"""Reading a configuration of the recipe: wrong settings are named."""

import pytest
from support.stages import EXAMPLES
from trl import GRPOConfig, SFTConfig

import train_grpo
from recipe.arguments import find_problems
from recipe.config import TINY_CONFIG
from recipe.plan import Plan, print_doctor
from recipe.yaml_files import load_recipe


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["grpo.doctor=never"], "grpo.doctor: must be 'stop' or 'warn'; got 'never'"),
        (["data.sft.0.scale=5"], "data.sft.0.scale: "),
        (["grpo.rewards.iqa.tolerance=-1"], "grpo.rewards.iqa: tolerance must lie in [0.001, inf); got "),
        (["sftt.args.max_steps=3"], "sftt: there is no such field"),
        (["seed"], "--set takes name=value"),
        (["data.sft.9.limit=3"], "--set data.sft.9.limit: the config has no such section"),
        (["seed.deeper=3"], "--set seed.deeper: the config has no such section, or it holds a single value"),
    ],
)
def test_a_wrong_setting_is_named(changes, message):
    with pytest.raises(SystemExit) as raised:
        load_recipe(TINY_CONFIG, changes)
    assert message in str(raised.value)


def test_a_config_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(SystemExit, match="does not exist; see examples/configs"):
        load_recipe(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(SystemExit, match=r"bad\.yaml is no YAML"):
        load_recipe(tmp_path / "bad.yaml")
    (tmp_path / "list.yaml").write_text("- a")
    with pytest.raises(SystemExit, match="must hold a mapping"):
        load_recipe(tmp_path / "list.yaml")


def test_rater_deviations_reach_the_rewards_where_asked_for():
    recipe = load_recipe(TINY_CONFIG, ["grpo.rewards.mos_std=true", "grpo.rewards.recipe=tatar"])
    assert [reward.config.mos_std_column for reward in train_grpo.make_rewards(recipe)[1:]] == ["mos_std", "mos_std"]
    assert [reward.config.raters_column for reward in train_grpo.make_rewards(recipe)[1:]] == ["raters", "raters"]


def test_deviations_without_the_number_of_raters_are_refused_where_the_gaussian_needs_it():
    asked = ["grpo.rewards.mos_std=true", "data.grpo.0.mos_std_key=sd", "grpo.rewards.recipe=tatar"]
    with pytest.raises(SystemExit, match="tiny-iqa has deviations of its raters and not their number.*give raters or"):
        train_grpo.make_rewards(load_recipe(TINY_CONFIG, asked))
    plan = Plan(load_recipe(TINY_CONFIG, asked))
    print_doctor(plan, train_grpo.make_rewards, [])
    assert "not their number" in plan.missing[0]
    known = ["data.grpo.0.raters=12", "data.grpo.0.raters_key=n"]
    for enough in (*known, "data.iaa_share=1", "grpo.rewards.mos_std=false"):
        assert train_grpo.make_rewards(load_recipe(TINY_CONFIG, [*asked, enough]))


def test_the_recommended_rewards_train_each_task_within_its_budget():
    changes = ["grpo.rewards.recipe=recommended", "grpo.rewards.mos_std=true"]
    changes += ["grpo.rewards.opponents={min_opponents: 3}"]
    rewards = train_grpo.make_rewards(load_recipe(TINY_CONFIG, changes))
    kinds = ("answer_format", "thurstone_rank", "win_rate", "crps_score")
    assert [reward.__name__ for reward in rewards] == [f"{task}_{kind}" for task in ("iqa", "iaa") for kind in kinds]
    graded = [reward.config for reward in rewards if "format" not in reward.__name__]
    assert {(one.task, one.length_gate.longest, one.length_gate.shortest) for one in graded} == {
        ("iqa", 20, 0),
        ("iaa", float("inf"), 40),
    }
    assert {one.mos_std_column for one in graded} == {"mos_std"}
    assert {one.min_opponents for one in graded if hasattr(one, "min_opponents")} == {3}
    alone = load_recipe(TINY_CONFIG, [*changes, "data.iaa_share=1"])
    assert {reward.config.task for reward in train_grpo.make_rewards(alone)} == {"iaa"}
    with pytest.raises(SystemExit, match="iqa and iaa are settings of recipe: tatar"):
        load_recipe(TINY_CONFIG, [*changes, "grpo.rewards.iqa={tolerance: 20}"])


@pytest.mark.parametrize("path", sorted((EXAMPLES / "configs").glob("*_*gpu.yaml")), ids=lambda path: path.stem)
def test_the_arguments_for_gpus_are_those_of_the_installed_trainers(path):
    """Those of vLLM too, which no test runs."""
    recipe = load_recipe(path)
    assert find_problems(SFTConfig, "sft", recipe.sft.args) == []
    assert find_problems(GRPOConfig, "grpo", recipe.grpo.args) == []
    built = GRPOConfig(**{**recipe.grpo.args, "output_dir": "unused", "use_cpu": True, "bf16": False})
    assert built.use_vllm is ("8gpu" in path.stem)
    if built.use_vllm:
        assert {"use_vllm", "vllm_mode", "vllm_gpu_memory_utilization"} <= recipe.grpo.args.keys()
        assert built.vllm_mode == "colocate", "no server is started by the recipe"
        assert 0 < built.vllm_gpu_memory_utilization < 1
