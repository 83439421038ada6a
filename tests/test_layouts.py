"""Label files as their authors publish them: each layout to the exact MOS, deviation and number of raters."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.label_files import AVA_LINE, RATERS, spec_of, write_pipal

from recipe.config import PictureSet
from recipe.labels import read_pictures
from recipe.layouts import LAYOUTS
from recipe.yaml_files import read_yaml
from tatar_rewards import BENCHMARK_SCALES


def labels_of(spec):
    """Image, MOS, deviation and raters of each picture, on the scale of the labels."""
    scale, per_point = spec.score_scale, (spec.scale[1] - spec.scale[0]) / 100
    return [
        (p.image_id, scale.from_points(p.mos), None if p.mos_std is None else p.mos_std * per_point, p.raters)
        for p in read_pictures(spec)
    ]


def approx(*values):
    return pytest.approx(values, rel=1e-12, nan_ok=True)


# ---------------------------------------------------------------- the published layouts


def test_ava_counts_are_a_mos_a_deviation_and_raters(tmp_path):
    lines = f"\ufeff{AVA_LINE}\r\n\r\n  2   7 1 0 0 0 0 0 0 0 0 1 0 0 5   \r\n3\t8 0 0 1 0 0 0 0 0 0 0 0 0 5"
    spec = spec_of(tmp_path, lines, "AVA.txt", layout="ava_counts", scale=(1, 10), task="iaa")
    first, second, third = labels_of(spec)
    # 124 people: the sum of their ratings is 699, that of the squares 4191
    assert first[0] == "953619"
    assert first[1:] == approx(699 / 124, ((4191 - 699**2 / 124) / 123) ** 0.5, 124)
    assert second[1:] == approx(5.5, 40.5**0.5, 2)
    assert third[1:] == approx(3, float("nan"), 1), "one rating has no deviation"
    assert [p.path.name for p in read_pictures(spec)] == ["953619.jpg", "7.jpg", "8.jpg"]


def test_flickr_aes_has_its_scores_in_one_file_and_its_raters_in_another(tmp_path):
    scores = " farm1_27_a.jpg 0.627154296566 \r\n\r\nfarm9_8_b.jpg\t0.2\r\n"
    spec = spec_of(tmp_path, scores, "FLICKR-AES_image_score.txt", layout="flickr_aes", scale=(0, 1))
    assert labels_of(spec) == [
        ("farm1_27_a.jpg", pytest.approx(0.627154296566), None, None),
        ("farm9_8_b.jpg", pytest.approx(0.2), None, None),
    ]
    spec = spec_of(tmp_path, RATERS, layout="flickr_aes_raters", scale=(1, 5))
    (first, *rest), second = labels_of(spec)
    assert (first, *rest) == ("a.jpg", 5, pytest.approx(float("nan"), nan_ok=True), 1)
    assert second == ("b.jpg", pytest.approx(7 / 3), pytest.approx((7 / 3) ** 0.5), 3)


def test_kadid_has_deviations_in_its_column_var_and_no_number_of_raters(tmp_path):
    table = "dist_img,ref_img,dmos,var\nI01_01_01.png,I01.png,4.57,0.496\n"
    spec = spec_of(tmp_path, table, "dmos.csv", layout="kadid")
    assert labels_of(spec) == [("I01_01_01.png", pytest.approx(4.57), pytest.approx(0.496), None)]
    # 17 of 30 people said 5 and 13 said 4: the deviation (n) is 0.496, the variance 0.246
    assert np.std([5] * 17 + [4] * 13) == pytest.approx(0.496, abs=5e-4)
    assert labels_of(spec.model_copy(update={"raters": 30}))[0][3] == 30


@pytest.mark.parametrize(("layout", "column"), [("koniq", "MOS_zscore"), ("koniq_sets", "MOS")])
def test_deviations_of_koniq_are_on_five_points_and_its_mos_on_a_hundred(tmp_path, layout, column):
    table = f"image_name,c1,c2,c3,c4,c5,c_total,SD,{column},set\n1.jpg,0,0,25,73,7,105,0.52,77.4,training\n"
    table += "2.jpg,0,0,0,0,1,1,0,88,test\n"
    spec = spec_of(tmp_path, table, layout=layout, scale=(0, 100), where={"set": "training"})
    assert labels_of(spec) == [("1.jpg", pytest.approx(77.4), pytest.approx(13.0), 105)]
    other = spec_of(tmp_path, table, layout=layout, mos_std_scale=(0, 100), scale=(0, 100))
    assert labels_of(other)[0][2] == pytest.approx(0.52), "what is given beside a layout wins"


def test_pipal_is_a_folder_of_labels_and_folders_of_pictures(tmp_path):
    spec = write_pipal(tmp_path, A0007="A0007_00_00.bmp,916.7136\n", A0001="A0001_00_00.bmp,1376.3496\r\n")
    assert [(p.image_id, p.mos) for p in read_pictures(spec)] == [("A0001_00_00.bmp", 50), ("A0007_00_00.bmp", 0)]
    assert [p.path.parent.name for p in read_pictures(spec)] == ["Distortion_1", "Distortion_4"]
    merged = spec.model_copy(update={"labels": tmp_path / "Train_Label" / "A0007.txt"})
    assert len(read_pictures(merged)) == 1


def write_workbook(path, rows):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.create_sheet("other").append(["Image name", "MOS"])
    book.save(path)


SPAQ = [["Image name", " MOS", "Brightness"], ["00001.jpg ", 48.86, 47.43], [None, None, None], ["2.jpg", 0, 1]]
SPAQ_LABELS = [("00001.jpg", pytest.approx(48.86), None, None), ("2.jpg", 0, None, None)]


def test_spaq_is_the_first_sheet_of_a_workbook(tmp_path):
    write_workbook(tmp_path / "scores.xlsx", SPAQ)
    spec = spec_of(tmp_path, "", layout="spaq", scale=(0, 100), labels=tmp_path / "scores.xlsx")
    assert labels_of(spec) == SPAQ_LABELS


def test_spaq_is_also_the_export_of_the_sheet(tmp_path):
    lines = [",".join("" if cell is None else str(cell) for cell in row) + "," * n for n, row in enumerate(SPAQ)]
    assert labels_of(spec_of(tmp_path, "\ufeff" + "\r\n".join(lines), layout="spaq", scale=(0, 100))) == SPAQ_LABELS


def test_tad66k_and_artimuse_are_tables_of_image_and_score(tmp_path):
    table = b"image,score\r\n43751877@N085618633908.jpg,2.21\r\n"
    assert labels_of(spec_of(tmp_path, table, layout="tad66k", scale=(1, 10)))[0][:2] == (
        "43751877@N085618633908.jpg",
        pytest.approx(2.21),
    )
    rows = json.dumps([{"image": "0_263.jpg", "gt_score": 4.08}])
    assert labels_of(spec_of(tmp_path, rows, "ArtiMuse-10K.json", scale=(1, 10)))[0][1] == pytest.approx(4.08)


def test_every_layout_is_read_and_keeps_its_meaning_when_it_is_written_out():
    for name in LAYOUTS:
        spec = PictureSet(name=name, task="iqa", labels="l.csv", images="i", scale=(1, 10), layout=name)
        assert PictureSet.model_validate(spec.model_dump(mode="json")) == spec
    assert {"ava_counts", "kadid", "koniq", "pipal", "spaq", "tad66k", "flickr_aes"} <= set(LAYOUTS)


def test_the_lines_that_the_page_gives_for_each_benchmark_are_sets():
    page = (Path(__file__).parents[1] / "docs" / "data.md").read_text()
    sets = [PictureSet(**fields) for fields in read_yaml(page.split("```yaml\n")[1].split("```")[0])]
    assert {spec.name for spec in sets} == set(BENCHMARK_SCALES)
    for spec in sets:
        assert spec.name == "PIPAL" or spec.score_scale == BENCHMARK_SCALES[spec.name], spec.name
    for name in LAYOUTS:
        assert f"`{name}`" in page, f"docs/data.md lacks {name}"


# ---------------------------------------------------------------- ratings of any set

RATINGS = st.lists(st.integers(0, 40), min_size=2, max_size=7).filter(any)


@given(counts=RATINGS, step=st.sampled_from([0.5, 1, 2.5]), data=st.data())
def test_counts_and_single_ratings_are_what_numpy_makes_of_them(tmp_path_factory, counts, step, data):
    folder, values = tmp_path_factory.mktemp("set"), [1 + step * place for place in range(len(counts))]
    ratings = np.repeat(values, counts)
    scale = (1, values[-1])
    columns = [f"n{place}" for place in range(len(counts))]
    layout = {"counts": columns, "values": values, "separator": "semicolon"}
    table = f"image;{';'.join(columns)}\na.jpg;{';'.join(map(str, counts))}\n"
    spread = np.std(ratings, ddof=1) if len(ratings) > 1 else float("nan")
    expected = ("a.jpg", pytest.approx(np.mean(ratings)), pytest.approx(spread, nan_ok=True), len(ratings))
    assert labels_of(spec_of(folder, table, layout=layout, scale=scale)) == [expected]
    rows = [
        {"image": "a.jpg", "who": k, "score": r} for k, r in enumerate(data.draw(st.permutations(ratings.tolist())))
    ]
    layout = {"one_row_a_rater": "score"}
    assert labels_of(spec_of(folder, json.dumps(rows), "labels.json", layout=layout, scale=scale)) == [expected]


def test_a_published_mos_is_kept_beside_deviations_from_counts(tmp_path):
    layout = {"counts": ["bad", "good"], "values": [1, 5]}
    spec = spec_of(tmp_path, "image,weighted,bad,good\na.jpg,4.5,1,1\n", layout=layout, mos_key="weighted")
    assert labels_of(spec) == [("a.jpg", 4.5, pytest.approx(8**0.5), 2)]


def test_what_raters_agree_on_names_file_and_split(tmp_path):
    rows = [("a", "x", 1, "u"), ("a", "x", 2, "v"), ("b", "y", 3, "u"), ("b", "y", 3, "v")]
    table = "image,album,score,worker\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    layout = {"one_row_a_rater": "score"}
    spec = spec_of(tmp_path, table, layout=layout, file="{album}/{image}.png", where={"album": "y"})
    (picture,) = read_pictures(spec)
    assert picture.path == tmp_path / "images" / "y" / "b.png"
    assert (picture.mos, picture.mos_std, picture.raters) == (50, 0, 2)
    with pytest.raises(SystemExit, match="no row has 'worker', which data.* asks for"):
        read_pictures(spec_of(tmp_path, table, layout=layout, where={"worker": "u"}))
