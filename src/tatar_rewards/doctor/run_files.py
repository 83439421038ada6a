"""The file of settings that a run is started with: read with care, its keys checked, its launcher looked at."""

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from tatar_rewards.adapters.grpo_settings import known_keys
from tatar_rewards.doctor.named_rewards import REWARD_KEYS
from tatar_rewards.doctor.settings import TrainingSettings
from tatar_rewards.findings import Finding
from tatar_rewards.wording import nearest

LARGEST_FILE = 10_000_000  # bytes
MOST_NODES = 100_000  # of a YAML file, with those that its aliases repeat
ALIKE = 0.8  # as difflib counts: from here on a key is taken for a misspelt one
OWN_KEYS = (*REWARD_KEYS, "chat_template", "dataset", "model", "reward_funcs", "world_size")
OF_THE_RECIPE = {"out", "data", "sft", "grpo", "rationales", "launch"}


def read_run_file(path: Path) -> dict[str, Any]:
    """The settings of a YAML or JSON file, under the names that it gives them.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no mapping of settings.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ValueError(f"{path} has over {LARGEST_FILE:,} bytes and is no file of settings")
    refuse_wrong_encoding(content.splitlines(keepends=True), path)
    text = content.decode("utf-8-sig")
    try:
        settings = json.loads(text) if path.suffix == ".json" else _parse_yaml(text)
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if not isinstance(settings, dict):
        held = "nothing" if settings is None else type(settings).__name__
        cure = "" if path.suffix in (".yaml", ".yml", ".json") else f"; a file with data is given as --dataset {path}"
        raise ValueError(f"{path} must hold a mapping of settings; got {held}{cure}")
    if len(OF_THE_RECIPE & settings.keys()) > 2:
        raise ValueError(
            f"{path} is a config of the recipe; python examples/train_tatar.py --config {path} --plan looks at it"
        )
    return {str(name): value for name, value in settings.items()}


def refuse_wrong_encoding(lines: Iterable[bytes], path: Path) -> None:
    """Raises a ValueError that names the first byte that is no UTF-8."""
    offset = 0
    for number, line in enumerate(lines, start=1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path} is no UTF-8: byte 0x{line[error.start]:02x} at offset {offset + error.start}, line {number}; "
                "save it as UTF-8"
            ) from None
        offset += len(line)


def _parse_yaml(text: str) -> Any:
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _expanded_size(node, {}) > MOST_NODES:
            raise ValueError(f"its aliases expand to over {MOST_NODES:,} values")
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


def _expanded_size(node: Any, sizes: dict[int, int]) -> int:
    """How many values a node holds, counting an alias as all that it stands for."""
    if id(node) in sizes:
        return sizes[id(node)]
    sizes[id(node)] = MOST_NODES + 1  # while it is counted: a node that holds itself has no end
    children = node.value if isinstance(node.value, list) else []
    parts = [part for child in children for part in (child if isinstance(child, tuple) else (child,))]
    sizes[id(node)] = 1 + sum(_expanded_size(part, sizes) for part in parts)
    return sizes[id(node)]


# ---------------------------------------------------------------- keys


def check_keys(settings: Mapping[str, Any], path: Path) -> tuple[list[Finding], dict[str, str]]:
    """Keys that nobody reads, and as a fact if they could not be checked."""
    of_trl = known_keys()
    known = {*OWN_KEYS, *TrainingSettings.model_fields} | (of_trl or set())
    unknown = [name for name in settings if name not in known and name.replace("-", "_") not in OWN_KEYS]
    if of_trl is None:
        alike = [name for name in unknown if nearest(name, sorted(known), 0.9)]
        return [_unknown_key(name, known, path) for name in alike], {"keys": "not all checked: TRL is not installed"}
    return [_unknown_key(name, known, path) for name in unknown], {}


def _unknown_key(name: str, known: set[str], path: Path) -> Finding:
    likely = nearest(name, sorted(known), ALIKE)
    return Finding(
        "keys",
        f"{path.name} sets {name!r}, which is no setting of TRL, of its launcher or of the doctor",
        f"did you mean {likely!r}" if likely else "take it out, unless a script of yours reads it",
        "fault" if likely else "advice",
    )


# ---------------------------------------------------------------- the launcher


def launched_processes(settings: Mapping[str, Any]) -> Any:
    """The number of processes that a launcher's settings name, or those of its own file; None where they name none."""
    if settings.get("num_processes") is not None:
        return settings["num_processes"]
    name = settings.get("accelerate_config") or settings.get("config_file")
    if not isinstance(name, str):
        return None
    path = Path(name)
    if not path.is_file():
        path = next(_configs_of_trl(name), path)
    if not path.is_file():
        raise ValueError(f"the launcher's configuration {name!r} is no file of this machine; give --world-size")
    return read_run_file(path).get("num_processes")


def _configs_of_trl(name: str) -> Iterator[Path]:
    """The launcher's files that TRL brings, by their names."""
    try:
        path = Path(str(resources.files("trl.accelerate_configs").joinpath(f"{name}.yaml")))
    except ModuleNotFoundError:
        return
    yield path
