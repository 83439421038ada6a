"""The command `python -m tatar_rewards doctor`: its options, and the rewards and data that they name."""

import argparse
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from tatar_rewards.cli.options import add_columns, add_deviations, add_reward_funcs, add_scales
from tatar_rewards.cli.printing import Table, show, terminal
from tatar_rewards.doctor import Finding, Report, check_setup
from tatar_rewards.doctor.loading import load_training_data
from tatar_rewards.doctor.named_rewards import load_rewards
from tatar_rewards.doctor.run_files import OWN_KEYS, check_keys, launched_processes, read_run_file
from tatar_rewards.doctor.settings import TrainingSettings
from tatar_rewards.doctor.templates import read_template

DESCRIPTION = """\
Check rewards, settings and data of a GRPO run before it starts. The file is that of `trl grpo --config`, or any YAML or
JSON with its keys; options count before it.
"""
EXIT_CODES = """\
exit codes:
  0  no fault was found; there may be advice
  1  there are faults: they would end the run, or keep it from learning what it should
  2  the command was wrong, or something that it names cannot be read
"""


def add_doctor(commands: Any) -> None:
    """Add the command and its options."""
    doctor = commands.add_parser(
        "doctor",
        help="check a training set-up before it runs",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    doctor.set_defaults(run=_doctor)
    doctor.add_argument("--json", action="store_true", help="facts and findings as JSON")
    doctor.add_argument("config", nargs="?", type=Path, help="YAML or JSON with settings of the trainer")
    doctor.add_argument("--dataset", help="JSON, JSONL, CSV or Parquet file, a folder, or a name of the hub")
    doctor.add_argument("--world-size", type=int, help="number of processes (default: the launcher's, else 1)")
    add_reward_funcs(doctor)
    template = doctor.add_argument_group("the chat template, which tells whether it opens <think>")
    template.add_argument("--chat-template", metavar="FILE", help="with the text of the template")
    template.add_argument("--model", metavar="FOLDER", help="of the model that will be trained")
    _add_recipe(doctor.add_argument_group("settings of the presets among the rewards"))
    trainer = doctor.add_argument_group("settings of the trainer, with TRL's defaults")
    for name, field in TrainingSettings.model_fields.items():
        nargs = "+" if name == "reward_weights" else None
        trainer.add_argument(f"--{name.replace('_', '-')}", dest=name, nargs=nargs, help=f"default {field.default}")


def _add_recipe(recipe: Any) -> None:
    add_columns(recipe, "mos", "task", "image_id", "dataset")
    add_scales(recipe)
    add_deviations(recipe)
    recipe.add_argument("--think-prefilled", action="store_const", const=True, help="the chat template writes <think>")
    recipe.add_argument("--iqa-words", type=float, help="of tatar: most words of thinking for quality (default 65)")
    recipe.add_argument("--iaa-words", type=float, help="of tatar: fewest words for aesthetics (default 125)")


# ---------------------------------------------------------------- what it does


def _doctor(options: dict[str, Any]) -> int:
    as_json = options.pop("json", False)
    report = _examine(options)
    if as_json:
        print(report.to_json())
    else:
        show(*([str(report)] if terminal() is None else _tables(report)))
    return 0 if report.ok else 1


def _tables(report: Report) -> list[Table | str]:
    """What a terminal shows."""
    parts: list[Table | str] = [Table("", ["", ""], [[name, value] for name, value in report.facts.items()], words=2)]
    for title, findings in (("Faults", report.faults), ("Advice, which stops nothing", report.advice)):
        rows = [[finding.check, finding.problem, finding.cure] for finding in findings]
        parts += [Table(title, ["check", "problem", "cure"], rows, words=3)] * bool(rows)
    return [*parts, report.verdict()]


def _examine(options: Mapping[str, Any]) -> Report:
    given, facts, findings = dict(options), dict[str, str](), list[Finding]()
    path = given.pop("config", None)
    if path is not None:
        in_file = read_run_file(path)
        findings, facts = check_keys(in_file, path)
        in_file = {name.replace("-", "_"): value for name, value in in_file.items()}
        given = {name: value for name, value in in_file.items() if value is not None or name not in OWN_KEYS} | given
    with redirect_stdout(sys.stderr):  # a module may print while it is imported
        rewards = load_rewards(given)
    loaded = load_training_data(given)
    template, of_template = _template_of(given)
    world_size = given["world_size"] if "world_size" in given else launched_processes(given)
    report = check_setup(rewards, given, loaded.dataset, world_size, processing_class=template)
    facts |= {} if loaded.why_not is None else {"data": f"not looked at: {loaded.why_not}"}
    facts |= {} if of_template is None else {"chat template": f"not looked at: {of_template}"}
    return Report({**report.facts, **facts}, [*findings, *loaded.findings, *report.findings])


def _template_of(settings: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The text of the chat template, or else why there is none."""
    if "chat_template" in settings:
        path = Path(str(settings["chat_template"]))
        if not path.is_file():
            raise ValueError(f"chat_template must be a file with the text of the template; got {str(path)!r}")
        return read_template(path), None
    name = settings.get("model") or settings.get("model_name_or_path")
    if name is None:
        return None, None
    if not Path(str(name)).is_dir():
        if "model" in settings:
            raise ValueError(f"model must be the folder of a model; got {str(name)!r}")
        return None, f"{name} is no folder of this machine; give --chat-template FILE or --model FOLDER"
    template = read_template(Path(str(name)))
    return template, None if template is not None else f"{name} holds none; give --chat-template FILE"
