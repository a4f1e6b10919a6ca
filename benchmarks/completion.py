"""How long a completion takes among 200,000 entries, English and Chinese: `python -m benchmarks.completion [ENTRIES]`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter, thread_time

import numpy as np

from aisle.query.complete import KINDS, Completer, Entry
from aisle.query.pinyin import syllables
from benchmarks.figures import Figure, Lines, show

HAN = (
    "红色蓝绿黑白口眼霜面膜补水保湿手机壳套装礼盒台灯茶杯壶运动鞋跑步登山靴真皮充电数据"
    "线护精华乳液防晒洗奶爽肤唇粉底睫毛香男女童夏春秋冬连衣裙短袖衬衫牛仔裤外羽绒服内袜子帽围巾包"
)
WORDS = "red blue green lamp desk floor table chair sofa outdoor lounge steel cup mug tea pot kettle phone case cable face hand lotion shoe"
ASKED = 4_000


def entries(many: int, dice: Random) -> list[Entry]:
    """Half of them Chinese, half English with rare words."""
    rare = ["".join(dice.choice("bcdfghjklmnprstvw") + dice.choice("aeiou") for _ in range(dice.randint(2, 4))) for _ in range(25_000)]
    found = []
    for place in range(many):
        chinese = "".join(dice.choice(HAN) for _ in range(dice.randint(2, 12)))
        english = " ".join([*dice.choices(WORDS.split(), k=dice.randint(1, 3)), *dice.choices(rare, k=dice.randint(1, 2))])
        found.append((chinese if place % 2 else english, KINDS[place % len(KINDS)], float(many - place)))
    return found


def typed(text: str, dice: Random) -> str:
    """What a shopper may have typed of ``text``: a beginning, with a slip now and then; of Chinese also pinyin, initials, or both mixed."""
    if text.isascii():
        begun = text[: dice.randint(1, 12)]
        at = dice.randint(1, max(1, len(begun) - 2))
        return begun[:at] + dice.choice("aeiorst") + begun[at + 1 :] if len(begun) > 4 and dice.random() < 0.4 else begun
    read, way = syllables(text[: dice.randint(1, 4)]), dice.random()
    if way < 0.3:
        return text[: dice.randint(1, 3)]
    return "".join(one if dice.random() < (1.0 if way < 0.55 else 0.5) else one[0] for one in read)


def completion_figures(many: int = 200_000) -> list[Figure]:
    """Milliseconds of the answering thread, and what making and opening the index takes."""
    dice, lines = Random(1), Lines("completion")
    held = entries(many, dice)
    start = perf_counter()
    made = Completer(held)
    built = perf_counter() - start
    with TemporaryDirectory() as folder:
        made.save(Path(folder))
        start = perf_counter()
        opened = Completer.load(Path(folder))
        ready = perf_counter() - start
        asked = [typed(dice.choice(held)[0], dice) for _ in range(ASKED)] + list("abcdefghijklmnopqrstuvwxyz")
        spent = np.array([_spent(opened, text) for text in asked])
    note = f"{many:,} entries, 8 wanted; beginnings, slips, pinyin"
    return [
        lines.machine(),
        lines.one("p50 ms", float(np.median(spent)), note, len(asked)),
        lines.one("p99 ms", float(np.quantile(spent, 0.99)), note, len(asked)),
        lines.one("make: seconds", built),
        lines.one("open: seconds", ready),
    ]


def _spent(completer: Completer, text: str) -> float:
    start = thread_time()
    completer.complete(text, 8)
    return (thread_time() - start) * 1000


def main(arguments: Sequence[str]) -> None:
    """Print the figures."""
    show(completion_figures(*(int(number) for number in arguments[:1])))


if __name__ == "__main__":
    main(sys.argv[1:])
