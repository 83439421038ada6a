"""What a configuration of the recipe holds; `yaml_files.py` reads it.

Every script takes the same YAML file: `configs/tiny.yaml` runs on two cores in minutes,
`configs/qwen2_5_vl_7b_8gpu.yaml` on eight GPUs. `--set grpo.args.max_steps=10` changes one field.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from recipe.layouts import Layout, expand_layout
from recipe.section import Ends, Section, Words
from tatar_rewards import GaussianScoreConfig, OpponentConfig, ScoreScale, ThurstoneRankConfig
from tatar_rewards.doctor.settings import MOST_PROCESSES

Task = Literal["iqa", "iaa"]
FindRule = Literal["any_case", "any_extension", "subfolders", "backslashes"]
PARTS = ("sft", "grpo", "test", "validation")  # of the data
TINY_CONFIG = Path(__file__).parents[1] / "configs" / "tiny.yaml"
TASK_NAMES = {"iqa": "quality (IQA)", "iaa": "aesthetics (IAA)"}


class PictureSet(Section):
    """Labels in a JSON list, JSONL or CSV, or in a file of a declared layout, beside a folder of pictures."""

    name: str
    task: Task
    labels: Path
    images: Path
    scale: Ends  # lowest and highest label that the scale allows; it is never guessed
    higher_is_better: bool = True
    layout: Layout | None = None  # how the label file is written, or the name of a published layout: docs/data.md
    image_key: str = "image"  # the columns of the label file
    file: str | None = None  # a picture's file in the folder, from its columns: "{split}/{image}.jpg"; None: image_key
    find: list[FindRule] = []  # how a file on disk may differ from that name; nothing: not at all
    where: dict[str, Any] = {}  # take only the rows whose columns hold this, such as {split: train}
    share: tuple[float, float] = (0.0, 1.0)  # take this part of the pictures, drawn by name: [0, 0.8] and [0.8, 1]
    mos_key: str = "gt_score"
    mos_std_key: str | None = None  # the standard deviation of single judgements, on the scale of the labels
    mos_std_scale: Ends | None = None  # or on this one
    raters: Annotated[int, Field(ge=1)] | None = None  # how many people judged each picture
    raters_key: str | None = None  # the column that says so, where their number differs
    limit: Annotated[int, Field(ge=1)] | None = None  # take only the first rows
    on_broken: Literal["refuse", "drop"] = "refuse"  # what to do about pictures that are missing or cannot be decoded

    @model_validator(mode="before")
    @classmethod
    def _expand_layout(cls, fields: Any) -> Any:
        return expand_layout(fields) if isinstance(fields, dict) and fields.get("layout") is not None else fields

    @model_validator(mode="after")
    def _check_share(self) -> Self:
        low, high = self.share
        if not 0 <= low < high <= 1:
            raise ValueError(f"share must be a part of 0 to 1, such as [0, 0.8]; got {list(self.share)}")
        return self

    @model_validator(mode="after")
    def _check_layout(self) -> Self:
        layout = self.layout or Layout()
        off = [value for value in layout.values if value not in self.score_scale]
        if off:
            raise ValueError(
                f"layout.values has {off[0]:g}, off the declared scale {self.score_scale}; mend the one or the other"
            )
        if self.labels.suffix in (".json", ".jsonl") and layout.is_of_tables:
            raise ValueError(
                f"separator, columns and files of a layout describe tables; take them out for {self.labels}"
            )
        return self

    @model_validator(mode="after")
    def _check_raters(self) -> Self:
        if self.raters is not None and self.raters_key is not None:
            raise ValueError("raters and raters_key both say how many people judged a picture; keep one")
        if self.mos_std_key is None and self.mos_std_scale is not None:
            raise ValueError("a scale of deviations says nothing without them; name their column: mos_std_key")
        if self.mos_std_key is None and (self.raters, self.raters_key) != (None, None):
            raise ValueError("a number of raters says nothing without their deviations; name their column: mos_std_key")
        return self

    @property
    def score_scale(self) -> ScoreScale:
        return ScoreScale(*self.scale, higher_is_better=self.higher_is_better)

    @property
    def std_scale(self) -> ScoreScale:
        return ScoreScale(*self.mos_std_scale or self.scale)


class TinyPictures(Section):
    """How many crops of the photographs inside scikit-image to label, of each task."""

    sft: Annotated[int, Field(ge=0)] = 3000
    grpo: Annotated[int, Field(ge=0)] = 1440
    test: Annotated[int, Field(ge=0)] = 500
    validation: Annotated[int, Field(ge=0)] = 0


class DataSettings(Section):
    make: TinyPictures | None = None  # write the tiny data set where the label files are expected
    sft: list[PictureSet] = []
    grpo: list[PictureSet]
    test: list[PictureSet]
    validation: list[PictureSet] = []  # to choose settings by: neither trained on nor tested
    iaa_share: Annotated[float, Field(ge=0, le=1)] | None = 0.5  # of the training pictures; None takes all pictures


class Lora(Section):
    r: Annotated[int, Field(ge=1)] = 16
    lora_alpha: Annotated[int, Field(ge=1)] = 32
    lora_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    target_modules: str | list[str] = "all-linear"


class TinyModel(Section):
    vision_tower_steps: Annotated[int, Field(ge=1)] = 450


class ModelSettings(Section):
    path: str  # a folder, or a name on the hub
    make: TinyModel | None = None  # build the tiny model at that path
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    max_pixels: Annotated[int, Field(ge=1)] | None = None
    frozen: list[str] = []  # training does not change parameters that have one of these in their name
    parameters: Annotated[float, Field(gt=0)] | None = None  # for --plan where the model is not on this machine
    lora: Lora | None = None


class Endpoint(Section):
    """A server that speaks the OpenAI chat API."""

    base_url: str
    model: str
    api_key_env: str = "OPENAI_API_KEY"
    temperature: Annotated[float, Field(ge=0)] | None = (
        0.7  # None sends none, for models that take none; a judge's is 0
    )
    max_tokens: Annotated[int, Field(ge=1)] = 700
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"  # what the server calls it
    structure: Literal["schema", "object", "prompt"] = "schema"  # how a judge is asked for JSON
    extra_body: dict[str, Any] = {}  # more fields of every request, such as {chat_template_kwargs: {...}}
    timeout: Annotated[float, Field(gt=0)] = 120.0  # seconds for one whole answer, however slowly it drips
    retries: Annotated[int, Field(ge=0)] = 6  # of a call that times out or fails; the pauses between them grow
    price_in: Annotated[float, Field(ge=0)] = 0.0  # of a million tokens
    price_out: Annotated[float, Field(ge=0)] = 0.0


class RationaleSettings(Section):
    file: Path  # append-only JSONL of every answer that was paid for
    iqa: Endpoint | None = None
    iaa: Endpoint | None = None
    judge: Endpoint | None = None
    notes: Path | None = None  # a folder with notes on each attribute; None shows the picture instead
    iqa_words: Words = (30, 50)
    iaa_words: Words = (130, 220)
    attempts: Annotated[int, Field(ge=1)] = 3  # texts a picture, until one is accepted
    concurrency: Annotated[int, Field(ge=1)] = 16
    smallest_share: Annotated[float, Field(ge=0, le=1)] = (
        0.9  # SFT stops if a smaller share of the pictures has an accepted rationale
    )


class Training(Section):
    args: dict[str, Any] = {}  # passed to SFTConfig or GRPOConfig unchanged


class RewardSettings(Section):
    recipe: Literal["tatar", "recommended"] = "tatar"  # docs/study.md compares them
    iqa_words: Annotated[float, Field(gt=0)] = 65
    iaa_words: Annotated[float, Field(gt=0)] = 125
    mos_std: bool = False  # use the raters' standard deviations of the sets that have mos_std_key
    iqa: GaussianScoreConfig = GaussianScoreConfig()
    iaa: ThurstoneRankConfig = ThurstoneRankConfig()
    opponents: OpponentConfig = OpponentConfig()

    @model_validator(mode="after")
    def _check_recipe(self) -> Self:
        if self.recipe == "recommended" and self.model_fields_set & {"iqa", "iaa"}:
            raise ValueError("iqa and iaa are settings of recipe: tatar; leave them out with recipe: recommended")
        return self


class GRPOSettings(Training):
    rewards: RewardSettings = RewardSettings()
    reward_funcs: list[str] = []  # ready rewards of your own by dotted path, in place of the recipe's
    doctor: Literal["stop", "warn"] = "stop"  # what the findings of the doctor do


class EvaluationSettings(Section):
    batch_size: Annotated[int, Field(ge=1)] = 16
    samples: Annotated[int, Field(ge=0)] = 0  # answers to each picture, drawn as GRPO draws them, beside the greedy one
    max_new_tokens: Annotated[int, Field(ge=1)] = 512
    resamples: Annotated[int, Field(ge=0)] = 1000  # of the bootstrap


class Launch(Section):
    processes: Annotated[int, Field(ge=1, le=MOST_PROCESSES)] = 1
    accelerate: Path | None = None  # a configuration file of accelerate


class Recipe(Section):
    out: Path
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    prompts: dict[Task, str] | None = None  # one for each task that has pictures; None takes those of prompts.py
    think_prefilled: bool = False  # the model's chat template writes <think> itself
    data: DataSettings
    model: ModelSettings
    rationales: RationaleSettings | None = None  # SFT needs some
    sft: Training | None = None  # None: GRPO starts from model.path
    grpo: GRPOSettings
    evaluation: EvaluationSettings = EvaluationSettings()
    launch: Launch = Launch()

    @model_validator(mode="after")
    def _check_word_budgets(self) -> Self:
        """The rationales that SFT teaches must meet the word budgets that GRPO rewards."""
        rationales, rewards = self.rationales, self.grpo.rewards
        if rationales is None or self.grpo.reward_funcs:
            return self
        if rationales.iqa is not None and rationales.iqa_words[1] > rewards.iqa_words:
            raise ValueError(
                f"rationales.iqa_words {rationales.iqa_words} must be at most {rewards.iqa_words:g}, the budget"
            )
        if rationales.iaa is not None and rationales.iaa_words[0] < rewards.iaa_words:
            raise ValueError(
                f"rationales.iaa_words {rationales.iaa_words} must be at least {rewards.iaa_words:g}, the budget"
            )
        return self

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        for part in PARTS:
            names = [(spec.task, spec.name) for spec in getattr(self.data, part)]
            if len(set(names)) < len(names):
                raise ValueError(f"two sets of data.{part} have one task and one name: {names}; rename one")
        tasks = {spec.task for part in PARTS for spec in getattr(self.data, part)}
        for task in sorted(tasks - set(tasks if self.prompts is None else self.prompts)):
            raise ValueError(
                f"prompts has no question about {TASK_NAMES[task]}, of which there are pictures; give prompts.{task} "
                f"too: examples/recipe/prompts.py has what is asked without prompts"
            )
        if self.sft is not None and (self.rationales is None or not self.data.sft):
            raise ValueError("sft learns from rationales: give rationales.file and data.sft, or set sft: null")
        return self
