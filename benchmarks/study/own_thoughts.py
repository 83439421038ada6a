"""Rationales for the supervised baseline: what the SFT model itself thinks of the pictures that the rewards learn from.

    PYTHONPATH=examples python benchmarks/study/own_thoughts.py --config CONFIG.yaml --set rationales.file=own.jsonl

The model answers once by chance about each picture of data.grpo; its thoughts become the picture's rationale, and the
label, which it does not see, the answer that SFT teaches after them. A picture whose answer cannot be read is left out.
"""

import json

from transformers import set_seed

from evaluate_model import generate
from recipe.files import write_whole
from recipe.models import load_model
from recipe.pictures import load_pictures
from recipe.predictions import sampling_of
from recipe.prompts import questions_of
from recipe.stages import parse_command_line
from tatar_rewards import parse_answer


def main() -> None:
    recipe, _ = parse_command_line("Let the SFT model think about the pictures that the rewards learn from.")
    if recipe.rationales is None:
        raise SystemExit("give rationales.file, where the thoughts go")
    set_seed(recipe.seed)
    model, processor = load_model(recipe.model.path, recipe.model)
    pictures = load_pictures(recipe.data.grpo, recipe.out / "pictures.jsonl")
    lines, size = list[str](), recipe.evaluation.batch_size
    for start in range(0, len(pictures), size):
        batch = pictures[start : start + size]
        completions = generate(
            model.eval(),
            processor,
            batch,
            questions_of(recipe),
            recipe.evaluation.max_new_tokens,
            sampling_of(recipe),
        )
        for picture, completion in zip(batch, completions, strict=True):
            answer = parse_answer(completion)
            if answer.ok and answer.think:
                lines.append(json.dumps({"key": picture.key, "step": "given", "text": answer.think}) + "\n")
    recipe.rationales.file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(recipe.rationales.file, "".join(lines))
    print(f"{len(lines)} of {len(pictures)} thoughts")


if __name__ == "__main__":
    main()
