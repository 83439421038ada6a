"""How many opponents stand on the right side of a completion, counted in near-linear time.

An opponent stands on the right side where predictions and MOS order the two alike. The images are ranked by MOS, and
ranks are split in halves, again and again: two images of different MOS are in different halves of one block exactly
once. There, the completions of the block in the order of their predictions tell by running sums how many of the other
half lie below and above each of them. That is a sort for each of log2(images) levels.
"""

import math

from tatar_rewards.functional import _arrays
from tatar_rewards.functional._arrays import namespace_of, take
from tatar_rewards.functional._comparison import Images
from tatar_rewards.functional._types import Array, PerRow


def shares_on_the_right_side(predictions: PerRow, images: Images, rows: PerRow) -> PerRow:
    """The share of other images' completions on the right side of `rows`; ties of either kind count half."""
    xp = namespace_of(predictions)
    n = predictions.shape[0]
    ranks = take(_dense_ranks(images.targets), images.of_row)
    counts = _count_right_sides(predictions, ranks)
    of_rank = _arrays.segment_sum(xp.ones_like(predictions), ranks, int(xp.max(ranks)) + 1)
    own = take(images.sizes, images.of_row)
    wins = counts + 0.5 * (take(of_rank, ranks) - own)  # against images of the same MOS every answer is half right
    return take(wins / (n - own), rows)


def _dense_ranks(values: Array) -> Array:
    """0 for the smallest value, 1 for the next one, ..."""
    xp = namespace_of(values)
    order = xp.argsort(values, stable=True)
    numbers, _ = _arrays.number_sorted(take(values, order))
    return take(numbers, xp.argsort(order, stable=True))


def _count_right_sides(predictions: PerRow, ranks: PerRow) -> PerRow:
    """Of the completions of another rank, how many each one has on the right side; equal predictions count half."""
    xp = namespace_of(predictions)
    rows = xp.argsort(predictions, stable=True)
    q, ranks, counts = take(predictions, rows), take(ranks, rows), xp.zeros_like(predictions)
    for level in reversed(range(math.ceil(math.log2(int(xp.max(ranks)) + 1)))):
        blocks = ranks // 2 ** (level + 1)
        order = xp.argsort(blocks, stable=True)  # in a block the order of the predictions stays
        rows, q, ranks, counts, blocks = (take(column, order) for column in (rows, q, ranks, counts, blocks))
        counts += _across_halves(q, blocks, ranks // 2**level % 2)
    return take(counts, xp.argsort(rows, stable=True))


def _across_halves(q: PerRow, blocks: PerRow, upper: PerRow) -> PerRow:
    """In each block, of the lower half what lies below a completion of the upper half, and the other way round."""
    xp = namespace_of(q)
    block_number, block_first = _arrays.number_sorted(blocks)
    new_block, new_value = blocks[1:] != blocks[:-1], q[1:] != q[:-1]
    run_number = _arrays.number_starts(new_block | new_value)  # of equal predictions in one block
    run_first = xp.nonzero(xp.concat([xp.ones_like(new_block[:1]), new_block | new_value]))[0]
    is_upper = _arrays.astype(upper == 1, q.dtype)
    uppers, lowers = _running_sum(is_upper), _running_sum(1 - is_upper)
    end = xp.asarray([q.shape[0]], dtype=run_first.dtype, device=_arrays.device_of(q))
    first, last = take(run_first, run_number), take(xp.concat([run_first[1:], end]), run_number)
    start, stop = take(block_first, block_number), take(xp.concat([block_first[1:], end]), block_number)
    below = 0.5 * (take(lowers, first) + take(lowers, last)) - take(lowers, start)
    above = take(uppers, stop) - 0.5 * (take(uppers, first) + take(uppers, last))
    return xp.where(is_upper == 1, below, above)


def _running_sum(values: PerRow) -> Array:
    """(n + 1,) the sum of all values before each place."""
    xp = namespace_of(values)
    return xp.concat([xp.zeros_like(values[:1]), xp.cumulative_sum(values)])
