"""The doctor's look at what the rankings of a run can compare."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tatar_rewards.doctor.labels import Reading
from tatar_rewards.doctor.reading import Data, as_values
from tatar_rewards.findings import Finding
from tatar_rewards.rewards.configs import RankingConfig

OFTEN, NEARLY_ALWAYS = 0.2, 0.9  # shares of completions


class Comparison(NamedTuple):
    """A task and data set within which a ranking compares."""

    name: str
    n_rows: int
    n_images: int


def comparisons_of(readings: Sequence[Reading], data: Data) -> Iterator[tuple[Reading, list[Comparison]]]:
    """Each ranking with what it compares within, the largest first."""
    for reading in readings:
        if isinstance(reading.reward.config, RankingConfig) and reading.keys is not None and len(reading.keys):
            found = list(_comparisons(reading, data.columns))
            yield reading, sorted(found, key=lambda comparison: -comparison.n_rows)


def _comparisons(reading: Reading, columns: Mapping[str, Any]) -> Iterator[Comparison]:
    assert reading.keys is not None
    config, rows = reading.reward.config, np.flatnonzero(reading.on_task)
    names = [config.task_column, getattr(config, "dataset_column", "")]
    parts = [as_values(columns[name]) for name in names if columns.get(name) is not None]
    _, first, n_rows = np.unique(reading.keys[:, 1], return_index=True, return_counts=True)
    _, n_images = np.unique(np.unique(reading.keys, axis=0)[:, 1], return_counts=True)
    for row, n, images in zip(rows[first].tolist(), n_rows.tolist(), n_images.tolist(), strict=True):
        yield Comparison(" ".join(str(part[row]) for part in parts) or "all", n, images)


def describe_comparisons(readings: Sequence[Reading], data: Data, images: float) -> dict[str, str]:
    facts = {}
    for reading, comparisons in comparisons_of(readings, data):
        compared = ", ".join(f"{images * c.n_rows / data.n_rows:.1f} of {c.name}" for c in comparisons[:4])
        more = ", ..." if len(comparisons) > 4 else ""
        facts[reading.reward.__name__] = f"compares among the images of a call: {compared}{more}, on average"
    return facts


def check_comparisons(readings: Sequence[Reading], data: Data, images: float) -> Iterator[Finding]:
    alone: dict[tuple[float, bool], list[str]] = {}  # names of rewards by the share that they leave out
    for reading, comparisons in comparisons_of(readings, data):
        name, config = reading.reward.__name__, reading.reward.config
        assert isinstance(config, RankingConfig)
        total = sum(c.n_rows for c in comparisons)
        if all(c.n_images == 1 for c in comparisons):
            yield Finding(
                "images to compare",
                f"no row that {name} grades has another image of its task and data set to be compared with, in all of "
                f"{total} rows",
                f"check the columns {config.image_id_column!r} and {config.dataset_column!r}: a key for each image, a "
                "name for each data set",
            )
            continue
        share = sum(c.n_rows / total * (1 - c.n_rows / data.n_rows) ** max(0.0, images - 1) for c in comparisons)
        if config.opponents != "memory" and share >= OFTEN:
            remembers = config.min_opponents > 0 and config.image_id_column in data.columns
            alone.setdefault((share, remembers), []).append(name)
    for (share, remembers), names in alone.items():
        yield _alone(names, share, remembers=remembers)


def _alone(names: Sequence[str], share: float, *, remembers: bool) -> Finding:
    accepted = "accept it, which opponents='memory' says" if remembers else "let min_opponents= remember images"
    return Finding(
        "images per call",
        f"{share:.0%} of the completions that {' and '.join(names)} grade{'s' * (len(names) == 1)} will find no other "
        "image of their task and data set in a call"
        + (" and be compared with remembered ones only" if remembers else " and earn None"),
        "raise per_device_train_batch_size, steps_per_generation or the number of processes, or lower num_generations; "
        f"or {accepted} (a setting of OpponentConfig)",
        "fault" if not remembers and share >= NEARLY_ALWAYS else "advice",
    )
