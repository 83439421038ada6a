"""What `check_reward_contract` takes for a reward: what TRL takes for one."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from tatar_rewards.testing import check_reward_contract


class Paying:
    """Pays one value for each completion, of whatever kind."""

    __name__ = "paying"

    def __init__(self, value):
        self.value = value

    def __call__(self, completions, **columns):
        return [self.value] * len(completions)


def as_array(completions, **columns):
    return np.ones(len(completions))


async def later(completions, **columns):
    return [1.0] * len(completions)


TAKEN = [1, True, np.float16(1), np.float32(1), np.int8(1), np.bool_(1), np.longdouble(1), Fraction(1, 2), Decimal(1)]
REFUSED = [np.array(1.0), [1.0], "1", b"1", 1j, np.datetime64("2026-01-01"), 10**400]
CASES = [*((value, True) for value in TAKEN), *((value, False) for value in REFUSED)]


@pytest.mark.parametrize(("value", "taken"), CASES, ids=lambda value: f"{value!r:.20}")
def test_a_value_is_a_reward_where_trl_takes_it_for_one(value, taken):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    rewards = torch.zeros(2, 1)
    try:
        rewards[:, 0] = torch.tensor([value] * 2, dtype=torch.float32)  # as GRPOTrainer does
    except (TypeError, ValueError, RuntimeError, OverflowError):
        assert not taken
        problem = r"rewards\[0\] must be a finite number or None; .*(convert it by float|float32 ends)"
        with pytest.raises(AssertionError, match=problem):
            check_reward_contract(Paying(value))
    else:
        assert taken
        check_reward_contract(Paying(value))


def test_any_list_will_do_and_so_will_a_coroutine():
    check_reward_contract(as_array)
    check_reward_contract(later)


def test_a_tensor_without_dimensions_is_a_number():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    check_reward_contract(Paying(torch.tensor(1.0)))
    with pytest.raises(AssertionError, match="convert it by float"):
        check_reward_contract(Paying(torch.ones(2)))
