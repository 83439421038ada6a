"""What can be said of a training set-up from a few numbers: shared by the doctor, the first call and the evaluation."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tatar_rewards import metrics
from tatar_rewards.metrics.agreement import known_pairs
from tatar_rewards.scales import OTHERS, POINTS, ScoreScale
from tatar_rewards.wording import did_you_mean

Floats = NDArray[np.float64]

TENTH = 10.5  # points: a tenth of the scale, and a little
FEW, ENOUGH = 4, 32  # values: fewer tell nothing; with so many, a tenth in the middle of the scale is no chance
OFFSET = 15.0  # points: answers that lie beside their labels by this much on average
REVERSED, FEWEST_ORDERED = -0.3, 10  # SRCC, and the answers that it takes
LARGE_ERROR = 12.0  # points: a MOS that errs by more comes of a handful of raters
SMALL_DEVIATION = 2.0  # points: ratings by people deviate by more

_SQUEEZED = "lie in the lowest tenth of their declared scale"
_REVERSED = "the answers order the pictures the wrong way round"

Kind = Literal["fault", "advice"]


class Finding(NamedTuple):
    """Something wrong, and what to do about it.

    Attributes:
        check: What was looked at, in two or three words.
        problem: What is wrong.
        cure: What to change.
        kind: A fault ends a run or keeps it from learning what it should; advice is worth knowing and stops nothing.
    """

    check: str
    problem: str
    cure: str
    kind: Kind = "fault"


# ---------------------------------------------------------------- labels


def squeezed_labels(points: Floats, column: str, scale: ScoreScale) -> list[Finding]:
    """Labels in the lowest tenth of their declared scale: they were probably given on another one."""
    known = points[~np.isnan(points)]
    if len(known) < FEW or not _in_lowest_tenth(known, scale):
        return []
    return [
        Finding(
            "label scale",
            f"all of {len(known)} labels in {column!r} {_SQUEEZED} {scale}",
            "declare the scale that they were given on, for example mos_scale=ScoreScale(1, 5) (--mos-scale 1 5), with "
            "higher_is_better=False (--lower-is-better) where a low value is the best picture",
        )
    ]


def tells_of_a_wrong_scale(text: str) -> bool:
    """Whether a warning says that labels are on another scale than the declared one, or the other way round."""
    return _SQUEEZED in text or _REVERSED in text


def datasets_without_rows(scales: ScoreScale | Mapping[str, ScoreScale], datasets: Collection[object]) -> list[Finding]:
    """Scales of data sets that no row is of: misspelt names, whose rows are then read on the scale of all others.

    Args:
        scales: As they are declared.
        datasets: Those of the rows.
    """
    known = sorted(map(str, datasets))
    if isinstance(scales, ScoreScale) or not known:
        return []
    names = [name for name in scales if name not in (*known, OTHERS)]
    if not names:
        return []
    several, others = len(names) > 1, OTHERS in scales
    return [
        Finding(
            "label scale" if others else "data sets",
            f"a scale is declared for the data set{'s' * several} {', '.join(map(repr, names))}, and no row is of "
            f"{'them' if several else 'it'}",
            f"the rows are of {', '.join(known)}" if several else did_you_mean(names[0], known),
            "fault" if others else "advice",
        )
    ]


def equal_labels(points: Floats, images: Sequence[object], column: str) -> list[Finding]:
    """Different images with one and the same label: nothing to rank, and a constant answer earns everything."""
    known = points[~np.isnan(points)]
    if len(set(images)) < FEW or len(known) < FEW or np.ptp(known) > 0:
        return []
    return [
        Finding(
            "equal labels",
            f"all of {len(known)} labels in {column!r} are {known[0]:g} points",
            "give each image its own mean opinion score: a constant answer would earn the full reward",
        )
    ]


def doubtful_deviations(spreads: Floats, needed: Floats, column: str, *, of_mean: bool = False) -> list[Finding]:
    """Deviations of single ratings that no panel of people has, or none that the reward can use.

    Args:
        spreads: (n,) deviations of single ratings, in points; NaN where not known.
        needed: (n,) what the reward needs of them.
        column: Where they come from.
        of_mean: Whether the column is declared to hold standard errors of the MOS.
    """
    if len(needed) and np.isnan(needed).all():
        problem = f"no image has a deviation in {column!r} that the reward can use: it pays as without deviations"
        cure = "fill in the deviations and the number of ratings, or leave mos_std_column= out"
        return [Finding("rater deviations", problem, cure)]
    errors = needed[~np.isnan(needed)]
    if len(errors) >= FEW and float(np.median(errors)) > LARGE_ERROR and of_mean:
        problem = (
            f"half of {len(errors)} standard errors in {column!r} are above {np.median(errors):.2g} % of the scale"
        )
        cure = "set mos_std_of='ratings' and the number of ratings with raters= where single ratings deviate so far"
        return [Finding("rater deviations", problem, cure)]
    known = spreads[~np.isnan(spreads)]
    if len(known) < FEW or float(np.median(known)) >= SMALL_DEVIATION:
        return []
    return [
        Finding(
            "rater deviations",
            f"half of {len(known)} deviations in {column!r} are at most {np.median(known):.2g} % of the scale, and "
            f"ratings by people deviate by more than {SMALL_DEVIATION:g} %",
            "declare their scale with mos_std_scale=, or set mos_std_of='mean' where they are errors of the MOS",
        )
    ]


# ---------------------------------------------------------------- answers


def doubtful_answers(
    predictions: Floats,
    targets: Floats,
    scale: ScoreScale,
    mos_scale: ScoreScale = POINTS,
    *,
    labels_doubted: bool = False,
) -> list[Finding]:
    """What answers look like that were given on another scale than the declared `scale`, or in its other direction.

    Args:
        predictions: (n,) answers in points; NaN for an unreadable one.
        targets: (n,) MOS in points; NaN without a label.
        scale: The scale that the answers were read on.
        mos_scale: That of the labels.
        labels_doubted: The scale of the labels is already found wrong, so that an offset says nothing of the answers.
    """
    findings = answers_on_another_scale(predictions, targets, scale, labels_doubted=labels_doubted)
    if findings or not answers_reversed(predictions, targets):
        return findings
    x, y = known_pairs(predictions, targets)
    return [
        Finding(
            "direction of a scale",
            f"{_REVERSED}, SRCC {metrics.srcc(x, y):.3f} of {len(x)}",
            cure_of_direction(mos_scale),
        )
    ]


def cure_of_direction(mos_scale: ScoreScale, dataset: str | None = None) -> str:
    """What to declare where answers are in the reverse order of labels on this scale, perhaps of one data set only."""
    if mos_scale.higher_is_better:
        alone = "" if dataset is None else f", or of this data set alone --lower-is-better-of {dataset}"
        end, cure = "best", f"higher_is_better=False, on the command line --lower-is-better{alone}"
    else:
        end, cure = "worst", "higher_is_better=True, on the command line without --lower-is-better"
    return (
        f"if a MOS of {mos_scale.low:g} is the {end} picture, declare mos_scale with {cure}; if the model was asked "
        f"for scores of which the lowest is best, declare the same of answer_scale (--answers-lower-is-better)"
    )


def answers_on_another_scale(
    predictions: Floats, targets: Floats, scale: ScoreScale, *, labels_doubted: bool = False
) -> list[Finding]:
    """Answers that are squeezed, all in one tenth of the scale, or off by a constant: one finding at most."""
    x, y = known_pairs(predictions, targets)
    if len(x) < FEW or np.ptp(y) == 0:
        return []
    problem = _narrow_answers(x, y, scale)
    if problem is None and not labels_doubted and not answers_reversed(predictions, targets):
        problem = _offset_answers(x, y)
    if problem is None:
        return []
    cure = (
        f"see that answer_scale= ({scale}) is the scale that the prompt names, for example "
        f"answer_scale=ScoreScale(1, 5) (--answer-scale 1 5), and that its direction is right (higher_is_better=)"
    )
    return [Finding("answer scale", problem, cure)]


def answers_reversed(predictions: Floats, targets: Floats) -> bool:
    """Whether answers order the pictures the wrong way round, by more than chance would once in a hundred times."""
    x, y = known_pairs(predictions, targets)
    if len(x) < FEWEST_ORDERED or np.ptp(x) == 0 or np.ptp(y) == 0:
        return False
    srcc = metrics.srcc(x, y)
    return bool(srcc < REVERSED and srcc * math.sqrt(len(x) - 1) < -2.5)


def _narrow_answers(x: Floats, y: Floats, scale: ScoreScale) -> str | None:
    if np.ptp(y) < 2 * TENTH and not _in_lowest_tenth(y, scale):
        return None
    if _in_lowest_tenth(x, scale):
        return f"all of {len(x)} answers lie in the lowest tenth of the scale they are read on"
    if len(x) >= ENOUGH and 0 < np.ptp(x) <= TENTH:  # a constant guess is the policy's, not the scale's
        return f"all of {len(x)} answers lie within one tenth of the scale they are read on, the labels do not"
    return None


def _offset_answers(x: Floats, y: Floats) -> str | None:
    gaps = x - y
    offset = float(np.mean(gaps))
    if len(x) < 2 * FEW or abs(offset) < OFFSET or np.std(gaps) > abs(offset):
        return None
    side = "above" if offset > 0 else "below"
    where = f"the answers lie {abs(offset):.0f} points {side} their labels, on average of {len(x)}"
    return f"{where}: the policy is biased, or answers on another scale"


def _in_lowest_tenth(points: Floats, scale: ScoreScale) -> bool:
    """Whether scores lie where those of a smaller scale would: near the low end of the scale, best or worst."""
    return bool(np.max(points if scale.higher_is_better else 100 - points) <= TENTH)
