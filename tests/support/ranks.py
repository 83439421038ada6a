"""What each process of `test_distributed.py` runs under torchrun: reads cases.json, writes what it saw.

python -m torch.distributed.run --nproc-per-node 3 tests/support/ranks.py FOLDER
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import torch.distributed as dist

import tatar_rewards as tr
from tatar_rewards import distributed
from tatar_rewards.doctor import check_setup


def make_rewards():
    """One of each kind that gathers; they live through all cases, so that their memories are compared too."""
    return [
        tr.ThurstoneRankReward(task="iaa"),
        tr.ThurstoneRankReward(name="deviations", dispersion="observer", mos_std_column="mos_std", min_opponents=0),
        tr.ThurstoneRankReward(name="published", dispersion="reference", loss="bce", pair_weight_scale=12.0),
        tr.PairwiseRankReward(task="iqa", opponents="memory", memory_size=5),
        tr.PairwiseRankReward(name="normal", link="normal", min_opponents=3),
        tr.GaussianScoreReward(task="iqa", length_gate=tr.LengthConfig(longest=1)),
        tr.CrpsScoreReward(task="iqa", mos_std_column="mos_std"),
        tr.WinRateReward(task="iaa"),
        tr.AnswerFormatReward(task="iqa"),
        tr.LengthReward(task="iaa", longest=1),
    ]


def run_case(rewards, rows):
    """Rewards and logged figures of some rows, as one call of a trainer."""
    names = ("completions", "mos", "mos_std", "task", "dataset", "image_id")
    columns = dict(zip(names, (list(column) for column in zip(*rows, strict=True)), strict=True)) if rows else {}
    columns = {name: columns.get(name, []) for name in names}
    figures = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        each = [reward(**columns, trainer_state=None, log_metric=figures.__setitem__) for reward in rewards]
    return each, figures


def message_of(call):
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing was raised"


def provoke_failures(rank):
    """What each rank says when something is wrong on one of them; ranks beyond the second are without fault."""
    reward, good = tr.ThurstoneRankReward(task="iaa"), ["<answer>50</answer>"] * 2
    columns = {"mos": [20.0, 40.0], "task": ["iaa"] * 2, "image_id": [f"{rank}-a", f"{rank}-b"]}

    def graded(**changes):
        return message_of(lambda: reward(good, **{**columns, **changes}))

    bad = {"mos": [20.0, 400.0]} if rank == 1 else {}
    messages = {"off_scale": graded(**bad)}
    messages["long"] = graded(
        **({"task": ["iaa", "iqa"], "image_id": ["x", None], "mos": ["x" * 90_000, 1.0]} if rank == 1 else {})
    )
    messages["no_image_id"] = graded(image_id=None)
    messages["two_mos"] = graded(image_id=["same", f"{rank}-b"], mos=[20.0 + min(rank, 1), 40.0])
    gaussian = tr.GaussianScoreReward()
    messages["pointwise"] = message_of(lambda: gaussian(good, **{**columns, **bad}, trainer_state=None))
    messages["callers"] = message_of(
        lambda: distributed.gather_rows(np.zeros((1, 1)), np.zeros((1, 1)), caller=f"reward {min(rank, 1)}")
    )
    stable_key = distributed.keys.stable_key
    distributed.keys.stable_key = lambda *parts: 7  # every key collides
    messages["collision"] = graded(mos=[20.0, 20.0] if rank == 0 else [30.0, 30.0])
    distributed.keys.stable_key = stable_key
    by_place = tr.ThurstoneRankReward(num_generations=2)
    messages["by_place"] = message_of(lambda: by_place(good, mos=[20.0 + 10 * rank] * 2))
    messages["streaming"] = message_of(lambda: by_place(good, mos=[20.0, 20.0 + (rank == 1)]))
    messages["after_all_that"] = graded()
    return messages


def gather_sizes(rank):
    """Gathers of every awkward size: empty ranks, and rows beyond what the first collective carries."""
    seen = []
    for sizes in ((0, 0, 0, 0), (1, 0, 2, 0), (0, 3, 0, 0), (5000, 1, 0, 2), (3, 7000, 9000, 1)):
        n = sizes[rank]
        keys = np.arange(n)[:, None] + 100_000 * rank
        rows = distributed.gather_rows(keys, np.stack([keys[:, 0] / 7, np.full(n, np.nan)], axis=1))
        assert np.array_equal(rows.keys[rows.local], keys)
        assert np.array_equal(rows.values[:, 0], rows.keys[:, 0] / 7)
        assert np.isnan(rows.values[:, 1]).all()
        assert rows.lengths == sizes[: len(rows.lengths)]
        places = [rows.place(row) for row in range(len(rows.keys))]
        assert places == [(r, k) for r, n in enumerate(rows.lengths) for k in range(n)]
        seen.append(len(rows.keys))
    if rank == 0:  # what is not even called on the others
        with distributed.on_this_rank_alone():
            assert len(distributed.gather_rows(np.zeros((2, 1)), np.zeros((2, 1))).keys) == 2
        columns = {"mos": [10.0 * k for k in range(9)], "image_id": range(9), "prompt": ["Rate it."] * 9}
        assert check_setup([tr.ThurstoneRankReward()], {"num_generations": 2}, columns, world_size=2).ok
    return seen


def main():
    folder = Path(sys.argv[1])
    dist.init_process_group("gloo")
    rank, cases = dist.get_rank(), json.loads((folder / "cases.json").read_text())
    rewards = make_rewards()
    results = [
        run_case(rewards, [row for row, owner in zip(rows, split, strict=True) if owner == rank])
        for rows, split in cases
    ]
    written = {
        "results": results,
        "memories": [reward.state_dict() for reward in rewards if reward.state.memory is not None],
        "failures": provoke_failures(rank),
        "sizes": gather_sizes(rank),
    }
    (folder / f"rank{rank}.json").write_text(json.dumps(written))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
