"""``aisle.toml`` as one typed tree. Every key has a default that works; an unknown key is an error that names the nearest known one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, field_validator

from aisle.core.errors import SettingsError
from aisle.core.nearest import mend_of

JOINT = "joint"
"""The encoder that joins another with n-grams, and what stands before that other's name: `joint:static`, `joint:FOLDER`."""

HUB_NAME = re.compile(r"(?P<name>\w[\w.-]*/\w[\w.-]*)(?:@(?P<revision>\w[\w./-]*))?", re.ASCII)
"""A model on a hub: `org/name` or `org/name@revision`. A folder's name in a setting is made absolute, so that it never looks like this."""


class Section(BaseModel):
    """A table of ``aisle.toml``: frozen, unknown keys forbidden."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Section):
    """``[[sources]]``: one of the user's own files feeding one of our tables."""

    file: str
    table: str
    columns: dict[str, str] = Field(default_factory=dict, description="ours = theirs")
    where: str = Field(default="", description="SQL condition on their columns")
    constants: dict[str, str] = Field(default_factory=dict, description="ours = a fixed value")
    types: dict[str, str] = Field(default_factory=dict, description="their event name = ours")
    encoding: str = Field(default="", description="absent: detected")


class Cleaning(Section):
    """``[cleaning]``: which rules run, and their bounds."""

    off: tuple[str, ...] = Field(default=(), description="names of rules to switch off")
    quantity_limit: float = Field(default=0, description="0: found from the data, robust, per item")
    session_minutes: float = 30
    non_product_codes: tuple[str, ...] = Field(default=(), description="further codes that are not products")


class Evaluation(Section):
    """``[evaluation]``: how the report measures."""

    relevant_from: float | None = Field(
        default=None, description="grade from which a judgement is relevant; absent: above the scale's middle, or the only grade"
    )
    targets: tuple[str, ...] = Field(default=(), description="event types that count as success; absent: purchase, else rating, else click")
    train_requests: int = 20_000
    test_requests: int = 10_000


class Ranking(Section):
    """``[ranking]``: the candidates' number and the fusion's weight."""

    candidates: int = Field(default=200, ge=10, le=2_000, description="how many each source proposes")
    alpha: float | None = Field(default=None, ge=0, le=1, description="weight of CTR in Z; absent: .5 unless window 3 disagrees")
    cross_ms: float = Field(default=0, ge=0, le=1_000, description="for reading a search page's top again; 0: it is not read again")
    cross_layers: int = Field(default=2, ge=0, le=48, description="of the encoder that read again; 0: all; fewer read more items")
    fusion: str | None = Field(
        default=None,
        description="how CTR, RER and the sources are fused, by name; absent: weighted_average unless window 3 surely prefers another",
    )
    ranker: str | None = Field(
        default=None, description="what ranks, by name; absent: what window 3 prefers of those that always stand and of the challengers"
    )
    challengers: tuple[str, ...] = Field(
        default=(), description="rankers that compete too, by name, and are served where they surely gain: `softmax`, `unbiased_lambdamart`"
    )


class Arrange(Section):
    """``[arrange]``: the order of the page."""

    group_variants: bool = Field(default=True, description="show one item of those that share a parent_id")
    diversity: float = Field(default=0.05, ge=0, lt=1, description="0: by score alone; the larger, the fewer items alike on one page")


class Policy(Section):
    """``[policy]``: filters armed by setting, whether or not their column exists."""

    armed: tuple[Literal["stock", "availability"], ...] = ()


class MarkovNumbers(Section):
    """``[tuned.markov]``."""

    falloff: float | None = Field(default=None, ge=0, le=4)
    backward: float | None = Field(default=None, ge=0, le=4)
    damping: float | None = Field(default=None, ge=0, le=1)
    decay: float | None = Field(default=None, gt=0, le=1)


class ItemKnnNumbers(Section):
    """``[tuned.item_knn]``."""

    shrink: float | None = Field(default=None, ge=0)
    decay: float | None = Field(default=None, gt=0, le=1)


class AlsNumbers(Section):
    """``[tuned.als]``."""

    regularization: float | None = Field(default=None, gt=0)
    decay: float | None = Field(default=None, gt=0, le=1)


class EaseNumbers(Section):
    """``[tuned.ease]``."""

    regularization: float | None = Field(default=None, gt=0)
    decay: float | None = Field(default=None, gt=0, le=1)


class PopularityNumbers(Section):
    """``[tuned.popularity]``: counters keep halves of 7 and of 30 days."""

    half_life: Literal[7, 30] | None = None


