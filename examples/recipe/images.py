"""Opening a picture: the one way in which all stages do it, so that all of them see the same pixels."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

GROUND = (255, 255, 255)  # what shows through where a picture is transparent


def open_picture(path: str | Path) -> Image.Image:
    """The picture upright in RGB: turned as its EXIF orientation says, transparency over white, 16 bits scaled to 8.

    Raises:
        ValueError: it has more pixels than Pillow takes for safe, or samples whose range nothing tells.
        OSError: it cannot be decoded, or does not exist.
    """
    # Through a file object: Pillow maps uncompressed files by their path, and turns those wrongly.
    with Path(path).open("rb") as file, Image.open(file) as opened:
        limit = Image.MAX_IMAGE_PIXELS
        if limit is not None and opened.width * opened.height > limit:
            raise ValueError(f"{opened.width} x {opened.height} pixels, over {limit}; shrink it")
        opened.load()
        return _to_rgb(ImageOps.exif_transpose(opened), opened.format)


def _to_rgb(picture: Image.Image, file_format: str | None) -> Image.Image:
    # A PNG has no more than 16 bits; older Pillows read them into 32. Pillow's own conversion clips them at 255.
    if picture.mode.startswith("I;16") or (picture.mode == "I" and file_format == "PNG"):
        samples = np.asarray(picture).astype(np.float64)
        grey = (samples / 257).round().clip(0, 255).astype(np.uint8)
        if isinstance(picture.info.get("transparency"), int):
            grey[samples == picture.info["transparency"]] = 255
        return Image.fromarray(grey).convert("RGB")
    if picture.mode in ("I", "F"):
        raise ValueError(f"samples of mode {picture.mode}, whose range nothing tells; save it with 8 or 16 bits")
    key = picture.info.get("transparency")
    if picture.mode == "RGB" and isinstance(key, tuple) and max(key) > 255:  # of 16 bits, where the samples have 8
        picture.info["transparency"] = tuple(value >> 8 for value in key)
    if picture.has_transparency_data:
        ground = Image.new("RGBA", picture.size, (*GROUND, 255))
        return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")
    return picture.convert("RGB")
