"""Decimal numbers in a buffer of bytes, all at once: eight digits are read by a few operations on one 64-bit word.

A call to a parser for each number costs more than the number. Here every step is one numpy operation over many numbers:
the last 16 bytes of each number are loaded as two words, the point is taken out, and the digits are summed up in pairs,
fours and eights within the word (Langdale and Lemire 2019, "Parsing gigabytes of JSON per second", do the same for one
number at a time). A mantissa below 2^53 and a power of ten up to 10^22 are exact in double precision, so their quotient
is the correctly rounded double, the one `float()` gives. What does not fit is left to `float()`.
"""

import re

import numpy as np
from numpy.typing import NDArray

# Bytes that must lie before the first and after the last number of a buffer, so that whole words can be loaded.
MARGIN = 24

_Words = NDArray[np.uint64]
_u = np.uint64
_EIGHT_ZEROS = _u(0x3030303030303030)
_POINTS = _u(0x1E1E1E1E1E1E1E1E)  # '.' ^ '0' in each byte
_ONES = _u(0x0101010101010101)
_HIGHS = _u(0x8080808080808080)
_ABOVE_NINE = _u(0x7676767676767676)  # added to a byte of at least 10 gives a high bit
_TENS = 10.0 ** np.arange(23)
_FEW = 256  # numbers that `float()` reads sooner than a hundred operations on arrays
_WHOLE_TENS = _u(10) ** np.arange(17, dtype=np.uint64)
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


