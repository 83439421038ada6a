"""What holds for every adapter, and frameworks that need none: they call a reward as TRL does, or nearly."""

import ast
import importlib
import inspect
import pickle
import re
import runpy
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from support.framework_calls import ROWS, as_trl, make_rewards
from support.real_code import pretend
from support.reward_calls import EVERY_REWARD

import tatar_rewards as tr
from tatar_rewards import adapters, presets
from tatar_rewards.adapters import easyr1, openrlhf, slime, verifiers, verl
from tatar_rewards.adapters.samples import NamedRewards, read_truth, without_end_of_turn
from tatar_rewards.distributed import groups

ADAPTERS = ("ms_swift", "easyr1", "verl", "openrlhf", "slime", "verifiers")
SHARED = ("samples", "slime_groups")
OF_ONE_SAMPLE = ["answer_format", "thurstone_rank", "win_rate"]


def alone(completions, **columns):
    """Whether nothing is gathered, as a reward."""
    return [float(bool(groups._alone))] * len(completions)


# ---------------------------------------------------------------- the modules


@pytest.mark.parametrize("name", [*ADAPTERS, *SHARED])
def test_an_adapter_is_short_and_imports_no_framework(name):
    text = (Path(adapters.__file__).parent / f"{name}.py").read_text()
    assert name in SHARED or len(text.splitlines()) < 60
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])
    assert imported <= {*sys.stdlib_module_names, "numpy", "tatar_rewards"}


def test_the_adapters_load_neither_torch_nor_transformers():
    imports = "; ".join(f"import tatar_rewards.adapters.{name}" for name in ADAPTERS)
    code = f"import sys; {imports}; sys.exit(repr({{'torch', 'transformers'}} & set(sys.modules) or ''))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stderr.strip() == "''", run.stderr


@pytest.mark.parametrize(
    ("ready", "names"),
    [
        (verl.compute_score, OF_ONE_SAMPLE),
        (openrlhf.reward_func, OF_ONE_SAMPLE),
        (slime.custom_rm, OF_ONE_SAMPLE),
        (slime.post_process, [*OF_ONE_SAMPLE, "crps_score"]),
        (easyr1.compute_score, [*OF_ONE_SAMPLE, "crps_score"]),
        (verifiers.answer_format, OF_ONE_SAMPLE[:1]),
        (verifiers.thurstone_rank, OF_ONE_SAMPLE[1:2]),
        (verifiers.win_rate, OF_ONE_SAMPLE[2:]),
    ],
)
def test_what_is_ready_has_the_recommended_rewards_and_can_be_pickled(ready, names):
    of_one = "crps_score" not in names and ready is not slime.post_process
    for scorer in (ready, pickle.loads(pickle.dumps(ready))):
        assert list(scorer.rewards) == names
        for reward in scorer.rewards.values():
            assert getattr(reward.config, "opponents", "") in (("memory", "") if of_one else ("gathered", ""))
            assert getattr(reward.config, "mos_scale", tr.POINTS) == tr.POINTS


# ---------------------------------------------------------------- what they share


def test_nothing_is_gathered_where_one_process_sees_the_samples():
    assert NamedRewards([alone]).score(["a", "b"], [{}, {}]) == [{"score": 1.0, "alone": 1.0}] * 2
    assert not groups._alone


def test_a_column_of_a_name_that_trainers_fill_reaches_no_reward():
    truth = {"mos": 60, "log_metric": "accuracy", "completions": 3, "trainer_state": 5, "log_extra": None}
    assert NamedRewards([tr.GaussianScoreReward()]).score(["<answer>60</answer>"], [truth])[0]["score"] == 1.0


@pytest.mark.parametrize(
    ("rewards", "error", "message"),
    [
        (tr.AnswerFormatReward(), TypeError, "must be a list of rewards; got one reward: AnswerFormatReward"),
        ([], ValueError, "at least one reward; got an empty list"),
        ([tr.WinRateReward(), tr.WinRateReward(task="iaa", name="win_rate")], ValueError, "two rewards of one name"),
        ([tr.WinRateReward(name="score")], ValueError, "called 'score', which is the name of the sum"),
    ],
)
def test_rewards_that_could_not_be_told_apart_are_refused(rewards, error, message):
    with pytest.raises(error, match=message):
        NamedRewards(rewards)


