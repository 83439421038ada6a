"""Label files as users have them: names without extensions, subfolders, splits, other encodings, single bad cells."""

import json

import pytest

from recipe.config import PictureSet, Recipe
from recipe.labels import read_labels, read_pictures
from recipe.pictures import refuse_suspicious_labels

pytestmark = pytest.mark.slow
ROWS = [
    {"image": f"{k}", "split": "train" if k % 3 else "test", "kind": "blur", "gt_score": 10.0 * k} for k in range(9)
]


def spec_of(folder, rows=ROWS, name="labels.json", **fields):
    path = folder / name
    path.write_text(json.dumps(rows) if path.suffix == ".json" else rows, encoding="utf-8")
    return PictureSet(**{"name": "s", "task": "iqa", "labels": path, "images": folder, "scale": (0, 100), **fields})


def test_files_are_named_by_declaration(tmp_path):
    pictures = read_pictures(spec_of(tmp_path, file="{kind}/{split}/{image}.jpg"))
    assert pictures[0].path == tmp_path / "blur" / "test" / "0.jpg"
    assert pictures[0].image_id == "0"
    with pytest.raises(SystemExit, match=r"row 0: data\.\*\.file '\{name\}.jpg' asks for 'name', and the row has"):
        read_pictures(spec_of(tmp_path, file="{name}.jpg"))


def test_splits_are_taken_by_column(tmp_path):
    train, test = (read_pictures(spec_of(tmp_path, where={"split": part})) for part in ("train", "test"))
    assert [p.image_id for p in test] == ["0", "3", "6"]
    assert len(train) == 6
    with pytest.raises(SystemExit, match="no row has 'part', which data.* asks for"):
        read_pictures(spec_of(tmp_path, where={"part": "train"}))


def test_shares_make_a_split_that_never_moves(tmp_path):
    rows = [{"image": f"{k}.jpg", "gt_score": 50} for k in range(500)]
    train, test = (read_pictures(spec_of(tmp_path, rows, share=share)) for share in ((0, 0.8), (0.8, 1)))
    assert not {p.key for p in train} & {p.key for p in test}
    assert len(train) + len(test) == 500
    assert 350 < len(train) < 450
    again = read_pictures(spec_of(tmp_path, [*rows[::-1], {"image": "new.jpg", "gt_score": 1}], share=(0.8, 1)))
    assert {p.key for p in test} <= {p.key for p in again}
    with pytest.raises(ValueError, match=r"share must be a part of 0 to 1, such as \[0, 0\.8\]; got \[0\.8, 0\.2\]"):
        spec_of(tmp_path, share=(0.8, 0.2))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"image": ["a.png"], "gt_score": 1}, r"row 0: image is \['a\.png'\], no name of a file"),
        ({"image": "", "gt_score": 1}, "row 0: image is empty"),
        ({"gt_score": 1}, "row 0: no 'image' among"),
        ({"image": "a", "gt_score": float("nan")}, "gt_score of row 0 is nan, no label"),
    ],
)
def test_a_bad_cell_is_named_with_its_row(tmp_path, row, message):
    with pytest.raises(SystemExit, match=message):
        read_pictures(spec_of(tmp_path, [row]))


def test_a_deviation_may_be_unknown_but_not_everywhere(tmp_path):
    rows = [{"image": "a", "gt_score": 1, "std": None}, {"image": "b", "gt_score": 2, "std": 3.0}]
    stds = [p.mos_std for p in read_pictures(spec_of(tmp_path, rows, mos_std_key="std"))]
    assert stds[0] != stds[0]
    assert stds[1] == 3.0
    with pytest.raises(SystemExit, match="no row has 'deviation'"):
        read_pictures(spec_of(tmp_path, rows, mos_std_key="deviation"))


def test_jsonl_is_split_at_line_feeds_only_and_marks_are_passed_over(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"image": "a\xe2\x80\xa8b"}\r\n\n{"image": "c"}')
    assert read_labels(path) == [{"image": "a\u2028b"}, {"image": "c"}]
    path.write_bytes(b'{"image": "a"}\n{"image": \n')
    with pytest.raises(SystemExit, match="line 2 is no JSON"):
        read_labels(path)
    for name in ("l.jsonl", "l.json", "l.csv"):
        text = '[{"image": "\u00fcber.jpg"}]' if name.startswith("l.j") else "image,gt_score\n\u00fcber.jpg,1\n"
        (tmp_path / name).write_bytes(text.encode("latin-1"))
        with pytest.raises(
            SystemExit, match=r"l\..*line \d is not in UTF-8 .* at byte 1\d of the file.*save .* in UTF-8"
        ):
            read_labels(tmp_path / name)


