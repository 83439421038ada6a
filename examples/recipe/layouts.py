"""Layouts of label files: a few settings that describe a table, and names for those of published data sets.

`config.py` reads them, `label_tables.py` reads files by them. docs/data.md says what confirms each published layout.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import model_validator

from recipe.section import Section


class Layout(Section):
    """How a label file is written, if it is more than a table with a header and a picture and its label in each row."""

    separator: Literal["comma", "semicolon", "tab", "space"] = "comma"  # space: white space of any length
    columns: list[str] | None = None  # of a file that has no header
    files: str | None = None  # labels names a folder, and these are its label files: "*.txt"
    counts: list[str] = []  # columns that hold how many people gave a rating,
    values: list[float] = []  # and the rating that each of them counts
    one_row_a_rater: str | None = None  # a row holds one person's rating, in this column

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        if len(self.counts) != len(self.values):
            raise ValueError(
                f"values must give the rating that each column of counts stands for; got {len(self.values)} values for "
                f"{len(self.counts)} columns"
            )
        if self.counts and self.one_row_a_rater is not None:
            raise ValueError("a file has counts of ratings or one_row_a_rater; keep one")
        for name, columns in (("columns", self.columns or []), ("counts", self.counts)):
            twice = sorted({column for column in columns if columns.count(column) > 1})
            if twice:
                raise ValueError(f"{name} has {', '.join(twice)} twice; rename one")
        return self

    @property
    def is_of_tables(self) -> bool:
        """Whether a setting says how cells stand in a file, which JSON says itself."""
        return self.separator != "comma" or self.columns is not None or self.files is not None


# The columns that label_tables.py computes from ratings.
COMPUTED = {"mos_key": "mos", "mos_std_key": "mos_std", "raters_key": "raters"}

_AVA_COUNTS = [f"count_{rating}" for rating in range(1, 11)]
_KONIQ = {"image_key": "image_name", "mos_std_key": "SD", "mos_std_scale": [1, 5], "raters_key": "c_total"}

# The fields of a picture set that a published file needs.
LAYOUTS: dict[str, dict[str, Any]] = {
    "ava_counts": {  # AVA.txt
        "layout": {
            "separator": "space",
            "columns": ["index", "image_id", *_AVA_COUNTS, "tag_1", "tag_2", "challenge_id"],
            "counts": _AVA_COUNTS,
            "values": list(range(1, 11)),
        },
        "image_key": "image_id",
        "file": "{image_id}.jpg",
    },
    "flickr_aes": {  # FLICKR-AES_image_score.txt
        "layout": {"separator": "space", "columns": ["image", "score"]},
        "mos_key": "score",
    },
    "flickr_aes_raters": {  # FLICKR-AES_image_labeled_by_each_worker.csv
        "layout": {"one_row_a_rater": "score"},
        "image_key": "imagePair",
    },
    # dmos.csv; its column var holds standard deviations
    "kadid": {"layout": {}, "image_key": "dist_img", "mos_key": "dmos", "mos_std_key": "var"},
    "koniq": {"layout": {}, "mos_key": "MOS_zscore", **_KONIQ},  # koniq10k_scores_and_distributions.csv
    "koniq_sets": {"layout": {}, "mos_key": "MOS", **_KONIQ},  # koniq10k_distributions_sets.csv
    "pipal": {  # the folder Train_Label; the pictures are in Distortion_1 to Distortion_4
        "layout": {"files": "*.txt", "columns": ["image", "elo"]},
        "mos_key": "elo",
        "find": ["subfolders"],
    },
    # MOS and Image attribute scores.xlsx, or the same table as CSV
    "spaq": {"layout": {}, "image_key": "Image name", "mos_key": "MOS"},
    "tad66k": {"layout": {}, "mos_key": "score"},  # train.csv and test.csv of labels/merge
}


def expand_layout(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a picture set, and beneath them those that its layout brings: what is given wins.

    Raises:
        ValueError: no layout has the name.
    """
    layout, named = fields["layout"], {}
    if isinstance(layout, str):
        if layout not in LAYOUTS:
            raise ValueError(
                f"layout {layout!r} is not known; take one of {', '.join(LAYOUTS)}, or describe the file, for example "
                f"layout: {{separator: space, columns: [image, gt_score]}}"
            )
        named = LAYOUTS[layout]
        layout = named["layout"]
    described = layout.model_dump() if isinstance(layout, Layout) else layout
    has_ratings = isinstance(described, dict) and (described.get("counts") or described.get("one_row_a_rater"))
    return {**(COMPUTED if has_ratings else {}), **named, **fields, "layout": layout}
