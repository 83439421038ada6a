"""What property tests draw from: the widest valid domain, with ties, missing values and ragged groups."""

import math

import numpy as np
from hypothesis import strategies as st

points = st.one_of(
    st.sampled_from([0.0, 100.0, 50.0, 73.0, 73.4]),
    st.floats(0, 100, allow_subnormal=False),
    st.integers(0, 100).map(float),
)
unreadable = st.sampled_from([math.nan, math.inf, -math.inf, -0.5, 100.5, 1e308, -1e308])
predictions = st.one_of(points, points, points, unreadable)
labels = st.one_of(points, points, points, st.just(math.nan))
rater_stds = st.one_of(st.floats(0, 40, allow_subnormal=False), st.just(math.nan))


@st.composite
def scored_rows(draw, max_size=40):
    """Predictions, targets and rater standard deviations of independent rows."""
    rows = draw(st.lists(st.tuples(predictions, labels, rater_stds), max_size=max_size))
    return tuple(np.array(column, dtype=float) for column in zip(*rows, strict=True)) if rows else (np.zeros(0),) * 3


@st.composite
def ranked_batches(draw, max_images=8, max_completions=6, predictions=predictions, labels=labels):
    """Predictions, targets, image keys, comparison keys and rater deviations of a shuffled batch of ragged groups."""
    rows = []
    for image in range(draw(st.integers(0, max_images))):
        mos, std, comparison = draw(labels), draw(rater_stds), draw(st.integers(0, 2))
        answers = draw(st.lists(predictions, min_size=1, max_size=max_completions))
        lacking = draw(st.lists(st.booleans(), min_size=len(answers), max_size=len(answers)))
        stds = [math.nan if lacks else std for lacks in lacking]  # one row knows what another lacks
        rows += [(answer, mos, image * 7 - 3, comparison * 5, s) for answer, s in zip(answers, stds, strict=True)]
    rows = draw(st.permutations(rows))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    dtypes = (float, float, np.int64, np.int64, float)
    return tuple(np.array(column, dtype=dtype) for column, dtype in zip(columns, dtypes, strict=True))


gaussian_settings = st.fixed_dictionaries(
    {},
    optional={
        "tolerance": st.floats(1e-3, 1e6),
        "reward_at_tolerance": st.floats(1e-6, 1 - 1e-6),
        "widening": st.floats(0, 1e6),
        "gain": st.floats(1, 1e6),
    },
)
error_settings = st.fixed_dictionaries(
    {"shape": st.sampled_from(["laplace", "linear", "squared", "huber"])},
    optional={"tolerance": st.floats(1e-3, 1e6), "reward_at_tolerance": st.floats(1e-6, 1 - 1e-6)},
)
pairwise_settings = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(1e-3, 1e6),
        "pair_weight_scale": st.one_of(st.floats(1e-3, 1e6), st.just(math.inf)),
        "link": st.sampled_from(["logistic", "normal"]),
        "loss": st.sampled_from(["kl", "bce", "fidelity", "margin", "order"]),
        "hard_targets": st.booleans(),
        "within_image": st.booleans(),
        "loss_scale": st.floats(1e-6, 1e6),
        "probability_floor": st.floats(1e-12, 0.49),
    },
)
thurstone_settings = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(1e-3, 1e6),
        "pair_weight_scale": st.one_of(st.floats(1e-3, 1e6), st.just(math.inf)),
        "dispersion": st.sampled_from(["matched", "observer", "reference"]),
        "link": st.sampled_from(["logistic", "normal"]),
        "loss": st.sampled_from(["kl", "bce", "fidelity", "margin"]),
        "hard_targets": st.booleans(),
        "loss_scale": st.floats(1e-6, 1e6),
        "variance_floor": st.floats(1e-6, 1e6),
        "probability_floor": st.floats(1e-12, 0.49),
    },
)
length_settings = st.builds(
    lambda shortest, span, margin: {"shortest": shortest, "longest": shortest + span, "margin": margin},
    st.floats(0, 5e5),
    st.one_of(st.floats(0, 5e5), st.just(math.inf)),
    st.one_of(st.just(0.0), st.floats(0.01, 1e6)),
)
