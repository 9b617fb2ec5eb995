"""Decimal text of many float32 numbers at once.

Each number becomes at most 16 bytes in two 64-bit words: its significant digits as one integer, spread over the bytes
by a few multiplications, the point put between them, and the pieces laid one behind the other in the output.
Written here because no library writes a given number of digits as quickly: on one core 40 ns a number, Python's format
270, gensim 510, pandas more; Arrow's cast takes 70 and knows no digits but the shortest that read back.
"""

import numpy as np
from numpy.typing import NDArray

_Words = NDArray[np.uint64]
_u = np.uint64
_LONGEST = 16  # bytes of a number, its sign and the byte after it
_SMALLEST = -4  # decimal exponent; smaller numbers are written with an exponent, as by `%g`
_TENS = 10.0 ** np.arange(23)


def write_numbers(matrix: NDArray[np.float32], digits: int = 9) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Text of the rows of `matrix` (n, width), finite: fields parted by a space, each row ended by a line break.

    `digits` significant ones in [1, 9], rounded as by `%g` but with the zeros at the end; nine read back as the same
    float32. Returns the bytes and the place (n + 1,) where each row begins, and the last one ends.
    """
    values = np.ascontiguousarray(matrix, dtype=np.float32)
    n_rows, width = values.shape
    flat = values.ravel()
    size = np.abs(flat).astype(np.float64)
    n_decimals, slow = _decimals(flat, size, digits)
    if slow.any():
        size[slow] = 0.0
    mantissa = np.rint(size * _TENS.take(n_decimals)).astype(np.int64).view(np.uint64)

    front, back = _digits(mantissa)
    front, back = _with_point(front, back, n_decimals, digits)
    back.reshape(n_rows, width)[:, -1] ^= _u((ord(" ") ^ ord("\n")) << 56)
    negative = np.signbit(flat)
    n_bytes = np.maximum(n_decimals, digits - 1)  # all digits but those of an integer part that is only a zero
    n_bytes += 3
    n_bytes += negative
    _to_the_left(front, back, n_bytes)
    front ^= negative * _u(ord("-") ^ ord("0"))
    if slow.any():
        where = np.flatnonzero(slow)
        ends = [b"\n" if index % width == width - 1 else b" " for index in where.tolist()]
        texts = [f"{number:.{digits}g}".encode() + end for number, end in zip(flat[where].tolist(), ends, strict=True)]
        n_bytes[where] = [len(text) for text in texts]
        padded = np.frombuffer(b"".join([text.ljust(_LONGEST, b"\0") for text in texts]), dtype="<u8")
        front[where], back[where] = padded[::2], padded[1::2]
    return _joined(front, back, n_bytes, n_rows, width)


def _decimals(
    flat: NDArray[np.float32], size: NDArray[np.float64], digits: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """How many digits of each number stand behind the point; and for which numbers the layout does not fit."""
    exponents = (flat.view(np.uint32) >> np.uint32(23)) & np.uint32(0xFF)
    n_decimals = _first_guess(digits).take(exponents)
    n_decimals -= size * _TENS.take(n_decimals) >= 10.0**digits - 0.5
    zero = size == 0
    slow = (n_decimals < 1) | (n_decimals > digits - 1 - _SMALLEST)
    slow &= ~zero
    n_decimals[slow | zero] = digits
    return n_decimals, slow


def _first_guess(digits: int) -> NDArray[np.int64]:
    """Digits behind the point by the binary exponent of a float32; one too many if a power of ten is near."""
    least = 2.0 ** (np.arange(256) - 127.0)
    guess = digits - 1 - np.floor(np.log10(least)).astype(np.int64)
    return np.clip(guess, 0, 22)


def _digits(mantissa: _Words) -> tuple[_Words, _Words]:
    """The last 16 digits of each integer below 10^9, one a byte, as numbers; the first in the lowest byte."""
    first = mantissa * _u(1441151881)  # divides by 10^8
    first >>= _u(57)
    low = mantissa - first * _u(10**8)
    fours = low * _u(3518437209)  # by 10^4
    fours >>= _u(45)
    low -= fours * _u(10**4)
    low <<= _u(32)
    low += fours
    twos = low * _u(10486)  # by 10^2, in each half
    twos >>= _u(20)
    twos &= _u(0x0000007F0000007F)
    low -= twos * _u(100)
    low <<= _u(16)
    low += twos
    ones = low * _u(103)  # by 10, in each quarter
    ones >>= _u(10)
    ones &= _u(0x000F000F000F000F)
    low -= ones * _u(10)
    low <<= _u(8)
    low += ones
    first <<= _u(56)
    return first, low


def _with_point(front: _Words, back: _Words, n_decimals: NDArray[np.int64], digits: int) -> tuple[_Words, _Words]:
    """The last 14 digits as characters with a point among them, and a space after them."""
    moved_back = back >> _u(8)
    moved_front = (front >> _u(8)) | (back << _u(56))
    if (n_decimals < digits).any():
        # the digits before the point move on by one more byte
        mask_front, mask_back = (_BEFORE_POINT[half].take(n_decimals) for half in (0, 1))
        again_front = (moved_front >> _u(8)) | (moved_back << _u(56))
        again_back = moved_back >> _u(8)
        at_front, at_back = (_UP_TO_POINT[half].take(n_decimals) for half in (0, 1))
        moved_front = (moved_front & ~at_front) | (again_front & mask_front)
        moved_back = (moved_back & ~at_back) | (again_back & mask_back)
    moved_front += _FRAME[0].take(n_decimals)
    moved_back += _FRAME[1].take(n_decimals)
    return moved_front, moved_back


def _tables() -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]]:
    """By the number of decimals: zeros with the point and the space; bytes before the point; bytes up to it."""
    frame = np.full((23, 16), ord("0"), dtype=np.uint8)
    before, up_to = np.zeros_like(frame), np.zeros_like(frame)
    frame[:, 15] = ord(" ")
    for n_decimals in range(1, 15):
        point = 14 - n_decimals
        frame[n_decimals, point] = ord(".")
        before[n_decimals, :point] = 0xFF
        up_to[n_decimals, : point + 1] = 0xFF
    frame_, before_, up_to_ = (np.ascontiguousarray(table.view("<u8").T) for table in (frame, before, up_to))
    return frame_, before_, up_to_


_FRAME, _BEFORE_POINT, _UP_TO_POINT = _tables()


def _to_the_left(front: _Words, back: _Words, n_bytes: NDArray[np.int64]) -> None:
    """Move the last `n_bytes` of each 16 to the beginning, in place."""
    right = (n_bytes - _LONGEST) * -8
    shift = right.view(np.uint64)
    front >>= shift  # a shift by 64 or more gives 0
    front |= back << (_u(64) - shift)
    if right.max(initial=0) >= 64:
        front |= np.where(right >= 64, back >> (shift - _u(64)), _u(0))
    back >>= shift


def _joined(
    front: _Words, back: _Words, n_bytes: NDArray[np.int64], n_rows: int, width: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pieces of `n_bytes` laid one behind the other: each is stored whole and the next one covers what is too much."""
    ends = np.cumsum(n_bytes)
    pieces = np.empty((len(front), 2), dtype="<u8")
    pieces[:, 0] = front
    pieces[:, 1] = back
    out = np.zeros(int(ends[-1]) + _LONGEST if len(ends) else _LONGEST, dtype=np.uint8)
    slots = np.lib.stride_tricks.as_strided(out[:_LONGEST].view("V16"), shape=(len(out) - _LONGEST + 1,), strides=(1,))
    slots[ends - n_bytes] = pieces.view("V16").ravel()
    bounds = np.zeros(n_rows + 1, dtype=np.int64)
    bounds[1:] = ends[width - 1 :: width]
    return out[: out.size - _LONGEST], bounds
