"""The page of a run: what stands on it, that its pictures are as they are, that it stands alone."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support import made_up_run as made_up
from support.made_up_run import write_page
from support.pages import Page

import recipe.predictions
from recipe.pictures import load_pictures
from recipe.predictions import measure_models, read_predictions
from recipe.tables import format_table
from recipe.thumbnails import SHOWN_SIDE, thumbnail
from recipe.yaml_files import load_recipe
from tatar_rewards.evaluation import DatasetEvaluation, Figures

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Quality on 1 to 5 with deviations of raters, distortion on 0 to 1 where lower is better, aesthetics on points."""
    folder = tmp_path_factory.mktemp("made_up")
    rng, n = np.random.default_rng(0), 24
    columns = {"sd": [None, *rng.uniform(0.4, 1, n - 1)], "people": ["", *range(10, 9 + n)]}
    five = made_up.make_set(
        folder, "KADID", rng.uniform(1, 5, n), scale=(1, 5), columns=columns, mos_std_key="sd", raters_key="people"
    )
    lower = made_up.make_set(folder, "CSIQ", rng.uniform(0, 1, n), scale=(0, 1), higher_is_better=False)
    plain = made_up.make_set(folder, "AVA", rng.uniform(20, 80, n).round(), task="iaa")
    for k, (spec, points) in enumerate((five, lower, plain)):
        for stage, noise in (("sft", 20), ("grpo", 6)):
            completions = made_up.noisy_answers(points, noise, k)
            if spec["name"] == "CSIQ":
                completions |= {"picture 003": "It is <b>fine</b>."} if stage == "sft" else {"picture 004": "No"}
            made_up.write_predictions(folder / "run", stage, spec, completions)
    made_up.write_logs(folder / "run")
    return made_up.write_config(folder, [five[0], lower[0], plain[0]])


@pytest.fixture(scope="module")
def page(run):
    return Page(write_page(run))


# ---------------------------------------------------------------- pictures


def test_a_circle_is_round_on_the_page_whatever_its_picture_is_like(page):
    shown = [(a, picture.convert("RGB")) for a, picture in page.images() if "width" in a]
    assert len(shown) > 20
    for attributes, picture in shown:
        width, height = int(attributes["width"]), int(attributes["height"])
        yellow = np.asarray(picture)[..., 2] < 110
        if min(width, height) > 30:
            rows, columns = (int(np.ptp(np.flatnonzero(yellow.any(axis=k)))) + 1 for k in (1, 0))
            assert rows / picture.height * height == pytest.approx(columns / picture.width * width, rel=0.05)
        assert max(width, height) <= SHOWN_SIDE
    assert {max(1, round(int(a["width"]) / int(a["height"]), 1)) for a, _ in shown} >= {1, 2.7, 1.3, 1.8}


@given(st.integers(1, 700), st.integers(1, 700))
def test_every_aspect_ratio_is_kept_to_a_pixel_and_small_pictures_whole(width, height):
    with pytest.MonkeyPatch.context() as patch:
        picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8))
        patch.setattr("recipe.thumbnails.open_picture", lambda path: picture.copy())
        shown = thumbnail("any.png")
    assert max(shown.width, shown.height) <= SHOWN_SIDE
    factor = max(shown.width, shown.height) / max(width, height)
    assert abs(shown.width - width * factor) <= 1
    assert abs(shown.height - height * factor) <= 1
    assert shown.small == (max(width, height) <= SHOWN_SIDE)
    if shown.small:
        assert factor == int(factor) >= 1, "each pixel is a square of whole pixels"
        inside = next(Page(f'<img src="{shown.source}">').images())[1]
        np.testing.assert_array_equal(np.asarray(inside), np.asarray(picture))


def test_every_picture_has_its_name_its_file_and_its_data_set(page):
    assert "KADID: picture 003 (003.png)" in page.text
    names = [attributes["alt"] for attributes, _ in page.images() if "width" in attributes]
    assert all(name.startswith(("test picture KADID: ", "test picture CSIQ: ", "test picture AVA: ")) for name in names)


# ---------------------------------------------------------------- figures and words


def test_scores_stand_on_the_scale_of_the_labels_beside_points(page, run):
    recipe = load_recipe(run)
    pictures = {p.key: p for p in load_pictures(recipe.data.test, recipe.out / "pictures.jsonl")}
    mos = pictures["iqa/KADID/picture 003"].mos
    assert f"MOS {1 + mos / 25:.2f}".rstrip("0") + f" ({mos:.1f}".removesuffix(".0") + " points)" in page.text
    assert "labels on 0 to 1, where lower is better" in page.text
    best = min((p for p in pictures.values() if p.dataset == "CSIQ"), key=lambda p: p.mos)
    assert best.mos < 20, "0.9 or so of distortion"
    ava = page.text[page.text.rindex("Labels on 0 to 100") :]
    assert "lower is better" not in ava
    assert " points); " not in ava, "points are not said twice"