def test_a_csv_is_read_alike_with_a_layout_and_without_one(tmp_path):
    table = ' image , gt_score\n" a.png",1\n\n"b, c.png", 2 \n'
    plain, declared = (spec_of(tmp_path, table, name="l.csv", layout=layout) for layout in (None, {}))
    assert read_pictures(plain) == read_pictures(declared)
    assert [picture.image_id for picture in read_pictures(plain)] == ["a.png", "b, c.png"]
    assert read_labels(plain.labels) == [{"image": "a.png", "gt_score": "1"}, {"image": "b, c.png", "gt_score": "2"}]
    for layout in (None, {}):
        with pytest.raises(SystemExit, match="line 1: 2 columns are called 'gt_score'; rename the others"):
            read_pictures(spec_of(tmp_path, "image,gt_score,gt_score\na,1,2\n", name="l.csv", layout=layout))


def test_labels_on_another_scale_are_refused_before_training_and_on_request_only_told(tmp_path, capsys):
    rows = [{"image": f"{k}", "gt_score": k / 10} for k in range(9)]
    spec = spec_of(tmp_path, rows)
    settings = {"out": tmp_path, "data": {"grpo": [spec], "test": []}, "model": {"path": "m"}, "grpo": {}}
    with pytest.raises(SystemExit, match="all of 9 labels in 'gt_score' lie in the lowest tenth"):
        refuse_suspicious_labels(Recipe.model_validate(settings), "grpo")
    settings["grpo"] = {"doctor": "warn"}
    refuse_suspicious_labels(Recipe.model_validate(settings), "grpo")
    assert "lie in the lowest tenth" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("where", "cell"), [({"s": True}, "true"), ({"s": 1}, 1.0), ({"s": ["train", "val"]}, "val"), ({"s": "a"}, " A")]
)
def test_a_split_is_found_whatever_type_its_cells_have(tmp_path, where, cell):
    rows = [{"image": "a", "gt_score": 1, "s": cell}, {"image": "b", "gt_score": 2, "s": None}, {"image": "c"}]
    assert [p.image_id for p in read_pictures(spec_of(tmp_path, rows, where=where))] == ["a"]


def test_a_set_that_selects_nothing_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="none of 9 rows belongs to s; mend where, share or limit"):
        read_pictures(spec_of(tmp_path, where={"split": "nope"}))


def test_cells_that_no_column_names_and_truth_values_are_refused(tmp_path):
    for line in ("a.png,5,5", "a.png"):
        with pytest.raises(SystemExit, match=r"l\.csv, line 2: \d cells for 2 columns.* that holds a separator needs"):
            read_pictures(spec_of(tmp_path, f"image,gt_score\n{line}\n", name="l.csv"))
    with pytest.raises(SystemExit, match="row 0: gt_score is True, no label"):
        read_pictures(spec_of(tmp_path, [{"image": "a", "gt_score": True}]))


def test_errors_name_rows_of_the_file_whatever_is_selected(tmp_path):
    rows = [*ROWS[:7], ROWS[7] | {"gt_score": 500.0}]
    with pytest.raises(SystemExit, match=r"gt_score\[7\] is 500"):
        read_pictures(spec_of(tmp_path, rows, where={"split": "train"}))


# ---------------------------------------------------------------- what is not known


@pytest.mark.parametrize("unknown", [None, "", "  ", float("nan"), "nan"])
def test_what_is_not_known_of_the_raters_may_stay_empty(tmp_path, unknown):
    rows = [{"image": "a", "gt_score": 1, "sd": unknown, "n": unknown}, {"image": "b", "gt_score": 2, "sd": 3, "n": 9}]
    first, second = read_pictures(spec_of(tmp_path, rows, mos_std_key="sd", raters_key="n"))
    assert first.mos_std != first.mos_std
    assert (first.raters, second.raters, second.mos_std) == (None, 9, 3.0)


