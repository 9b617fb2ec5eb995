"""Numbers in Uroman's lattice: digits of every script, number words of Chinese and others, fractions, signs.

三万一千 is 31000, 三分之一 is 1/3, 负5 is -5. The passes follow `uroman.Lattice.add_numbers` in their order; a reading
that makes Uroman stop with an error (a fraction word with no number behind it, 七分之差) is left out.
"""

import unicodedata
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xl_translit.uroman.lattice import Lattice

_LETTERS = "兩參参伍陆陸什"
_ZEROS = ("零", "〇")


class Number:
    """A piece of text read as a number; `start` and `end` are places in the text."""

    def __init__(self, start: int, end: int, text: str, record: dict | None = None) -> None:
        self.start = start
        self.end = end
        self.source = text
        self.text = text
        self.active = record is not None
        record = record or {}
        # Uroman's passes ask numbers for what some lack, and stop with an error there; hence no narrower types.
        self.value: Any = record.get("value")
        self.base: Any = record.get("base")
        self.kind: Any = record.get("type")
        self.script: str | None = record.get("script")
        self.large: bool = bool(record.get("is-large-power"))
        fraction = record.get("fraction")
        self.fraction = Fraction(fraction[0], fraction[1]) if fraction else None
        self.used = False
        """Whether it is part of another number now; of `into`, if it is the first part."""
        self.into: Number | None = None
        if self.active:
            value = "" if self.value is None else str(self.value)
            ratio = f"{self.fraction.numerator}/{self.fraction.denominator}" if self.fraction else ""
            self.text = f"{value} {ratio}".strip() or text

    @property
    def whole(self) -> bool:
        """Whether the value is a whole number."""
        return isinstance(self.value, int)

    @property
    def digit(self) -> bool:
        """Whether this is one character that stands for 0 to 9."""
        return (
            isinstance(self.value, int) and self.kind == "digit" and 0 <= self.value <= 9 and self.end == self.start + 1
        )


