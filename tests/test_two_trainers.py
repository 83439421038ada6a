"""Two trainers of one process: what one has seen does not reach the other."""

import warnings

import pytest
from support.ranked_run import make_trainer

from tatar_rewards import presets

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings("ignore")
def test_ready_rewards_carry_no_state_from_one_trainer_to_the_next(tmp_path):
    calls = []
    for folder in ("first", "second"):
        reward = presets.iaa_thurstone_rank  # as a command line looks it up
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer, _ = make_trainer(
                tmp_path / folder, [reward], per_device_train_batch_size=16, max_steps=2, save_strategy="no"
            )
            assert reward.state.memory.calls == 0
            trainer.train()
        calls.append(reward.state.memory.calls)
        assert reward.state.memory.state_dict()["images"]
    assert calls == [2, 2]