@pytest.mark.parametrize("scorer", [verl.scorer, openrlhf.scorer, lambda rewards: verifiers.scorer(rewards[-1])])
def test_a_reward_of_several_answers_is_told_where_a_call_sees_one(scorer):
    with pytest.warns(UserWarning, match="crps_score compares the answers to one image.*leave it out"):
        scorer(tr.recommended_reward_funcs())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        easyr1.scorer(tr.recommended_reward_funcs())
        scorer(tr.recommended_reward_funcs()[:3])


@pytest.mark.parametrize("truth", ["", "good", "[1, 2]", "true", True, ["mos"], "null", b"3"])
def test_a_ground_truth_that_is_none_is_an_error_with_its_cure(truth):
    with pytest.raises(ValueError, match=r"ground truth of a row is .*; give the columns .* as its JSON text"):
        read_truth(truth)


def test_json_may_say_that_a_label_is_not_there():
    for text in ('{"mos": null}', '{"mos": NaN}'):
        scores = NamedRewards([tr.GaussianScoreReward()]).score(["<answer>60</answer>"], [read_truth(text)])
        assert scores[0]["gaussian_score"] == 0.0


@pytest.mark.parametrize("token", ["<|im_end|>", "<|eot_id|>", "</s>", "<eos>", "<end_of_turn>", "<turn|>"])
def test_one_token_that_ends_a_turn_is_taken_off_and_nothing_else(token):
    text = "<think>Sharp.</think><answer>60</answer>"
    assert without_end_of_turn(text + token) == text
    for kept in (text, f"{text}{token} ", f"{token}{text}", "", "no tag", "<"):
        assert without_end_of_turn(kept) == kept
    assert without_end_of_turn(text + token + token) == text + token


# ---------------------------------------------------------------- frameworks that need no adapter


@pytest.mark.parametrize("reward", EVERY_REWARD, ids=lambda reward: reward.__name__)
def test_axolotl_finds_two_parameters(reward):
    """`GRPOStrategy.get_reward_func` in axolotl/core/trainers/grpo/__init__.py, Axolotl 0.21.0."""
    assert len(inspect.signature(reward).parameters) >= 2


@pytest.mark.parametrize("name", ["answer_format", "iqa_gaussian_score", "iaa_thurstone_rank"])
def test_axolotl_loads_a_ready_reward_by_its_dotted_path(name):
    path = f"tatar_rewards.presets.{name}"
    reward = getattr(importlib.import_module(path.rpartition(".")[0]), path.rpartition(".")[2])
    assert reward.__name__ == name
    assert type(reward) is type(getattr(presets, name))


@pytest.mark.filterwarnings("ignore:.*(cannot be read|no other image)")
def test_unsloth_passes_texts_beside_pictures():
    """unsloth/models/rl_replacements.py, Unsloth 2026.8.19, replaces the messages of TRL's call by texts."""
    expected = as_trl(make_rewards(), ROWS)
    columns = {name: [row["truth"][name] for row in ROWS] for name in ROWS[0]["truth"]}
    for reward in make_rewards():
        earned = reward(
            prompts=["<|im_start|>user\n<|image_pad|>Rate it.<|im_end|>\n<|im_start|>assistant\n"] * len(ROWS),
            completions=[row["completion"] for row in ROWS],
            completion_ids=[[1, 2, 3]] * len(ROWS),
            images=[[object()]] * len(ROWS),
            trainer_state=object(),
            **columns,
        )
        assert earned == [parts[reward.__name__] for parts in expected]


def test_the_plugins_that_the_documentation_shows_run(monkeypatch):
    orms = {}
    pretend(monkeypatch, "swift.rewards", orms=orms)
    page = (Path(__file__).parents[1] / "docs" / "frameworks.md").read_text()
    plugins = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(plugins) == len(ADAPTERS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for plugin in plugins:
            exec(plugin, {})
    named = re.search(r"--reward_funcs (.*?) --", page)[1].split()
    assert named == list(orms) == [reward.__name__ for reward in tr.recommended_reward_funcs()]
    commits = runpy.run_path(str(Path(__file__).parents[1] / "tools" / "frameworks.py"))["COMMITS"]
    for name, commit in commits.values():
        assert f"https://github.com/{name}/tree/{commit[:7]}" in page
