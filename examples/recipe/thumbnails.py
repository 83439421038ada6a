"""Pictures inside a page: as data URIs, in their own aspect ratio, small ones enlarged without blur."""

import base64
import io
from pathlib import Path
from typing import NamedTuple

from recipe.images import open_picture

SHOWN_SIDE = 192  # of a picture in the page, the longer one, in pixels


class Thumbnail(NamedTuple):
    """A picture as the page shows it, and the size at which it does."""

    source: str  # a data URI
    width: int
    height: int
    small: bool  # it has no more pixels than are shown, so each is shown as a square


def as_data_uri(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def thumbnail(path: Path) -> Thumbnail:
    """The picture, at most twice as large as it is shown; small ones whole and without loss."""
    picture = open_picture(path)
    longer = max(picture.size)
    small = longer <= SHOWN_SIDE
    factor = SHOWN_SIDE // longer if small else SHOWN_SIDE / longer
    width, height = (max(1, round(side * factor)) for side in picture.size)
    picture.thumbnail((2 * SHOWN_SIDE, 2 * SHOWN_SIDE))
    file = io.BytesIO()
    picture.save(file, format="png" if small else "jpeg")
    return Thumbnail(as_data_uri(file.getvalue(), "png" if small else "jpeg"), width, height, small)
