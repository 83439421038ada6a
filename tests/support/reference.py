"""Slow scalar rewards, written from the formulas and from nothing else: the oracles of the vectorised ones."""

import math
from statistics import fmean, median

NAN = math.nan


def readable(prediction):
    return -1e-7 <= prediction <= 100 + 1e-7


def gaussian(q, g, std=0.0, *, tolerance=8.75, reward_at_tolerance=0.5, widening=0.8, gain=1.0):
    if math.isnan(g):
        return NAN
    if not readable(q):
        return 0.0
    error = abs(q - g)
    width = tolerance / math.sqrt(-2 * math.log(reward_at_tolerance)) * (1 + widening * error / 100)
    return min(1.0, gain * math.exp(-(error**2) / (2 * (width**2 + std**2))))


def error_score(q, g, std=0.0, *, shape="linear", tolerance=20.0, reward_at_tolerance=0.5):
    if math.isnan(g):
        return NAN
    if not readable(q):
        return 0.0
    u = abs(q - g) / math.hypot(tolerance, std)
    if shape == "laplace":
        return reward_at_tolerance**u
    loss = {"linear": u, "squared": u * u, "huber": u * u if u <= 1 else 2 * u - 1}[shape]
    return max(0.0, 1 - (1 - reward_at_tolerance) * loss)


def threshold(q, g, *, tolerance=8.75):
    if math.isnan(g):
        return NAN
    return float(readable(q) and abs(q - g) <= tolerance)


def length(n, *, shortest=0, longest=math.inf, margin=0):
    if math.isnan(n):
        return 0.0
    miss = max(shortest - n, n - longest, 0)
    if margin == 0:
        return float(miss == 0)
    return 0.5 + 0.5 * math.cos(math.pi * min(miss / margin, 1))


def sigmoid(z):
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def normal(z):
    return math.erfc(-z / math.sqrt(2)) / 2  # statistics.NormalDist is 0 from z = -9 on


def log_cumulative(z, link):
    if link == "logistic":
        return -math.log1p(math.exp(-z)) if z > -30 else z - math.log1p(math.exp(z))
    if z > -30:
        return math.log(normal(z)) if z < 5 else math.log1p(-normal(-z))
    tail = 1 - 1 / z**2 + 3 / z**4 - 15 / z**6  # Mills' ratio, far in the tail
    return -z * z / 2 - math.log(-z) - 0.5 * math.log(2 * math.pi) + math.log(tail)


def cumulative(z, link):
    return sigmoid(z) if link == "logistic" else normal(z)


def pair_loss(p, not_p, z, true_z, *, link, loss, floor):
    if loss == "margin":
        return 1 - math.exp(-((z - true_z) ** 2) / 2)
    if loss == "order":
        return not_p if z > 0 else p if z < 0 else 0.5
    if loss == "fidelity":
        return 1 - math.sqrt(p * cumulative(z, link)) - math.sqrt(not_p * cumulative(-z, link))
    if loss == "bce":
        c = min(max(cumulative(z, link), floor), 1 - floor)
        return -(p * math.log(c) + not_p * math.log1p(-c))
    entropy = -sum(x * math.log(x) for x in (p, not_p) if x > 0)
    return -p * log_cumulative(z, link) - not_p * log_cumulative(-z, link) - entropy


