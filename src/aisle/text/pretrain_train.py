"""Pre-trains a language model on a shop's own text, from nothing or from a given folder: BERT by hidden words, GPT by the next token.

The result is a folder that `aisle.text.pretrained` accepts, so an encoder like any other: it can be chosen, fine-tuned, exported.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
)
from transformers.utils.logging import disable_progress_bar

from aisle.core.errors import InputError
from aisle.core.quiet import quiet
from aisle.text.device_train import accelerator, agreed, half, main, near, placed, steps_for
from aisle.text.loop_train import Loop, Recipe
from aisle.text.packed import BATCH, LENGTH, NONE, Marks, Packed
from aisle.text.pretrained import CAUSAL, check_folder
from aisle.text.vocabulary import lacking, learned, widen

Kind = Literal["bert", "gpt"]
Shape = tuple[int, int]
Blocks = tuple[NDArray[np.int64], NDArray[np.int64]]
SHAPES: tuple[Shape, ...] = ((6, 384), (4, 256), (2, 128))
"""Layers and width, from what a long run deserves to what a short one can fill."""
PASSES, MOST_PASSES = 3, {"bert": 60, "gpt": 20}
"""Passes over the text that a shape must have time for, and the most: other words are hidden each time, the next token is the same."""
GPU_BATCH = 128
"""Blocks of a batch where a GPU would wait for smaller ones."""
HEAD = 64
"""Width of an attention head."""
POSITIONS = 512
RATE, RATE_ON = 1e-3, 1e-4
"""Learning rate from nothing, and of a model that has learned already."""
HELD, MOST_HELD = 0.05, 500
"""Share and most of the texts that are kept out to measure."""
LEARNING = 0.9
"""Of the time so much is for learning, the rest to measure and write."""
LEAST = 20_000
"""Characters below which nothing is learned."""
FACTS = "pretraining.json"


@dataclass(frozen=True)
class Told:
    """What came out, as kept in `FACTS`: ``perplexity`` on texts kept out (of hidden words by BERT, of every token by GPT, of a pair's
    other text), ``before`` training, steps and seconds of learning, ``words`` added to its vocabulary, ``pairs`` by sort that taught;
    ``own``: it began with nothing and knows only this shop's text."""

    kind: str
    layers: int
    width: int
    vocabulary: int
    texts: int
    steps: int
    seconds: float
    before: float
    perplexity: float
    words: int
    pairs: dict[str, int] = field(default_factory=dict)
    own: bool = False


