"""The files of pictures that labels do not name to the letter, found by rules that the configuration declares."""

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from recipe.config import PictureSet

PICTURE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}

Key = tuple[str, ...]  # folders and name, as far as the rules tell them apart


def find_files(spec: PictureSet, names: Mapping[int, str]) -> list[Path]:
    """The file of each row, whose name is given by row number; a file of exactly that name comes before others.

    Without rules the files are not looked for: `pictures.py` tells which are missing.
    """
    if not spec.find:
        return [spec.images / name for name in names.values()]
    if not spec.images.is_dir():
        raise SystemExit(f"{spec.images}, the pictures of {spec.name}, is no folder; mend images in the config")
    by_name = _files_by_name(spec)
    found = [_find(spec, number, name, by_name) for number, name in names.items()]
    row_of: dict[Path, int] = {}
    for number, path in zip(names, found, strict=True):
        if row_of.setdefault(path, number) != number:
            raise SystemExit(f"{spec.labels}: rows {row_of[path]} and {number} are both of {path}; keep one")
    return found


def _files_by_name(spec: PictureSet) -> dict[str, list[tuple[Key, PurePosixPath]]]:
    """All files in the folder of pictures and its subfolders, by the last part of their keys."""
    by_name: dict[str, list[tuple[Key, PurePosixPath]]] = {}
    for folder, _, files in os.walk(spec.images):
        inside = PurePosixPath(Path(folder).relative_to(spec.images).as_posix())
        for file in sorted(files):
            key = _key(inside / file, spec)
            by_name.setdefault(key[-1], []).append((key, inside / file))
    return by_name


def _key(path: PurePosixPath, spec: PictureSet) -> Key:
    if "any_extension" in spec.find and path.suffix.lower() in PICTURE_SUFFIXES:
        path = path.with_suffix("")
    return tuple(part.casefold() if "any_case" in spec.find else part for part in path.parts)


def _find(spec: PictureSet, number: int, name: str, by_name: Mapping[str, list[tuple[Key, PurePosixPath]]]) -> Path:
    wanted = PurePosixPath(name.replace("\\", "/") if "backslashes" in spec.find else name)
    key = _key(wanted, spec)
    candidates = by_name.get(key[-1], []) if key else []
    depth = len(key) if "subfolders" in spec.find else None  # compare these last parts only
    matches = sorted(path for other, path in candidates if (other[-depth:] if depth else other) == key)
    if wanted in matches:
        matches = [wanted]
    if len(matches) > 1:
        raise SystemExit(
            f"{spec.labels}, row {number}: {name!r} is {' and '.join(str(path) for path in matches[:3])} in "
            f"{spec.images}, by find: [{', '.join(spec.find)}]; name the folder in file, or take out a file or a rule"
        )
    if not matches and spec.on_broken == "refuse":
        raise SystemExit(
            f"{spec.labels}, row {number}: no file in {spec.images} is {name!r} by find: [{', '.join(spec.find)}]; "
            f"mend images, file or find, or set on_broken: drop for {spec.name}"
        )
    return spec.images / (matches[0] if matches else wanted)
