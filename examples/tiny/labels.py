"""The MOS and the rationale of a tiny picture, computed from its attributes.

- Quality: the attributes are the strengths of the distortions that were added, and the MOS falls with them.
- Aesthetics: the attributes are colourfulness (Hasler and Suesstrunk, 2003), contrast, and how near the subject lies to
  a rule-of-thirds point. The MOS is a *proxy* computed from them. Nobody was asked whether these pictures are
  beautiful; the proxy stands in for taste because it can be computed.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image
from scipy.stats import norm

DISTORTIONS = ("blur", "noise", "compression", "darkness")
IMPAIRMENT = dict(zip(DISTORTIONS, (0.85, 0.75, 0.7, 0.65), strict=True))  # share of quality lost at full strength


def draw_strengths(rng: np.random.Generator) -> dict[str, float]:
    """Strengths of the distortions on 0-1; at most two are not 0."""
    active = rng.choice(len(DISTORTIONS), size=rng.choice([0, 1, 2], p=[0.1, 0.6, 0.3]), replace=False)
    return {name: float(rng.uniform(0.1, 1)) if k in active else 0.0 for k, name in enumerate(DISTORTIONS)}


def true_quality(strengths: Mapping[str, float]) -> float:
    """The MOS in points, without the noise of raters."""
    remaining = np.prod([1 - IMPAIRMENT[name] * strength for name, strength in strengths.items()])
    return float(5 + 90 * remaining)


def measure_aesthetics(picture: Image.Image) -> dict[str, float]:
    """Colourfulness, contrast and placement of the subject of a square picture, as z-scores over tiny pictures."""
    pixels = np.asarray(picture, np.float32)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    colourfulness = spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean())
    luma = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    salience = (luma - luma.mean()) ** 2
    salience /= salience.sum() + 1e-6
    side = len(luma)
    rows, columns = np.mgrid[0:side, 0:side] / (side - 1)
    centre = np.array([(salience * rows).sum(), (salience * columns).sum()])
    distance_to_thirds = np.abs(np.abs(centre - 0.5) - 1 / 6).max()
    return {
        "colour": float((colourfulness - 28) / 28),
        "contrast": float((luma.std() - 34) / 20),
        "placement": float((0.13 - distance_to_thirds) / 0.035),
    }


def true_beauty(aesthetics: Mapping[str, float]) -> float:
    """The MOS in points, without the noise of raters."""
    taste = 0.8 * aesthetics["colour"] + 0.7 * aesthetics["contrast"] + 0.3 * aesthetics["placement"]
    return float(5 + 90 * norm.cdf(taste))


def choose_word(value: float, bounds: Sequence[float], words: Sequence[str]) -> str:
    """The word for a value: the first one below the first bound, the last one above the last bound."""
    return words[int(np.searchsorted(bounds, value))]


def quality_rationale(strengths: Mapping[str, float]) -> str:
    """A brief text: a clause for each distortion, with its strength in words, and never the score."""
    bounds = (0.05, 0.3, 0.5, 0.75)
    words = {
        name: choose_word(strength, bounds, ("no", "slight", "clear", "strong", "extreme"))
        for name, strength in strengths.items()
    }
    return (
        f"I see {words['blur']} blur, {words['noise']} noise, {words['compression']} blocks and "
        f"{words['darkness']} dark."
    )


def beauty_rationale(aesthetics: Mapping[str, float]) -> str:
    """A long text: colour, contrast, placement, mood, and a verdict in words."""
    bounds = (-1.0, -0.35, 0.35, 1.0)
    colour = choose_word(aesthetics["colour"], bounds, ("grey", "muted", "natural", "rich", "vivid"))
    contrast = choose_word(aesthetics["contrast"], bounds, ("flat", "soft", "even", "bold", "dramatic"))
    placement = choose_word(aesthetics["placement"], bounds, ("lost", "loose", "fair", "good", "ideal"))
    verdicts = ("dull", "modest", "pleasant", "beautiful", "stunning")
    verdict = choose_word(true_beauty(aesthetics), (20, 40, 60, 80), verdicts)
    return (
        f"The colours of this picture are {colour} and they set its mood before anything else does. "
        f"The light is {contrast} so the shapes stand out as much as that allows. "
        f"The subject has a {placement} place in the frame. Taken together I find it {verdict}."
    )
