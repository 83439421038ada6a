# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""Ask the trained models about the test pictures, and measure their answers with the parser that graded training.

    python examples/evaluate_model.py --config examples/configs/tiny.yaml
    accelerate launch --multi_gpu --num_processes 8 examples/evaluate_model.py --config ...

The models answer greedily and, with `evaluation.samples: 8`, eight times more by sampling. Each process appends its
share of the answers to a JSONL file of its own, and a run that was killed asks only for what is missing. `--validation`
asks about the pictures of data.validation, so that settings need not be chosen on the test pictures. The script writes
all answers to `predictions/*.jsonl`. `python -m tatar_rewards evaluate` reads these files, and those of other models.
"""

import json
import warnings
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import torch
from accelerate import PartialState
from tqdm import tqdm
from transformers import PreTrainedModel, ProcessorMixin, set_seed

from recipe.config import Recipe, Task
from recipe.files import open_append_only, write_whole
from recipe.images import open_picture
from recipe.labels import Picture
from recipe.models import load_model, start_processes
from recipe.pictures import load_pictures
from recipe.predictions import MODEL_NAMES, measure_models, sampling_of, unanswered
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
    sampling: Mapping[str, Any] | None = None,
) -> list[str]:
    """One completion a picture: the greedy one, or one drawn as `sampling` says."""
    prompts = [
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": questions[p.task]}]}]
        for p in pictures
    ]
    images = [[open_picture(p.path)] for p in pictures]
    text = processor.apply_chat_template(prompts, add_generation_prompt=True, tokenize=False)
    form = {"padding": True, "return_tensors": "pt", "add_special_tokens": False}  # the template writes all of them
    inputs = processor(images=images, text=text, **form).to(model.device, model.dtype)
    how = {"do_sample": False} if sampling is None else {"do_sample": True, **sampling}
    with torch.inference_mode():
        tokens = model.generate(**inputs, max_new_tokens=max_new_tokens, **how)
    new_tokens = tokens[:, inputs["input_ids"].shape[1] :]
    completions: list[str] = processor.batch_decode(new_tokens, skip_special_tokens=True)
    return completions


def seed_draws(recipe: Recipe, picture: Picture, sample: int) -> None:
    """Draw what no other batch draws: by its first picture and sample, so that a later start repeats nothing."""
    text = f"{recipe.seed} {sample} {picture.key}".encode(errors="replace")
    set_seed(int.from_bytes(blake2b(text, digest_size=4).digest(), "big"))


####################
# Predictions
####################


def find_unanswered(
    recipe: Recipe, stage: str, pictures: Sequence[Picture], processes: PartialState
) -> list[tuple[Picture, int | None]]:
    """This process's share of what is missing: pictures and numbers of samples, None for the greedy answer."""
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
    greedy, sampled = ([one for one in to_ask if (one[1] is not None) == drawn] for drawn in (False, True))
    batches = [some[start : start + size] for some in (greedy, sampled) for start in range(0, len(some), size)]
    bar = {"desc": f"test {MODEL_NAMES[stage]}", "unit": "batch", "disable": not processes.is_main_process}
    with open_append_only(path) as file:
        for batch in tqdm(batches, **bar):
            picture, number = batch[0]
            drawn = None if number is None else sampling_of(recipe)
            if number is not None:
                seed_draws(recipe, picture, number)
            asked = [p for p, _ in batch]
            completions = generate(model, processor, asked, questions, recipe.evaluation.max_new_tokens, drawn)
            for (p, sample), completion in zip(batch, completions, strict=True):
                row = {name: getattr(p, name) for name in ("dataset", "task", "image_id", "mos", "digest")}
                which = {} if sample is None else {"sample": sample, "sampling": drawn}
                file.write(json.dumps({**row, **which, "completion": completion}) + "\n")
            file.flush()


####################
# Figures
####################


def write_figures(recipe: Recipe, pictures: Sequence[Picture], part: str) -> None:
    """Measure the predictions of all models; save them with today's labels, their figures and the table; print it."""
    measured = measure_models(recipe, pictures)
    table, mark = format_table(recipe, measured), "" if part == "test" else f"_{part}"
    write_whole(recipe.out / f"table{mark}.txt", table + "\n")
    for stage, model in measured.items():
        write_whole(recipe.out / "predictions" / f"{stage}{mark}.json", model.evaluation.to_json())
        lines = "".join(json.dumps(row) + "\n" for row in [*model.rows, *model.sampled])
        write_whole(recipe.out / "predictions" / f"{stage}{mark}.jsonl", lines)
    print(f"\n{table}")


def evaluate(recipe: Recipe, processes: PartialState, part: str = "test") -> None:
    stages = [stage for stage in MODEL_NAMES if getattr(recipe, stage) is not None and is_finished(recipe, stage)]
    if not stages:
        raise SystemExit(f"no trained model in {recipe.out}; run train_sft.py with this config first")
    with processes.main_process_first():
        pictures = load_pictures(getattr(recipe.data, part), recipe.out / "pictures.jsonl")
        if not pictures:
            raise SystemExit(f"data.{part} has no picture to ask about")
        for stage in stages:
            model = fingerprint_of_model(trained_model_folder(recipe, stage))
            start_stage(recipe, f"predictions/{stage}", model=model)
    for stage in stages:
        write_predictions(recipe, stage, pictures, processes)
    processes.wait_for_everyone()
    if processes.is_main_process:
        write_figures(recipe, pictures, part)


def main() -> None:
    recipe, args = parse_command_line(
        "Ask the trained models about the test pictures, and measure their answers.",
        ("--validation", {"action": "store_true", "help": "about data.validation, to choose settings by it"}),
    )
    warnings.filterwarnings("ignore", category=FutureWarning)
    processes = start_processes(recipe, recipe.grpo.args)
    with run_lock(recipe, is_main_process=processes.is_main_process):
        evaluate(recipe, processes, "validation" if args.validation else "test")
    processes.destroy_process_group()


if __name__ == "__main__":
    main()
