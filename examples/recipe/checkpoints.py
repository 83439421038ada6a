"""Which checkpoint of a killed run training goes on from."""

import json
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from safetensors import SafetensorError, safe_open

UNREADABLE = (OSError, ValueError, BadZipFile, SafetensorError)


def last_checkpoint(folder: Path) -> tuple[str | None, list[str]]:
    """The newest checkpoint of which every file can be read, and what is wrong with those that are newer."""
    checkpoints = [path for path in folder.glob("checkpoint-*") if path.name.rpartition("-")[2].isdigit()]
    faults: list[str] = []
    for checkpoint in sorted(checkpoints, key=lambda path: int(path.name.rpartition("-")[2]), reverse=True):
        fault = find_fault(checkpoint)
        if fault is None:
            return str(checkpoint), faults
        faults.append(f"{checkpoint}: {fault}")
    return None, faults


def find_fault(checkpoint: Path) -> str | None:
    """The first file that a killed run left out or cut short; the trainer writes its state last."""
    if not (checkpoint / "trainer_state.json").exists():
        return "trainer_state.json is missing"
    if (checkpoint / "optimizer.pt").exists():  # an unsharded one, which is whole with these
        for pattern in ("*model*", "scheduler.pt"):
            if not any(checkpoint.glob(pattern)):
                return f"{pattern} is missing"
    for path in sorted(checkpoint.rglob("*")):
        try:
            _open(path)
        except UNREADABLE as error:
            return f"{path.relative_to(checkpoint)} cannot be read ({error})"
    return None


def _open(path: Path) -> None:
    """Read as much of a file as shows that its end is there."""
    if path.suffix == ".json":
        json.loads(path.read_text(encoding="utf-8"))
    elif path.suffix == ".safetensors":
        with safe_open(path, framework="pt"):
            pass
    elif path.suffix in (".pt", ".pth", ".bin"):  # torch writes zip files, whose directory stands at the end
        ZipFile(path).close()
