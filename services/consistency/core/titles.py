"""Titles of products: whether two of them contradict each other, however they are written.

Only contradictions count: another size, another number after the same word, or no word in common.
Spelling, order, brands, abbreviations and a cut end are none; in doubt, two titles agree.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from services.consistency.core.packs import UNITS, same_pack

UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
NUMBER = r"\d+(?:[.,]\d+)*"
WRITTEN_UNITS = sorted(
    (unit for unit, (base, _) in UNITS.items() if base != "piece" or len(unit) > 2),
    key=len,
    reverse=True,
)
"""Without `st` and `pc`, which are words of their own (St. Ives, PC)."""
UNIT = rf"(?:{'|'.join([*WRITTEN_UNITS, 'gb'])})(?!\w)"
SIZE = re.compile(
    rf"(?<![\w.,])((?:{NUMBER}\s*(?:[x*×]|er(?:[- ]?pack)?)\s*)*)"
    rf"({NUMBER})[ -]?({UNIT})(?:\s*[x*×]\s*(\d+)(?![\w.,]))?",
    re.IGNORECASE,
)
COUNT = re.compile(
    r"(?<![\w.,])(\d+)(?:er(?:[- ]?pack)?\b|[ -]?(?:stück|stk|pcs|pieces)(?!\w))", re.I
)
DOUBTFUL = re.compile(
    rf"\b[2-6]G\b"  # a mobile network, no mass
    rf"|{NUMBER}\s*[/⁄]\s*{NUMBER}(?:\s*{UNIT})?"  # a fraction, or two sizes in one
    rf"|{NUMBER}\s*(?:[-–]|\bbis\b)\s*{NUMBER}(?:\s*{UNIT})?"  # a range
    rf"|(?:/|\b(?:pro|je|per|a|à)\b)\s*(?:{NUMBER}\s*)?{UNIT}"  # what a price or a content is for
    rf"|{NUMBER}\s*{UNIT}\s+(?=protein|eiwei|zucker|sugar|fett|fat\b|koffein|caffeine)"
    rf"|{NUMBER}\s*%",
    re.IGNORECASE,
)
DRAINED = re.compile(r"abtropf|\batg\b|drained", re.IGNORECASE)
ENDS_CUT = re.compile(r"(\d+)[ -]?m\s*$")
THREE = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
CUT_FROM = 25
"""A title of so many characters may be cut: `500 m` at its end may have been `500 ml`."""
NUMBER_DIGITS_MAX = 4
"""A longer number is an article number, and every channel has its own."""
WORD_MIN = 3
WORDS_MIN = 2
ALIKE = 4
"""Words with so many letters in a row in common are alike, as Vollmilch and Alpenmilch."""
_OWN = """
ab am an auf aus bei bis das dem den der des die ein eine fur fuer im in mit nach nr oder ohne
pro und vom von vor zu zum zur
"""
_FOREIGN = """
and the with without for from of free new red blue green black white grey brown yellow pink
men mens women womens kids baby boys girls shirt dress shoes trousers jacket socks cotton wool
leather milk chocolate cheese bread butter water juice coffee tea sugar salt rice flour fruit
apple orange strawberry raspberry hazelnut almond peanut cream spread cookies biscuits wine
beer organic fresh whole low fat dark sweet chicken beef pork fish sausage soap toothpaste
shampoo brush paper cleaner detergent washing powder liquid drill saw hammer screw light bulb
charger cable phone headphones wireless keyboard mouse screen chair table bed lamp knife fork
spoon plate cup glass bottle bag
de la le les du des et avec sans pour au aux con senza per il lo gli della del y sin para una
een het met voor zonder van z bez dla oraz na i ve ile icin
"""
OWN_FUNCTION_WORDS = frozenset(_OWN.split())
FOREIGN = frozenset(_FOREIGN.split()) - OWN_FUNCTION_WORDS
"""Frequent words of other languages of Europe: a title with one may be a translation."""


class ReadTitle(NamedTuple):
    """What a title says."""

    sizes: dict[str, frozenset[Decimal]]
    """Every reading of its sizes, by unit."""
    is_drained: bool
    """It tells the weight without the liquid."""
    numbers: dict[tuple[str, str], frozenset[str]]
    """Numbers, by the word before them and the letters around them."""
    last: str
    """The last token: perhaps cut."""
    words: tuple[str, ...]
    is_foreign: bool
    is_latin: bool


@lru_cache(maxsize=8192)
def titles_agree(one: str, other: str, with_words: bool = True) -> bool:
    """Whether two titles do not contradict each other; `with_words` also finds those that have
    nothing in common. The same whichever comes first."""
    if one == other:
        return True
    a, b = _read(one), _read(other)
    common = a.sizes.keys() & b.sizes.keys()
    if a.is_drained or b.is_drained:
        common -= {"kg"}
    if any(a.sizes[unit].isdisjoint(b.sizes[unit]) for unit in common):
        return False
    shared = a.numbers.keys() & b.numbers.keys()
    if not all(_numbers_agree(a.numbers[key], b.numbers[key], (a.last, b.last)) for key in shared):
        return False
    return not with_words or bool(common or shared) or _words_agree(a, b)


def _numbers_agree(one: Iterable[str], other: Iterable[str], cut: tuple[str, str]) -> bool:
    return any(
        a == b or (a in cut and b.startswith(a)) or (b in cut and a.startswith(b))
        for a in one
        for b in other
    )


def _words_agree(a: ReadTitle, b: ReadTitle) -> bool:
    if min(len(a.words), len(b.words)) < WORDS_MIN or a.is_foreign != b.is_foreign:
        return True
    if not (a.is_latin and b.is_latin):
        return True
    return any(_are_alike(word, another) for word in a.words for another in b.words)


@lru_cache(maxsize=8192)
def _are_alike(word: str, other: str) -> bool:
    """An abbreviation, the same begin, or a part in common."""
    short, long = sorted((word, other), key=len)
    if short[:WORD_MIN] == long[:WORD_MIN]:
        return True
    if any(short[at : at + ALIKE] in long for at in range(len(short) - ALIKE + 1)):
        return True
    letters = iter(long)
    return short[0] == long[0] and all(letter in letters for letter in short)


@lru_cache(maxsize=8192)
def _read(title: str) -> ReadTitle:
    text = " ".join(unicodedata.normalize("NFKC", title).split())
    sure = DOUBTFUL.sub(" ", text)
    if len(text) >= CUT_FROM:
        sure = ENDS_CUT.sub(" ", sure)
    sizes = _sizes_of(sure)
    rest = COUNT.sub(" ", SIZE.sub(" ", sure)).casefold().translate(UMLAUTS)
    tokens = re.findall(r"\w+", rest)
    names = [token for token in tokens if token.isalpha() and len(token) >= WORD_MIN]
    return ReadTitle(
        sizes,
        DRAINED.search(text) is not None,
        _numbers_of(tokens),
        tokens[-1] if tokens else "",
        tuple(dict.fromkeys(name for name in names if name not in OWN_FUNCTION_WORDS)),
        any(token in FOREIGN for token in tokens),
        all(unicodedata.name(letter, "").startswith("LATIN") for letter in "".join(names)),
    )


def _sizes_of(text: str) -> dict[str, frozenset[Decimal]]:
    """Sizes by unit: each as it stands, times its factors and pieces, and all together."""
    counts = {Decimal(found[1]) for found in COUNT.finditer(text)}
    single: dict[str, list[Decimal]] = {}
    readings: dict[str, set[Decimal]] = {}
    for factors, number, unit, times in SIZE.findall(text):
        if unit == "M":  # as in 3M; metres are written small
            continue
        found = readings.setdefault(same_pack(None, unit)[1], set())
        for value in _readings(number):
            size, base = _in_base(value, unit)
            single.setdefault(base, []).append(size)
            found.update(_multiplied(size, factors, times, unit, counts))
    for base, all_sizes in single.items():
        readings[base].add(sum(all_sizes, Decimal(0)).normalize())
    return {base: frozenset(found) for base, found in readings.items() if found}


def _multiplied(
    size: Decimal, factors: str, times: str, unit: str, counts: set[Decimal]
) -> Iterator[Decimal]:
    yield size.normalize()
    for count in counts:
        yield (size * count).normalize()
    product = size
    for factor in [*reversed(re.findall(NUMBER, factors)), *([times] if times else [])]:
        value = _readings(factor)[0]
        product *= value
        yield product.normalize()
        yield _in_base(value, unit)[0].normalize()  # 40 x 60 cm are two lengths


def _in_base(value: Decimal, unit: str) -> tuple[Decimal, str]:
    content, base = same_pack(value, unit)
    assert content is not None
    return content, base


def _readings(number: str) -> list[Decimal]:
    """What a number may mean: 1.000 is a thousand or one."""
    parts = re.split("[.,]", number)
    if len(parts) == 1:
        return [Decimal(number)]
    if len(parts) > 2 and len(set(re.findall("[.,]", number))) == 1:
        return [Decimal("".join(parts))]
    plain = [Decimal(f"{''.join(parts[:-1])}.{parts[-1]}")]
    if THREE.fullmatch(number):
        plain.append(Decimal("".join(parts)))
    return plain


def _numbers_of(tokens: list[str]) -> dict[tuple[str, str], frozenset[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    before = ""
    for token in tokens:
        digits = re.findall(r"\d+", token)
        if not digits:
            before = "" if token in OWN_FUNCTION_WORDS or token in FOREIGN else token
        elif len(before) > 1 and max(map(len, digits)) <= NUMBER_DIGITS_MAX:
            found.setdefault((before, re.sub(r"\d+", "#", token)), set()).add(token)
    return {key: frozenset(values) for key, values in found.items()}