@dataclass(frozen=True)
class Pretraining:
    """``texts`` in matching form, the folder ``out``, ``kind``, the ``seconds`` it has; ``start``: a folder to go on from, whose own kind
    counts; ``shape`` and ``steps`` are found by time where they are absent. Killed, it goes on from ``out``/unfinished with as many steps
    as it had planned, if they fit into the ``seconds``, which count anew."""

    texts: Sequence[str]
    out: Path
    kind: Kind = "bert"
    seconds: float = math.inf
    start: Path | None = None
    shape: Shape | None = None
    steps: int | None = None
    seed: int = 7
    watch: Callable[[int, int, float], None] = field(default=lambda step, of, loss: None)

    def run(self) -> Told:
        """Learn, measure, write ``out``. Raises `InputError` where there is too little text or ``start`` holds no such model."""
        if sum(map(len, self.texts)) < LEAST:
            raise InputError(f"A language model needs {LEAST:,} characters of text, here are {sum(map(len, self.texts)):,}.", "Add texts.")
        begun, work = perf_counter(), self.out / "unfinished"
        disable_progress_bar()
        torch.manual_seed(self.seed)
        learning, held = self._parted()
        words = int(agreed(lambda: 0 if (work / "config.json").is_file() else self.begin(work, learning)))
        model, tokenizer, marks = opened(work)
        source, kept = (Packed(texts, tokenizer, marks, batch=_blocks(), seed=self.seed) for texts in (learning, held))
        blocks = list(kept(0))
        before = agreed(lambda: perplexity(model, blocks))
        loop = self._loop(model, source, blocks, begun)
        history = loop.run()
        told = Told(
            _kind(marks), *shape(model), marks.size, len(self.texts), history.steps, perf_counter() - begun, before,
            agreed(lambda: perplexity(model, blocks)), words or len(tokenizer.get_added_tokens_decoder()) * (self.start is not None),
            own=own(self.start),
        )  # fmt: skip
        if main():
            self._keep(model, work, told)
        return told

    def _keep(self, model: torch.nn.Module, work: Path, told: Told) -> None:
        """Write ``out``; nothing unfinished is left."""
        model.save_pretrained(self.out)
        for path in work.glob("*token*.json"):
            shutil.copyfile(path, self.out / path.name)
        (self.out / FACTS).write_text(json.dumps(asdict(told)), encoding="utf-8")
        shutil.rmtree(work)

    def _parted(self) -> tuple[list[str], list[str]]:
        """What is learned from and what is kept out, texts that occur twice on one side only."""
        every = sorted(set(self.texts))
        order = np.random.default_rng(self.seed).permutation(len(every)).tolist()
        count = min(MOST_HELD, max(1, int(HELD * len(every))))
        return [every[row] for row in order[count:]], [every[row] for row in order[:count]]

    def begin(self, work: Path, texts: Sequence[str]) -> int:
        """Write tokenizer and weights to begin with; the words that a given vocabulary got."""
        disable_progress_bar()
        if self.start is not None:
            return _widened(self.start, work, texts)
        tokenizer = learned(texts, self.kind == "gpt")
        wrapped = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
            model_max_length=POSITIONS, **({"mask_token": "[MASK]"} if self.kind == "bert" else {}),
        )  # fmt: skip
        wrapped.save_pretrained(work)
        size = tokenizer.get_vocab_size()
        shape = self.shape or self._fitting(size, texts, tokenizer)
        made(self.kind, shape, size).save_pretrained(work)
        return 0

    def _fitting(self, size: int, texts: Sequence[str], tokenizer: Tokenizer) -> Shape:
        """The largest shape that passes over the text often enough in the time given."""
        steps = steps_for(PASSES * _steps(texts))
        for shape in SHAPES[:-1]:
            if steps * _pace(placed(made(self.kind, shape, size)), self.seconds / steps) <= self.seconds:
                return shape
        return SHAPES[-1]

    def _loop(self, model: torch.nn.Module, source: Packed, blocks: list[Blocks], begun: float) -> Loop[Blocks]:
        rate = RATE if self.start is None else RATE_ON
        most = steps_for(MOST_PASSES[_kind(source.marks)] * _steps(source.texts))
        return Loop(
            model,
            Recipe(most if self.steps is None else self.steps, learning_rate=rate, seed=self.seed),
            source,
            lambda batch: loss(model, batch),
            judge=lambda: -math.log(perplexity(model, blocks)),
            left=lambda: LEARNING * self.seconds - (perf_counter() - begun),
            watch=self.watch,
            describe=lambda batch: f"{len(batch[0])} blocks",
            checkpoint=self.out / "unfinished" / "checkpoint",
        )


def opened(folder: Path) -> tuple[torch.nn.Module, Tokenizer, Marks]:
    """The language model of a folder, its tokenizer and its marks. Raises `InputError` for one without the marks or the head it needs."""
    check_folder(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    causal = config.get("model_type") in CAUSAL
    try:
        with quiet():
            kind = AutoModelForCausalLM if causal else AutoModelForMaskedLM
            model = kind.from_pretrained(folder, trust_remote_code=False, dtype=torch.float32)
            wrapped = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except ValueError as error:
        raise InputError(f"The model in {folder} is no language model that is known here: {error}", "Choose a BERT or a GPT.") from None
    end = wrapped.sep_token_id if wrapped.sep_token_id is not None else wrapped.eos_token_id
    if end is None or _head(model) is None or not (causal or wrapped.mask_token_id is not None):
        raise InputError(f"The model in {folder} has no head for words, no [MASK] or no end of text.", "Choose a BERT or a GPT.")
    size = int(model.config.vocab_size)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    begin = wrapped.cls_token_id if wrapped.cls_token_id is not None else wrapped.bos_token_id
    model = placed(model)
    return model, tokenizer, Marks(None, end, None, size) if causal else Marks(begin, end, wrapped.mask_token_id, size)


def made(kind: Kind, shape: Shape, size: int) -> torch.nn.Module:
    """A model without knowledge."""
    layers, width = shape
    heads = max(1, width // HEAD)
    if kind == "bert":
        settings = BertConfig(
            vocab_size=size, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=4 * width,
            max_position_embeddings=POSITIONS, pad_token_id=0,
        )  # fmt: skip
        return BertForMaskedLM(settings)
    end = 3
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=size, n_embd=width, n_layer=layers, n_head=heads, n_positions=POSITIONS, bos_token_id=end, eos_token_id=end,
            pad_token_id=0,
        )
    )  # fmt: skip


