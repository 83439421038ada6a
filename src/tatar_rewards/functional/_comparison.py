"""What the two ways of summing over pairs share: the images that are compared, and the settings of the comparison."""

import math
from typing import NamedTuple

from tatar_rewards.functional._arrays import namespace_of, number_sorted, segment_sum, take
from tatar_rewards.functional._checks import check_choice, check_flag, check_number
from tatar_rewards.functional._types import PerImage, PerRow

LN_2 = math.log(2)  # the entropy of a draw, in nats
LOGISTIC_SCALE = math.sqrt(3) / math.pi  # of the logistic function whose standard deviation is 1


class PairSettings(NamedTuple):
    """The settings of `ranking.py`; see there."""

    opponents: str  # "images": their mean predictions; "completions": every single one
    temperature: float
    pair_weight_scale: float
    link: str
    loss: str
    hard_targets: bool
    loss_scale: float
    probability_floor: float
    dispersion: str = "matched"
    variance_floor: float = 0.01
    within_image: bool = False
    unit: float = 1.0  # of the link: what a standard deviation of one point is on its scale

    def checked(self) -> "PairSettings":
        """The same settings as plain floats, or an error that names one out of its range."""
        check_choice("dispersion", self.dispersion, ("matched", "observer", "reference"))
        check_choice("link", self.link, ("logistic", "normal"))
        check_choice("loss", self.loss, ("kl", "bce", "fidelity", "margin", "order"))
        check_flag("hard_targets", self.hard_targets)
        check_flag("within_image", self.within_image)
        return self._replace(
            temperature=check_number("temperature", self.temperature, low=1e-3),
            pair_weight_scale=check_number("pair_weight_scale", self.pair_weight_scale, low=1e-3, or_inf=True),
            loss_scale=check_number("loss_scale", self.loss_scale, low=1e-6),
            variance_floor=check_number("variance_floor", self.variance_floor, low=1e-6),
            probability_floor=check_number(
                "probability_floor", self.probability_floor, low=1e-12, high=0.5, below_high=True
            ),
        )

    def in_units_of_link(self) -> "PairSettings":
        """Standard deviations on the scale that F has: a logistic function's own is smaller than its deviation.

        The published loss takes a standard deviation for the scale of the logistic function, and stays as it is; the
        margin loss has no F.
        """
        if self.link != "logistic" or self.loss in ("bce", "margin"):
            return self
        return self._replace(
            unit=LOGISTIC_SCALE,
            temperature=self.temperature * LOGISTIC_SCALE,
            variance_floor=self.variance_floor * LOGISTIC_SCALE**2,
        )


class Images(NamedTuple):
    """The G images of one comparison, and which of them each of its n completions (sorted by image) shows."""

    of_row: PerRow  # (n,) number of the completion's image
    first_rows: PerImage  # (G,) first completion of the image
    sizes: PerImage  # (G,) completions of the image
    targets: PerImage  # (G,) MOS
    means: PerImage  # (G,) of the predictions
    variances: PerImage | None  # (G,) of the predictions, in units of the link; None where nothing needs them
    target_variances: PerImage | None  # (G,) of the raters, in units of the link


def describe_images(
    predictions: PerRow, targets: PerRow, target_stds: PerRow | None, image_keys: PerRow, settings: PairSettings
) -> Images:
    """The images of completions that are sorted by image."""
    xp = namespace_of(predictions)
    of_row, first_rows = number_sorted(image_keys)
    count = first_rows.shape[0]
    sizes = segment_sum(xp.ones_like(predictions), of_row, count)
    means = segment_sum(predictions, of_row, count) / sizes
    variances = None
    if settings.dispersion != "matched":
        variances = segment_sum((settings.unit * (predictions - take(means, of_row))) ** 2, of_row, count) / sizes
    target_variances = None if target_stds is None else (settings.unit * take(target_stds, first_rows)) ** 2
    return Images(of_row, first_rows, sizes, take(targets, first_rows), means, variances, target_variances)
