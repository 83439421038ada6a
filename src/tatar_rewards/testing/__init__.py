"""The contract of a reward, as a function for the tests of anyone who writes one.

    def test_my_reward_keeps_the_contract():
        check_reward_contract(my_reward)

What is checked is what trainers of TRL's kind rely on; `check_reward_contract` lists it.
"""

from tatar_rewards.testing.contract import check_reward_contract

__all__ = ["check_reward_contract"]
