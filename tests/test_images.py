"""One way of opening a picture: training, evaluation, writers of rationales and the report see the same pixels."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

import evaluate_model
from recipe.chat import picture_block
from recipe.images import open_picture
from recipe.labels import Picture
from recipe.pictures import check_pictures, to_dataset
from recipe.thumbnails import thumbnail

pytestmark = pytest.mark.slow
QUESTIONS = {"iqa": "Quality?", "iaa": "Beauty?"}


def picture_of(path):
    return Picture(path, path.name, "d", "iqa", 50.0, None)


@pytest.fixture
def turned(tmp_path):
    """40 x 80 as it is to be seen, 80 x 40 in the file: EXIF orientation 6."""
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, :40] = (200, 30, 30)
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    return tmp_path / "turned.png"


def test_a_picture_is_upright_wherever_it_is_opened(turned, monkeypatch):
    upright = np.asarray(open_picture(turned))
    assert upright.shape == (80, 40, 3)
    assert upright[0, 0].tolist() == [200, 30, 30]
    row = to_dataset([picture_of(turned)], QUESTIONS)[0]
    np.testing.assert_array_equal(np.asarray(row["images"][0]), upright)
    encoded = picture_block(turned)["image_url"]["url"].partition(",")[2]
    assert Image.open(io.BytesIO(base64.b64decode(encoded))).size == (40, 80)
    shown = thumbnail(turned).source.partition(",")[2]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(shown)))), upright)
    seen = []

    class Processor:
        def apply_chat_template(self, prompts, **_):
            return "text"

        def __call__(self, images, **_):
            seen.extend(images)
            raise StopIteration

    with pytest.raises(StopIteration):
        evaluate_model.generate(None, Processor(), [picture_of(turned)], QUESTIONS, 1)
    np.testing.assert_array_equal(np.asarray(seen[0][0]), upright)


def test_a_data_set_opens_a_picture_when_its_row_is_asked_for(turned, monkeypatch):
    opened = []
    monkeypatch.setattr("recipe.pictures.open_picture", lambda path: opened.append(path) or open_picture(path))
    dataset = to_dataset([picture_of(turned)] * 5, QUESTIONS)
    assert opened == []
    assert dataset[2]["images"][0].size == (40, 80)
    assert len(opened) == 1
    assert dataset.with_format(None)[0]["images"] == [str(turned)]
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("mode", "pixels", "expected"),
    [
        ("I;16", np.array([[0, 257 * 100, 65535]], np.uint16), [0, 100, 255]),
        ("L", np.array([[0, 100, 255]], np.uint8), [0, 100, 255]),
        ("1", np.array([[False, True]]), [0, 255]),
    ],
)
def test_grey_pictures_of_any_depth_keep_their_tones(tmp_path, mode, pixels, expected):
    Image.fromarray(pixels).save(tmp_path / "grey.png")
    opened = open_picture(tmp_path / "grey.png")
    assert opened.mode == "RGB"
    assert np.asarray(opened)[0].tolist() == [[tone] * 3 for tone in expected]
    if mode == "I;16":
        Image.fromarray(pixels).save(tmp_path / "grey.tif")
        assert np.asarray(open_picture(tmp_path / "grey.tif"))[0, :, 0].tolist() == expected


def test_what_is_transparent_shows_white_in_every_mode_that_can_be(tmp_path):
    clear = Image.fromarray(np.array([[[200, 30, 30, 0], [200, 30, 30, 255]]], np.uint8), "RGBA")
    clear.save(tmp_path / "rgba.png")
    clear.convert("LA").save(tmp_path / "la.png")
    clear.quantize(4).save(tmp_path / "p.png")
    for name in ("rgba", "la", "p"):
        pixels = np.asarray(open_picture(tmp_path / f"{name}.png"))[0]
        assert pixels[0].tolist() == [255, 255, 255], name
        assert pixels[1].tolist() != [255, 255, 255], name
    key = Image.fromarray(np.array([[[1, 2, 3], [9, 9, 9]]], np.uint8))
    key.save(tmp_path / "key.png", transparency=(1, 2, 3))
    assert np.asarray(open_picture(tmp_path / "key.png"))[0].tolist() == [[255] * 3, [9] * 3]


def test_bombs_and_samples_without_a_range_are_faults_and_not_crashes(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    Image.new("L", (13, 10)).save(tmp_path / "bomb.png")
    Image.new("L", (50, 50)).save(tmp_path / "large bomb.png")
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "floats.tif")
    pictures = [picture_of(tmp_path / name) for name in ("bomb.png", "large bomb.png", "floats.tif")]
    digests, faults = check_pictures(pictures, tmp_path / "cache.jsonl")
    assert digests == {}
    first, second, third = (faults[picture.path] for picture in pictures)
    assert first == "broken: 13 x 10 pixels, over 100; shrink it"
    assert "exceeds limit" in second
    assert "mode F, whose range nothing tells" in third


def test_uncompressed_files_of_one_channel_are_turned_rightly(tmp_path):
    pixels = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 20
    for depth in (np.uint8, np.uint16):
        grey = Image.fromarray((pixels >> 8).astype(depth) if depth is np.uint8 else pixels)
        grey.save(tmp_path / "plain.tif")
        grey.save(tmp_path / "turned.tif", tiffinfo={0x112: 6})
        plain, turned = (np.asarray(open_picture(tmp_path / f"{name}.tif")) for name in ("plain", "turned"))
        np.testing.assert_array_equal(turned, np.rot90(plain, -1))


def test_sixteen_bits_may_be_transparent_too(tmp_path):
    Image.fromarray(np.array([[500, 40_000]], np.uint16)).save(tmp_path / "grey.png", transparency=500)
    opened = np.asarray(open_picture(tmp_path / "grey.png"))[0]
    assert opened[0].tolist() == [255] * 3
    assert opened[1].tolist() == [156] * 3
