"""Texts of several languages under shared keys, and which keys are held out.

A key stands for one meaning: a sentence number, a verse, "territory:TR". What is held out is a key, in all languages at
once, so that no translation of a test text is ever trained on.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from xl_encoders.registry import unknown_name
from xl_tasks.errors import TaskError

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True, kw_only=True)
class ParallelTexts:
    """Texts by language and key."""

    name: str
    """How result rows call the data."""
    texts: Mapping[str, Mapping[str, str]]
    """language code ("tur_Latn") -> key -> text; a language need not have every key."""
    splits: Mapping[str, str] = field(default_factory=dict)
    """key -> "train", "dev" or "test" where the data set itself says so."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """key -> name of the group (a chapter, say) that is held out together; a key without one is its own group."""
    pools: Mapping[str, str] = field(default_factory=dict)
    """key -> collection that retrieval searches, where the data joins several (the bitexts of Tatoeba)."""
    n_before: Mapping[str, int] = field(default_factory=dict)
    """language code -> texts to train on before a share of them was taken; empty where all were."""
    parallel: bool = True
    """False when equal keys of two languages do not mean translations."""

    def __post_init__(self) -> None:
        for key, split in self.splits.items():
            if split not in SPLITS:
                message = f"{self.name}: key {key!r} has split {split!r}; known: {', '.join(SPLITS)}."
                raise TaskError(message)

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes, sorted."""
        return tuple(sorted(self.texts))

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys that any language has, sorted."""
        return tuple(sorted(set().union(*self.texts.values())))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (64 hexadecimal digits) of texts, splits, groups and pools; independent of their order."""
        content = {
            "texts": {language: dict(texts) for language, texts in self.texts.items()},
            "splits": dict(self.splits),
            "groups": dict(self.groups),
            "pools": dict(self.pools),
            "parallel": self.parallel,
        }
        # Escaped JSON: no text can imitate a separator, and lone surrogates cannot break the encoding.
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode("ascii")).hexdigest()

    def restrict(self, languages: Iterable[str]) -> "ParallelTexts":
        """The same data with these languages only, in any spelling ("tur_Latn", "tr", "Turkish").

        TaskError for a language that the data does not have, with the nearest one that it has.
        """
        codes = [resolve_language(language, self.texts, where=self.name) for language in languages]
        if not codes:
            message = f"{self.name}: no language asked for; it has {', '.join(self.languages)}."
            raise TaskError(message)
        texts = {language: self.texts[language] for language in self.languages if language in codes}
        kept = set().union(*texts.values())
        return ParallelTexts(
            name=self.name,
            texts=texts,
            splits={key: split for key, split in self.splits.items() if key in kept},
            groups={key: group for key, group in self.groups.items() if key in kept},
            pools={key: pool for key, pool in self.pools.items() if key in kept},
            parallel=self.parallel,
        )


def resolve_language(spelling: str, codes: Mapping[str, object], *, where: str) -> str:
    """The one of `codes` that `spelling` means; TaskError naming `where` and the nearest one otherwise."""
    if spelling in codes:
        return spelling
    from xl_translit import TranslitError, language

    try:
        code = language(spelling)
    except TranslitError:
        code = spelling
    if code not in codes:
        message = f"{where}: {unknown_name('language', code, sorted(codes))}"
        raise TaskError(message)
    return code


def hold_out(data: ParallelTexts, *, test: float = 0.2, dev: float = 0.1) -> dict[str, str]:
    """Say for every key of `data` whether it is "train", "dev" or "test".

    The data set's own split where it has one; otherwise by SHA-256 of the key's group, so that the answer is the same
    on every machine and does not change when other keys or languages come or go.

    test, dev: shares of the groups, each in [0, 1], together at most 1.
    """
    if not (0 <= test <= 1 and 0 <= dev <= 1 and test + dev <= 1):
        message = f"test is {test} and dev is {dev}; give shares in [0, 1] that add up to at most 1."
        raise TaskError(message)
    return {key: data.splits.get(key) or hashed_split(data.groups.get(key, key), test, dev) for key in data.keys}


def training_texts(data: ParallelTexts, splits: Mapping[str, str], *, unique: bool = True) -> dict[str, list[str]]:
    """Texts to train on by language, in key order, each once or (unless `unique`) as often as it occurs.

    Left out: texts of keys that are not "train" in `splits`, and every text that equals a held-out text of any language
    (a city may be spelled as the country is, and a name alike in English and Turkish).
    """
    held_out = {
        text for texts in data.texts.values() for key, text in texts.items() if splits.get(key) in ("dev", "test")
    }
    by_language = {
        language: [
            text
            for key, text in sorted(data.texts[language].items())
            if splits.get(key) == "train" and text not in held_out
        ]
        for language in data.languages
    }
    return {language: list(dict.fromkeys(texts)) if unique else texts for language, texts in by_language.items()}


def hashed_split(group: str, test: float, dev: float) -> str:
    """The split of a group of keys by its SHA-256, as `hold_out` says of data without splits of its own."""
    # The first 53 bits make an exact float in [0, 1); surrogates cannot be encoded as they are.
    digest = hashlib.sha256(group.encode("utf-8", "surrogatepass")).digest()
    share = (int.from_bytes(digest[:8], "big") >> 11) / 2**53
    if share < test:
        return "test"
    return "dev" if share < test + dev else "train"
