"""Whose are the demo's minutes? Every stage of the tiny recipe under a sampling profiler (pyinstrument).

    make profile

Time is counted for the package whose code ran, or called what is compiled; `rewards` is all that happens below a call
of this package's rewards, whoever does it.
"""

import argparse
import importlib
import sys
import tempfile
from collections import Counter
from pathlib import Path

from pyinstrument import Profiler

EXAMPLES = Path(__file__).parents[1] / "examples"
STAGES = ("tiny.pictures", "tiny.model", "train_sft", "train_grpo", "evaluate_model", "make_report")
PACKAGES = (
    "tatar_rewards",
    "trl",
    "transformers",
    "accelerate",
    "torch",
    "datasets",
    "PIL",
    "numpy",
    "scipy",
    "matplotlib",
)


def package_of(frame) -> str:
    path = frame.file_path or ""
    if path.startswith(str(EXAMPLES)):
        return "examples"
    parts = set(Path(path).parts)
    return next((package for package in PACKAGES if package in parts), "other")


def count(frame, by_package: Counter, inside: str) -> None:
    """Add up self time by package, and all time below the rewards."""
    own = package_of(frame) if frame.file_path else inside
    package = inside if own == "other" else own  # the standard library works for whoever called it
    below = frame.time - sum(child.time for child in frame.children)
    by_package[package] += below
    if package == "tatar_rewards" and inside != "tatar_rewards" and frame.function == "__call__":
        by_package["rewards"] += frame.time
    for child in frame.children:
        count(child, by_package, package)


def profile(stage: str, flags: list[str]) -> tuple[float, Counter]:
    module = importlib.import_module(stage)
    sys.argv = [stage, *flags]
    with Profiler(interval=0.001) as profiler:
        module.main()
    root, by_package = profiler.last_session.root_frame(), Counter()
    count(root, by_package, "other")
    return root.time, by_package


def main() -> None:
    parser = argparse.ArgumentParser(description="Profile the demo.")
    parser.add_argument("--set", nargs="+", default=[], help="fields of the recipe")
    changes = parser.parse_args().set
    sys.path.insert(0, str(EXAMPLES))
    rows = []
    with tempfile.TemporaryDirectory() as out:
        for stage in STAGES:
            rows.append((stage, *profile(stage, ["--set", f"out={out}", *changes])))
    columns = (
        "rewards",
        "tatar_rewards",
        "examples",
        "trl",
        "transformers",
        "accelerate",
        "torch",
        "datasets",
        "other",
    )
    print(f"\nseconds\n{'stage':<16}{'all':>8}" + "".join(f"{name:>14}" for name in columns))
    for stage, seconds, spent in rows:
        shown = {name: spent[name] for name in columns}
        shown["other"] += sum(spent[name] for name in spent if name not in columns)
        print(f"{stage:<16}{seconds:>8.1f}" + "".join(f"{shown[name]:>14.2f}" for name in columns))
    grpo = next(row for row in rows if row[0] == "train_grpo")
    print(
        f"\nthe rewards take {grpo[2]['rewards'] / grpo[1]:.2%} of GRPO, with parsing, ranking, figures and log hooks"
    )


if __name__ == "__main__":
    main()