class NumberPass:
    """All readings of numbers in one lattice, made by `run`."""

    def __init__(self, lattice: "Lattice") -> None:
        self._lattice = lattice
        self._text = lattice.text
        self._tables = lattice.tables
        self._numbers: dict[tuple[int, int], list[Number]] = {}
        self._others: dict[tuple[int, int], str] = {}
        """Signs with their numbers, percentages, decimal points; they come last among pieces of one span."""
        self._ends: dict[int, set[int]] = {}
        self._starts: dict[int, set[int]] = {}
        self._active: list[Number] = []
        self._percentages: list[Number] = []

    def touches(self, place: int) -> bool:
        """Whether a number or a sign begins at `place`."""
        return place in self._ends

    def best(self, place: int) -> tuple[str, int]:
        """The spelling and the end of the best piece that begins at `place`."""
        for end in sorted({*self._ends[place], *self._lattice.ends(place)}, reverse=True):
            best = self._best_in(place, end)
            if best is not None:
                return (best.text if isinstance(best, Number) else best), end
        raise AssertionError(place)

    def run(self) -> None:
        """Read numbers, then what is combined of them."""
        records = self._tables.numbers
        numbers = [
            Number(place, place + 1, char, records[char]) for place, char in enumerate(self._text) if char in records
        ]
        for number in numbers:
            self._add(number)
        self._active = numbers
        for combine in (self._digits, self._times, self._plus, self._times_large, self._plus_large, self._fractions):
            for number in self._active:
                # Uroman stops with an error where a number lacks what a rule asks for; here the rule is passed over.
                try:
                    combine(number)
                except (ArithmeticError, AttributeError, TypeError, ValueError):
                    continue
            self._active = list(filter(None, map(_standing, self._active)))
        self._signs()
        self._separate()
        self._keep_letters()
        self._other_digits()

    # -- edges -------------------------------------------------------------------------------------------------------

    def _span(self, start: int, end: int) -> None:
        self._ends.setdefault(start, set()).add(end)
        self._starts.setdefault(end, set()).add(start)

    def _add(self, number: Number) -> None:
        self._numbers.setdefault((number.start, number.end), []).append(number)
        self._span(number.start, number.end)

    def _add_other(self, start: int, end: int, text: str) -> None:
        self._others.setdefault((start, end), text)
        self._span(start, end)

    def _best_in(self, start: int, end: int) -> Number | str | None:
        """An active number, else a rule's spelling, else a decomposition, else what is left."""
        numbers = self._numbers.get((start, end), ())
        for number in numbers:
            if number.active:
                return number
        spelling = self._lattice.spelling(start, end)
        if spelling is not None:
            return spelling
        return next(iter(numbers), None) or self._others.get((start, end))

    def _right(self, place: int) -> Number | str | None:
        for end in sorted({*self._ends.get(place, ()), *self._lattice.ends(place)}, reverse=True):
            best = self._best_in(place, end)
            if best is not None:
                return best
        return None

    def _left(self, place: int) -> Number | str | None:
        for start in sorted({*self._starts.get(place, ()), *self._lattice.starts(place)}):
            best = self._best_in(start, place)
            if best is not None:
                return best
        return None

    def _combined(self, parts: list[Number], value: float, kind: str, *, source: str | None = None) -> Number:
        number = Number(parts[0].start, parts[-1].end, str(value))
        number.active = True
        number.value, number.kind = value, kind
        number.base, number.script = parts[-1].base, parts[-1].script
        number.source = "".join(part.source for part in parts) if source is None else source
        self._replace(parts, number)
        return number

    def _replace(self, parts: list[Number], number: Number | None) -> None:
        """Put one number in the place of its parts, which are used no more."""
        if number is not None:
            parts[0].into = number
            self._add(number)
        for part in parts:
            part.active = False
            part.used = True

    # -- combinations, in Uroman's order -----------------------------------------------------------------------------

    def _digits(self, first: Number) -> None:
        """1 9 8 4 is 1984, 3 . 1 4 is 3.14."""
        if not (first.digit and first.active):
            return
        parts, value, point, last = [first], str(first.value), False, first
        while True:
            right = self._right(last.end)
            if isinstance(right, Number) and right.digit:
                value += str(right.value)
            elif (
                not point
                and self._text[last.end : last.end + 1] == "."
                and isinstance(after := self._right(last.end + 1), Number)
                and after.digit
            ):
                if right is None:
                    self._add_other(last.end, last.end + 1, ".")
                value += f".{after.value}"
                point = True
                right = after
            else:
                break
            parts.append(right)
            last = right
        if len(parts) < 2:
            return
        number = Number(parts[0].start, last.end, value)
        number.active = True
        try:
            number.value = float(value) if point else int(value)
        except ValueError:  # more digits than Python makes an integer of
            number.value = float("inf")
        number.text, number.base, number.kind, number.script = value, 1, "D1", last.script
        number.source = value
        self._replace(parts, number)

    def _times(self, number: Number) -> None:
        """二百 is 2 * 100."""
        if not (number.active and number.base == 1 and isinstance(number.value, int) and number.value >= 1):
            return
        right = self._right(number.end)
        if isinstance(right, Number) and right.active and right.whole and right.base > 1 and not right.large:
            self._combined([number, right], number.value * right.value, "G1")

    def _plus(self, number: Number) -> None:
        """二百三十四 is 200 + 30 + 4."""
        if not (number.active and number.whole) or number.large:
            return
        parts, last = [number], number  # `last` is the last part that is no zero, or the first part
        while (
            isinstance(right := self._right(parts[-1].end), Number)
            and right.active
            and right.whole
            and not right.large
            and (last.source in _ZEROS or (last.base > right.value and last.base > right.base))
        ):
            parts.append(right)
            if right.source not in _ZEROS:
                last = right
        if len(parts) > 1:
            self._combined(parts, sum(part.value for part in parts), "G2")

    def _times_large(self, number: Number) -> None:
        """二百三十四万 is 234 * 10000."""
        if not number.active or number.large or number.value is None:
            return
        right = self._right(number.end)
        if isinstance(right, Number) and right.active and right.whole and right.base > 1 and right.large:
            value = round(number.value * right.value, 5)
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            self._combined([number, right], value, "G3")

    def _plus_large(self, number: Number) -> None:
        """三万五千 is 30000 + 5000, and so is 三万五."""
        if not (number.active and number.whole):
            return
        parts = [number]
        while (
            isinstance(right := self._right((last := parts[-1]).end), Number)
            and right.active
            and right.whole
            and last.base > right.value
            and last.base > right.base
        ):
            if (
                last.script == "CJK"
                and last.base >= 1000
                and "tag" not in last.kind
                and set(str(last.base)[1:]) == {"0"}
                and str(last.base)[0] == "1"
                and 1 <= right.value <= 9
                and right.start + 1 == right.end
            ):
                right.base = last.base // 10
                right.value = right.base * right.value
                right.kind = "G4tag"
            parts.append(right)
        if len(parts) > 1:
            self._combined(parts, sum(part.value for part in parts), "G4")

    def _fractions(self, number: Number) -> None:
        """三分之一 is 1/3, 百分之五 is 5%."""
        if not isinstance(number.value, int):
            return
        for connector in self._tables.fraction_connectors:
            end = number.end + len(connector)
            if self._text[number.end : end] != connector:
                continue
            right = self._right(end)
            if not isinstance(right, Number) or right.value is None:
                continue
            if number.value == 100:
                self._add_other(number.start, right.end, f"{right.value}%")
                percentage = Number(number.start, right.end, f"{right.value}%")
                self._percentages.append(percentage)
                self._replace([number, right], None)
            elif right.whole and number.value > 0:
                ratio = Number(number.start, right.end, f"{right.value}/{number.value}")
                ratio.active = True
                ratio.fraction = Fraction(right.value, number.value)
                ratio.kind = "fraction"
                self._replace([number, right], ratio)

    def _signs(self) -> None:
        """负五 is -5."""
        for number in [*self._active, *self._percentages]:
            for sign, signs in (("-", self._tables.minus_signs), ("+", self._tables.plus_signs)):
                for source in signs:
                    start = number.start - len(source)
                    if start >= 0 and self._text[start : number.start] == source:
                        self._add_other(start, number.end, sign + number.text)

    def _separate(self) -> None:
        """23½ is 23 1/2; 十一五 is 11·5."""
        for number in self._active:
            if number.text[:1].isdecimal():
                left = self._left(number.start)
                before = left.text if isinstance(left, Number) else left
                if before and before[-1].isdecimal():
                    number.text = (" " if number.fraction else "·") + number.text

    def _keep_letters(self) -> None:
        """Large powers alone and a few signs that are words more often than numbers are spelled as words."""
        for number in self._active:
            if (
                number.active
                and number.value is not None
                and (
                    (number.value > 1000 and number.start + 1 == number.end)
                    or number.source in _LETTERS
                    or number.source == "京兆"
                )
            ):
                number.active = False

    def _other_digits(self) -> None:
        """Digits that the table of numbers lacks."""
        tables, lattice = self._tables, self._lattice
        for place, char in enumerate(self._text):
            value = unicodedata.numeric(char, None)
            if value is None or value not in range(10) or isinstance(self._best_in(place, place + 1), Number):
                continue
            if "DIGIT" in tables.name(char) and lattice.single[place] is None:
                lattice.single[place] = str(int(value))


def _standing(number: Number) -> Number | None:
    """The number that stands where `number` stood, once a pass over the text has put numbers together."""
    while number.used and number.into is not None:
        number = number.into
    return None if number.used else number
