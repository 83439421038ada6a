"""What makes a ranking right on any number of processes: rows from every rank, and calls that all ranks end alike.

A trainer calls a reward with one process's slice. `gather_rows` gives every rank the rows of all of them, and within
`failing_together` an error on one rank ends the call on all of them, so that none waits for it for ever. Both must be
called by all ranks alike. Without `torch.distributed`, or with one process, nothing is sent.
"""

from tatar_rewards.distributed.calls import failing_together
from tatar_rewards.distributed.groups import on_this_rank_alone, rank
from tatar_rewards.distributed.keys import stable_key, stable_keys
from tatar_rewards.distributed.rows import GatheredRows, gather_rows, gather_texts

__all__ = [
    "GatheredRows",
    "failing_together",
    "gather_rows",
    "gather_texts",
    "on_this_rank_alone",
    "rank",
    "stable_key",
    "stable_keys",
]
