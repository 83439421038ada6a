"""What is wrong with a label file of a declared layout, or with the layout, is named with its place, value and cure."""

import sys

import pytest
from support.label_files import AVA_LINE, RATERS, spec_of, write_pipal

from recipe.config import TINY_CONFIG, PictureSet
from recipe.labels import read_pictures
from recipe.yaml_files import load_recipe

# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (AVA_LINE.replace(" 38 ", " -38 "), r"AVA\.txt, row 1: count_5 is '-38', no number of ratings; give a whole"),
        (AVA_LINE.replace(" 38 ", " 0.38 "), r"row 1: count_5 is '0\.38', no number .*shares of the raters are none"),
        (AVA_LINE.replace(" 38 ", " many "), "row 1: count_5 is 'many', no number of ratings"),
        (AVA_LINE.replace(" 38 ", " inf "), "row 1: count_5 is 'inf', no number of ratings"),
        ("2 7 0 0 0 0 0 0 0 0 0 0 0 0 5", "row 1: nobody has rated it, all counts are 0; take the row out"),
        (AVA_LINE[:-5], r"AVA\.txt, line 3: 14 cells for 15 columns, \['1', '953619'.*; mend the line, or columns"),
        (AVA_LINE.replace("953619", "953618"), "rows 0 and 1 are both of '953618'; keep one"),
    ],
)
def test_a_bad_line_of_counts_is_named(tmp_path, line, message):
    text = f"{AVA_LINE.replace('953619', '953618')}\n\n{line}\n"
    with pytest.raises(SystemExit, match=message):
        read_pictures(spec_of(tmp_path, text, "AVA.txt", layout="ava_counts", scale=(1, 10)))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            RATERS.replace(", 4", ", 6"),
            r"labels\.csv, row 3: score is '6', no rating on the declared scale 1 to 5; mend",
        ),
        (RATERS.replace(", 4", ", x"), "row 3: score is 'x', no rating on the declared scale"),
        (RATERS.replace(", 4", ", nan"), "row 3: score is 'nan', no rating on the declared scale"),
        (RATERS.replace(", 4", ", "), "row 3: score is empty; take the row out, or fill it in"),
        (RATERS.replace("A3, b.jpg", "A3, "), "row 3: imagePair is empty"),
        (
            RATERS.replace(" score", "rating"),
            r"row 0: no 'score' among \['imagePair', 'rating', 'worker'\]; name yours",
        ),
        (RATERS.replace("worker", "score"), r"labels\.csv, line 1: 2 columns are called 'score'; rename the others"),
        (RATERS.replace(", 4", ", 4, 5"), r"line 5: 4 cells for 3 columns, \['A3', 'b\.jpg', '4', '5'\]"),
        ('worker, imagePair, score\n"A1"x, a.jpg, 5\n', r"labels\.csv is no table: .*; mend it, or separator"),
        (RATERS.encode("utf-16"), r"labels\.csv, line 1 is not in UTF-8 .*iconv -f UTF-16"),
        ("worker, imagePair, score\n", "none of 0 rows belongs to s"),
    ],
)
def test_a_bad_row_of_a_rater_is_named(tmp_path, table, message):
    with pytest.raises(SystemExit, match=message):
        read_pictures(spec_of(tmp_path, table, layout="flickr_aes_raters"))


