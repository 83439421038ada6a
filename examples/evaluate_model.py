# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""Ask the trained models about the test pictures, and measure their answers with the parser that graded training.

    python examples/evaluate_model.py --config examples/configs/tiny.yaml
    accelerate launch --multi_gpu --num_processes 8 examples/evaluate_model.py --config ...

The models answer greedily, on one process or several. Each process appends its share of the answers to a JSONL file of
its own, and a run that was killed asks only about the pictures that have no answer yet.
`python -m tatar_rewards evaluate` reads `predictions/*.jsonl`, which it makes of them, and those of any other model.
"""

import json
import warnings
from collections.abc import Mapping, Sequence

import torch
from accelerate import PartialState
from tqdm import tqdm
from transformers import PreTrainedModel, ProcessorMixin

from recipe.config import Recipe, Task
from recipe.files import open_append_only, write_whole
from recipe.images import open_picture
from recipe.labels import Picture
from recipe.models import load_model, start_processes
from recipe.pictures import load_pictures
from recipe.predictions import MODEL_NAMES, measure_models, unanswered
from recipe.prompts import questions_of
from recipe.stages import (
    fingerprint_of_model,
    is_finished,
    parse_command_line,
    run_lock,
    start_stage,
    trained_model_folder,
)
from recipe.tables import format_table

####################
# Model
####################


def generate(
    model: PreTrainedModel,
    processor: ProcessorMixin,
    pictures: Sequence[Picture],
    questions: Mapping[Task, str],
    max_new_tokens: int,
) -> list[str]:
    """One greedy completion a picture."""
    prompts = [
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": questions[p.task]}]}]
        for p in pictures
    ]
    images = [[open_picture(p.path)] for p in pictures]
    text = processor.apply_chat_template(prompts, add_generation_prompt=True, tokenize=False)
    inputs = processor(images=images, text=text, padding=True, return_tensors="pt").to(model.device, model.dtype)
    with torch.inference_mode():
        tokens = model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
    new_tokens = tokens[:, inputs["input_ids"].shape[1] :]
    completions: list[str] = processor.batch_decode(new_tokens, skip_special_tokens=True)
    return completions


####################
# Predictions
####################


def find_unanswered(recipe: Recipe, stage: str, pictures: Sequence[Picture], processes: PartialState) -> list[Picture]:
    """This process's share of the pictures about which the model has not been asked."""
    to_ask = unanswered(recipe, stage, pictures)
    processes.wait_for_everyone()  # all processes have read the files before the first one appends to them
    return to_ask[processes.process_index :: processes.num_processes]


def write_predictions(recipe: Recipe, stage: str, pictures: Sequence[Picture], processes: PartialState) -> None:
    """Append this process's share of the answers that are missing to its file."""
    to_ask = find_unanswered(recipe, stage, pictures, processes)
    if not to_ask:
        return
    model, processor = load_model(trained_model_folder(recipe, stage), recipe.model)
    model.to(processes.device).eval()
    path = recipe.out / "predictions" / stage / f"rank{processes.process_index}.jsonl"
    size, questions = recipe.evaluation.batch_size, questions_of(recipe)
    bar = {"desc": f"test {MODEL_NAMES[stage]}", "unit": "batch", "disable": not processes.is_main_process}
    with open_append_only(path) as file:
        for start in tqdm(range(0, len(to_ask), size), **bar):
            batch = to_ask[start : start + size]
            completions = generate(model, processor, batch, questions, recipe.evaluation.max_new_tokens)
            for p, completion in zip(batch, completions, strict=True):
                row = {name: getattr(p, name) for name in ("dataset", "task", "image_id", "mos", "digest")}
                file.write(json.dumps({**row, "completion": completion}) + "\n")
            file.flush()


####################
# Figures
####################


def write_figures(recipe: Recipe, pictures: Sequence[Picture]) -> None:
    """Measure the predictions of all models; save them with today's labels, their figures and the table; print it."""
    measured = measure_models(recipe, pictures)
    table = format_table(recipe, measured)
    write_whole(recipe.out / "table.txt", table + "\n")
    for stage, model in measured.items():
        write_whole(recipe.out / "predictions" / f"{stage}.json", model.evaluation.to_json())
        lines = "".join(json.dumps(row) + "\n" for row in model.rows)
        write_whole(recipe.out / "predictions" / f"{stage}.jsonl", lines)
    print(f"\n{table}")


def evaluate(recipe: Recipe, processes: PartialState) -> None:
    stages = [stage for stage in MODEL_NAMES if getattr(recipe, stage) is not None and is_finished(recipe, stage)]
    if not stages:
        raise SystemExit(f"no trained model in {recipe.out}; run train_sft.py with this config first")
    with processes.main_process_first():
        pictures = load_pictures(recipe.data.test, recipe.out / "pictures.jsonl")
        if not pictures:
            raise SystemExit("data.test has no picture to ask about")
        for stage in stages:
            model = fingerprint_of_model(trained_model_folder(recipe, stage))
            start_stage(recipe, f"predictions/{stage}", model=model)
    for stage in stages:
        write_predictions(recipe, stage, pictures, processes)
    processes.wait_for_everyone()
    if processes.is_main_process:
        write_figures(recipe, pictures)


def main() -> None:
    recipe, _ = parse_command_line("Ask the trained models about the test pictures, and measure their answers.")
    warnings.filterwarnings("ignore", category=FutureWarning)
    processes = start_processes(recipe, recipe.grpo.args)
    with run_lock(recipe, is_main_process=processes.is_main_process):
        evaluate(recipe, processes)
    processes.destroy_process_group()


if __name__ == "__main__":
    main()
