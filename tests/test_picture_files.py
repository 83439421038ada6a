"""Pictures whose files differ from their names in the labels: found by declared rules alone, and never one of two."""

import pytest

from recipe.config import PictureSet
from recipe.labels import read_pictures

FILES = ("IMG_1.JPG", "sub/img_2.jpeg", "sub/deep/3.png", "other/3.png", "IMG.4.bmp", "sub/3.txt")


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_text("")
    return tmp_path


def files_of(folder, *names, **fields):
    table = "image,gt_score\n" + "".join(f'"{name}",1\n' for name in names)
    (folder / "l.csv").write_text(table)
    given = {"name": "mine", "task": "iqa", "labels": folder / "l.csv", "images": folder / "images", "scale": (0, 9)}
    pictures = read_pictures(PictureSet(**{**given, **fields}))
    assert [p.image_id for p in pictures] == list(names), "pictures keep the names of the labels"
    return [p.path.relative_to(folder / "images").as_posix() for p in pictures]


@pytest.mark.parametrize(
    ("name", "find", "file"),
    [
        ("img_1.jpg", ["any_case"], "IMG_1.JPG"),
        ("SUB/IMG_2.JPEG", ["any_case"], "sub/img_2.jpeg"),
        ("IMG_1", ["any_extension"], "IMG_1.JPG"),
        ("IMG_1.png", ["any_extension"], "IMG_1.JPG"),
        ("IMG.4", ["any_extension"], "IMG.4.bmp"),
        ("img_2.jpeg", ["subfolders"], "sub/img_2.jpeg"),
        ("deep/3.png", ["subfolders"], "sub/deep/3.png"),
        ("sub\\deep\\3.png", ["backslashes"], "sub/deep/3.png"),
        ("DEEP\\3", ["backslashes", "subfolders", "any_case", "any_extension"], "sub/deep/3.png"),
        ("IMG_1.JPG", ["any_case", "any_extension", "subfolders"], "IMG_1.JPG"),
        ("./IMG_1.JPG", ["any_case"], "IMG_1.JPG"),
    ],
)
def test_a_rule_finds_the_file(folder, name, find, file):
    assert files_of(folder, name, find=find) == [file]


def test_without_rules_nothing_is_looked_for(folder):
    assert files_of(folder, "img_1.jpg", "sub\\deep\\3.png") == ["img_1.jpg", "sub\\deep\\3.png"]


@pytest.mark.parametrize(
    ("name", "find"),
    [
        ("img_1.jpg", ["any_extension", "subfolders", "backslashes"]),
        ("IMG_1", ["any_case", "subfolders"]),
        ("img_2.jpeg", ["any_case", "any_extension"]),
        ("sub\\img_2.jpeg", ["any_case", "any_extension", "subfolders"]),
        (".", ["any_case"]),
    ],
)
def test_a_rule_that_is_not_declared_does_not_help(folder, name, find):
    with pytest.raises(SystemExit) as raised:
        files_of(folder, name, find=find)
    rules = ", ".join(find)
    assert f"l.csv, row 0: no file in {folder / 'images'} is {name!r} by find: [{rules}]; mend images" in str(
        raised.value
    )
    assert files_of(folder, name, find=find, on_broken="drop"), "a missing picture may be dropped"


def test_one_of_two_files_is_never_chosen_but_that_of_the_exact_name(folder):
    with pytest.raises(SystemExit, match=r"row 1: '3\.png' is other/3\.png and sub/deep/3\.png in .*name the folder"):
        files_of(folder, "IMG_1.JPG", "3.png", find=["subfolders"])
    (folder / "images" / "img_1.jpg").write_text("")
    with pytest.raises(SystemExit, match=r"row 0: 'Img_1\.jpg' is .*IMG_1\.JPG.*, by find: \[any_case\]"):
        files_of(folder, "Img_1.jpg", find=["any_case"])
    assert files_of(folder, "img_1.jpg", "IMG_1.JPG", find=["any_case"]) == ["img_1.jpg", "IMG_1.JPG"]


def test_two_rows_of_one_file_are_named(folder):
    with pytest.raises(SystemExit, match=r"l\.csv: rows 0 and 2 are both of .*IMG_1\.JPG; keep one"):
        files_of(folder, "IMG_1.JPG", "IMG.4.bmp", "img_1.jpg", find=["any_case"])


def test_rules_work_on_the_file_that_columns_name_and_need_a_folder(folder):
    assert files_of(folder, "IMG_2", find=["any_case"], file="sub/{image}.jpeg") == ["sub/img_2.jpeg"]
    with pytest.raises(SystemExit, match="nowhere, the pictures of mine, is no folder; mend images in the config"):
        files_of(folder, "a", find=["any_case"], images=folder / "nowhere")
