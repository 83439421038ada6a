"""The page of a run: what stands on it, through the template `report.html.j2`, which escapes every value."""

import platform
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup

from recipe.config import Recipe
from recipe.examples_shown import Attributes, Shown, before_and_after, best_and_worst
from recipe.headlines import headlines
from recipe.label_scales import is_points, say_scale, scales_of
from recipe.labels import Picture
from recipe.page_tables import changes_table, failures_table, figures_table, title_of
from recipe.plots import SFT_CURVES, grpo_curves, plot_curves, plot_scatter, plot_spread, read_log
from recipe.predictions import MODEL_NAMES, MeasuredModel, datasets_of
from recipe.secrets import redact
from tatar_rewards import __version__

PACKAGES = ("torch", "transformers", "trl")
# What no HTML page may hold, and what turns the direction of the words that follow.
NO_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")


def showable(value: Any) -> Any:
    """A text without characters that no page may hold; anything else as it is."""
    return NO_CHARACTERS.sub("\ufffd", value) if isinstance(value, str) and not isinstance(value, Markup) else value


TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    finalize=showable,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_page(
    recipe: Recipe,
    title: str,
    measured: Mapping[str, MeasuredModel],
    pictures: Mapping[str, Picture],
    attributes: Attributes,
) -> str:
    """The whole page; its pictures are in it.

    Args:
        recipe: Its settings.
        title: Of the page.
        measured: The models' answers, by stage; at least one.
        pictures: The test pictures, by key.
        attributes: What else is known of them, by name.
    """
    settings = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return TEMPLATES.get_template("report.html.j2").render(
        title=title,
        tiny=recipe.data.make is not None,
        headlines=headlines(recipe, measured),
        resamples=recipe.evaluation.resamples,
        rewards=say_rewards(recipe),
        samples=any(model.sampled for model in measured.values()),
        tables=[figures_table(recipe, measured), changes_table(recipe, measured), failures_table(measured)],
        sets=show_sets(recipe, measured, pictures, attributes),
        stage=MODEL_NAMES[list(measured)[-1]],
        training={
            "SFT": plot_curves(read_log(recipe, "sft"), SFT_CURVES),
            "GRPO": plot_curves(read_log(recipe, "grpo"), grpo_curves(read_log(recipe, "grpo"))),
        },
        versions={"seed": recipe.seed, "Python": platform.python_version(), "tatar-rewards": __version__}
        | {package: version(package) for package in PACKAGES},
        configuration=redact(settings, recipe.rationales),
    )


def say_rewards(recipe: Recipe) -> str:
    """What GRPO paid for, in words."""
    if recipe.grpo.reward_funcs:
        return f"with {', '.join(recipe.grpo.reward_funcs)}"
    if recipe.grpo.rewards.recipe == "tatar":
        return "for quality a Gaussian around the MOS, for aesthetics the ranking against other pictures"
    return "for the gaps and the order between pictures, and for answers that together forecast the MOS"


def show_sets(
    recipe: Recipe, measured: Mapping[str, MeasuredModel], pictures: Mapping[str, Picture], attributes: Attributes
) -> list[dict[str, Any]]:
    """The part of the page about each data set."""
    scales, parts = scales_of(recipe), []
    stage, last = list(measured.items())[-1]
    for task, name in datasets_of(measured):
        scale = scales[task, name]
        shown = Shown(pictures, attributes, scale)
        parts.append(
            {
                "title": title_of(task, name),
                "scale": say_scale(scale),
                "points": is_points(scale),
                "scatter": plot_scatter(measured, task, name, scale),
                "spread": plot_spread(measured, task, name),
                "before_and_after": before_and_after(measured, task, name, shown) if len(measured) > 1 else [],
                "best_and_worst": best_and_worst(last, stage, task, name, shown),
            }
        )
    return parts