def test_a_missing_column_of_counts_or_label_is_named(tmp_path):
    layout = {"counts": ["bad", "good"], "values": [1, 5]}
    with pytest.raises(SystemExit, match=r"row 0: no 'good' among \['bad', 'image'\]; name yours"):
        read_pictures(spec_of(tmp_path, "image,bad\na.jpg,3\n", layout=layout))
    with pytest.raises(SystemExit, match=r"row 0: bad is empty; take the row out, or fill it in"):
        read_pictures(spec_of(tmp_path, "image,bad,good\na.jpg,,1\n", layout=layout))
    with pytest.raises(SystemExit, match=r"row 0: no 'dmos' among \['dist_img'\]"):
        read_pictures(spec_of(tmp_path, "dist_img\na.png\n", layout="kadid"))
    with pytest.raises(SystemExit, match=r"AVA\.txt does not exist; mend its path"):
        read_pictures(spec_of(tmp_path, "", layout="ava_counts", scale=(1, 10), labels=tmp_path / "AVA.txt"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A0007_00_00.bmp,99\n", r"A0007\.txt: elo\[0\] is 99, off its declared scale 916\.714 to 1835\.99"),
        ("A0007_00_00.bmp,\n", r"A0007\.txt: elo\[0\] must be a number or None; got ''"),
        ("\nA0007_00_00.bmp 1000\n", r"A0007\.txt, line 2: 1 cells for 2 columns, \['A0007_00_00\.bmp 1000'\]; mend"),
    ],
)
def test_a_bad_file_of_a_folder_is_named(tmp_path, text, message):
    spec = write_pipal(tmp_path, A0001="A0001_00_00.bmp,1000\n", A0007=text)
    with pytest.raises(SystemExit, match=message):
        read_pictures(spec)


def test_a_folder_needs_files_of_the_pattern(tmp_path):
    spec = write_pipal(tmp_path)
    with pytest.raises(SystemExit, match=r"Train_Label: no file is called \*\.txt; mend labels, or files"):
        read_pictures(spec)
    with pytest.raises(SystemExit, match=r"Train_Label is a folder; name a label file, or those in it by layout"):
        read_pictures(PictureSet(**{**spec.model_dump(), "layout": {}}))


def test_a_workbook_needs_openpyxl_and_to_be_one(tmp_path, monkeypatch):
    spec = spec_of(tmp_path, "no workbook", "scores.xlsx", layout="spaq", scale=(0, 100))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "openpyxl", None)
        with pytest.raises(SystemExit, match=r"scores\.xlsx: .xlsx is read by openpyxl.*pip install openpyxl"):
            read_pictures(spec)
    with pytest.raises(SystemExit, match=r"scores\.xls: \.xls is not read; save the sheet as \.xlsx or as CSV"):
        read_pictures(spec_of(tmp_path, "", "scores.xls", layout="spaq", scale=(0, 100)))
    pytest.importorskip("openpyxl")
    with pytest.raises(SystemExit, match=r"scores\.xlsx is no \.xlsx: File is not a zip file; save it as one"):
        read_pictures(spec)


# ---------------------------------------------------------------- layouts


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layout": "ava"}, "layout 'ava' is not known; take one of ava_counts, flickr_aes, .*or describe the file"),
        ({"layout": "ava_counts"}, r"layout\.values has 6, off the declared scale 1 to 5; mend the one or the other"),
        ({"layout": {"counts": ["a", "b"], "values": [1]}}, "got 1 values for 2 columns"),
        ({"layout": {"counts": ["a"], "values": [1], "one_row_a_rater": "b"}}, "counts of ratings or one_row_a_rater"),
        ({"layout": {"columns": ["image", "image"]}}, "columns has image twice; rename one"),
        ({"layout": {"column": ["image"]}}, "unknown setting 'column'; did you mean 'columns'?"),
        ({"layout": "flickr_aes", "labels": "l.json"}, "describe tables; take them out for l.json"),
        ({"mos_std_scale": (1, 5)}, "a scale of deviations says nothing without them; name their column"),
        ({"mos_std_scale": (5, 1), "mos_std_key": "SD"}, "needs finite low < high"),
        ({"find": ["any"]}, "Input should be 'any_case', 'any_extension', 'subfolders' or 'backslashes'"),
    ],
)
def test_a_wrong_layout_is_refused_with_the_configuration(tmp_path, fields, message):
    with pytest.raises(ValueError, match=message):
        spec_of(tmp_path, "", **fields)


def test_a_layout_is_set_by_name_in_the_yaml():
    changes = ["data.test.0.layout=tad66k", "data.test.0.labels=train.csv"]
    assert load_recipe(TINY_CONFIG, changes).data.test[0].mos_key == "score"
    with pytest.raises(SystemExit, match=r"data\.test\.0: layout 'tad' is not known; take one of"):
        load_recipe(TINY_CONFIG, ["data.test.0.layout=tad"])
