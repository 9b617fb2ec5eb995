"""Parts of speech from Universal Dependencies: the UPOS column of CoNLL-U files, of any version.

A tag belongs to each syntactic word: multi-word tokens and empty nodes are left out, and a word written `_` is a word.
XTREME counts otherwise: it replaces the words of a multi-word token by the token itself, with the tag of one of them;
`words="surface"` does so too. CONJ of UD 1 is the CCONJ of UD 2.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from xl_tasks.catalogue.task import Task
from xl_tasks.datasets.readers.hub import by_config, hub_config_names
from xl_tasks.datasets.tagging.conll import read_columns
from xl_tasks.datasets.tagging.tagged import LineError, TaggedSentences
from xl_tasks.datasets.tagging.tagged_rows import HubRow, add_tokens, parts_of, read_hub
from xl_tasks.datasets.tagging.treebanks import treebank_files
from xl_tasks.datasets.tagging.word_lines import Sentence, Tagged, Word, read_treebanks
from xl_tasks.errors import TaskError
from xl_tasks.examples import Examples, TaggedSentence

UPOS_LABELS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM",
    "VERB", "X",
)  # fmt: skip
WORDS = ("syntactic", "surface")
HUB_ID = "commul/universal_dependencies"
HUB_REVISION = "2.17"
"""The hub's own tag for the release of UD."""

_RENAMED = {"CONJ": "CCONJ"}
_N_COLUMNS = 10
_FORM, _UPOS, _HEAD = 1, 3, 6
# Of the words of a token that are nearest to the root, the one whose tag comes first here gives the token's tag.
_FUSED_ORDER = (
    "VERB", "NOUN", "PROPN", "PRON", "ADJ", "NUM", "ADV", "INTJ", "AUX", "ADP", "DET", "PART", "CCONJ", "SCONJ", "X",
    "PUNCT", "SYM",
)  # fmt: skip

UDPOS = Task(
    name="udpos",
    kind="tagging",
    title="UD POS",
    description="Parts of speech of Universal Dependencies, 17 tags, one a syntactic word.",
    metrics=("accuracy", "macro_f1", "seqeval_compat"),
    folders=("udpos", "ud", "UD", "ud-treebanks", "ud-treebanks-v2.11", "ud-treebanks-v2.5", "pos"),
    layout="UD_Turkish-IMST/tr_imst-ud-test.conllu; train-tr.tsv with word<TAB>tag (XTREME)",
    loader="xl_tasks.datasets.tagging.conllu:load_udpos",
    reads={"treebank": "treebanks", "words": "words"},
    files_alone={"words": "CoNLL-U files"},
    languages="33 in XTREME, over 150 in UD",
    licence="that of each treebank",
    source="https://universaldependencies.org",
    hub_id=HUB_ID,
    hub_loader="xl_tasks.datasets.tagging.conllu:load_udpos_hub",
    revision=HUB_REVISION,
    also=("pos", "ud", "universal-dependencies"),
    xtreme=True,
)


def load_udpos(
    path: Path | str,
    languages: Iterable[str] | None = None,
    *,
    on_error: str = "stop",
    treebanks: Sequence[str] = (),
    words: str = "syntactic",
    splits: Iterable[str] | None = None,
) -> Examples[TaggedSentence]:
    """The sentences under `path`, with a part of speech for each word; key = sent_id, else the sentence's number.

    path: a folder of treebanks, `UD_Turkish-IMST/tr_imst-ud-test.conllu`, one treebank, or its files; the download of
        XTREME too, `train-tr.tsv` with a word and its tag a line.
    languages: which to read, in any spelling; all by default. What a file's name begins with is its language.
    on_error: "stop" raises TaskError at the first line that cannot be read, "skip" leaves its sentence out. A sentence
        without tags (`_`) and one whose words are withheld (all `_`) count as such.
    treebanks: the ones to read ("English-EWT", "en_ewt"); all by default, one behind the other, as XTREME has it.
    splits: which to read, all by default.
    words: "syntactic" words or, as XTREME has it, "surface" tokens.
    """
    if words not in WORDS:
        message = f"words is {words!r}; give one of {', '.join(WORDS)}."
        raise TaskError(message)
    files = treebank_files(path, languages, ".conllu", treebanks, splits)
    if not files:
        return read_columns("udpos", path, languages, UPOS_LABELS, on_error=on_error, repair=False, splits=splits)
    tagged = TaggedSentences("udpos", UPOS_LABELS, on_error=on_error, renamed=_RENAMED)
    tags_of = _surface if words == "surface" else _syntactic
    for code, entries in files.items():
        read_treebanks(tagged, entries, code, _N_COLUMNS, tags_of)
    return tagged.examples()


