"""How well a model's completions agree with mean opinion scores (MOS), from nothing but its predictions.

Rows hold `task`, `image_id`, `mos` and `completion`, and `dataset` if there are several, from whatever model; the
parser of the rewards reads them. Beside its greedy answer, or in its place, a picture may have sampled ones: their mean
agrees better with people than any of them. What the parser cannot read is a failure: left out of the figures, counted
by status, and taken at its worst in a second, pessimistic line, since a model that answers only where it is sure would
look good without.
From a shell:

    python -m tatar_rewards evaluate predictions.jsonl

`columns` reads the rows into arrays, and `read_answers` their answers; `figures` and `samples` measure them, `looks`
finds what is suspicious, `results` and `table` are what comes out; `compare` says what changed from one model to
another.
"""

from tatar_rewards.evaluation.compare import Change, Comparison, compare_predictions
from tatar_rewards.evaluation.evaluate import evaluate_predictions
from tatar_rewards.evaluation.figures import Figures
from tatar_rewards.evaluation.results import DatasetEvaluation, Evaluation
from tatar_rewards.evaluation.samples import SampledFigures
from tatar_rewards.predictions import read_predictions

__all__ = [
    "Change",
    "Comparison",
    "DatasetEvaluation",
    "Evaluation",
    "Figures",
    "SampledFigures",
    "compare_predictions",
    "evaluate_predictions",
    "read_predictions",
]