class RepeatNumbers(Section):
    """``[tuned.repeat]``."""

    half_life: float | None = Field(default=None, gt=0, description="days")


class TreesNumbers(Section):
    """``[tuned.trees]``: the rankers made of trees."""

    learning_rate: float | None = Field(default=None, gt=0, le=1)
    regularization: float | None = Field(default=None, ge=0)
    epochs: int | None = Field(default=None, ge=1, le=5_000, description="trees, at most")


class Tuned(Section):
    """``[tuned.*]``: numbers of sources and rankers, as `aisle tune` finds them; absent: those that the program has."""

    markov: MarkovNumbers = MarkovNumbers()
    item_knn: ItemKnnNumbers = ItemKnnNumbers()
    als: AlsNumbers = AlsNumbers()
    ease: EaseNumbers = EaseNumbers()
    popularity: PopularityNumbers = PopularityNumbers()
    repeat: RepeatNumbers = RepeatNumbers()
    trees: TreesNumbers = TreesNumbers()

    def of(self, part: str) -> dict[str, float]:
        """The numbers that are set of one source or of the trees, as its constructor takes them."""
        found = getattr(self, part) if part in type(self).model_fields else Section()
        return found.model_dump(exclude_none=True)


class Tracking(Section):
    """``[tracking]``: where a training's curves go beside the JSON lines in ``bundles/.work/tracking``."""

    to: tuple[Literal["tensorboard", "wandb"], ...] = Field(default=(), description="boards of the extra `track`")
    project: str = Field(default="aisle", description="what Weights & Biases files the runs under")
    online: bool = Field(default=False, description="let Weights & Biases send the curves away; false: they stay in a folder")
    examples: int = Field(
        default=20, ge=0, description="queries whose first answer fine-tuning changed, kept in the JSON lines and nowhere else"
    )


class Tasks(Section):
    """``[finetuning] tasks``: what the encoder learns beside what answers a query, and how much that weighs; 0: not at all."""

    category: float = Field(default=0.0, ge=0, le=100, description="an item's category from its text, a query's from what answered it")
    price: float = Field(default=0.0, ge=0, le=100, description="in which fifth of the shop's prices an item lies, from its text")


class Finetuning(Section):
    """``[finetuning]``: how the encoder is fine-tuned."""

    method: Literal["full", "lora"] = Field(default="full", description="learn the weights, or low-rank updates of the top layers' maps")
    layers: int = Field(default=0, ge=0, le=48, description="of the top that learn; 0: all of them, by `lora` the upper half")
    rank: int = Field(default=8, ge=1, le=256, description="of the updates, by `lora`")
    alpha: float = Field(default=16, gt=0, description="an update counts alpha / rank times, by `lora`")
    dropout: float | None = Field(
        default=None, ge=0, lt=1, description="of a layer's numbers, absent: its own; by `lora` of what an update reads, absent: .05"
    )
    learning_rate: float | None = Field(
        default=None, gt=0, le=1, description="absent: 2e-4, 1e-3 by `lora`, or what the range test proposes"
    )
    optimizer: Literal["adamw", "sgd"] = Field(
        default="adamw", description="`sgd`, with momentum .9, wants a rate some hundred times larger"
    )
    decay: Literal["cosine", "linear"] = Field(default="cosine", description="how the rate falls to nothing after it warmed up")
    weight_decay: float = Field(default=0.01, ge=0, le=1, description="of all weights but norms and biases")
    layer_decay: float = Field(default=1, gt=0, le=1, description="factor of the rate for each layer below the top")
    range_test: bool = Field(default=False, description="look for the rate by a short run with a rising one, where there is time")
    sizes: tuple[PositiveInt, ...] = Field(
        default=(), description="so many first numbers of a vector learn to serve alone, beside the whole and `encoder_size`"
    )
    margin: float = Field(default=0, ge=0, le=100, description="weight of the margins of a cross-encoder trained first; 0: none is trained")
    tasks: Tasks = Field(default=Tasks(), description="weights of what is learned beside; absent: none")
    map_rank: int = Field(
        default=0, ge=0, le=256, description="of the linear map that is learned where nothing is fine-tuned; 0: a whole one"
    )
    keep: bool = Field(default=True, description="keep the weights in the bundle's folder `model`, for other programs")