def rank(
    predictions,
    targets,
    groups,
    comparisons=None,
    stds=None,
    *,
    opponents,
    temperature=14.5,
    pair_weight_scale=math.inf,
    dispersion="matched",
    link="logistic",
    loss="kl",
    hard_targets=False,
    within_image=False,
    loss_scale=0.2,
    variance_floor=0.01,
    probability_floor=1e-6,
):
    """Thurstone ranking (`opponents="images"`) or pairwise ranking (`opponents="completions"`)."""
    n = len(predictions)
    comparisons = [0] * n if comparisons is None else comparisons
    stds = [NAN] * n if stds is None else stds
    image = list(zip(comparisons, groups, strict=True))
    usable = [i for i in range(n) if readable(predictions[i]) and not math.isnan(targets[i])]
    members = {}
    for i in usable:
        members.setdefault(image[i], []).append(i)
    mean = {key: fmean(predictions[i] for i in rows) for key, rows in members.items()}
    variance = {key: fmean((predictions[i] - mean[key]) ** 2 for i in rows) for key, rows in members.items()}
    known = {image[i]: stds[i] for i in range(n) if not math.isnan(stds[i]) and not math.isnan(targets[i])}
    std = {}
    for key in members:
        of_comparison = [value for other, value in known.items() if other[0] == key[0]]
        std[key] = known.get(key, median(of_comparison or [0.0]))
    # a logistic function of deviation 1
    steepness = math.pi / math.sqrt(3) if link == "logistic" and loss not in ("bce", "margin") else 1
    rewards = []
    for i in range(n):
        if math.isnan(targets[i]):
            rewards.append(NAN)
            continue
        if i not in usable:
            rewards.append(0.0)
            continue
        if opponents == "images":
            others = [(mean[key], key, rows[0]) for key, rows in members.items() if key != image[i]]
        else:
            others = [
                (predictions[j], image[j], j) for j in usable if (image[j] != image[i] or within_image) and j != i
            ]
        others = [(position, key, row) for position, key, row in others if key[0] == comparisons[i]]
        if not others:
            rewards.append(NAN)
            continue
        nearest = min(abs(targets[i] - targets[row]) for _, _, row in others)
        total = weight_sum = 0.0
        for position, key, row in others:
            gap = targets[i] - targets[row]
            rater_variance = temperature**2 + std[image[i]] ** 2 + std[key] ** 2
            s = math.sqrt(
                {
                    "matched": rater_variance,
                    "observer": rater_variance + variance[image[i]] + variance[key],
                    "reference": variance[image[i]] + variance[key] + variance_floor,
                }[dispersion]
            )
            p, not_p = (cumulative(steepness * sign * gap / math.sqrt(rater_variance), link) for sign in (1, -1))
            if hard_targets:
                p, not_p = (1.0, 0.0) if gap > 0 else (0.0, 1.0) if gap < 0 else (0.5, 0.5)
            z = steepness * (predictions[i] - position) / s
            weight = math.exp((nearest - abs(gap)) / pair_weight_scale)
            total += weight * pair_loss(p, not_p, z, gap / s, link=link, loss=loss, floor=probability_floor)
            weight_sum += weight
        mean_loss = total / weight_sum
        rewards.append(
            {
                "kl": 1 / (1 + max(mean_loss, 0.0) / loss_scale) ** 2,
                "bce": 1 - mean_loss / -math.log(probability_floor),
            }.get(loss, 1 - mean_loss)
        )
    return rewards


def win_rate(predictions, targets, groups, comparisons, stds=None):
    """The pairwise ranking by order, with hard targets or those of the deviations alone."""
    return rank(
        predictions,
        targets,
        groups,
        comparisons,
        stds,
        opponents="completions",
        temperature=1e-3,
        link="normal",
        loss="order",
        hard_targets=stds is None,
    )


def crps(answers, mos, std=0.0):
    """The fair continuous ranked probability score of an ensemble; `mos` may be uncertain."""

    def distance(x):
        if std < 1e-6:
            return abs(x - mos)
        z = (x - mos) / std
        density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        return (x - mos) * math.erf(z / math.sqrt(2)) + 2 * std * density

    m, apart = len(answers), sum(abs(a - b) for i, a in enumerate(answers) for b in answers[:i])
    return fmean(map(distance, answers)) - (apart / (m * (m - 1)) if m > 1 else 0.0)


def crps_gain(predictions, targets, groups, comparisons, stds, *, scale=100.0):
    images = list(zip(comparisons, groups, strict=True))
    usable = [i for i in range(len(images)) if readable(predictions[i]) and not math.isnan(targets[i])]
    known = {images[i]: stds[i] for i in range(len(images)) if not math.isnan(stds[i]) and not math.isnan(targets[i])}
    rewards = [NAN if math.isnan(target) else 0.0 for target in targets]
    for i in usable:
        others = [predictions[j] for j in usable if images[j] == images[i] and j != i]
        of_comparison = [value for key, value in known.items() if key[0] == images[i][0]]
        std = known.get(images[i], median(of_comparison or [0.0]))
        gain = crps(others, targets[i], std) - crps([*others, predictions[i]], targets[i], std) if others else NAN
        rewards[i] = min(1.0, max(0.0, 0.5 + len(others) * gain / (2 * scale))) if others else NAN
    return rewards


def length_without_repetition(words):
    rows = [tuple(words[k : k + 4]) for k in range(len(words) - 3)]
    repeated = {k + step for k, row in enumerate(rows) if row in rows[:k] for step in range(4)}
    return len(words) - len(repeated)
