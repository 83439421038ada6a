"""Rankings over several processes: real ones, under torchrun, with gloo; every launch has a time limit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support import ranks, strategies
from support.launch import torchrun

from tatar_rewards.distributed import GatheredRows, failing_together, gather_rows, gather_texts, stable_key, stable_keys

pytestmark = pytest.mark.slow
WORLDS = pytest.mark.parametrize("world", [2, 4])


@st.composite
def split_batches(draw, world):
    """Rows of several tasks and data sets, and the rank that each row is on."""
    rows = []
    for image in range(draw(st.integers(0, 7))):
        task, dataset = draw(st.sampled_from(["iaa", "iqa"])), draw(st.sampled_from(["AVA", "TAD66K", None]))
        image_id = draw(st.sampled_from([image, f"{image}.jpg"]))
        mos, std = draw(strategies.labels), draw(strategies.rater_stds)
        for answer in draw(st.lists(strategies.predictions, min_size=1, max_size=5)):
            rows.append((f"<answer>{answer}</answer>", mos, std, task, dataset, image_id))
    rows = draw(st.permutations(rows))
    return rows, draw(st.lists(st.integers(0, world - 1), min_size=len(rows), max_size=len(rows)))


@pytest.fixture(scope="module")
def launches(tmp_path_factory):
    """One launch a world size, over all cases; what each rank wrote, and the cases."""
    done = {}

    def launch(world):
        if world not in done:
            folder, cases = tmp_path_factory.mktemp(f"world{world}"), []

            n_cases = {1: 150, 2: 120, 3: 60, 4: 45}[world]  # each message costs four processes on two cores 3 ms

            @settings(
                max_examples=n_cases, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
            )
            @given(case=split_batches(world))
            def collect(case):
                cases.append(case)

            collect()
            (folder / "cases.json").write_text(json.dumps(cases))
            run = torchrun(world, Path(ranks.__file__), folder)
            assert run.returncode == 0, run.stderr[-3000:]
            done[world] = cases, [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(world)]
        return done[world]

    return launch


@WORLDS
def test_any_split_over_ranks_earns_what_one_process_pays(launches, world):
    cases, ranks_saw = launches(world)
    rewards = ranks.make_rewards()
    assert len(cases) > 40
    compared = 0
    for number, (rows, split) in enumerate(cases):
        alone, figures = ranks.run_case(rewards, rows)
        for rank, seen in enumerate(ranks_saw):
            mine = [k for k, owner in enumerate(split) if owner == rank]
            together, logged = seen["results"][number]
            for expected, found in zip(alone, together, strict=True):
                assert [value is None for value in found] == [expected[k] is None for k in mine]
                pairs = [(expected[k], value) for k, value in zip(mine, found, strict=True) if value is not None]
                np.testing.assert_allclose([b for _, b in pairs], [a for a, _ in pairs], rtol=0, atol=1e-12)
                compared += len(pairs)
            assert logged == pytest.approx(figures, abs=1e-12, nan_ok=True)
    assert compared > 500


@WORLDS
def test_every_rank_remembers_the_same(launches, world):
    _, ranks_saw = launches(world)
    memories = [seen["memories"] for seen in ranks_saw]
    assert memories[0][0]["images"]
    for others in memories[1:]:
        for memory, other in zip(memories[0], others, strict=True):
            assert other["calls"] == memory["calls"]
            assert [row[:2] + row[3:] for row in other["images"]] == [row[:2] + row[3:] for row in memory["images"]]


@WORLDS
def test_ranks_may_bring_any_number_of_rows(launches, world):
    _, ranks_saw = launches(world)
    for seen in ranks_saw:
        assert seen["sizes"] == ranks_saw[0]["sizes"]


@pytest.mark.parametrize("world", [2, 3, 4])
@pytest.mark.parametrize(
    ("failure", "on_rank_1", "on_the_others"),
    [
        (
            "off_scale",
            r"ValueError: mos\[1\] is 400, off its declared",
            "RuntimeError: rank 1 failed: ValueError: mos[1] is 400",
        ),
        ("long", "TypeError: mos", "RuntimeError: rank 1 failed: "),
        ("pointwise", r"ValueError: mos\[1\] is 400", "RuntimeError: rank 1 failed: ValueError: mos[1] is 400"),
    ],
)
def test_a_failure_on_one_rank_is_raised_on_all(launches, world, failure, on_rank_1, on_the_others):
    _, ranks_saw = launches(world)
    for rank, seen in enumerate(ranks_saw):
        message = seen["failures"][failure]
        assert message.startswith(on_rank_1.replace("\\", "") if rank == 1 else on_the_others), message


@pytest.mark.parametrize("world", [2, 3, 4])
@pytest.mark.parametrize(
    ("failure", "parts"),
    [
        ("two_mos", ["row 0 on rank 0 of image_id 'same' with mos 20.0", "on rank 1 of image_id 'same' with mos 21.0"]),
        ("collision", ["of image_id '0-b' with mos 20.0", "of image_id '1-a' with mos 30.0", "collide", "rename one"]),
        ("callers", ["rank 0: reward 0", "rank 1: reward 1", "the same rewards in one order"]),
        ("no_image_id", ["needs a column 'image_id'", "Add a column of image keys", "set num_generations="]),
        (
            "streaming",
            ["on rank 1 with mos 20.0", "row 1 on rank 1 with mos 21.0", "num_generations=2 takes consecutive"],
        ),
    ],
)
def test_a_fault_across_ranks_is_told_alike_on_all(launches, world, failure, parts):
    _, ranks_saw = launches(world)
    for seen in ranks_saw:
        for part in parts:
            assert part in seen["failures"][failure], seen["failures"][failure]


@WORLDS
def test_ranks_go_on_together_after_a_failure(launches, world):
    _, ranks_saw = launches(world)
    for seen in ranks_saw:
        assert seen["failures"]["by_place"] == "nothing was raised"
        assert seen["failures"]["after_all_that"] == "nothing was raised"


def test_an_uncaught_error_on_one_rank_ends_the_job_with_its_message(tmp_path):
    script = tmp_path / "job.py"
    script.write_text(
        "import torch.distributed as dist, tatar_rewards as tr\n"
        "dist.init_process_group('gloo')\n"
        "rank, reward = dist.get_rank(), tr.ThurstoneRankReward()\n"
        "reward(['<answer>5</answer>'] * 2, mos=[20.0, 900.0 if rank else 30.0], image_id=[2 * rank, 2 * rank + 1])\n"
    )
    run = torchrun(2, script, seconds=120)
    assert run.returncode != 0
    assert "ValueError: mos[1] is 900, off its declared scale" in run.stderr
    assert "RuntimeError: rank 1 failed: ValueError: mos[1] is 900" in run.stderr


# ---------------------------------------------------------------- one process


def test_one_process_gathers_its_own_rows():
    keys, values = np.array([[1, 2], [3, 4]]), np.array([[0.5], [np.nan]])
    rows = gather_rows(keys, values)
    assert np.array_equal(rows.keys, keys)
    assert np.array_equal(rows.values, values, equal_nan=True)
    assert (rows.lengths, rows.rank, rows.local) == ((2,), 0, slice(0, 2))
    assert gather_texts("größe") == ["größe"]
    with pytest.raises(KeyError, match="x"), failing_together():
        raise KeyError("x")
    with pytest.raises(ValueError, match="a lone surrogate"), failing_together():
        raise ValueError("a lone surrogate: \ud800")


def test_rows_know_their_place():
    rows = GatheredRows(np.zeros((5, 0)), np.zeros((5, 0)), lengths=(0, 2, 0, 3), rank=3)
    assert [rows.place(row) for row in range(5)] == [(1, 0), (1, 1), (3, 0), (3, 1), (3, 2)]
    assert rows.local == slice(2, 5)


@pytest.mark.parametrize(("keys", "values"), [(np.zeros(2), np.zeros((2, 1))), (np.zeros((2, 1)), np.zeros((3, 1)))])
def test_rows_of_the_wrong_shape_are_named(keys, values):
    with pytest.raises(ValueError, match="keys and values must be .* got shapes"):
        gather_rows(keys, values)


def test_nothing_is_imported_to_gather_in_one_process():
    code = (
        "import sys, numpy as np; from tatar_rewards.distributed import gather_rows;"
        "gather_rows(np.zeros((1, 1)), np.zeros((1, 1))); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_keys_are_the_same_in_every_process():
    assert stable_key("iaa", "AVA", "1.jpg") == -8268598513533750391
    code = "from tatar_rewards.distributed import stable_key; print(stable_key('iaa', 'AVA', '1.jpg'))"
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert int(run.stdout) == stable_key("iaa", "AVA", "1.jpg")


key_parts = st.one_of(st.text(), st.integers(), st.none())


@given(st.lists(st.tuples(key_parts, key_parts), max_size=8))
def test_different_rows_have_different_keys(rows):
    keys = stable_keys(rows)
    assert keys.dtype == np.int64
    assert len(set(keys.tolist())) == len({tuple((type(part), part) for part in row) for row in rows})
    assert keys.tolist() == [stable_key(*row) for row in rows]
