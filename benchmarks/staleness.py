"""What do remembered opponents cost, and what do they buy? Two tables.

The first asks how well the advantages of a call agree with those from 128 images of today's policy, which no call of
a real run can afford. A call brings few images; remembered ones fill up to `min_opponents`. The policy answers with
an error of 6 points an image and 5 a completion, and drifts: every call moves all its answers by some points, so that
what is remembered is wrong by the drift times its age.

The second lets policies learn, as in `calibration.py`: from a slope of 0.5 and an offset of +5 points, with the
same number of images to an update but different numbers of them to a call.
"""

import warnings

import numpy as np

from tatar_rewards import ThurstoneRankReward, thurstone_rank_reward

COMPLETIONS, CALLS, SEEDS, OTHERS = 8, 130, 3, 128


def grade(reward, mos, answers, first_image):
    texts = [f"<answer>{answer:.6f}</answer>" for answer in answers.ravel().clip(0, 100)]
    rows = np.repeat(np.arange(len(mos)), COMPLETIONS)
    rewards = reward(texts, mos=mos[rows].tolist(), image_id=(first_image + rows).tolist())
    return np.array(rewards, dtype=float).reshape(answers.shape)


def normalised(rewards):
    rewards = np.nan_to_num(rewards)
    return (rewards - rewards.mean(1, keepdims=True)) / (rewards.std(1, keepdims=True) + 1e-4)


def agreement(n_images, min_opponents, drift, seed):
    """Correlation of a call's advantages with those against many images of the same policy."""
    rng = np.random.default_rng(seed)
    reward = ThurstoneRankReward(min_opponents=min_opponents)
    others = np.arange(OTHERS) + n_images
    found, ideal = [], []
    for call in range(CALLS):
        mos = np.clip(rng.normal(50, 8, n_images + OTHERS), 5, 95)
        means = mos + rng.normal(0, 6, len(mos)) + drift * (call - CALLS / 2)
        answers = means[:, None] + rng.normal(0, 5, (len(mos), COMPLETIONS))
        rewards = grade(reward, mos[:n_images], answers[:n_images], first_image=call * n_images)
        if call < 70:  # fill the memory first
            continue
        found.append(normalised(rewards))
        for image in range(n_images):
            rows = np.repeat(np.append(others, image), COMPLETIONS)
            wanted = rows == image
            best = thurstone_rank_reward(
                answers[rows[::COMPLETIONS]].ravel().clip(0, 100), mos[rows], rows, wanted=wanted
            )
            ideal.append(best[wanted])
    ideal = normalised(np.array(ideal))
    return np.corrcoef(np.concatenate(found).ravel(), ideal.ravel())[0, 1]


def learn(n_images, min_opponents, rate, seed, per_update=16, updates=800):
    """A policy of slope, offset and spread, moved along its policy gradient; its end."""
    rng = np.random.default_rng(seed)
    reward = ThurstoneRankReward(min_opponents=min_opponents)
    slope, offset, log_spread = 0.5, 5.0, np.log(6.0)
    for update in range(updates):
        steps = np.zeros(3)
        for call in range(per_update // n_images):
            mos = np.clip(rng.normal(50, 8, n_images), 5, 95)
            noise, spread = rng.normal(0, 1, (n_images, COMPLETIONS)), np.exp(log_spread)
            answers = (50 + offset + slope * (mos - 50))[:, None] + spread * noise
            advantages = normalised(grade(reward, mos, answers, (update * per_update + call) * n_images))
            pushes = advantages * noise
            steps += [np.mean(pushes * (mos - 50)[:, None]) / spread, np.mean(pushes) / spread, 0]
            steps[2] += np.mean(advantages * (noise**2 - 1))
        steps *= rate * n_images / per_update
        slope, offset = slope + steps[0], offset + 10 * steps[1]
        log_spread = max(log_spread + 0.5 * steps[2], 0.0)
    return slope, offset, np.exp(log_spread)


def main():
    warnings.simplefilter("ignore")
    drifts, fills = (0.0, 0.1, 0.5), (0, 1, 4, 8, 16, 32)
    print(f"Agreement of advantages with those against {OTHERS} images of today; {SEEDS} seeds")
    print(f"{'images a call':>13}{'drift a call':>14}   min_opponents" + "".join(f"{fill:>7}" for fill in fills))
    for n_images in (1, 2, 8):
        for drift in drifts:
            cells = [np.mean([agreement(n_images, fill, drift, seed) for seed in range(SEEDS)]) for fill in fills]
            print(f"{n_images:>13}{drift:>14.2f}{'':>16}" + "".join(f"{cell:>7.2f}" for cell in cells))
    print("\nA policy that learns; 16 images an update, slope 1 is right, start 0.50, offset +5.0, spread 6.0")
    print(f"{'images a call':>13}{'min_opponents':>15}{'rate':>8}{'slope':>8}{'worst':>8}{'offset':>8}{'spread':>8}")
    for rate in (0.02, 0.05):
        for n_images, fill in ((16, 0), (4, 0), (4, 8), (1, 8), (1, 32)):
            ends = np.array([learn(n_images, fill, rate, seed) for seed in range(SEEDS)])
            worst = ends[np.argmax(np.abs(ends[:, 0] - 1)), 0]
            mean = ends.mean(0)
            print(f"{n_images:>13}{fill:>15}{rate:>8.2f}{mean[0]:>8.2f}{worst:>8.2f}{mean[1]:>8.1f}{mean[2]:>8.1f}")


if __name__ == "__main__":
    main()
