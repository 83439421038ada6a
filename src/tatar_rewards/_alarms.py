"""What `HackDetector` says, in plain words: what the policy does, and what to do about it."""

from tatar_rewards.configs import HackThresholds

SHRINKS = "the scale of the scores shrinks. Rank with dispersion='matched', or add a score reward with a wide tolerance"
EXAGGERATES = (
    "the policy exaggerates. Lower the learning rate, and see that hard_targets or a small temperature are meant"
)
SHARES = {
    "constant_share": (
        "the answers are one and the same number: the policy guesses a constant. Check with the doctor that the "
        "rewards pay for telling pictures apart, and lower the learning rate or raise beta"
    ),
    "flat_group_share": (
        "the groups earn one and the same reward and teach nothing. Sample more freely (temperature), raise "
        "num_generations, or take a reward that tells near answers apart"
    ),
    "saturated_share": (
        "the rewards are at one end, all or nothing: there is no slope left to climb. Narrow the tolerance where "
        "all is paid; widen it, or train the format first, where nothing is"
    ),
    "off_budget_share": (
        "the readable answers miss their word budget, so that their score earns nothing or little. Give the "
        "budget a margin, or move it to where the policy writes; the prompt should name it"
    ),
}
FAILURES = {
    "no_answer": "give no answer in tags. Ask for <answer>number</answer> in the prompt, or train the format first",
    "several_answers": (
        "give several answers: where a parser takes the first, this pays; here it earns nothing. If it does not "
        "fade, lower the learning rate or raise beta: another reward may be paying for it"
    ),
    "unclosed": "are cut off or leave a tag open. Raise max_completion_length, or shorten the word budget",
    "unopened": (
        "close a tag that they never opened. Where the chat template writes <think> into the prompt, set "
        "think_prefilled=True"
    ),
    "answer_in_think": "answer inside the think block. Show an answer after </think> in the prompt",
    "several_thinks": "think in several blocks. Where the chat template opens the block, set think_prefilled=True",
    "text_before_answer": "write words outside the think block. Ask for thinking only in <think>...</think>",
    "text_after_answer": "go on after the answer: padding. See that the model learns to stop at its end-of-turn token",
    "not_a_number": "answer with something other than one plain number. Ask for one decimal number in the prompt",
    "off_scale": (
        "answer off the scale: where a parser clamps, this pays; here it earns nothing. Name the scale in the "
        "prompt, and see that answer_scale= is the one that it names"
    ),
}


def alarm(figure: str, value: float, thresholds: HackThresholds) -> str | None:
    """What to say of a figure that crossed its threshold; None where it did not. NaN crosses nothing."""
    if figure == "spread_ratio" and value < thresholds.smallest_spread_ratio:
        return f"the predictions spread only {value:.2f} times as far as the MOS: {SHRINKS}"
    if figure == "spread_ratio" and value > thresholds.largest_spread_ratio:
        return f"the predictions spread {value:.2f} times as far as the MOS: {EXAGGERATES}"
    if figure in SHARES and value > getattr(thresholds, figure):
        return f"{value:.0%} of {SHARES[figure]}"
    status = figure.removeprefix("status_")
    if status != figure and status in FAILURES and value > thresholds.status_share:
        return f"{value:.0%} of the completions {FAILURES[status]}"
    return None
