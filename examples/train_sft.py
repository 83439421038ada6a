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

from accelerate import PartialState
from trl import SFTConfig, SFTTrainer

from recipe.config import Recipe
from recipe.models import load_model, lora_config, run_training
from recipe.pictures import Picture, load_training_pictures, mix_tasks, to_dataset
from recipe.prompts import QUESTIONS, answer_text
from recipe.rationales import read_rationales
from recipe.stages import parse_command_line


def match_rationales(recipe: Recipe, pictures: Sequence[Picture]) -> dict[Picture, str]:
    """The accepted rationales of the pictures that have one; exits if too few pictures have one."""
    rationales = read_rationales(recipe.rationales.file)
    matched = {picture: rationales[picture.key] for picture in pictures if picture.key in rationales}
    if len(matched) < recipe.rationales.smallest_share * len(pictures) or not matched:
        raise SystemExit(
            f"{recipe.rationales.file} has an accepted rationale for {len(matched)} of {len(pictures)} pictures; run "
            f"build_rationales.py, or lower rationales.smallest_share"
        )
    return matched


def make_trainer(recipe: Recipe) -> SFTTrainer:
    ####################
    # Model
    ####################
    model, processor = load_model(recipe.model.path, recipe.model)

    ####################
    # Dataset
    ####################
    rationales = match_rationales(recipe, load_training_pictures(recipe, "sft"))
    pictures = mix_tasks(list(rationales), recipe.data.iaa_share, recipe.seed)
    answers = [answer_text(rationales[picture], picture.mos) for picture in pictures]
    PartialState().print(f"SFT on {len(pictures)} pictures")

    ####################
    # Training
    ####################
    return SFTTrainer(
        model=model,
        processing_class=processor,
        train_dataset=to_dataset(pictures, recipe.prompts or QUESTIONS, answers),
        peft_config=lora_config(recipe.model),
        args=SFTConfig(
            output_dir=str(recipe.out / "sft"),
            seed=recipe.seed,
            max_length=None,  # never truncate an answer
            completion_only_loss=True,
            disable_tqdm=False,
            **recipe.sft.args,
        ),
    )


def main() -> None:
    recipe, _ = parse_command_line("Teach the model to think and answer.")
    run_training(recipe, "sft", make_trainer)


if __name__ == "__main__":
    main()
