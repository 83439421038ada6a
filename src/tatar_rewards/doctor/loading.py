"""The data of a run, loaded as the trainer's own script loads them; nothing large is fetched for a look."""

import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tatar_rewards.adapters.grpo_settings import load_mixture
from tatar_rewards.doctor.run_files import refuse_wrong_encoding
from tatar_rewards.findings import Finding

FORMATS = {".json": "json", ".jsonl": "json", ".csv": "csv", ".parquet": "parquet"}
TEXTS = (".json", ".jsonl", ".csv", ".tsv")
BUILDERS = ("arrow", "audiofolder", "csv", "imagefolder", "json", "parquet", "text", "webdataset")
HUB_NAME = re.compile(r"\w[\w.-]*(/[\w.-]+)?")
TIMEOUT = 3.0  # seconds, for the hub to answer


class Loaded(NamedTuple):
    """The data; None where there are none to look at, and then perhaps why."""

    dataset: Any = None
    why_not: str | None = None
    findings: Sequence[Finding] = ()


def load_training_data(settings: Mapping[str, Any]) -> Loaded:
    """What `dataset`, else the mixture of `datasets`, else `dataset_name` names.

    Raises:
        ImportError: the library `datasets` is not installed.
        ValueError: there is nothing of that name, or it cannot be read, or it is empty.
    """
    if settings.get("dataset") == "":
        raise ValueError("dataset must be the path of a file or folder, or a name of the hub; got ''")
    name, mixture = settings.get("dataset") or settings.get("dataset_name"), settings.get("datasets")
    if name is None and not mixture:
        return Loaded()
    import datasets

    with _quietly(datasets):
        if mixture and not settings.get("dataset"):
            return _load_mixture(datasets, settings)
        if not isinstance(name, str | os.PathLike):
            raise ValueError(f"dataset must be the path of a file or folder, or a name of the hub; got {name!r:.80}")
        path = Path(name)
        if not path.exists():
            return _load_from_hub(datasets, str(name), settings)
        _refuse_wrong_encoding(path)
        with _told_in_one_line(path):
            dataset, trains = _load_path(datasets, path, settings)
        _refuse_empty(dataset, str(path))
        named = "dataset" not in settings
        return Loaded(dataset, None, [_not_for_trl(path)] if named and not trains else [])


@contextmanager
def _quietly(datasets: Any) -> Iterator[None]:
    """Errors are told by us; bars and log lines of the library are left out meanwhile."""
    logging = datasets.utils.logging
    level, bars = logging.get_verbosity(), datasets.utils.are_progress_bars_disabled()
    logging.set_verbosity(logging.CRITICAL)
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if not bars:
            datasets.enable_progress_bars()


# ---------------------------------------------------------------- of this machine


def _load_path(datasets: Any, path: Path, settings: Mapping[str, Any]) -> tuple[Any, bool]:
    """The data, and whether `trl grpo` could load them from there too."""
    streaming, config = bool(settings.get("dataset_streaming", False)), settings.get("dataset_config")
    if path.is_dir():
        if (path / "state.json").is_file() or (path / "dataset_dict.json").is_file():
            return datasets.load_from_disk(str(path)), False
        return datasets.load_dataset(str(path), name=config, streaming=streaming), True
    if path.suffix not in FORMATS:
        raise ValueError(f"dataset must be a folder or a file of {', '.join(FORMATS)} that exists; got {str(path)!r}")
    if path.stat().st_size == 0:
        raise ValueError("it is empty")
    files = {"data_files": str(path), "streaming": streaming}
    return datasets.load_dataset(FORMATS[path.suffix], split="train", **files), False


def _not_for_trl(path: Path) -> Finding:
    return Finding(
        "data",
        f"`trl grpo` itself takes no {'folder of save_to_disk' if path.is_dir() else 'single file'} such as {path}",
        "put the files into a folder, or list them under datasets: with path: json and data_files:",
        "advice",
    )


@contextmanager
def _told_in_one_line(path: Path) -> Iterator[None]:
    """Whatever a reader of files raises, as a ValueError that names the file."""
    try:
        yield
    except Exception as error:
        cause = error.__cause__ or error
        reason = " ".join(str(cause).split()) or type(cause).__name__
        reason += "; has it any rows?" if isinstance(cause, IndexError | StopIteration) else ""
        told = reason if str(path) in reason else f"{path} cannot be read: {reason}"
        raise ValueError(told) from None


def _refuse_wrong_encoding(path: Path) -> None:
    """Some readers take such a file, and stumble over its rows later; of a folder they take some files only."""
    if path.is_file() and path.suffix in TEXTS:
        with path.open("rb") as lines:
            refuse_wrong_encoding(lines, path)


def _refuse_empty(dataset: Any, name: str) -> None:
    splits = list(dataset.values()) if isinstance(dataset, Mapping) else [dataset]
    if all(hasattr(split, "__len__") and len(split) == 0 for split in splits):
        raise ValueError(f"{name} holds no rows")


# ---------------------------------------------------------------- of the hub, and mixtures


def _load_from_hub(datasets: Any, name: str, settings: Mapping[str, Any]) -> Loaded:
    if not HUB_NAME.fullmatch(name) or Path(name).suffix in FORMATS:
        raise ValueError(f"dataset must be a folder or a file of {', '.join(FORMATS)} that exists; got {name!r}")
    config, online = settings.get("dataset_config"), _hub_is_reachable()
    try:
        if online:  # the first rows do
            return Loaded(datasets.load_dataset(name, name=config, streaming=True))
        with _offline(datasets):
            return Loaded(datasets.load_dataset(name, name=config))  # from the cache
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        where = "cannot be loaded" if online else "is not on this machine, and the hub is out of reach"
        why_not = f"{name} {where} ({reason}); give its rows with --dataset FILE or a folder"
        return Loaded(None, why_not)


def _load_mixture(datasets: Any, settings: Mapping[str, Any]) -> Loaded:
    entries = settings["datasets"]
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) and "path" in entry for entry in entries):
        raise ValueError(f"datasets must be a list of mappings with a path each; got {entries!r:.80}")
    names = [str(entry["path"]) for entry in entries]
    remote = [name for name in names if name not in BUILDERS and not Path(name).exists()]
    try:
        if remote and not _hub_is_reachable():
            with _offline(datasets):
                return Loaded(load_mixture(settings))
        return Loaded(load_mixture(settings))
    except Exception as error:
        reason = " ".join(str(error.__cause__ or error).split())[:200] or type(error).__name__
        if remote:
            return Loaded(None, f"the mixture of {', '.join(names)} ({reason}); give its rows with --dataset FILE")
        raise ValueError(f"datasets: {', '.join(names)} cannot be read: {reason}") from None


def _hub_is_reachable() -> bool:
    if os.environ.get("HF_HUB_OFFLINE", "0").upper() in ("1", "ON", "YES", "TRUE"):
        return False
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True  # a proxy may reach what this machine does not
    address = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((address.hostname or "", port), timeout=TIMEOUT).close()
    except OSError:
        return False
    return True


@contextmanager
def _offline(datasets: Any) -> Iterator[None]:
    """Without a minute of attempts at what cannot be reached."""
    from huggingface_hub import constants

    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before