def test_empty_cells_of_a_csv_are_not_known_and_an_empty_mos_says_so(tmp_path):
    table = "image,gt_score,sd,n\na,1,,\nb,2,3.5,12.0\nc,3,,\n"
    pictures = read_pictures(spec_of(tmp_path, table, name="l.csv", mos_std_key="sd", raters_key="n"))
    assert [p.raters for p in pictures] == [None, 12, None]
    assert [p.mos_std == p.mos_std for p in pictures] == [False, True, False]
    for cell in ("", "   "):
        with pytest.raises(SystemExit, match="row 1: gt_score is empty; take the row out, or fill it in"):
            read_pictures(spec_of(tmp_path, f"image,gt_score\na,1\nb,{cell}\n", name="l.csv"))


@pytest.mark.parametrize("cell", [0, -3, 11.5, float("inf"), True, "many", [12], {"n": 12}, 10**400])
def test_a_number_of_raters_that_is_none_is_refused_with_its_row(tmp_path, cell):
    rows = [{"image": "a", "gt_score": 1, "sd": 1, "n": 5}, {"image": "b", "gt_score": 1, "sd": 1, "n": cell}]
    with pytest.raises(SystemExit, match="row 1: n is .*, no number of people; give a whole number of at least 1, or"):
        read_pictures(spec_of(tmp_path, rows, mos_std_key="sd", raters_key="n"))


@pytest.mark.parametrize("cell", [True, "wide", [1.0], -1, float("inf")])
def test_a_deviation_that_is_none_is_refused_with_its_row(tmp_path, cell):
    rows = [{"image": "a", "gt_score": 1, "sd": 1}, {"image": "b", "gt_score": 1, "sd": cell}]
    with pytest.raises(SystemExit, match=r"row 1: sd is True, no deviation|sd\[1\] (is|must be) "):
        read_pictures(spec_of(tmp_path, rows, mos_std_key="sd"))


def test_a_number_of_raters_may_hold_for_a_whole_set_and_needs_their_deviations(tmp_path):
    rows = [{"image": f"{k}", "gt_score": 1, "sd": 1} for k in range(3)]
    assert [p.raters for p in read_pictures(spec_of(tmp_path, rows, mos_std_key="sd", raters=30))] == [30] * 3
    assert [p.raters for p in read_pictures(spec_of(tmp_path, rows, mos_std_key="sd"))] == [None] * 3
    with pytest.raises(SystemExit, match="no row has 'n'; set raters_key to a column that there is"):
        read_pictures(spec_of(tmp_path, rows, mos_std_key="sd", raters_key="n"))
    for fields, message in (
        ({"raters": 30}, "says nothing without their deviations; name their column: mos_std_key"),
        ({"raters": 30, "raters_key": "n", "mos_std_key": "sd"}, "raters and raters_key both say"),
        ({"raters": 0, "mos_std_key": "sd"}, "greater than or equal to 1"),
    ):
        with pytest.raises(ValueError, match=message):
            spec_of(tmp_path, rows, **fields)


@pytest.mark.parametrize("name", [["a.png"], ["a.png", "b.png"], {"path": "a.png"}, 1.5, True])
def test_an_image_that_is_not_one_name_is_refused_with_its_row(tmp_path, name):
    rows = [{"image": "a", "gt_score": 1}, {"image": name, "gt_score": 1}]
    with pytest.raises(SystemExit, match="row 1: image is .*, no name of a file; give one name"):
        read_pictures(spec_of(tmp_path, rows))


def test_a_small_panel_may_deviate_by_more_than_half_of_the_scale(tmp_path):
    rows = [{"image": "a", "gt_score": 3, "sd": 2.8, "n": 2}]  # one said 1, the other 5
    assert read_pictures(spec_of(tmp_path, rows, scale=(1, 5), mos_std_key="sd", raters_key="n"))[0].mos_std == 70
    with pytest.raises(SystemExit, match=r"sd\[0\] is 2.8, but ratings on a scale of 1 to 5 cannot deviate by more"):
        read_pictures(spec_of(tmp_path, rows, scale=(1, 5), mos_std_key="sd", raters=30))
