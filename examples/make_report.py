# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""Write a self-contained HTML page about a run: tables, training curves, scatter plots, pictures with answers.

    python examples/make_report.py --config examples/configs/tiny.yaml

The page reads what the other stages left in the folder of the run, and shows the answers of the model that was trained
last.
"""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import yaml

from recipe.config import Recipe
from recipe.files import write_whole
from recipe.pictures import load_pictures
from recipe.predictions import MODEL_NAMES, format_table, measure_models
from recipe.report import CURVES, PAGE, Attributes, pick_examples, plot_curves, plot_scatter, read_log
from recipe.secrets import redact
from recipe.stages import parse_command_line, run_lock

PACKAGES = ("tatar-rewards", "torch", "transformers", "trl")


def read_attributes(recipe: Recipe) -> Attributes:
    """What is known of the test pictures besides their MOS: empty but for the tiny pictures."""
    attributes: dict[str, dict[str, float]] = {}
    for path in (recipe.out / "data").glob("*_test_attributes.json"):
        attributes |= json.loads(path.read_text())
    return attributes


def write_report(recipe: Recipe, config: Path) -> Path:
    pictures = load_pictures(recipe.data.test, recipe.out / "pictures.jsonl")
    measured = measure_models(recipe, pictures)
    if not measured:
        raise SystemExit(f"no predictions in {recipe.out}; run evaluate_model.py with this config first")
    last_stage = list(measured)[-1]
    paths = {p.key: p.path for p in pictures}
    page = PAGE.render(
        title=config.stem.replace("_", " "),
        tiny=recipe.data.make is not None,
        table=format_table(recipe, measured),
        intervals="\n\n".join(f"{MODEL_NAMES[stage]}\n{model.evaluation}" for stage, model in measured.items()),
        resamples=recipe.evaluation.resamples,
        scatter=plot_scatter(measured),
        grpo_curves=plot_curves(read_log(recipe, "grpo"), CURVES, columns=2),
        sft_curve=plot_curves(read_log(recipe, "sft"), {"Loss": {"loss": "loss"}}, columns=1),
        stage=MODEL_NAMES[last_stage],
        examples=pick_examples(measured[last_stage], paths, read_attributes(recipe)),
        versions={
            "seed": recipe.seed,
            "Python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
        configuration=redact(yaml.safe_dump(json.loads(recipe.model_dump_json()), sort_keys=False), recipe.rationales),
    )
    path = recipe.out / "report.html"
    write_whole(path, page)
    return path


def main() -> None:
    recipe, args = parse_command_line("Write the report of a run.")
    with run_lock(recipe):
        print(write_report(recipe, args.config))


if __name__ == "__main__":
    main()
