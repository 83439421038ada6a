"""Every prompt: the two questions about a picture, and the instructions to write and to judge rationales."""

from pydantic import BaseModel

from recipe.config import Recipe, Task

QUESTIONS: dict[Task, str] = {
    "iqa": (
        "Judge the technical quality of this picture: sharpness, noise, exposure, compression, artefacts. Think "
        "briefly between <think> and </think>, in one or two sentences. Then give one number from 0 (worst) to 100 "
        "(best) between <answer> and </answer>, and write nothing after it."
    ),
    "iaa": (
        "Judge how beautiful this picture is: composition, visual elements, execution, originality, theme, emotion and "
        "the whole that they make. Think at length between <think> and </think>, in at least 130 words. Then give one "
        "number from 0 (worst) to 100 (best) between <answer> and </answer>, and write nothing after it."
    ),
}


def questions_of(recipe: Recipe) -> dict[Task, str]:
    """What the recipe asks about a picture of each task: its own question, or the one above."""
    return {**QUESTIONS, **(recipe.prompts or {})}


# A narrative touches an attribute if it contains one of its stems.
ATTRIBUTES = {
    "composition": ("compos", "fram", "balance", "symmetr", "thirds", "placement", "layout", "crop", "perspective"),
    "visual elements": ("colour", "color", "light", "line", "shape", "texture", "tone", "contrast", "shadow"),
    "technical execution": ("focus", "expos", "sharp", "depth of field", "technical", "blur", "grain", "execut"),
    "originality": ("original", "creativ", "novel", "fresh", "unusual", "inventive", "cliche", "convention"),
    "theme": ("theme", "story", "narrat", "subject", "message", "meaning", "concept"),
    "emotion": ("emotion", "mood", "feel", "atmospher", "calm", "joy", "tension", "melanchol", "warmth"),
    "gestalt": ("gestalt", "harmon", "unity", "coheren", "whole", "together", "cluttered"),
    "overall": ("overall", "in sum", "altogether", "on balance", "impression", "all in all"),
}

_NO_SCORE = "Do not name a score, a grade or any number, and use no tags, lists or headings."

WRITE_IQA = (
    "You see a picture that a panel gave {mos:.0f} of 100 for technical quality. In exactly two sentences and {low} "
    "to {high} words, name the defects and merits that explain this verdict: sharpness, noise, exposure, compression, "
    "colour. Say only what can be seen. " + _NO_SCORE
)
WRITE_IAA_NOTES = (
    "Critics left these notes on a picture that a panel gave {mos:.0f} of 100 for beauty:\n\n{notes}\n\nWrite the "
    "thoughts of one viewer who comes to this verdict, as flowing prose of {low} to {high} words that touches "
    "composition, visual elements, execution, originality, theme, emotion and the whole. Add nothing that the notes do "
    "not say. " + _NO_SCORE
)
WRITE_IAA_PICTURE = (
    "You see a picture that a panel gave {mos:.0f} of 100 for beauty. Write the thoughts of one viewer who comes to "
    "this verdict, as flowing prose of {low} to {high} words that touches composition, visual elements, execution, "
    "originality, theme, emotion and the whole. Say only what can be seen or felt from it. " + _NO_SCORE
)
REWRITE = "Your text was not accepted: {problems}. Write it again."
JUDGE = (
    "A writer explains why a panel gave a picture {mos:.0f} of 100. Is every claim of the text grounded in {source}, "
    "and does its tone agree with the verdict? Name the first ungrounded claim, if there is one.\n\nText:\n{text}"
)


class Verdict(BaseModel):
    """The answer of the judge."""

    grounded: bool
    reason: str


def answer_text(rationale: str, mos: float) -> str:
    """The answer that SFT teaches, in the strict grammar of `parse_answer`: the rationale, then the MOS in points."""
    return f"<think>{rationale.strip()}</think><answer>{mos:.0f}</answer>"
