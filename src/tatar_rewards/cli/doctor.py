"""`python -m tatar_rewards doctor`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tatar_rewards.doctor import check_setup
from tatar_rewards.doctor.training import TrainingSettings
from tatar_rewards.presets import load_reward_funcs, tatar_reward_funcs
from tatar_rewards.rewards import LengthConfig
from tatar_rewards.scales import ScoreScale

FORMATS = {".json": "json", ".jsonl": "json", ".csv": "csv", ".parquet": "parquet"}


def _doctor(options: dict[str, Any]) -> int:
    config = _read_config(options.pop("config")) if "config" in options else {}
    settings = {**config, **options}
    rewards = _load_rewards(settings)
    dataset = settings.get("dataset") or settings.get("dataset_name")
    rows = None if dataset is None else _load_dataset(Path(str(dataset)))
    report = check_setup(rewards, settings, rows, int(settings.get("world_size", 1)))
    print(report)
    return 0 if report.ok else 1


def add_doctor(commands: Any) -> None:
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
