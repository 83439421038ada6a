# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""Stage 2: GRPO with TATAR's asymmetric rewards, or with the recommended ones (`grpo.rewards.recipe`).

    python examples/train_grpo.py --config examples/configs/tiny.yaml
    accelerate launch --config_file examples/configs/zero3.yaml examples/train_grpo.py --config ...

The doctor checks rewards, settings and data first. Faults stop the run, advice does not; with `grpo.doctor: warn` both
are only printed. Checkpoints hold the remembered opponents. A run that was killed continues from its newest checkpoint.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from accelerate import PartialState
from trl import GRPOConfig, GRPOTrainer

from recipe.arguments import build_arguments
from recipe.config import PictureSet, Recipe
from recipe.labels import Picture
from recipe.models import load_model, lora_config, run_training, start_processes, starting_model
from recipe.pictures import fingerprint_of_rows, load_training_pictures, mix_tasks, to_dataset, trained_tasks
from recipe.prompts import questions_of
from recipe.stages import is_finished, parse_command_line, run_lock, trained_model_folder
from tatar_rewards import LengthConfig, recommended_reward_funcs, tatar_reward_funcs
from tatar_rewards.adapters.trl import HackDetector, RememberOpponents, steps_of_a_generation
from tatar_rewards.doctor import check_setup
from tatar_rewards.doctor.templates import read_template
from tatar_rewards.presets import load_reward_funcs


def make_rewards(recipe: Recipe) -> list[Any]:
    """TATAR's rewards or the recommended ones, as far as there are pictures of their task, or those that are named."""
    if recipe.grpo.reward_funcs:
        return load_reward_funcs(recipe.grpo.reward_funcs)
    settings, tasks = recipe.grpo.rewards, {None, *trained_tasks(recipe.data.grpo, recipe.data.iaa_share)}
    if settings.mos_std and "iqa" in tasks and settings.recipe == "tatar":
        refuse_unknown_errors(recipe.data.grpo)
    brief, long = LengthConfig(longest=settings.iqa_words), LengthConfig(shortest=settings.iaa_words)
    answers: dict[str, Any] = {"think_prefilled": recipe.think_prefilled}
    if settings.mos_std:
        answers |= {"mos_std_column": "mos_std", "raters_column": "raters"}
    if settings.recipe == "recommended":
        answers |= settings.opponents.given_settings()
        rewards: list[Any] = recommended_reward_funcs(task="iqa", length_gate=brief, **answers)
        rewards += recommended_reward_funcs(task="iaa", length_gate=long, **answers)
    else:
        own: dict[str, Any] = {"iqa": settings.iqa, "iaa": settings.iaa, "opponents": settings.opponents}
        rewards = [*tatar_reward_funcs(iqa_budget=brief, iaa_budget=long, **own, **answers)]
    return [reward for reward in rewards if reward.config.task in tasks]


def refuse_unknown_errors(sets: Sequence[PictureSet]) -> None:
    """Exits where the Gaussian would stay as it is: what a MOS may be off by follows from deviations and raters."""
    unknown = [s.name for s in sets if s.task == "iqa" and s.mos_std_key and s.raters is None and s.raters_key is None]
    if unknown:
        raise SystemExit(
            f"grpo.rewards.mos_std: {', '.join(unknown)} has deviations of its raters and not their number, so how far "
            f"a MOS may be off is not known; give raters or raters_key in data.grpo, or set grpo.rewards.mos_std: false"
        )


def training_arguments(recipe: Recipe, world_size: int | None = None) -> GRPOConfig:
    args = {"disable_tqdm": False} | recipe.grpo.args
    built = build_arguments(GRPOConfig, "grpo", args, world_size, output_dir=str(recipe.out / "grpo"), seed=recipe.seed)
    updates, share = steps_of_a_generation(built), 0 < built.save_steps < 1
    if built.save_strategy == "steps" and updates > 1 and built.save_steps % updates:
        wrong = "is a share of the run; write a number of steps that is" if share else "must be"
        raise SystemExit(
            f"grpo.args.save_steps {built.save_steps:g} {wrong} a multiple of {updates}, the updates from one "
            f"generation: the trainer keeps no completions in its checkpoints, so others could not be resumed exactly"
        )
    return built


def read_examples(recipe: Recipe, *, keep: bool = True) -> list[Picture]:
    """The pictures in the order of training."""
    return mix_tasks(load_training_pictures(recipe, "grpo", keep=keep), recipe.data.iaa_share, recipe.seed)


def fingerprints(pictures: Sequence[Picture]) -> dict[str, str]:
    """Of what the stage reads."""
    return {"pictures": fingerprint_of_rows((p.key, p.digest, p.mos, p.mos_std, p.raters) for p in pictures)}


def make_trainer(recipe: Recipe, pictures: Sequence[Picture], start: str | Path | None = None) -> GRPOTrainer:
    """Of the model of the stage before, or another one to start from."""
    processes = PartialState()
    dataset = to_dataset(pictures, questions_of(recipe))
    processes.print(f"GRPO on {len(pictures)} pictures")

    ####################
    # Doctor
    ####################
    rewards, args = make_rewards(recipe), training_arguments(recipe)
    folder = start or starting_model(recipe, "grpo")
    template = read_template(Path(folder))  # None where the model is none of this machine
    report = check_setup(rewards, args, dataset.with_format(None), processes.num_processes, processing_class=template)
    processes.print(report)
    if not report.ok and recipe.grpo.doctor == "stop":
        raise SystemExit("the doctor's findings stop the run; mend them, or set grpo.doctor: warn")

    ####################
    # Model and training
    ####################
    model, processor = load_model(folder, recipe.model)
    return GRPOTrainer(
        model=model,
        processing_class=processor,
        train_dataset=dataset,
        reward_funcs=rewards,
        peft_config=lora_config(recipe.model),
        callbacks=[HackDetector(), RememberOpponents(rewards)],
        args=args,
    )


def main() -> None:
    recipe, _ = parse_command_line("GRPO with the rewards of TATAR.")
    processes = start_processes(recipe, recipe.grpo.args)
    with run_lock(recipe, is_main_process=processes.is_main_process):
        if recipe.sft is not None and not is_finished(recipe, "sft"):
            sft_model = trained_model_folder(recipe, "sft")
            raise SystemExit(
                f"{sft_model} has not been trained; run train_sft.py with this config first, or set sft: null"
            )
        pictures = read_examples(recipe)
        run_training(recipe, "grpo", partial(make_trainer, pictures=pictures), **fingerprints(pictures))


if __name__ == "__main__":
    main()
