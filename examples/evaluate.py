# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""Ask the trained models about the test pictures, and measure the answers with the parser that graded training.

    python examples/evaluate.py --config examples/configs/tiny.yaml
    accelerate launch --multi_gpu --num_processes 8 examples/evaluate.py --config ...

Greedy answers, several data sets, several processes: each writes its share to a JSONL file of its own, line by line,
and a run that was killed asks only about what is missing. `python -m tatar_rewards evaluate` reads the same files, and
those of any other model.
"""

import json
import math
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from accelerate import PartialState
from PIL import Image
from scipy.stats import bootstrap
from tqdm import tqdm

from models import load_model, start_processes, trained_folder
from picture_data import Picture, load_pictures
from prompts import QUESTIONS
from recipe import Recipe, parse_recipe, read_grown
from tatar_rewards import metrics, parse_answer
from tatar_rewards.evaluation import Evaluation, evaluate_predictions

STAGES = {"sft": "after SFT", "grpo": "after GRPO"}


def prediction_files(recipe: Recipe, stage: str) -> list[Path]:
    return sorted((recipe.out / "predictions" / stage).glob("rank*.jsonl"))


def read_answers(recipe: Recipe, stage: str) -> dict[tuple[str, str], dict]:
    """What has been answered so far, by data set and picture."""
    rows = [row for path in prediction_files(recipe, stage) for row in read_grown(path)]
    return {(row["dataset"], row["image_id"]): row for row in rows}


def generate(model, processor, pictures: list[Picture], questions: dict[str, str], max_new_tokens: int) -> list[str]:
    """Greedy completions, one a picture."""
    prompts = [
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": questions[p.task]}]}]
        for p in pictures
    ]
    images = [[Image.open(p.path).convert("RGB")] for p in pictures]
    text = processor.apply_chat_template(prompts, add_generation_prompt=True, tokenize=False)
    inputs = processor(images=images, text=text, padding=True, return_tensors="pt").to(model.device, model.dtype)
    with torch.inference_mode():
        tokens = model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
    return processor.batch_decode(tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def answer_all(recipe: Recipe, stage: str, pictures: list[Picture], processes: PartialState) -> None:
    """Write this process's share of what is missing."""
    answered = read_answers(recipe, stage) if processes.is_main_process else None
    processes.wait_for_everyone()  # one process alone mends what a kill left behind
    answered = read_answers(recipe, stage) if answered is None else answered
    missing = [p for p in pictures if (p.dataset, p.image_id) not in answered]
    missing = missing[processes.process_index :: processes.num_processes]
    processes.wait_for_everyone()  # all have read before the first writes
    if not missing:
        return
    model, processor = load_model(trained_folder(recipe, stage), recipe.model)
    model.to(processes.device).eval()
    folder = recipe.out / "predictions" / stage
    folder.mkdir(parents=True, exist_ok=True)
    size, questions = recipe.evaluation.batch_size, recipe.prompts or QUESTIONS
    title = {"desc": f"test {STAGES[stage]}", "unit": "batch", "disable": not processes.is_main_process}
    with (folder / f"rank{processes.process_index}.jsonl").open("a") as file:
        for start in tqdm(range(0, len(missing), size), **title):
            batch = missing[start : start + size]
            for p, completion in zip(
                batch, generate(model, processor, batch, questions, recipe.evaluation.max_new_tokens), strict=True
            ):
                row = {name: getattr(p, name) for name in ("dataset", "task", "image_id", "mos")}
                file.write(json.dumps({**row, "completion": completion}) + "\n")
            file.flush()


# ---------------------------------------------------------------- figures


def ordered_rows(recipe: Recipe, stage: str) -> list[dict]:
    """In the order of the recipe's test sets, whoever answered first."""
    rows, order = read_answers(recipe, stage), {spec.name: k for k, spec in enumerate(recipe.data.test)}
    return sorted(rows.values(), key=lambda row: (order.get(row["dataset"], len(order)), row["image_id"]))


def scores_of(rows: list[dict]) -> np.ndarray:
    """Points, NaN for an unreadable answer."""
    answers = [parse_answer(row["completion"]).score for row in rows]
    return np.array([math.nan if score is None else score for score in answers])


