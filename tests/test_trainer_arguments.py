"""The arguments of trainers: what a trainer takes passes, and what it does not take is named before a run."""

import ast
import dataclasses
import inspect
import math
import re
from collections import defaultdict

import pytest
import trl
from support.their_words import THEIRS
from trl import GRPOConfig, SFTConfig
from trl.trainer import grpo_trainer

from recipe.argument_values import MADE_FOR, TEXTS_OF_GRPO, WIDER
from recipe.arguments import find_problems

OF_EACH_TYPE = {"str": "x", "bool": True, "int": 5, "float": 0.5, "dict": {}, "list": ["x"], "None": None}


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"beta": "abc"}, "beta: must be a number; got 'abc'"),
        ({"beta": "0.1"}, "beta: must be a number; got '0.1'; write 0.1"),
        ({"beta": True}, "beta: must be a number; got True; write 1.0"),
        ({"max_steps": "10"}, "max_steps: must be a whole number; got '10'; write 10"),
        ({"num_generations": 4.0}, "num_generations: must be a whole number; got 4.0; write 4"),
        ({"max_steps": 10.5}, "max_steps: must be a whole number; got 10.5"),
        ({"max_steps": None}, "max_steps: must be a whole number; got None"),
        ({"bf16": "no"}, "bf16: must be True or False; got 'no'; write false"),
        ({"per_device_train_batch_size": 0}, "per_device_train_batch_size: must be at least 1; got 0"),
        ({"per_device_train_batch_size": -4}, "per_device_train_batch_size: must be at least 1; got -4"),
        ({"gradient_accumulation_steps": 0}, "gradient_accumulation_steps: must be at least 1; got 0"),
        ({"num_iterations": 0}, "num_iterations: must be at least 1; got 0"),
        ({"lr_scheduler_type": "cosin"}, "lr_scheduler_type: got 'cosin'; did you mean 'cosine'?"),
        ({"report_to": 5}, "report_to: must be a text or must be a list; got 5"),
        ({"debug": ["x"]}, "debug: must be a text or must be 'underflow_overflow' or 'tpu_metrics_debug'; got ['x']"),
        ({"optim_args": {"a": 1}}, "optim_args: must be a text; got {'a': 1}"),  # the optimizer is made from a text
        ({"loss_type": "dr_gropo"}, "loss_type: got 'dr_gropo'; did you mean 'dr_grpo'?"),
        ({"importance_sampling_level": "tokn"}, "importance_sampling_level: got 'tokn'; did you mean 'token'?"),
        ({"vllm_mode": "colocat"}, "vllm_mode: got 'colocat'; did you mean 'colocate'?"),
        ({"hub_strategy": "x"}, "hub_strategy: got 'x'; known are end, every_save, checkpoint, all_checkpoints"),
        ({"learning_rate": -1e-5}, "learning_rate: must be at least 0; got -1e-05"),
        ({"learning_rate": math.nan}, "learning_rate: must be a number; got nan"),
        ({"learning_rate": math.inf}, "learning_rate: must be a finite number; got inf"),
        ({"epsilon_high": math.nan}, "epsilon_high: must be a number; got nan"),
        ({"temperature": 0}, "temperature: must be greater than 0; got 0"),
        ({"min_p": 1.5}, "min_p: must be at most 1; got 1.5"),
        ({"num_train_epochs": "abc"}, "num_train_epochs: must be a number; got 'abc'"),
        ({"optim": "lio"}, "optim: got 'lio'; did you mean 'lion_8bit' or 'lion_32bit'?"),
        ({"max_prompt_length": 9}, "max_prompt_length: GRPOConfig has no such argument; take it out"),
        ({"learning_rat": 1.0}, "learning_rat: GRPOConfig has no such argument; did you mean 'learning_rate'?"),
        ({"zzz": 1.0}, "zzz: GRPOConfig has no such argument; take it out"),
    ],
)  # fmt: skip
def test_an_argument_of_another_type_or_out_of_its_range_is_named_with_the_cure(args, problem):
    assert find_problems(GRPOConfig, "grpo", args) == [f"grpo.args.{problem}"]
    assert not THEIRS.search(problem)


