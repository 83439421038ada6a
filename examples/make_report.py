# /// script
# dependencies = ["tatar-rewards[recipe]"]
# ///
"""Write a self-contained HTML page about a run, for a reader who does not know the run.

    python examples/make_report.py --config examples/configs/tiny.yaml

The page first says in words what GRPO changed. Then come tables, scatter plots, pictures with the answers before and
after GRPO, and training curves. The script reads what the other stages wrote into the folder of the run.
"""

import json
from pathlib import Path

from recipe.config import Recipe
from recipe.examples_shown import Attributes
from recipe.files import write_whole
from recipe.page import render_page
from recipe.pictures import load_pictures
from recipe.predictions import measure_models
from recipe.stages import parse_command_line, run_lock


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
    title = config.stem.replace("_", " ")
    page = render_page(recipe, title, measured, {p.key: p for p in pictures}, read_attributes(recipe))
    path = recipe.out / "report.html"
    write_whole(path, page)
    return path


def main() -> None:
    recipe, args = parse_command_line("Write the report of a run.")
    with run_lock(recipe):
        print(write_report(recipe, args.config))


if __name__ == "__main__":
    main()
