# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""One self-contained HTML page about a run: tables, training curves, scatter plots, pictures with the model's words.

python examples/make_report.py --config examples/configs/tiny.yaml
"""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import yaml

from recipe.config import Recipe
from recipe.pictures import read_pictures
from recipe.predictions import STAGES, format_table, measure
from recipe.report import CURVES, PAGE, pick_examples, plot_curves, plot_scatter, read_log
from recipe.stages import parse_recipe


def write_report(recipe: Recipe, config: Path) -> Path:
    measured = measure(recipe)
    if not measured:
        raise SystemExit(f"no predictions in {recipe.out}; run evaluate_model.py with this config first")
    stage = list(measured)[-1]
    known: dict[str, dict] = {}
    for path in (recipe.out / "data").glob("*_test_known.json"):  # only the tiny data set knows
        known |= json.loads(path.read_text())
    paths = {(p.dataset, p.image_id): p.path for spec in recipe.data.test for p in read_pictures(spec)}
    packages = ("tatar-rewards", "torch", "transformers", "trl")
    page = PAGE.render(
        title=config.stem.replace("_", " "),
        tiny=recipe.data.make is not None,
        table=format_table(recipe, measured),
        intervals="\n\n".join(f"{STAGES[stage]}\n{model.evaluation}" for stage, model in measured.items()),
        resamples=recipe.evaluation.resamples,
        scatter=plot_scatter(measured),
        grpo_curves=plot_curves(read_log(recipe, "grpo"), CURVES, columns=2),
        sft_curve=plot_curves(read_log(recipe, "sft"), {"Loss": {"loss": "loss"}}, columns=1),
        stage=STAGES[stage],
        examples=pick_examples(measured[stage], paths, known),
        versions={
            "seed": recipe.seed,
            "Python": platform.python_version(),
            **{name: version(name) for name in packages},
        },
        configuration=yaml.safe_dump(json.loads(recipe.model_dump_json()), sort_keys=False),
    )
    path = recipe.out / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def main() -> None:
    recipe, args = parse_recipe("Write the report of a run.")
    print(write_report(recipe, args.config))


if __name__ == "__main__":
    main()
