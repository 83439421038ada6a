"""Command line: `python -m tatar_rewards doctor` and `python -m tatar_rewards evaluate`."""

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tatar_rewards.doctor import check_setup
from tatar_rewards.doctor.settings import TrainingSettings
from tatar_rewards.evaluation import evaluate_predictions, read_predictions
from tatar_rewards.presets import load_reward_funcs, tatar_reward_funcs
from tatar_rewards.rewards import LengthConfig
from tatar_rewards.scales import ScoreScale

FORMATS = {".json": "json", ".jsonl": "json", ".csv": "csv", ".parquet": "parquet"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 the doctor has findings, 2 the command itself was wrong."""
    options = {name: value for name, value in vars(_parse_arguments(arguments)).items() if value is not None}
    command: Callable[[dict[str, Any]], int] = options.pop("run")
    try:
        return command(options)
    except (ValueError, TypeError, OSError, ImportError, AttributeError, ValidationError) as error:
        missing = isinstance(error, ImportError) and error.name in ("yaml", "datasets")
        cure = '; pip install "tatar-rewards[recipe]"' if missing else ""
        print(f"{command.__name__.strip('_')}: {error}{cure}", file=sys.stderr)
        return 2


def _parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tatar_rewards", description="Rewards for judging pictures.")
    commands = parser.add_subparsers(required=True)
    _add_doctor(commands)
    _add_evaluate(commands)
    return parser.parse_args(arguments)


# ---------------------------------------------------------------- evaluate


def _add_evaluate(commands: Any) -> None:
    command = commands.add_parser(
        "evaluate",
        help="agreement of a model's completions with mean opinion scores",
        description="Rows of JSONL with dataset, task, image_id, mos and completion, from any model.",
    )
    command.set_defaults(run=_evaluate)
    command.add_argument("predictions", nargs="+", type=Path, help="JSONL files")
    command.add_argument("--json", action="store_true", help="everything at full precision, as JSON")
    command.add_argument("--mos-scale", nargs=2, type=float, metavar=("LOW", "HIGH"), help="default: 0 100")
    command.add_argument(
        "--mos-scale-of",
        nargs=3,
        action="append",
        metavar=("DATASET", "LOW", "HIGH"),
        help="of one data set; may be given several times, for all of them",
    )
    command.add_argument("--answer-scale", nargs=2, type=float, metavar=("LOW", "HIGH"), help="default: 0 100")
    command.add_argument("--think-prefilled", action="store_true", help="the chat template writes <think>")
    command.add_argument("--lenient", action="store_true", help="for a model that was never asked for tags")
    command.add_argument("--resamples", type=int, default=1000, help="of the bootstrap; 0: no intervals")


def _evaluate(options: dict[str, Any]) -> int:
    scale: ScoreScale | dict[str, ScoreScale] = ScoreScale(*options.get("mos_scale", (0, 100)))
    if "mos_scale_of" in options:
        if "mos_scale" in options:
            raise ValueError("give --mos-scale for all data sets or --mos-scale-of for each, not both")
        scale = {name: ScoreScale(float(low), float(high)) for name, low, high in options["mos_scale_of"]}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        evaluation = evaluate_predictions(
            read_predictions(options["predictions"]),
            mos_scale=scale,
            answer_scale=ScoreScale(*options.get("answer_scale", (0, 100))),
            think_prefilled=options["think_prefilled"],
            lenient=options["lenient"],
            n_resamples=options["resamples"],
        )
    for warning in caught:
        print(f"evaluate: {warning.message}", file=sys.stderr)
    print(evaluation.to_json() if options["json"] else evaluation)
    return 0


# ---------------------------------------------------------------- doctor


def _doctor(options: dict[str, Any]) -> int:
    config = _read_config(options.pop("config")) if "config" in options else {}
    settings = {**config, **options}
    rewards = _load_rewards(settings)
    dataset = settings.get("dataset") or settings.get("dataset_name")
    rows = None if dataset is None else _load_dataset(Path(str(dataset)))
    report = check_setup(rewards, settings, rows, int(settings.get("world_size", 1)))
    print(report)
    return 0 if report.ok else 1


def _add_doctor(commands: Any) -> None:
    doctor = commands.add_parser(
        "doctor",
        help="check a training set-up before it runs",
        description="Check rewards, settings and data of a GRPO run. Exit code 0: nothing found; 1: findings.",
    )
    doctor.set_defaults(run=_doctor)
    doctor.add_argument("config", nargs="?", type=Path, help="YAML or JSON with the fields below, such as TRL's own")
    doctor.add_argument("--dataset", help="JSON, JSONL, CSV or Parquet file, or a folder written by save_to_disk")
    doctor.add_argument("--world-size", type=int, help="number of processes (default 1)")
    doctor.add_argument(
        "--reward-funcs", nargs="+", metavar="MODULE.NAME", help="ready rewards (default: the recipe's)"
    )
    doctor.add_argument("--mos-scale", nargs=2, type=float, metavar=("LOW", "HIGH"), help="of the recipe's rewards")
    doctor.add_argument("--iqa-words", type=float, help="most words of thinking for quality (default 65)")
    doctor.add_argument("--iaa-words", type=float, help="fewest words of thinking for aesthetics (default 125)")
    trainer = doctor.add_argument_group("settings of the trainer, with TRL's defaults")
    for name, field in TrainingSettings.model_fields.items():
        nargs = "+" if name == "reward_weights" else None
        trainer.add_argument(f"--{name.replace('_', '-')}", dest=name, nargs=nargs, help=f"default {field.default}")


def _read_config(path: Path) -> dict[str, Any]:
    text = path.read_text()
    if path.suffix == ".json":
        config = json.loads(text)
    else:
        import yaml

        config = yaml.safe_load(text)
    if not isinstance(config, dict):
        raise ValueError(f"{path} must hold a mapping of settings; got {type(config).__name__}")
    return {str(name).replace("-", "_"): value for name, value in config.items()}


def _load_rewards(settings: dict[str, Any]) -> list[Callable[..., Any]]:
    paths = settings.get("reward_funcs")
    if paths is None:
        recipe: dict[str, Any] = {}
        if "iqa_words" in settings:
            recipe["iqa_budget"] = LengthConfig(longest=float(settings["iqa_words"]))
        if "iaa_words" in settings:
            recipe["iaa_budget"] = LengthConfig(shortest=float(settings["iaa_words"]))
        low, high = settings.get("mos_scale", (0, 100))
        return list(tatar_reward_funcs(mos_scale=ScoreScale(float(low), float(high)), **recipe))
    return load_reward_funcs([paths] if isinstance(paths, str) else paths)


def _load_dataset(path: Path) -> Any:
    import datasets

    if path.is_dir():
        return datasets.load_from_disk(str(path))
    if path.suffix not in FORMATS or not path.exists():
        raise ValueError(f"dataset must be a folder or a file of {', '.join(FORMATS)} that exists; got {str(path)!r}")
    datasets.disable_progress_bars()
    return datasets.load_dataset(FORMATS[path.suffix], data_files=str(path), split="train")
