"""Loading labelled pictures: published layouts, declared scales, faults by row, no test picture in training."""

import csv
import json

import numpy as np
import pytest

from recipe.config import PictureSet
from recipe.labels import read_pictures
from recipe.pictures import check_pictures, load_pictures, mix_tasks, refuse_overlap, to_dataset
from tatar_rewards import BENCHMARK_SCALES
from tiny.pictures import load_photograph, random_crop

pytestmark = pytest.mark.slow

QUESTIONS = {"iqa": "Quality?", "iaa": "Beauty?"}

# The label files of the eight benchmarks, as published: how an image is named, and the ends of their labels.
LAYOUTS = {
    "KonIQ-10k": ("iqa", "10007357496.jpg", [4.16741071429, 88.24375], [4.16741071429, 88.24375]),
    "SPAQ": ("iqa", "00001.jpg", [4.0, 93.67], [4.0, 93.67]),
    "KADID-10k": ("iqa", "I03_01_01.png", [1.0, 4.87], [0.0, 96.75]),
    "PIPAL": ("iqa", "A0006_00_00.bmp", [1.0, 4.674911451670452], [0.0, 91.8727862917613]),
    "ArtiMuse-10K": ("iaa", "0_263.jpg", [1.0, 9.78], [0.0, 97.55555555555556]),
    "AVA": ("iaa", "953980.jpg", [2.07, 8.3], [11.88888888888889, 81.11111111111111]),
    "TAD66K": ("iaa", "hs_yin152947873.jpg", [1.39, 9.28], [4.333333333333333, 92.0]),
    "FLICKR-AES": ("iaa", "farm1_27_96361207_c200595017.jpg", [0.2, 1.0], [20.0, 100.0]),
}


@pytest.fixture(scope="module")
def crops():
    rng, photograph = np.random.default_rng(0), load_photograph("coffee")
    return [random_crop(photograph, rng) for _ in range(6)]