def srcc_change(before: list[dict], after: list[dict], resamples: int) -> tuple[float, float, float]:
    """What the second model gained in SRCC on the same pictures, with a paired 95 % bootstrap interval over them."""
    columns = (scores_of(before), scores_of(after), np.array([row["mos"] for row in after]))

    def gain(first, second, mos):
        return metrics.srcc(second, mos) - metrics.srcc(first, mos)

    change = gain(*columns)
    if math.isnan(change) or not resamples:  # a constant has no rank correlation
        return change, math.nan, math.nan
    options = {"paired": True, "vectorized": False, "n_resamples": resamples, "method": "percentile"}
    interval = bootstrap(columns, gain, **options, rng=np.random.default_rng(0)).confidence_interval
    return change, interval.low, interval.high


class Measured(NamedTuple):
    """What a model said, and what it is worth."""

    rows: list[dict]
    evaluation: Evaluation

    def of(self, dataset: str) -> list[dict]:
        return [row for row in self.rows if row["dataset"] == dataset]


def measure(recipe: Recipe) -> dict[str, Measured]:
    """Each model that has answered."""
    answered = {stage: ordered_rows(recipe, stage) for stage in STAGES if prediction_files(recipe, stage)}
    resamples = recipe.evaluation.resamples
    return {
        stage: Measured(rows, evaluate_predictions(rows, n_resamples=resamples)) for stage, rows in answered.items()
    }


def dataset_names(measured: dict[str, Measured]) -> list[tuple[str, str]]:
    """Task and name of the data sets."""
    return [(one.task, one.dataset) for one in next(iter(measured.values())).evaluation.datasets]


def format_table(recipe: Recipe, measured: dict[str, Measured]) -> str:
    """One line a data set and model, with what GRPO changed."""
    names = dataset_names(measured)
    width = max(len(name) for _, name in names) + 2
    lines = [
        f"{'task':<5}{'data set':<{width}}{'model':<12}{'SRCC':>7}{'PLCC':>7}{'KRCC':>7}{'RMSE':>7}{'well formed':>13}"
        f"{'words':>7}   change of SRCC (95 % interval)"
    ]
    for task, name in names:
        own = {stage: model.of(name) for stage, model in measured.items()}
        for stage, model in measured.items():
            one = next(one for one in model.evaluation.datasets if one.dataset == name)
            words = np.mean([len(parse_answer(row["completion"]).think.split()) for row in own[stage]])
            f = one.figures
            line = (
                f"{task.upper():<5}{name:<{width}}{STAGES[stage]:<12}{f.srcc:7.3f}{f.plcc:7.3f}{f.krcc:7.3f}{f.rmse:7.1f}"
                f"{one.coverage:13.1%}{words:7.1f}"
            )
            if stage == "grpo" and "sft" in own:
                change, low, high = srcc_change(own["sft"], own["grpo"], recipe.evaluation.resamples)
                line += f"   {change:+.3f} ({low:+.3f} to {high:+.3f})"
            lines.append(line)
            if one.failures:
                told = ", ".join(f"{count} {status}" for status, count in one.failures.items())
                lines.append(f"{'':<5}  not read: {told}; taken at worst, SRCC {one.pessimistic.srcc:.3f}")
    return "\n".join(lines)


def main() -> None:
    recipe, _ = parse_recipe("Ask the trained models about the test pictures, and measure their answers.")
    warnings.filterwarnings("ignore", category=FutureWarning)
    processes = start_processes(recipe, recipe.grpo.args)
    stages = [stage for stage in STAGES if trained_folder(recipe, stage).exists()]
    if not stages:
        raise SystemExit(f"no trained model in {recipe.out}; run train_sft.py with this config first")
    with processes.main_process_first():
        pictures = load_pictures(recipe.data.test, recipe.out / "pictures.jsonl")
    for stage in stages:
        answer_all(recipe, stage, pictures, processes)
    processes.wait_for_everyone()
    if processes.is_main_process:
        measured = measure(recipe)
        table = format_table(recipe, measured)
        (recipe.out / "table.txt").write_text(table + "\n")
        for stage, model in measured.items():
            (recipe.out / "predictions" / f"{stage}.json").write_text(model.evaluation.to_json())
        print(f"\n{table}")
    processes.destroy_process_group()


if __name__ == "__main__":
    main()
