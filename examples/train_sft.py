# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""Stage 1: teach the model to think and answer, on rationales that end in the label.

    python examples/train_sft.py --config examples/configs/tiny.yaml
    accelerate launch --config_file examples/configs/zero3.yaml examples/train_sft.py --config ...

The answer is the MOS on the 0-100 scale that GRPO grades, rounded to a point. The loss is on the assistant's tokens,
including the end of its turn. A run that was killed continues from its newest checkpoint; a finished one does nothing.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from accelerate import PartialState
from trl import SFTConfig, SFTTrainer

from recipe.arguments import build_arguments
from recipe.config import Recipe
from recipe.labels import Picture
from recipe.models import load_model, lora_config, run_training, start_processes
from recipe.pictures import fingerprint_of_rows, load_training_pictures, mix_tasks, to_dataset
from recipe.prompts import answer_text, questions_of
from recipe.rationales import Rationales
from recipe.stages import parse_command_line, run_lock


class Example(NamedTuple):
    """A picture, and the answer that the model is to give."""

    picture: Picture
    answer: str


def read_examples(recipe: Recipe, *, keep: bool = True) -> list[Example]:
    """Pictures and answers in the order of training; exits if too few pictures have an accepted rationale."""
    pictures, settings = load_training_pictures(recipe, "sft", keep=keep), recipe.rationales
    if settings is None:
        raise SystemExit("this config has no SFT: set sft, data.sft and rationales.file")
    with PartialState().main_process_first():
        rationales = Rationales(settings.file)
    texts = {picture.key: text for picture in pictures if (text := rationales.of(picture)) is not None}
    matched = [picture for picture in pictures if picture.key in texts]
    if len(matched) < settings.smallest_share * len(pictures) or not matched:
        raise SystemExit(
            f"{settings.file} has an accepted rationale for {len(matched)} of {len(pictures)} pictures; run "
            f"build_rationales.py, or lower rationales.smallest_share"
        )
    mixed = mix_tasks(matched, recipe.data.iaa_share, recipe.seed)
    return [Example(picture, answer_text(texts[picture.key], picture.mos)) for picture in mixed]


def fingerprints(examples: Sequence[Example]) -> dict[str, str]:
    """Of what the stage reads."""
    return {"examples": fingerprint_of_rows((e.picture.key, e.picture.digest, e.answer) for e in examples)}


def make_trainer(recipe: Recipe, examples: Sequence[Example], start: str | Path | None = None) -> SFTTrainer:
    """Of the recipe's model, or another one to start from."""
    args = training_arguments(recipe)  # before the model: under ZeRO-3 they have each process load a part of it
    model, processor = load_model(start or recipe.model.path, recipe.model)
    pictures, answers = [e.picture for e in examples], [e.answer for e in examples]
    PartialState().print(f"SFT on {len(examples)} pictures")
    trainer = SFTTrainer(
        model=model,
        processing_class=processor,
        train_dataset=to_dataset(pictures, questions_of(recipe), answers),
        peft_config=lora_config(recipe.model),
        args=args,
    )
    # TRL takes the mean over the tokens of all processes and accumulated batches if it is told their number, and it is
    # told only if the model's own loss takes one; Qwen2.5-VL says no, and TRL would take the mean of the batches' means
    trainer.model_accepts_loss_kwargs = True
    return trainer


def training_arguments(recipe: Recipe, world_size: int | None = None) -> SFTConfig:
    return build_arguments(
        SFTConfig,
        "sft",
        {"disable_tqdm": False} | ({} if recipe.sft is None else recipe.sft.args),
        world_size,
        output_dir=str(recipe.out / "sft"),
        seed=recipe.seed,
        max_length=None,  # never truncate an answer
        completion_only_loss=True,
    )


def main() -> None:
    recipe, _ = parse_command_line("Teach the model to think and answer.")
    processes = start_processes(recipe, {} if recipe.sft is None else recipe.sft.args)
    with run_lock(recipe, is_main_process=processes.is_main_process):
        examples = read_examples(recipe)
        run_training(recipe, "sft", partial(make_trainer, examples=examples), **fingerprints(examples))


if __name__ == "__main__":
    main()