def test_tables_have_a_cell_for_each_column_and_units_in_their_headers(page):
    figures, changes, failures = page.tables[:3]
    for table in (figures, changes, failures):
        header = table[0]
        assert all(len(row) == len(header) for row in table if len(row) > 1)
        numbers = [cell for row in table[1:] for cell in row[1:] if cell.strip()]
        assert all(cell == cell.strip() for cell in numbers)
    assert "RMSE (points)" in figures[0]
    assert "RMSE (scale of the labels)" in figures[0]
    rmse = {row[0]: row[6:8] for row in figures[2:5] if len(row) > 1}  # of KADID, whose scale is a 25th of points
    assert all(float(own) == pytest.approx(float(points) / 25, abs=0.006) for points, own in rmse.values())
    assert [row[1:3] for row in failures if row[0] == "after SFT"] == [["1", "1 no answer"]]
    assert sum(map(int, changes[1][-3:])) == int(changes[1][-4]) == 24


def test_the_same_picture_stands_before_and_after_with_both_errors(page):
    part = page.text[page.text.index("The same picture before and after GRPO") :]
    assert part.index("Greatest gain") < part.index("Least change") < part.index("Greatest loss")
    csiq = page.text[page.text.rindex("Quality (IQA), CSIQ") :]
    only = csiq[csiq.index("Readable only after GRPO") :]
    assert "after SFT : not read: it holds no answer It is <b>fine</b>." in only
    assert "Readable only before GRPO" in only


def test_floor_and_ceiling_stand_where_the_evaluation_knows_them(run, monkeypatch):
    floor, ceiling = Figures(math.nan, math.nan, math.nan, 24.5, 21.2), Figures(0.951, 0.96, 0.82, 6.5, 5.0)
    kinds = {
        "KADID": type("Both", (DatasetEvaluation,), {"floor": floor, "ceiling": ceiling}),
        "CSIQ": type("Floor", (DatasetEvaluation,), {"floor": floor, "ceiling": None}),
        "AVA": type("Neither", (DatasetEvaluation,), {"floor": None, "ceiling": None}),
    }
    evaluate = recipe.predictions.evaluate_predictions

    def with_bounds(rows, **options):
        found = evaluate(rows, **options)
        return found._replace(datasets=[kinds[one.dataset](*one) for one in found.datasets])

    monkeypatch.setattr("recipe.predictions.evaluate_predictions", with_bounds)
    figures = Page(write_page(run)).tables[0]
    assert [row[0] for row in figures if len(row) > 1].count("constant guess (floor)") == 2
    assert next(row for row in figures if row[0] == "other raters (ceiling)")[1:4] == ["0.951", "-", "0.960"]
    assert ["constant guess (floor)", *"-----", "24.5", "0.98", "21.2", "", ""] in figures
    settings = load_recipe(run)
    pictures = load_pictures(settings.data.test, settings.out / "pictures.jsonl")
    table = format_table(settings, measure_models(settings, pictures))
    assert [line.split()[2:4] for line in table.splitlines()[1:] if "KADID" in line] == [
        ["constant", "guess"],
        ["after", "SFT"],
        ["after", "GRPO"],
        ["other", "raters"],
    ]


def test_the_raters_of_the_labels_reach_the_rows_that_are_evaluated(run):
    settings = load_recipe(run)
    pictures = load_pictures(settings.data.test, settings.out / "pictures.jsonl")
    rows = {row["image_id"]: row for row in read_predictions(settings, "sft", pictures) if row["dataset"] == "KADID"}
    assert not {"mos_std", "raters"} & rows["picture 000"].keys(), "what is not known is left out"
    assert rows["picture 003"]["raters"] == 12
    std = next(p.mos_std for p in pictures if p.key == "iqa/KADID/picture 003")
    assert rows["picture 003"]["mos_std"] == std
    assert 10 <= std <= 25, "0.4 to 1 on 1 to 5, in points"


def test_a_data_set_that_only_one_model_was_asked_about_is_shown_all_the_same(tmp_path):
    first, second = (made_up.make_set(tmp_path, name, [20.0, 50, 70, 90]) for name in "ab")
    for (spec, points), stages in ((first, ("sft", "grpo")), (second, ("grpo",))):
        for stage in stages:
            made_up.write_predictions(tmp_path / "run", stage, spec, made_up.noisy_answers(points, 9, 1))
    page = Page(write_page(made_up.write_config(tmp_path, [first[0], second[0]])))
    assert "b left out, since no SRCC exists there" in page.text
    assert "This run has no log of GRPO." in page.text


def test_the_page_stands_alone_and_runs_nothing(page, run):
    source = (run.parent / "run" / "report.html").read_text()
    assert source.startswith('<!doctype html>\n<html lang="en">')
    assert "http" not in source.replace("http-equiv", "")
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "iframe", "object", "form", "base"})
    policy = next(a["content"] for tag, a in page.elements if tag == "meta" and "http-equiv" in a)
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids) == 3
    assert all(a["src"].startswith("data:image/") and a["alt"] for tag, a in page.elements if tag == "img")
    assert not re.search(r"\bnan\b", page.text, re.IGNORECASE)
    assert "text-align: right" in source
    assert re.findall(r"(?<!max-)(?<!line-)height: [^;}]+", source) == ["height: auto"], "of pictures alone"