def parse_numbers(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Numbers written in `data` at [starts, ends), and the indices of those that are none.

    `data` (n_bytes,) with n_bytes a multiple of 8 and `MARGIN` bytes around the numbers; `starts` and `ends` (n,).
    Returns (n,) doubles, each equal to `float()` of the text, or for a number of more than 16 characters a double that
    rounds to the same float32; and the indices (m,) of what is no decimal number. "nan" and "inf" are numbers here.
    """
    negative = data.take(starts) == ord("-")
    begins = starts + negative
    lengths = ends - begins
    # most vectors hold numbers like 0.123 only: one digit, a point, at most 14 digits
    whole = data.take(begins) ^ np.uint8(ord("0"))
    settled = data.take(begins + 1) == ord(".")
    settled &= whole <= 9
    settled &= lengths <= 16
    values, digits_only = _one_digit_and_decimals(data, ends, lengths - 2, whole)
    settled &= digits_only
    rest = np.flatnonzero(~settled)
    if len(rest) > _FEW:
        values[rest], settled[rest] = _others(data, ends[rest], lengths[rest])
    values *= 1.0 - 2.0 * negative
    broken = []
    if len(rest):
        text = data.tobytes()
        rest = rest[~settled[rest]]
        for index, start, end in zip(rest.tolist(), starts[rest].tolist(), ends[rest].tolist(), strict=True):
            number = text[start:end]
            if _NUMBER.fullmatch(number):
                values[index] = float(number)
            else:
                broken.append(index)
    return values, np.array(broken, dtype=np.int64)


def _one_digit_and_decimals(
    data: NDArray[np.uint8], ends: NDArray[np.int64], n_decimals: NDArray[np.int64], whole: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values with the digit `whole` before the point, and whether only digits stand behind it."""
    front, back = _window(data, ends, n_decimals)
    mantissa, digits_only = _value(front, back)
    if whole.any():
        mantissa += _WHOLE_TENS.take(n_decimals, mode="clip") * whole
    values = mantissa.view(np.int64).astype(np.float64)
    values /= _TENS.take(n_decimals, mode="clip")
    return values, digits_only


def _others(
    data: NDArray[np.uint8], ends: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values, settled = _up_to_sixteen(data, ends, lengths)
    long = np.flatnonzero(lengths > 16)
    values[long], settled[long] = _longer(data, ends[long], lengths[long])
    return values, settled


def _up_to_sixteen(
    data: NDArray[np.uint8], ends: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    mantissa, n_decimals, settled = _mantissa(data, ends, lengths)
    settled &= mantissa < _u(1 << 53)
    values = mantissa.view(np.int64).astype(np.float64)
    values /= _TENS.take(n_decimals.view(np.int64), mode="clip")
    return values, settled


def _longer(
    data: NDArray[np.uint8], ends: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Numbers of 17 to 32 characters by their first 16, where the others cannot change the float32."""
    sixteen = np.full_like(lengths, 16)
    mantissa, n_decimals, settled = _mantissa(data, ends - lengths + 16, sixteen)
    _, tail_decimals, tail_settled = _mantissa(data, ends, np.minimum(lengths - 16, 16))
    # with a point among the first 16 characters the mantissa is at most 15 digits long
    settled &= tail_settled & (tail_decimals == 0) & (n_decimals > 0) & (lengths <= 32)
    settled &= data.take(ends - 1) != ord(".")
    scale = _TENS.take(n_decimals.view(np.int64), mode="clip")
    low = mantissa.view(np.int64).astype(np.float64)
    high = (low + 1.0) / scale
    low /= scale
    settled &= low.astype(np.float32) == high.astype(np.float32)
    return low, settled


def _mantissa(
    data: NDArray[np.uint8], ends: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[_Words, _Words, NDArray[np.bool_]]:
    """All digits of each number as one integer, how many stand behind the point, and which are digits and a point only.

    The last `lengths` (at most 16) bytes before `ends` count.
    """
    front, back = _window(data, ends, lengths)
    if front is None:
        front = np.zeros_like(back)
    # the point: bit 0 of its byte, in `at_front` or `at_back`
    at_front, at_back = _lowest_point(front), _lowest_point(back)
    is_front, is_back = np.minimum(at_front, _u(1)), np.minimum(at_back, _u(1))
    n_decimals = at_back * _u(0x0706050403020100)
    n_decimals += at_front * _u(0x0F0E0D0C0B0A0908)
    n_decimals >>= _u(56)
    bad = is_front & is_back  # two points
    if (lengths < 2).any():  # a point alone, or nothing
        bad |= (lengths - (is_front | is_back).view(np.int64) < 1).view(np.uint8)
    # take the point out: what stands before it moves on by a byte, x + 255 x = x << 8
    all_if_back = np.negative(is_back)
    back ^= at_back * _u(0x1E)
    front ^= at_front * _u(0x1E)
    at_back -= is_back
    at_back &= back
    at_back *= _u(255)
    back += at_back
    back += (front >> _u(56)) & all_if_back
    at_front -= is_front
    at_front |= all_if_back
    at_front &= front
    at_front *= _u(255)
    front += at_front

    value, digits_only = _value(front, back)
    return value, n_decimals, digits_only & (bad == 0)


def _value(front: _Words | None, back: _Words) -> tuple[_Words, NDArray[np.bool_]]:
    """The integer whose digits stand in the words, one a byte, and whether they are digits."""
    high = back + _ABOVE_NINE
    high |= back
    value = _eight_digits(back)
    if front is not None:
        high |= front
        high |= front + _ABOVE_NINE
        value += _eight_digits(front) * _u(10**8)
    high &= _HIGHS
    return value, high == 0


def _window(
    data: NDArray[np.uint8], ends: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[_Words | None, _Words]:
    """The last `lengths` (at most 16 count) bytes before `ends`, xored with '0', after zeros; None for all zeros."""
    longest = lengths.max(initial=0)
    bits = lengths * 8
    if longest <= 8:
        back = _last_eight(data, ends)
        _keep_last(back, 64 - bits)
        return None, back
    front, back = _last_sixteen(data, ends)
    _keep_last(back, np.maximum(64 - bits, 0))
    bits -= 128
    np.negative(bits, out=bits)
    np.minimum(bits, 64, out=bits)
    if longest > 16:
        np.maximum(bits, 0, out=bits)
    _keep_last(front, bits)
    return front, back


def _keep_last(words: _Words, n_bits: NDArray[np.int64]) -> None:
    """Turn characters into digits, and the first `n_bits` of each word into 0."""
    cut = n_bits.view(np.uint64)
    words ^= _EIGHT_ZEROS
    words >>= cut  # a shift by 64 or more gives 0
    words <<= cut


def _last_eight(data: NDArray[np.uint8], ends: NDArray[np.int64]) -> _Words:
    """The 8 bytes before `ends` as a little-endian word: aligned words, shifted into place."""
    aligned = data.view("<u8")
    index = ends >> 3
    right = ((ends & 7) << 3).view(np.uint64)
    words = aligned.take(index, mode="clip")
    words <<= _u(64) - right
    index -= 1
    before = aligned.take(index, mode="clip")
    before >>= right
    words |= before
    return words


def _last_sixteen(data: NDArray[np.uint8], ends: NDArray[np.int64]) -> tuple[_Words, _Words]:
    """The 16 bytes before `ends` as two little-endian words: aligned words, shifted into place."""
    aligned = data.view("<u8")
    index = ends >> 3
    right = ((ends & 7) << 3).view(np.uint64)
    left = _u(64) - right
    index -= 2
    first = aligned.take(index, mode="clip")
    index += 1
    second = aligned.take(index, mode="clip")
    index += 1
    third = aligned.take(index, mode="clip")
    first >>= right
    first |= second << left  # a shift by 64 gives 0
    second >>= right
    third <<= left
    second |= third
    return first, second


def _lowest_point(words: _Words) -> _Words:
    """1 in the lowest byte that is a point (xored with '0'), all else 0; the other points stay in the words."""
    x = words ^ _POINTS
    found = x - _ONES
    np.invert(x, out=x)
    found &= x
    found &= _HIGHS
    found &= np.negative(found)
    found >>= _u(7)
    return found


def _eight_digits(digits: _Words) -> _Words:
    """Value of eight digits a word, the first in the lowest byte: pairs, then fours and eights."""
    pairs = digits * _u(10)
    pairs += digits >> _u(8)
    upper = pairs >> _u(16)
    pairs &= _u(0x000000FF000000FF)
    pairs *= _u(100 + (1000000 << 32))
    upper &= _u(0x000000FF000000FF)
    upper *= _u(1 + (10000 << 32))
    pairs += upper
    pairs >>= _u(32)
    return pairs
