# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""Ask the trained models about the test pictures, and measure the answers with the parser that graded training.

    python examples/evaluate_model.py --config examples/configs/tiny.yaml
    accelerate launch --multi_gpu --num_processes 8 examples/evaluate_model.py --config ...

Greedy answers, several data sets, several processes: each writes its share to a JSONL file of its own, line by line,
and a run that was killed asks only about what is missing. `python -m tatar_rewards evaluate` reads the same files, and
those of any other model.
"""

import json
import warnings

import torch
from accelerate import PartialState
from PIL import Image
from tqdm import tqdm

from recipe.config import Recipe
from recipe.models import load_model, start_processes, trained_folder
from recipe.pictures import Picture, load_pictures
from recipe.predictions import STAGES, format_table, measure, read_answers
from recipe.prompts import QUESTIONS
from recipe.stages import parse_recipe


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
