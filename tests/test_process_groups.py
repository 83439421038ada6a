"""Who takes part in a call: some ranks of a job, one of them alone, and threads."""

import threading

import pytest
import torch.distributed as dist
from support.forked import message_of, on_ranks
from support.rank_calls import columns_of

import tatar_rewards as tr
from tatar_rewards.distributed import failing_together, gather_texts, on_this_rank_alone, rank


def test_ranks_that_do_not_train_are_not_waited_for():
    def work(number):
        group = dist.new_group([0, 2])
        reward = tr.ThurstoneRankReward(task="iaa", process_group=group)
        if number == 1:
            return message_of(lambda: reward(**columns_of(number)))
        return reward(**columns_of(number)), reward.fresh().config.process_group is group, gathered_by(group)

    def gathered_by(group):
        with failing_together("texts", process_group=group), failing_together("within"):
            return gather_texts(f"rank {rank()} of two")

    (first, kept, texts), outsider, (second, _, _) = on_ranks(3, work)
    alone = tr.ThurstoneRankReward(task="iaa")
    both = {name: columns_of(0)[name] + columns_of(2)[name] for name in ("completions", "mos", "task", "image_id")}
    assert first + second == pytest.approx(alone(**both), abs=1e-12)
    assert kept
    assert texts == ["rank 0 of two", "rank 1 of two"]
    assert outsider.startswith("ValueError: this rank does not belong to process_group")


def test_threads_that_start_on_a_rank_alone_are_alone_too():
    def work(number):
        seen, go, done = [], threading.Event(), threading.Event()

        def older():
            go.wait(10)
            seen.append(("older", rank()))
            done.set()

        thread = threading.Thread(target=older)
        thread.start()
        if number == 1:
            with on_this_rank_alone():
                younger = threading.Thread(target=lambda: seen.append(("younger", gather_texts("me"), rank())))
                younger.start()
                younger.join()
                go.set()
                done.wait(10)
        go.set()
        thread.join()
        return seen, gather_texts(f"rank {number}")

    (_, texts), (seen, _) = on_ranks(2, work)
    assert seen == [("younger", ["me"], 0), ("older", 1)]
    assert texts == ["rank 0", "rank 1"]


def test_a_process_group_that_is_none_is_refused():
    match = "process_group must be a group that torch.distributed.new_group made"
    with pytest.raises(TypeError, match=match), failing_together(process_group="gloo"):
        pass
