"""Many short texts in one array, and which lines of a list are as they should be."""
from dataclasses import dataclass
from typing import Iterator, Sequence, Tuple

import numpy as np

_CHUNK = 2**18  # lines that are looked at together
_DIGITS = 9  # of a number; lines with longer ones are odd
_NEWLINE, _RETURN = b'\n\r'
_ENCODING = 'utf-8', 'surrogateescape'  # as file names
# bytes that separate columns, and those that do or may be a part of a blank of another alphabet
_SEPARATES = np.zeros(256, bool)
_SEPARATES[list(b' \t\v\f\r\x1c\x1d\x1e\x1f,')] = True
_MAY_SEPARATE = _SEPARATES | (np.arange(256) > 127)


@dataclass(frozen=True)
class Texts:
    """A list of texts in two arrays, which processes share after a fork as they are.

    Attributes:
        content (np.ndarray): The bytes of the texts, one after the other, of uint8.
        ends (np.ndarray): Where each of the N texts ends, of int64.
    """
    content: np.ndarray
    ends: np.ndarray

    @classmethod
    def pack(cls, texts: Sequence[str]) -> 'Texts':
        """Put texts together, which may hold anything that names of files can."""
        parts = [text.encode(*_ENCODING) for text in texts]
        ends = np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)))
        return cls(np.frombuffer(b''.join(parts), np.uint8), ends)

    @classmethod
    def lines(cls, content: bytes) -> 'Texts':
        """The lines of a file that are not blank; what is blank around them is part of them."""
        array = np.frombuffer(content, np.uint8)
        ends = np.flatnonzero(array == _NEWLINE) + 1
        if len(array) and array[-1] != _NEWLINE:
            ends = np.append(ends, len(array))
        first, last = _borders(array, ends)
        is_held = last >= first
        for i in np.flatnonzero(is_held & (array[first] <= 32)):
            is_held[i] = bool(content[first[i]:ends[i]].strip())
        return cls(array, ends[is_held])

    def __len__(self) -> int:
        return len(self.ends)

    def text(self, index: int) -> str:
        """The text at an index."""
        start = self.ends[index - 1] if index else 0
        return self.content[start:self.ends[index]].tobytes().decode(*_ENCODING)


def odd_lines(texts: Texts, num_numbers: int, highest: float) -> Iterator[int]:
    """Indices of the lines that are perhaps not as they should be.

    All others are a path that does not end with a number of its own, and whole numbers, with one
    separator in front of each. Looking at them one by one would take minutes for ten millions.

    Args:
        texts (Texts): The lines.
        num_numbers (int): How many numbers a line should end with.
        highest (float): What the last number may be at most.

    Yields:
        int: The index of a line.
    """
    for start in range(0, len(texts), _CHUNK):
        begin = int(texts.ends[start - 1]) if start else 0
        ends = texts.ends[start:start + _CHUNK]
        content = texts.content[begin:ends[-1]]
        is_plain = _is_plain(content, ends - begin, num_numbers, highest)
        yield from (start + np.flatnonzero(~is_plain)).tolist()


def _borders(content: np.ndarray, ends: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Where the first and the last byte of each line are, without the ends of the lines."""
    first, last = np.append(0, ends)[:-1], ends - 1
    for end in (_NEWLINE, _RETURN):
        last = last - ((last >= first) & (content[last] == end))
    return first, last


def _is_plain(content: np.ndarray, ends: np.ndarray, num_numbers: int,
              highest: float) -> np.ndarray:
    first, last = _borders(content, ends)
    plain = (last >= first) & (content[first] > 32)  # else blank lines come before it
    for column in range(num_numbers):  # the last number first
        last, has_number, value = _before_number(content, first, last)
        plain &= has_number & (last > first) & _SEPARATES[content[last]]
        plain &= (value <= highest) | (column > 0)
        last = np.maximum(last - 1, first)
        plain &= ~_MAY_SEPARATE[content[last]]
    if num_numbers:
        last, has_number, _ = _before_number(content, first, last)
        plain &= ~(has_number & _MAY_SEPARATE[content[last]])
    return plain


def _before_number(content: np.ndarray, first: np.ndarray,
                   last: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What comes before the number at ``last``: its place, if there is a number, and the number.

    A line that is nothing but a number begins with its place.
    """
    value = np.zeros(len(last), np.int64)
    has_number = is_digit = content[last] - np.uint8(48) < 10
    for power in range(_DIGITS):
        value += np.where(is_digit, content[last] - np.uint8(48), 0).astype(np.int64) * 10**power
        is_digit = is_digit & (last > first)
        last = last - is_digit
        is_digit = is_digit & (content[last] - np.uint8(48) < 10)
        if not is_digit.any():
            break
    return last, has_number, value