def write_set(folder, crops, names, labels, name="mine", task="iqa", suffix=".json", **fields):
    """A set as it is published: pictures of a folder, and a label file of the given kind."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for image_name, crop in zip(names, crops, strict=False):
        crop.save(folder / "images" / image_name)
    rows = [{"image": image_name, "gt_score": label} for image_name, label in zip(names, labels, strict=True)]
    path = folder / f"{name}{suffix}"
    if suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["image", "gt_score"])
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text(json.dumps(rows) if suffix == ".json" else "".join(json.dumps(row) + "\n" for row in rows))
    return PictureSet(
        **{"name": name, "task": task, "labels": path, "images": folder / "images", "scale": (0, 100), **fields}
    )


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv"])
@pytest.mark.parametrize("benchmark", LAYOUTS)
def test_each_benchmark_is_read_on_its_scale_to_its_ends(tmp_path, crops, benchmark, suffix):
    task, first, labels, points = LAYOUTS[benchmark]
    names = [first, f"other{first[-4:]}"]
    scale = BENCHMARK_SCALES[benchmark]
    spec = write_set(tmp_path, crops, names, labels, benchmark, task, suffix, scale=(scale.low, scale.high))
    pictures = load_pictures([spec], tmp_path / "cache")
    np.testing.assert_allclose([p.mos for p in pictures], points, rtol=1e-12)
    rows = to_dataset(pictures, QUESTIONS)
    assert rows.column_names == ["images", "prompt", "mos", "task", "dataset", "image_id"]
    assert rows[0]["image_id"] == first
    assert rows[0]["task"] == task
    assert rows[0]["dataset"] == benchmark
    assert rows[1]["images"][0].size == (64, 64)


def test_pictures_are_decoded_only_when_they_are_needed(tmp_path, crops):
    spec = write_set(tmp_path, crops, ["a.png", "b.png"], [1, 2])
    rows = to_dataset(load_pictures([spec], tmp_path / "cache"), QUESTIONS)
    (tmp_path / "images" / "b.png").unlink()
    assert rows[0]["images"][0].size == (64, 64)
    with pytest.raises(FileNotFoundError):
        rows[1]


def test_columns_have_the_names_that_the_config_says(tmp_path, crops):
    spec = write_set(tmp_path, crops, ["a.png", "b.png"], [1, 2])
    rows = [{"file": "a.png", "MOS": 3.2, "SD": 0.8, "n": 12}, {"file": "b.png", "MOS": "1", "SD": "0", "n": ""}]
    spec.labels.write_text(json.dumps(rows))
    keys = {"image_key": "file", "mos_key": "MOS", "mos_std_key": "SD", "raters_key": "n"}
    spec = spec.model_copy(update={**keys, "scale": (1, 5)})
    pictures = read_pictures(spec)
    assert [(p.mos, p.mos_std) for p in pictures] == [pytest.approx((55.0, 20.0)), (0.0, 0.0)]
    assert to_dataset(pictures, QUESTIONS)["mos_std"][:] == pytest.approx([20.0, 0.0])
    assert to_dataset(pictures, QUESTIONS)["raters"][:] == [12, None]
    spec.labels.write_text(json.dumps([rows[0], {**rows[1], "SD": -0.5}]))
    with pytest.raises(SystemExit, match=r"SD\[1\] is -0.5; give a finite number"):
        read_pictures(spec)


def test_a_scale_of_impairment_is_turned(tmp_path, crops):
    spec = write_set(tmp_path, crops, ["a.png"], [9], scale=(0, 9), higher_is_better=False)
    assert read_pictures(spec)[0].mos == 0.0


def write_broken(folder, crops):
    """Three sound pictures, one missing, one cut short and one that is no picture."""
    names = [f"{k}.jpg" for k in range(6)]
    spec = write_set(folder, crops, names, [10, 20, 30, 40, 50, 60])
    (folder / "images" / "1.jpg").unlink()
    content = (folder / "images" / "3.jpg").read_bytes()
    (folder / "images" / "3.jpg").write_bytes(content[: len(content) // 2])
    (folder / "images" / "5.jpg").write_text("not found")
    return spec


def test_missing_and_broken_pictures_stop_the_run_with_their_rows(tmp_path, crops):
    with pytest.raises(SystemExit) as raised:
        load_pictures([write_broken(tmp_path, crops)], tmp_path / "cache")
    for part in (
        "3 of 6",
        "row 1: ",
        "1.jpg: missing",
        "row 3: ",
        "3.jpg: broken: image file is truncated",
        "row 5: ",
        "set on_broken: drop for mine",
    ):
        assert part in str(raised.value)


def test_they_are_dropped_only_on_request_and_counted(tmp_path, crops, capsys):
    spec = write_broken(tmp_path, crops).model_copy(update={"on_broken": "drop"})
    pictures = load_pictures([spec], tmp_path / "cache")
    assert [p.image_id for p in pictures] == ["0.jpg", "2.jpg", "4.jpg"]
    assert [p.mos for p in pictures] == [10, 30, 50], "each keeps its own label"
    assert "mine: dropped 3 of 6 pictures, the first in row 1" in capsys.readouterr().out


def test_what_was_sound_is_not_read_again_until_it_changes(tmp_path, crops, monkeypatch):
    spec = write_set(tmp_path, crops, ["a.png", "b.png"], [1, 2])
    load_pictures([spec], tmp_path / "cache")
    monkeypatch.setattr("recipe.pictures._digest_or_fault", lambda path: (None, f"read again: {path.name}"))
    assert len(load_pictures([spec], tmp_path / "cache")) == 2
    (tmp_path / "images" / "b.png").write_text("changed")
    with pytest.raises(SystemExit, match=r"read again: b\.png"):
        load_pictures([spec], tmp_path / "cache")


def test_what_a_kill_cut_off_in_the_midst_of_a_line_is_read_again(tmp_path, crops):
    spec = write_set(tmp_path, crops, ["a.png", "b.png"], [1, 2])
    load_pictures([spec], tmp_path / "cache")
    whole = (tmp_path / "cache").read_text()
    (tmp_path / "cache").write_text(whole[:-20])
    assert len(load_pictures([spec], tmp_path / "cache")) == 2
    assert (tmp_path / "cache").read_text() == whole


def test_a_test_picture_in_training_is_refused_by_name_and_by_content(tmp_path, crops):
    train, same_name, copied, other = (
        load_pictures([write_set(tmp_path / folder, images, names, labels, name=name)], tmp_path / "cache")
        for folder, images, names, labels, name in (
            ("train", crops[:3], ["a.png", "b.png", "c.png"], [1, 2, 3], "mine"),
            ("test", crops[3:], ["a.png"], [1], "mine"),
            ("copy", crops[1:2], ["new.png"], [1], "mine"),
            ("other", crops[4:5], ["a.png"], [1], "theirs"),
        )
    )
    with pytest.raises(SystemExit, match=r"mine/a\.png"):
        refuse_overlap(train, same_name)
    with pytest.raises(SystemExit, match=r"1 test pictures .*\n.*new\.png.* is .*b\.png of training"):
        refuse_overlap(train, copied)
    refuse_overlap(train, other)


@pytest.mark.parametrize(
    ("content", "suffix", "message"),
    [
        ("[{", ".json", "is no json"),
        ('{"a": 1}', ".json", "must hold a list of objects"),
        ('[{"image": "a.png"}]', ".json", r"row 0: no 'gt_score' among \['image'\]; name yours .* mos_key:"),
        ('{"image": "a.png", "gt_score": 3}\n{"gt_score": 3}', ".jsonl", "row 1: no 'image'"),
        ('[{"image": "a.png", "gt_score": 101}]', ".json", r"gt_score\[0\] is 101, off its declared scale 0 to 100"),
        ('[{"image": "a.png", "gt_score": "good"}]', ".json", r"gt_score\[0\] must be a number or None; got 'good'"),
        ('[{"image": "a.png", "gt_score": 1}, {"image": "a.png", "gt_score": 2}]', ".json", "rows 0 and 1 are both"),
        ("image;gt_score\na.png;3\n", ".csv", "row 0: no 'image' among"),
        ("", ".txt", "labels must be .json, .jsonl or .csv"),
    ],
)
def test_a_bad_label_file_is_named_with_its_row(tmp_path, content, suffix, message):
    path = tmp_path / f"labels{suffix}"
    path.write_text(content)
    with pytest.raises(SystemExit, match=message):
        read_pictures(PictureSet(name="x", task="iqa", labels=path, images=tmp_path, scale=(0, 100)))


def test_a_label_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(SystemExit, match=r"nothing\.json does not exist"):
        read_pictures(PictureSet(name="x", task="iqa", labels=tmp_path / "nothing.json", images=tmp_path, scale=(0, 1)))


def test_an_empty_check_reads_nothing(tmp_path):
    assert check_pictures([], tmp_path / "cache") == ({}, {})


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_tasks_are_mixed_at_the_ratio_that_was_set(tmp_path, share):
    labels = [{"image": f"{k}.png", "gt_score": k} for k in range(40)]
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    spec = {"labels": tmp_path / "labels.json", "images": tmp_path, "scale": (0, 100)}
    pictures = read_pictures(PictureSet(name="q", task="iqa", **spec))
    pictures += read_pictures(PictureSet(name="a", task="iaa", limit=30, **spec))
    mixed = mix_tasks(pictures, share, seed=0)
    assert np.mean([p.task == "iaa" for p in mixed]) == pytest.approx(share, abs=0.01)
    assert len(mixed) == {0.0: 40, 0.25: 53, 0.5: 60, 1.0: 30}[share]
    assert len({p.key for p in mixed}) == len(mixed)
    assert mixed == mix_tasks(pictures, share, seed=0) != mix_tasks(pictures, share, seed=1)
    assert len(mix_tasks(pictures, None, seed=0)) == 70
