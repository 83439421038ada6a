"""Calls that evaluate: they leave training's memory and figures alone, and log figures of their own."""

import threading
import warnings

import pytest
from support.ranked_run import MOS, make_trainer

import tatar_rewards as tr
from tatar_rewards.distributed import stable_key
from tatar_rewards.rewards import evaluation
from tatar_rewards.rewards.memory import N_COMPARISONS

REWARDS = [
    tr.ThurstoneRankReward(task="iaa"),
    tr.GaussianScoreReward(),
    tr.AnswerFormatReward(),
    tr.LengthReward(longest=9),
]
TRAINED, EVALUATED = list(MOS)[:8], list(MOS)[8:]


def call(reward, names, answer=50, **columns):
    return reward(
        [f"<answer>{answer}</answer>"] * len(names),
        mos=[MOS[name] for name in names],
        image_id=list(names),
        task=["iaa"] * len(names),
        **columns,
    )


def figures_of(reward, names, **columns):
    figures = {}
    call(reward, names, **columns, log_metric=figures.__setitem__)
    return figures


@pytest.mark.parametrize("reward", REWARDS, ids=lambda reward: reward.__name__)
def test_training_is_the_same_whether_or_not_something_was_evaluated(reward):
    plain, interrupted = reward.fresh(), reward.fresh()
    for names in (TRAINED[:4], TRAINED[4:], TRAINED[2:6]):
        expected = call(plain, names), figures_of(plain, names)
        found = call(interrupted, names), figures_of(interrupted, names)
        with evaluation():
            evaluated = figures_of(interrupted, EVALUATED, answer="none")
        assert found == (expected[0], pytest.approx(expected[1], nan_ok=True))
        assert all(name.startswith(f"eval_{reward.__name__}/") for name in evaluated)
    assert plain.state_dict().get("images") == interrupted.state_dict().get("images")


def test_images_of_an_evaluation_are_compared_with_one_another():
    reward = tr.ThurstoneRankReward()
    call(reward, TRAINED)
    with evaluation(), pytest.warns(UserWarning, match="eval_thurstone_rank: 100% of the completions"):
        assert call(reward, EVALUATED[:1]) == [None]
    with evaluation():
        figures = figures_of(reward, EVALUATED[1:2])
    assert figures["eval_thurstone_rank/mean_opponents"] == 1
    resumed = tr.ThurstoneRankReward()
    resumed.load_state_dict(reward.state_dict())
    with evaluation():
        assert figures_of(resumed, EVALUATED[2:3])["eval_thurstone_rank/mean_opponents"] == 2
    older = {name: kept for name, kept in reward.state_dict().items() if name != "evaluation"}
    resumed.load_state_dict(older)
    with evaluation(), pytest.warns(UserWarning, match="eval_thurstone_rank"):
        assert call(resumed, EVALUATED[3:]) == [None]


def test_threads_that_start_within_an_evaluation_evaluate():
    reward = tr.ThurstoneRankReward()
    with evaluation():
        thread = threading.Thread(target=call, args=(reward, EVALUATED))
        thread.start()
        thread.join()
    assert reward.state_dict()["images"] == []
    assert len(reward.state_dict()["evaluation"]["images"]) == len(EVALUATED)


@pytest.mark.slow
def test_a_trainer_that_evaluates_says_so_itself(tmp_path):
    """Two runs that differ in `eval_strategy` alone. Sampling differs after the first evaluation, pictures do not."""
    keys = {name: stable_key("iaa", None, name) for name in MOS}
    rewards = [tr.ThurstoneRankReward(memory_size=64), tr.GaussianScoreReward()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer, _ = make_trainer(
            tmp_path,
            rewards,
            per_device_train_batch_size=8,
            per_device_eval_batch_size=8,
            steps_per_generation=1,
            gradient_accumulation_steps=1,
            max_steps=6,
            eval_strategy="steps",
            eval_steps=2,
            save_strategy="no",
        )
        trainer.train()
    state = rewards[0].state_dict()
    trained, evaluated = ({row[1] for row in rows["images"]} for rows in (state, state["evaluation"]))
    assert trained
    assert trained <= {keys[name] for name in TRAINED}
    assert evaluated == {keys[name] for name in EVALUATED}
    assert state["calls"] == 6
    assert state["evaluation"]["calls"] == 3 * len(EVALUATED)
    logged = trainer.state.log_history
    assert any("eval_thurstone_rank/mean_opponents" in line for line in logged)
    assert any("eval_gaussian_score/mae" in line for line in logged)
    assert not any(name.startswith("eval_eval_") for line in logged for name in line)


def test_the_memory_is_bounded_in_data_sets_too():
    reward = tr.ThurstoneRankReward(memory_size=2)
    for number in range(N_COMPARISONS + 9):
        reward(["<answer>5</answer>"] * 2, mos=[1.0, 2.0], image_id=["a", "b"], dataset=[f"set {number}"] * 2)
        reward(["<answer>5</answer>"] * 2, mos=[1.0, 2.0], image_id=["a", "b"], dataset=["met again"] * 2)
    kept = {row[0] for row in reward.state_dict()["images"]}
    assert len(kept) == N_COMPARISONS
    assert stable_key("None", "met again") in kept
    assert stable_key("None", "set 0") not in kept