def load_udpos_hub(
    languages: Iterable[str] | None,
    *,
    on_error: str = "stop",
    treebanks: Sequence[str] = (),
    splits: Iterable[str] | None = None,
) -> Examples[TaggedSentence]:
    """The same sentences from the hub, all languages for None; `treebanks` by code, "en_ewt".

    The mirror has the files of a release as parquet; its rows have syntactic words.
    """
    configs = [name for name in hub_config_names(HUB_ID, HUB_REVISION) if not treebanks or name in treebanks]
    parts = parts_of(HUB_ID, by_config(configs), HUB_REVISION)
    tagged = TaggedSentences("udpos", UPOS_LABELS, on_error=on_error, renamed=_RENAMED)
    read_hub(tagged, parts, languages, add_udpos_row, id_columns=("sent_id", "idx"), named="upos", splits=splits)
    return tagged.examples()


def add_udpos_row(tagged: TaggedSentences, code: str, split: str, key: str, row: HubRow, place: str) -> None:
    """Add a row of the hub, its `tokens` and `upos` by name.

    Older mirrors have multi-word tokens among the words, tagged `_` and without a head: these are left out.
    """
    tokens, tags = list(row["tokens"]), list(row["upos"])
    heads = row.get("head")
    if heads is not None and len(heads) == len(tags) == len(tokens):
        kept = [i for i, tag in enumerate(tags) if tag != "_" or str(heads[i]) not in ("None", "_", "")]
        tokens, tags = [tokens[i] for i in kept], [tags[i] for i in kept]
    add_tokens(tagged, code, split, key, tokens, tags, (), place)


def _syntactic(sentence: Sentence) -> Tagged:
    words = [word.fields[_FORM] for word in sentence.words]
    tags = [_upos(word) for word in sentence.words]
    if len(words) > 1 and set(words) == {"_"}:
        message = f"{sentence.words[0].place}: the words are withheld, all are '_'; merge the text into the treebank."
        raise LineError(message)
    return words, tags, [word.place for word in sentence.words]


def _surface(sentence: Sentence) -> Tagged:
    """The words with each multi-word token in the place of its words."""
    words, tags, places = _syntactic(sentence)
    for first, last, token in reversed(sentence.tokens):
        words[first : last + 1] = [token.fields[_FORM]]
        tags[first : last + 1] = [tags[_chief(sentence, first, last)]]
        places[first : last + 1] = [token.place]
    return words, tags, places


def _chief(sentence: Sentence, first: int, last: int) -> int:
    """Of the words first..last, the one nearest to the root; of several, the one whose tag comes first."""

    def rank(i: int) -> tuple[int, int]:
        tag = _RENAMED.get(sentence.words[i].fields[_UPOS], sentence.words[i].fields[_UPOS])
        return _depth(sentence, i), _FUSED_ORDER.index(tag) if tag in _FUSED_ORDER else len(_FUSED_ORDER)

    return min(range(first, last + 1), key=rank)


def _depth(sentence: Sentence, word: int) -> int:
    """How many words stand above a word in the tree; the number of all words where a head is none or in a circle."""
    n_words = len(sentence.words)
    for depth in range(n_words):
        head = sentence.words[word].fields[_HEAD]
        if head == "0":
            return depth
        if not head.isdecimal() or len(head) > 9 or not 0 < int(head) <= n_words:
            break
        word = int(head) - 1
    return n_words


def _upos(word: Word) -> str:
    tag = word.fields[_UPOS]
    if tag == "_":
        message = f"{word.place}: {word.fields[_FORM][:60]!r} has no part of speech, '_'; annotate it."
        raise LineError(message)
    return tag
