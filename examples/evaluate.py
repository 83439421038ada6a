"""Ask a model about labelled pictures and measure its answers with the parser that also graded its training."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import bootstrap
from tqdm import tqdm

from tatar_rewards import Answer, metrics, parse_answer
from tiny_data import QUESTIONS, Example

BATCH = 100


@dataclass(frozen=True)
class Evaluation:
    """One model's answers to the test examples, in their order."""

    completions: list[str]
    answers: list[Answer]

    def scores(self, rows: list[int]) -> np.ndarray:
        """Points, NaN for an unreadable answer."""
        return np.array([math.nan if self.answers[row].score is None else self.answers[row].score for row in rows])


def generate(model, processor, examples: list[Example], *, max_new_tokens: int, title: str) -> list[str]:
    """Greedy completions, one an example."""
    model.eval()
    completions = []
    for start in tqdm(range(0, len(examples), BATCH), desc=title, unit="batch"):
        batch = examples[start : start + BATCH]
        prompts = [
            [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTIONS[e.task]}]}]
            for e in batch
        ]
        text = processor.apply_chat_template(prompts, add_generation_prompt=True, tokenize=False)
        inputs = processor(images=[[e.image] for e in batch], text=text, padding=True, return_tensors="pt")
        with torch.inference_mode():
            tokens = model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
        written = tokens[:, inputs["input_ids"].shape[1] :]
        completions += processor.batch_decode(written, skip_special_tokens=True)
    return completions


def evaluate(model, processor, examples: list[Example], *, max_new_tokens: int, title: str) -> Evaluation:
    completions = generate(model, processor, examples, max_new_tokens=max_new_tokens, title=title)
    return Evaluation(completions, [parse_answer(text) for text in completions])


def task_rows(examples: list[Example], task: str) -> list[int]:
    return [row for row, example in enumerate(examples) if example.task == task]


def measure(evaluation: Evaluation, examples: list[Example], task: str) -> dict[str, float]:
    """SRCC and PLCC over the readable answers, the share of those, and the mean words of thinking."""
    rows = task_rows(examples, task)
    mos, scores = np.array([examples[row].mos for row in rows]), evaluation.scores(rows)
    return {
        "SRCC": metrics.srcc(scores, mos),
        "PLCC": metrics.plcc(scores, mos),
        "RMSE": metrics.rmse(scores, mos),
        "well formed": metrics.coverage(scores),
        "words": float(np.mean([len(evaluation.answers[row].think.split()) for row in rows])),
    }


def srcc_change(
    before: Evaluation, after: Evaluation, examples: list[Example], task: str
) -> tuple[float, float, float]:
    """What the second model gained in SRCC, with a paired 95 % bootstrap interval over the pictures."""
    rows = task_rows(examples, task)
    mos = np.array([examples[row].mos for row in rows])

    def gain(first, second, mos):
        return metrics.srcc(second, mos) - metrics.srcc(first, mos)

    columns = (before.scores(rows), after.scores(rows), mos)
    change = gain(*columns)
    if math.isnan(change):  # a constant has no rank correlation
        return math.nan, math.nan, math.nan
    interval = bootstrap(
        columns, gain, paired=True, vectorized=False, n_resamples=500, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return change, interval.low, interval.high


def format_table(before: Evaluation, after: Evaluation, examples: list[Example]) -> str:
    lines = [
        f"{'task':<5}{'model':<12}{'SRCC':>7}{'PLCC':>7}{'RMSE':>7}{'well formed':>13}{'words':>7}"
        f"   change of SRCC (95 % interval)"
    ]
    for task in ("iqa", "iaa"):
        for name, evaluation in (("after SFT", before), ("after GRPO", after)):
            m = measure(evaluation, examples, task)
            line = (
                f"{task.upper():<5}{name:<12}{m['SRCC']:7.3f}{m['PLCC']:7.3f}{m['RMSE']:7.1f}"
                f"{m['well formed']:13.1%}{m['words']:7.1f}"
            )
            if evaluation is after:
                gain, low, high = srcc_change(before, after, examples, task)
                line += f"   {gain:+.3f} ({low:+.3f} to {high:+.3f})"
            lines.append(line)
    return "\n".join(lines)
