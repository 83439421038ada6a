"""The rewards as nested Python loops, written from the formulas: what users have today, and the yardstick of speed."""

import math
import re

ANSWER = re.compile(r"<answer>\s*([0-9.]+)\s*</answer>")


def sigmoid(z):
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def by_image(predictions, groups):
    """Rows, mean and variance of each image."""
    members = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    means = {group: sum(predictions[row] for row in rows) / len(rows) for group, rows in members.items()}
    variances = {
        group: sum((predictions[row] - means[group]) ** 2 for row in rows) / len(rows)
        for group, rows in members.items()
    }
    return members, means, variances


def thurstone_loop(predictions, targets, groups, *, temperature=8.0, floor=0.01, clip=1e-6):
    """The published Thurstone reward: dispersion from the policy, clipped BCE, every pair of images weighed alike."""
    members, means, variances = by_image(predictions, groups)
    rewards = []
    for row, group in enumerate(groups):
        total = count = 0
        for other, rows in members.items():
            if other == group:
                continue
            p = sigmoid((targets[row] - targets[rows[0]]) / temperature)
            s = math.sqrt(variances[group] + variances[other] + floor)
            c = min(max(sigmoid((predictions[row] - means[other]) / s), clip), 1 - clip)
            total -= p * math.log(c) + (1 - p) * math.log(1 - c)
            count += 1
        rewards.append(1 - total / count / -math.log(clip))
    return rewards


def fidelity_loop(predictions, targets, groups, *, floor=0.01):
    """VisualQuality-R1's reward: fidelity of the normal CDF to which of two images is better, by every completion."""
    members, means, variances = by_image(predictions, groups)
    rewards = []
    for row, group in enumerate(groups):
        total = count = 0
        for other, rows in members.items():
            if other == group:
                continue
            gap = targets[row] - targets[rows[0]]
            p = 1.0 if gap > 0 else 0.0 if gap < 0 else 0.5
            z = (predictions[row] - means[other]) / math.sqrt(variances[group] + variances[other] + floor)
            total += math.sqrt(p * math.erfc(-z / math.sqrt(2)) / 2) + math.sqrt(
                (1 - p) * math.erfc(z / math.sqrt(2)) / 2
            )
            count += 1
        rewards.append(total / count)
    return rewards


def gaussian_items(completions, mos):
    """A score reward as trainers' examples have it: one completion after the other, a search and an exponential."""
    rewards = []
    for completion, target in zip(completions, mos, strict=True):
        found = ANSWER.search(completion)
        error = abs(float(found.group(1)) - target) if found else math.inf
        width = 8.75 / math.sqrt(2 * math.log(2)) * (1 + 0.8 * error / 100)
        rewards.append(math.exp(-(error**2) / (2 * width**2)) if found else 0.0)
    return rewards


def pairwise_loop(predictions, targets, groups, *, temperature=8.0, clip=1e-4):
    """The pairwise preference reward over the completions of other images."""
    rewards = []
    for row, group in enumerate(groups):
        total = count = 0
        for other, other_group in enumerate(groups):
            if other_group == group:
                continue
            p = sigmoid((targets[row] - targets[other]) / temperature)
            c = min(max(sigmoid((predictions[row] - predictions[other]) / temperature), clip), 1 - clip)
            total -= p * math.log(c) + (1 - p) * math.log(1 - c)
            count += 1
        rewards.append(1 - total / count / -math.log(clip))
    return rewards
