"""The doctor's look at what the rankings of a run can compare."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tatar_rewards.doctor.kinds import Rows, comparison_of, graded_rows, ranking_rewards
from tatar_rewards.findings import Finding
from tatar_rewards.rewards import Reward
from tatar_rewards.rewards.configs import RankingConfig


def _rankings(rewards: Iterable[Any], rows: Rows) -> Iterator[tuple[Reward[RankingConfig], Counter[Any], int]]:
    """Each ranking with the number of rows of each task and data set, and of all."""
    n_rows = max(map(len, rows.values()), default=0)
    for reward in ranking_rewards(rewards):
        counts = Counter(comparison_of(reward, rows, row) for row in graded_rows(reward, rows))
        if counts:
            yield reward, counts, n_rows


def describe_comparisons(rewards: Sequence[Any], rows: Rows, images: float) -> dict[str, str]:
    facts = {}
    for reward, counts, n_rows in _rankings(rewards, rows):
        compared = ", ".join(
            f"{images * count / n_rows:.1f} of {' '.join(str(part) for part in key if part is not None) or 'all'}"
            for key, count in counts.most_common(4)
        )
        facts[reward.__name__] = f"compares {compared} in a call, on average" + (", ..." if len(counts) > 4 else "")
    return facts


def check_comparisons(rewards: Sequence[Any], rows: Rows, images: float) -> Iterator[Finding]:
    for reward, counts, n_rows in _rankings(rewards, rows):
        total = sum(counts.values())
        alone = sum(count / total * (1 - count / n_rows) ** max(0.0, images - 1) for count in counts.values())
        if reward.config.opponents == "memory" or alone < 0.2:
            continue
        fallback = reward.config.min_opponents > 0 and reward.config.image_id_column in rows
        yield Finding(
            "images per call",
            f"{alone:.0%} of the completions that {reward.__name__} grades will find no other image of their task and "
            f"data set in a call" + (" and be compared with remembered ones only" if fallback else " and earn None"),
            "raise per_device_train_batch_size, steps_per_generation or the number of processes, or lower "
            "num_generations; or accept it with opponents='memory'",
        )