def loss(model: torch.nn.Module, batch: Blocks) -> Tensor:
    """Mean cross-entropy of the tokens that are wanted; the table of words is multiplied for those alone."""
    tokens, wanted = near(model, *map(torch.from_numpy, batch))
    chosen = wanted != NONE
    with half():
        states = model.base_model(input_ids=tokens).last_hidden_state[chosen]
        head = _head(model)
        assert head is not None
        scores = head(states)
    return torch.nn.functional.cross_entropy(scores.float(), wanted[chosen])


def perplexity(model: torch.nn.Module, blocks: Sequence[Blocks]) -> float:
    """exp of the mean cross-entropy of a token over all ``blocks``."""
    training = model.training
    model.eval()
    with torch.no_grad():
        counts = [int((wanted != NONE).sum()) for _, wanted in blocks]
        sums = [float(loss(model, block)) * count for block, count in zip(blocks, counts, strict=True) if count]
    model.train(training)
    return math.exp(sum(sums) / max(1, sum(counts)))


def _kind(marks: Marks) -> Kind:
    """What reads left to right is a GPT."""
    return "gpt" if marks.mask is None else "bert"


def _head(model: torch.nn.Module) -> torch.nn.Module | None:
    """What turns states into scores of words."""
    found = getattr(model, "cls", None) or getattr(model, "lm_head", None)
    return found if isinstance(found, torch.nn.Module) else None


def _widened(start: Path, work: Path, texts: Sequence[str]) -> int:
    """Copy a model, with the frequent words that it lacks: a word begins as the mean of the pieces that it was cut into."""
    model, tokenizer, marks = opened(start)
    more = lacking(tokenizer, texts)
    widen(tokenizer, list(more))
    work.mkdir(parents=True, exist_ok=True)
    for path in start.glob("*token*.json"):
        shutil.copyfile(path, work / path.name)
    tokenizer.save(str(work / "tokenizer.json"))
    size = max(marks.size, tokenizer.get_vocab_size())
    table = model.get_input_embeddings().weight.detach().clone()
    model.resize_token_embeddings(size, mean_resizing=False)
    rows = model.get_input_embeddings().weight
    with torch.no_grad():
        for word, ids in more.items():
            rows[tokenizer.token_to_id(word)] = table[ids].mean(0)
    model.save_pretrained(work)
    return len(more)


def own(start: Path | None) -> bool:
    """Whether the model in the folder ``start`` began with nothing and was pre-trained here; so does what starts without a folder."""
    if start is None:
        return True
    path = start / FACTS
    return path.is_file() and bool(json.loads(path.read_text(encoding="utf-8")).get("own"))


def shape(model: torch.nn.Module) -> Shape:
    """Layers and width of a transformer."""
    return int(model.config.num_hidden_layers), int(model.config.hidden_size)


def _steps(texts: Sequence[str]) -> int:
    """Of a pass, about: a character or a short word is a token."""
    return max(1, math.ceil(sum(len(text) + 1 for text in texts) / (LENGTH * _blocks())))


def _blocks() -> int:
    """Of a batch."""
    return BATCH if accelerator().device.type == "cpu" else GPU_BATCH


def _pace(model: torch.nn.Module, enough: float, steps: int = 2) -> float:
    """Seconds of a step, after one that is not counted; that one is the answer where it takes four times what is ``enough``."""
    random = np.random.default_rng(0)
    tokens = random.integers(5, model.config.vocab_size, (_blocks(), LENGTH))
    guessed = random.random(tokens.shape) < (0.15 if isinstance(model, BertForMaskedLM) else 1)
    batch = tokens, np.where(guessed, tokens, NONE)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    took = []
    for _ in range(steps + 1):
        begun = perf_counter()
        value = loss(model, batch)
        value.backward()
        optimizer.step()
        float(value.detach())  # a GPU has not worked before it is asked
        took.append(perf_counter() - begun)
        if took[0] > 4 * enough:
            return took[0]
    return sum(took[1:]) / steps
