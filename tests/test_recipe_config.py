"""Reading a configuration of the recipe: wrong settings are named."""

import pytest
from support.stages import EXAMPLES
from support.their_words import THEIRS
from trl import GRPOConfig, SFTConfig

import train_grpo
from recipe.arguments import find_problems
from recipe.config import TINY_CONFIG
from recipe.launch import shards_of
from recipe.plan import Plan, print_doctor
from recipe.yaml_files import load_recipe


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["grpo.doctor=never"], "grpo.doctor: must be 'stop' or 'warn'; got 'never'"),
        (["data.sft.0.scale=5"], "data.sft.0.scale: "),
        (
            ["grpo.rewards.iqa.tolerance=-1"],
            "grpo.rewards.iqa: tolerance must lie in [0.001, 1000000]; got ",
        ),
        (["sftt.args.max_steps=3"], "unknown setting 'sftt'; did you mean 'sft'?"),
        (["data.test.0.scael=[0, 1]"], "data.test.0: unknown setting 'scael'; did you mean 'scale'?"),
        (
            ["data.test.0.layout={separatr: tab}"],
            "data.test.0.layout: unknown setting 'separatr'; did you mean 'separator'?",
        ),
        (["rationales.iqa={base_url: x}"], "rationales.iqa.model: it is missing"),
        (["seed=abc"], "seed: must be a whole number; got 'abc'"),
        (["launch.processes=0"], "launch.processes: must be at least 1; got 0"),
        (["launch.processes=-2"], "launch.processes: must be at least 1; got -2"),
        (["data.make={sft: -1}"], "data.make.sft: must be at least 0; got -1"),
        (["model.max_pixels=0"], "model.max_pixels: must be at least 1; got 0"),
        (
            ["data.grpo.0.scale=[5, 1]"],
            "data.grpo.0.scale: a ScoreScale needs finite low < high",
        ),
        (["data.grpo.0.scale=[0, 1, 2]"], "data.grpo.0.scale: "),
        (["data.sft.1.mos_std_key=sd", "data.sft.1.mos_std_scale=[1, .nan]"], "data.sft.1.mos_std_scale: "),
        (["model.lora={r: 0}"], "model.lora.r: must be at least 1; got 0"),
        (["model.lora={lora_dropout: 5}"], "model.lora.lora_dropout: must be less than 1; got 5"),
        (["rationales.smallest_share=5"], "rationales.smallest_share: must be at most 1; got 5"),
        (["rationales.iqa_words=[50, 30]"], "rationales.iqa_words: must be the fewest words and the most, such as"),
        (["rationales.iqa={base_url: x, model: y, max_tokens: 0}"], "rationales.iqa.max_tokens: must be at least 1"),
        (["prompts={iqa: How good}"], "prompts has no question about aesthetics (IAA), of which there are pictures"),
        (["prompts={ia: How good}"], "prompts.ia.[key]: must be 'iqa' or 'iaa'; got 'ia'"),
        (["seed"], "--set takes name=value"),
        (["data.sft.9.limit=3"], "--set data.sft.9.limit: the config has no such section"),
        (["seed.deeper=3"], "--set seed.deeper: the config has no such section, or it holds a single value"),
    ],
)
def test_a_wrong_setting_is_named(changes, message):
    with pytest.raises(SystemExit) as raised:
        load_recipe(TINY_CONFIG, changes)
    assert message in f"{raised.value}\n"
    assert not THEIRS.search(str(raised.value))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"distributed_type: [FSDP\n", "expected ',' or ']', but got '<stream end>'"),
        (b"", "must hold a mapping of settings; got nothing"),
        (b"\xff\xfe", "is no UTF-8: byte 0xff at offset 0, line 1"),
        (b"num_processes: 8\n", "is no configuration of accelerate: A `distributed_type` must be specified"),
        (b"distributed_type: FSPD\n", "is no configuration of accelerate: 'FSPD' is not a valid DistributedType"),
        (b"distributed_type: FSDP\nnum_process: 8\n", "unknown keys (['num_process'])"),
    ],
)
def test_a_configuration_of_accelerate_that_it_cannot_read_is_named_with_the_cure(tmp_path, content, message):
    path = tmp_path / "launch.yaml"
    path.write_bytes(content)
    with pytest.raises(SystemExit) as raised:
        shards_of(load_recipe(TINY_CONFIG, [f"launch.accelerate={path}"]))
    assert message in str(raised.value)
    assert f"`accelerate config --config_file {path}`" in str(raised.value)


@pytest.mark.parametrize(("kind", "shards"), [("FSDP", 4), ("DEEPSPEED", 4), ("MULTI_GPU", 1)])
def test_weights_are_spread_where_the_launch_spreads_them(tmp_path, kind, shards):
    (tmp_path / "launch.yaml").write_text(f"distributed_type: {kind}\nnum_processes: 4\n")
    recipe = load_recipe(TINY_CONFIG, [f"launch={{processes: 4, accelerate: {tmp_path / 'launch.yaml'}}}"])
    assert shards_of(recipe) == shards


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


def test_a_task_without_pictures_needs_no_question():
    alone = ["data.sft=[]", "sft=null", "data.validation=[]", "data.grpo.1.task=iqa", "data.test.1.task=iqa"]
    names = ["data.grpo.1.name=other", "data.test.1.name=other"]
    assert load_recipe(TINY_CONFIG, [*alone, *names, "prompts={iqa: How good}"]).prompts == {"iqa": "How good"}


@pytest.mark.parametrize(
    ("save_steps", "said"),
    [
        (0.1, "save_steps 0.1 is a share of the run; write a number of steps that is a multiple of 2"),
        (3, "save_steps 3 must be a multiple of 2"),
    ],
)
def test_checkpoints_that_could_not_be_resumed_exactly_are_refused_with_the_cure(save_steps, said):
    changes = [f"grpo.args.save_steps={save_steps}", "grpo.args.num_iterations=2"]
    with pytest.raises(SystemExit, match=said):
        train_grpo.training_arguments(load_recipe(TINY_CONFIG, changes))
    assert train_grpo.training_arguments(load_recipe(TINY_CONFIG, changes[:1])).save_steps == save_steps


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