def test_arguments_that_are_right_may_be_written_in_every_right_way():
    args = {
        "learning_rate": 1,
        "save_strategy": "no",
        "report_to": ["none"],
        "bf16": None,
        "max_completion_length": None,
    }
    assert find_problems(GRPOConfig, "grpo", args | {"lr_scheduler_type": "cosine", "optim": "adafactor"}) == []


@pytest.mark.parametrize("kind", [GRPOConfig, SFTConfig])
def test_every_default_is_right(kind):
    defaults = {field.name: field.default for field in dataclasses.fields(kind) if field.init}
    given = {name: value for name, value in defaults.items() if value is not dataclasses.MISSING}
    assert find_problems(kind, "stage", given) == []


@pytest.mark.parametrize(
    ("name", "value", "becomes"),
    [
        ("scale_rewards", False, "none"),
        ("scale_rewards", True, "group"),
        ("fsdp", True, True),
        ("fsdp", ["full_shard", "auto_wrap"], True),
        ("top_k", None, None),
        ("debug", ["underflow_overflow"], ["underflow_overflow"]),
        ("debug", None, []),
        ("hub_token", True, True),
        ("gradient_checkpointing", None, False),
    ],
)
def test_what_a_trainer_takes_beside_what_its_annotation_says_is_right(name, value, becomes):
    assert find_problems(GRPOConfig, "grpo", {name: value}) == []
    assert getattr(GRPOConfig(output_dir="unused", use_cpu=True, bf16=False, **{name: value}), name) == becomes
    assert name in WIDER


@pytest.mark.parametrize("kind", [GRPOConfig, SFTConfig])
def test_every_type_that_is_documented_is_right(kind):
    """As docstrings have it: "scale_rewards (`str` or `bool`, *optional*, defaults to ..."."""
    said = "".join(inspect.getdoc(one) or "" for one in kind.__mro__ if dataclasses.is_dataclass(one))
    names, seen = {field.name for field in dataclasses.fields(kind) if field.init}, 0
    for name, types in re.findall(r"^ +(\w+) \((.*?)(?:\*optional\*.*)?\):$", said, re.MULTILINE):
        for one in set(re.findall(r"`(\w+)`", types)) & OF_EACH_TYPE.keys() if name in names else ():
            seen += 1
            problems = find_problems(kind, "stage", {name: OF_EACH_TYPE[one]})
            assert not re.search(r"must be (a|True)\b", str(problems)), (name, types, problems)
    assert seen > 80


def test_the_texts_that_are_known_are_those_that_the_installed_trainer_compares():
    """Where this fails, a new TRL is installed: write what it compares into recipe/argument_values.py."""
    compared = defaultdict(set)
    for node in ast.walk(ast.parse(inspect.getsource(grpo_trainer))):
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Attribute):
            texts = (one.value for side in node.comparators for one in ast.walk(side) if isinstance(one, ast.Constant))
            compared[node.left.attr] |= {text for text in texts if isinstance(text, str)}
    assert {name: set(texts) for name, texts in TEXTS_OF_GRPO.items()} == {
        name: compared[name] for name in TEXTS_OF_GRPO
    }
    assert trl.__version__ == MADE_FOR


def test_a_text_that_another_version_may_know_is_not_refused(monkeypatch):
    monkeypatch.setattr(trl, "__version__", "1.17.0")
    assert find_problems(GRPOConfig, "grpo", {"loss_type": "brand_new"}) == []


@pytest.mark.parametrize(
    ("args", "right"),
    [
        ({"packing_strategy": "bfd-requeue"}, True),  # an old name, which the trainer takes
        ({"packing_strategy": "foo"}, False),
        ({"loss_type": "chunked_nll"}, True),
        ({"loss_type": "foo"}, False),
        ({"log_level": "foo"}, False),
        ({"train_sampling_strategy": "foo"}, False),
        ({"ddp_backend": "cpu:gloo,cuda:nccl"}, True),
        ({"max_grad_norm": math.inf}, True),
    ],
)
def test_texts_are_those_that_the_trainer_lists(args, right):
    assert (find_problems(SFTConfig, "sft", args) == []) is right