class Pictures(Section):
    """``[pictures]``: what makes vectors of the items' pictures (docs/pictures.md)."""

    encoder: str = Field(default="", description="absent: colours and shape; else an ONNX file from a picture to a vector")
    size: int = Field(default=224, ge=8, le=1_024, description="height and width that the ONNX file takes")
    mean: tuple[float, float, float] = Field(default=(0.485, 0.456, 0.406), description="of red, green and blue in [0, 1]: ImageNet's")
    std: tuple[float, float, float] = Field(default=(0.229, 0.224, 0.225), description="of the same")

    @field_validator("std")
    @classmethod
    def _divides(cls, std: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(std) <= 0:
            raise ValueError("every number must be above 0")
        return std


class Settings(Section):
    """The whole of ``aisle.toml``."""

    kind: Literal["shop", "support", "wealth"] = "shop"
    name: str = ""
    language: Literal["", "en", "zh"] = ""
    seed: int = 7
    sources: tuple[Source, ...] = ()
    cleaning: Cleaning = Cleaning()
    evaluation: Evaluation = Evaluation()
    ranking: Ranking = Ranking()
    arrange: Arrange = Arrange()
    policy: Policy = Policy()
    tuned: Tuned = Tuned()
    retrieval: dict[str, bool] = Field(
        default_factory=dict,
        description="name of a source = false switches it off; `two_tower`, `ncf`, `item_knn_bm25` and `item_knn_session` come with true",
    )
    encoder: str = Field(
        default="",
        description="absent: chosen by language; `minilm`, `ngram`, `static`, a model's folder, `org/name@revision` on a hub, "
        "`joint` or `joint:` before one of them",
    )
    encoder_size: int = Field(
        default=0, ge=0, description="numbers of a vector that are kept, the first ones; 0: all; `joint`: of the half that reads words"
    )
    finetune: bool = Field(default=True, description="fine-tune the encoder on what answered queries, where the minutes allow")
    finetuning: Finetuning = Finetuning()
    pictures: Pictures = Pictures()
    tracking: Tracking = Tracking()


def load(folder: Path) -> Settings:
    """Read ``folder/aisle.toml``; a folder without one gets the defaults.

    Raises `SettingsError` naming the file and key (broken TOML: the line) and the mend.
    """
    path = folder / "aisle.toml"
    if not path.exists():
        return Settings()
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path} is not valid TOML: line {line} is not in UTF-8.", "Save the file in UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.", "Mend that line; text values need quotes.") from None
    try:
        return _placed(Settings.model_validate(raw), path)
    except ValidationError as error:
        raise _explain(path, error) from None


def _placed(settings: Settings, path: Path) -> Settings:
    """Models are named as seen from the settings' file."""
    return _with_encoder(_with_pictures(settings, path), path)


def _with_pictures(settings: Settings, path: Path) -> Settings:
    if not settings.pictures.encoder:
        return settings
    file = (path.parent / settings.pictures.encoder).resolve()
    if not file.is_file():
        what = f"{path}: setting `pictures.encoder` names {settings.pictures.encoder}, and there is no such file."
        raise SettingsError(what, "Models are not fetched: put the ONNX file there, or remove the line to compare colours and shape.")
    return settings.model_copy(update={"pictures": settings.pictures.model_copy(update={"encoder": str(file)})})


def _with_encoder(settings: Settings, path: Path) -> Settings:
    joint, _, first = settings.encoder.partition(":") if settings.encoder.startswith(f"{JOINT}:") else ("", "", settings.encoder)
    if first in ("minilm", "static") or settings.encoder in ("", "ngram", JOINT):
        return settings
    model = named_model(first, path.parent)
    if model is None:
        what = f"{path}: setting `encoder` names {first}, which is neither minilm, ngram, static, joint nor a folder."
        raise SettingsError(what, "Put the folder there that `save_pretrained` wrote, or name a model on a hub as org/name@revision.")
    return settings.model_copy(update={"encoder": f"{joint}:{model}" if joint else model})


def named_model(said: str, beside: Path) -> str | None:
    """A folder as seen from ``beside``, whole, else a model's name on a hub as it stands, else None. Where ``beside`` has a folder of the
    name's first half, a folder was meant that is not there: nothing is fetched by a slip of the pen."""
    folder = (beside / said).resolve()
    if folder.is_dir():
        return str(folder)
    return said if HUB_NAME.fullmatch(said) and not (beside / said.partition("/")[0]).is_dir() else None


def _explain(path: Path, error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return SettingsError(f"{path}: setting `{key}`: {first['msg']}.", "Correct the value or remove the line.")
    return SettingsError(f"{path}: unknown setting `{key}`.", mend_of(str(first["loc"][-1]), _keys(Settings), "Remove the line."))


def _keys(model: type[BaseModel]) -> list[str]:
    found: list[str] = []
    for name, field in model.model_fields.items():
        found.append(name)
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found += _keys(inner)
    return [*found, *Source.model_fields]
