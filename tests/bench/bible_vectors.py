"""What the two studies on the Bible share: words of a verse, word2vec vectors of a language, dictionaries to English.

The dictionaries are files of XLING (`bli_xling`: French and Russian, seeds and test apart) and the test files of MUSE
(`muse_pos`: German, Spanish, Arabic), whose source words are cut in two halves by hash: one to learn from, one to test.
"""

import gzip
import hashlib
from pathlib import Path

from gensim.models import Word2Vec

from xl_encoders import split_words
from xl_staticemb import WordVectors, read_dictionary, read_vectors, write_vectors

Pairs = list[tuple[str, str]]

ENGLISH = "eng_Latn"
LANGUAGES = ("deu_Latn", "fra_Latn", "spa_Latn", "rus_Cyrl", "ell_Grek", "arb_Arab", "heb_Hebr", "kor_Hang")
_XLING = {"fra_Latn": "en-fr", "rus_Cyrl": "en-ru"}
_MUSE = {"deu_Latn": "en-de", "spa_Latn": "en-es", "arb_Arab": "en-ar"}


def verses(data: Path, language: str) -> list[str]:
    """The verses of one Bible of `data`/bible, in order."""
    (file,) = (data / "bible").rglob(f"{language}.tsv.gz")
    with gzip.open(file, "rt", encoding="utf-8", newline="\n") as lines:
        return [line.rstrip("\n").split("\t", 1)[1] for line in lines]


def words_of(text: str) -> list[str]:
    """The words of a verse in lower case, without punctuation and numbers."""
    text = text.lower()
    return [
        word
        for word in (text[start:end] for start, end in split_words(text))
        if any(character.isalpha() for character in word)
    ]


def word2vec(data: Path, language: str, folder: Path, width: int = 200) -> WordVectors:
    """word2vec vectors (skip-gram) of a Bible; trained once and kept in `folder`, by frequency."""
    file = folder / f"{language}.vec"
    if not file.exists():
        model = Word2Vec(
            [words_of(verse) for verse in verses(data, language)],
            vector_size=width,
            window=5,
            min_count=3,
            sg=1,
            negative=10,
            sample=1e-4,
            epochs=15,
            seed=1,
            workers=1,
        )
        folder.mkdir(parents=True, exist_ok=True)
        write_vectors(file, WordVectors.from_gensim(model.wv))
    return read_vectors(file)


def dictionaries(data: Path, language: str) -> tuple[Pairs, Pairs] | None:
    """Pairs (English word, word) to learn from and to test on, in lower case, or None where there is no dictionary.

    No source word of the test is one to learn from. Pairs to learn from stand in the order of the file: by frequency.
    """
    if language in _XLING:
        pair = _XLING[language]
        folder = data / "bli_xling" / pair
        learn = read_dictionary(folder / f"yacle.train.freq.5k.{pair}.tsv")
        test = read_dictionary(folder / f"yacle.test.freq.2k.{pair}.tsv")
    elif language in _MUSE:
        files = sorted((data / "muse_pos").glob(f"{_MUSE[language]}.5000-6500.*.txt"))
        pairs = [pair for file in files for pair in read_dictionary(file)]
        learn = [pair for pair in pairs if _half(pair[0])]
        test = [pair for pair in pairs if not _half(pair[0])]
    else:
        return None
    learn, test = ([(left.lower(), right.lower()) for left, right in pairs] for pairs in (learn, test))
    tested = {left for left, _ in test}
    return list(dict.fromkeys(pair for pair in learn if pair[0] not in tested)), list(dict.fromkeys(test))


def _half(word: str) -> bool:
    return hashlib.sha256(word.lower().encode()).digest()[0] % 2 == 0
