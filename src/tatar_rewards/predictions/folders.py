"""The files that are meant by a path: of the folder of a run, the completions tables that its trainer wrote."""

import re
from collections.abc import Sequence
from pathlib import Path

_TABLE_OF_TRAINER = re.compile(r"completions_(\d+)\.parquet")


def find_files(paths: Sequence[Path]) -> list[Path]:
    """The files that are meant: of a folder the completions tables of a trainer, in the order of their steps.

    Raises:
        ValueError: there is nothing of that name, a folder holds no such table, or a file is given twice.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            if not path.exists():
                raise ValueError(f"FILE must be a file or a folder that exists; got {str(path)!r}")
            found.append(path)
            continue
        tables = [
            (int(match[1]), file)
            for folder in (path, path / "completions")
            if folder.is_dir()
            for file in folder.iterdir()
            if (match := _TABLE_OF_TRAINER.fullmatch(file.name))
        ]
        inside = dict(tables)
        if len(inside) < len(tables):
            raise ValueError(
                f"the folder {str(path)!r} and its folder completions both hold a table of one step; name the one "
                f"that is meant"
            )
        if not inside:
            raise ValueError(
                f"the folder {str(path)!r} holds no completions_*.parquet, as a trainer writes them with "
                f"log_completions=True; name the files themselves"
            )
        found += [inside[step] for step in sorted(inside)]
    named: dict[Path, Path] = {}
    for file in found:
        if named.setdefault(file.resolve(), file) is not file:
            raise ValueError(f"the file {str(file)!r} is given twice; give it once")
    return found
