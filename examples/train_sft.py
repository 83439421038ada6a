# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""Stage 1: teach the model to think and answer, on rationales that end in the label.

    python examples/train_sft.py --config examples/configs/tiny.yaml
    accelerate launch --config_file examples/configs/zero3.yaml examples/train_sft.py --config ...

The answer is the MOS on the 0-100 scale that GRPO grades, rounded to a point. The loss is on the assistant's tokens,
the end of its turn among them. A run that was killed goes on from its newest checkpoint; one that is done does nothing.
"""

import warnings

from accelerate import PartialState
from transformers import set_seed
from trl import SFTConfig, SFTTrainer

from models import load_model, lora_config, run_training, start_processes, trained_folder
from picture_data import Picture, load_pictures, mix, refuse_overlap, to_dataset
from prompts import QUESTIONS, answer_text
from rationales import read_rationales
from recipe import Recipe, is_finished, parse_recipe


def pictures_with_rationales(recipe: Recipe, pictures: list[Picture]) -> tuple[list[Picture], list[str]]:
    """The pictures that have an accepted rationale, and those; exits where too few have."""
    rationales = read_rationales(recipe.rationales.file)
    kept = [picture for picture in pictures if picture.key in rationales]
    if len(kept) < recipe.rationales.smallest_share * len(pictures) or not kept:
        raise SystemExit(
            f"{recipe.rationales.file} has an accepted rationale for {len(kept)} of {len(pictures)} pictures; run "
            f"build_rationales.py, or lower rationales.smallest_share"
        )
    return kept, [rationales[picture.key] for picture in kept]


def make_trainer(recipe: Recipe) -> SFTTrainer:
    cache = recipe.out / "pictures.jsonl"
    ####################
    # Model
    ####################
    model, processor = load_model(recipe.model.path, recipe.model)

    ####################
    # Dataset
    ####################
    with PartialState().main_process_first():  # one process decodes every picture, the others read what it found
        everything = load_pictures(recipe.data.sft, cache)
        refuse_overlap(everything, load_pictures(recipe.data.test, cache), cache)
    pictures, rationales = pictures_with_rationales(recipe, everything)
    rationale_of = dict(zip((picture.key for picture in pictures), rationales, strict=True))
    pictures = mix(pictures, recipe.data.iaa_share, recipe.seed)
    answers = [answer_text(rationale_of[picture.key], picture.mos) for picture in pictures]
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
            max_length=None,  # never cut an answer off
            completion_only_loss=True,
            disable_tqdm=False,
            **recipe.sft.args,
        ),
    )


def main() -> None:
    recipe, _ = parse_recipe("Teach the model to think and answer.")
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.formatwarning = lambda message, *_: f"\n{message}\n"  # without lines of code
    if is_finished(recipe, "sft"):
        print(f"SFT is done: {trained_folder(recipe, 'sft')}")
        return
    start_processes(recipe, recipe.sft.args)
    set_seed(recipe.seed)
    run_training(make_trainer(recipe), recipe, "sft")


if __name__ == "__main__":
    main()
