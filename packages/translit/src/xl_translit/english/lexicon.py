"""The CMU Pronouncing Dictionary, kept as blocks of text that are searched, not unpacked: 3 MB of memory instead of 30.

The first pronunciation of each word that is written with letters and apostrophes only. The licence of the data lies
beside it; `tools/build_english.py` makes the file from the dictionary's own.
"""

import lzma
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import groupby

_FILE = "english_lexicon.xz"


class Lexicon:
    """Word -> pronunciation, one character a phone (see english_phones)."""

    def __init__(self, blocks: Iterable[str]) -> None:
        r"""blocks: for each first two letters the lines `word TAB phones` of the words that begin so, "\n" between."""
        self._blocks = {block.partition("\t")[0][:2]: f"\n{block}\n" for block in blocks}

    def get(self, word: str) -> str | None:
        """The pronunciation of a word in lower case with straight apostrophes; None for a word that is not listed."""
        block = self._blocks.get(word[:2])
        if block is None or (place := block.find(f"\n{word}\t")) < 0:
            return None
        begin = place + len(word) + 2
        return block[begin : block.index("\n", begin)]

    def __contains__(self, word: str) -> bool:
        return self.get(word) is not None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Every word and its pronunciation, in order."""
        for block in self._blocks.values():
            for line in block[1:-1].split("\n"):
                word, _, phones = line.partition("\t")
                yield word, phones


def make_lexicon(pronunciations: dict[str, str]) -> Lexicon:
    """A lexicon of other words than the ones that the package carries."""
    return Lexicon(_blocks(pronunciations))


def pack_lexicon(pronunciations: dict[str, str], source: str) -> bytes:
    """The file that `lexicon` reads. source: where the words come from, a line."""
    text = "\n\n".join([source, *_blocks(pronunciations)])
    return lzma.compress(text.encode("ascii"), preset=9 | lzma.PRESET_EXTREME)


@cache
def lexicon() -> Lexicon:
    """The lexicon that the package carries; loaded once a process."""
    return Lexicon(lzma.decompress(_packed()).decode("ascii").split("\n\n")[1:])


@cache
def lexicon_version() -> str:
    """Where the words come from, and the first digits of the SHA-256 of the data."""
    source = lzma.decompress(_packed()).partition(b"\n")[0].decode("ascii")
    return f"{source}+{sha256(_packed()).hexdigest()[:8]}"


def _blocks(pronunciations: dict[str, str]) -> Iterator[str]:
    for _, group in groupby(sorted(pronunciations.items()), key=lambda item: item[0][:2]):
        yield "\n".join(f"{word}\t{phones}" for word, phones in group)


def _packed() -> bytes:
    return (files("xl_translit") / "data" / _FILE).read_bytes()
