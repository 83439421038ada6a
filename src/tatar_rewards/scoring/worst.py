"""The completions that earn least, each text once, and not all of one kind or image."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from tatar_rewards.scoring.calls import Scored
from tatar_rewards.scoring.output import OutputRow, output_rows

WORST = 10  # in all
OF_ONE_FAILURE = 4  # a run that fails in one way would show nothing else
OF_ONE_IMAGE = 2  # a hard image would show little else


class Worst:
    """The worst completions so far, by status and text; no more than a few of each status are kept."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, OutputRow]] = {}

    def add(self, scored: Scored) -> None:
        """Look at another step."""
        statuses = np.array([str(answer.status) for answer in scored.answers])
        for status in sorted(set(statuses.tolist())):
            kept = self._kept.setdefault(status, {})
            rows = np.flatnonzero((statuses == status) & ~np.isnan(scored.total))
            errors = np.nan_to_num(np.abs(scored.predictions - scored.targets)[rows])
            fresh, of_image = dict[str, int](), Counter[int]()
            for row in rows[np.lexsort((-errors, scored.total[rows]))].tolist():
                text, image = scored.texts[row].whole, int(scored.groups[row]) if len(scored.groups) else row
                if text not in fresh and of_image[image] < OF_ONE_IMAGE:
                    fresh[text] = row
                    of_image[image] += 1
                if len(fresh) == WORST:
                    break
            for output in output_rows(scored, list(fresh.values())):
                before = kept.get(output["completion"])
                if before is None or _place(output) < _place(before):
                    kept[output["completion"]] = output
            most = WORST if status == "ok" else OF_ONE_FAILURE
            self._kept[status] = {row["completion"]: row for row in _few_of_an_image(kept.values())[:most]}

    def rows(self) -> list[OutputRow]:
        """The worst of all, the worst first."""
        every = [row for kept in self._kept.values() for row in kept.values()]
        return sorted(every, key=_place)[:WORST]


def _few_of_an_image(rows: Iterable[OutputRow]) -> list[OutputRow]:
    """The worst first, without more than a few of one image, where the image is known."""
    found, of_image = list[OutputRow](), Counter[str]()
    for row in sorted(rows, key=_place):
        image = repr((row["task"], row["dataset"], row["image_id"]))
        if row["image_id"] is None or of_image[image] < OF_ONE_IMAGE:
            found.append(row)
            of_image[image] += 1
    return found


def _place(row: OutputRow) -> tuple[Any, ...]:
    """Where a completion stands: what cannot be read before what errs, and of equals the last step before the first."""
    return row["total"], row["score"] is not None, -(row["error"] or 0.0), -(row["step"] or 0), row["row"]
