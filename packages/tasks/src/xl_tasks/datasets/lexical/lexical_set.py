"""One test of words: a dictionary of two languages, or pairs of words with the similarity that people gave them."""

from dataclasses import dataclass

from xl_tasks.errors import TaskError

LEXICAL_KINDS = ("bli", "similarity")


@dataclass(frozen=True, kw_only=True)
class LexicalSet:
    """The pairs of one language pair and split."""

    name: str
    """Name of the data set: "xling", "panlex", "muse" or "semeval17"; "muse.n" for the nouns of "muse"."""
    kind: str
    """One of LEXICAL_KINDS."""
    source: str
    """Language of the first words, "eng_Latn"."""
    target: str
    """Language of the second words; that of the first where similarity is within one language."""
    split: str
    """"test", or "dev" for the trial pairs of SemEval-2017."""
    pairs: tuple[tuple[str, str], ...]
    """(source word, target word), each once in a dictionary; a source word may have several translations."""
    golds: tuple[float, ...] = ()
    """Similarity of each pair on the scale of the file; empty for bli."""
    others: tuple[tuple[str, str], ...] = ()
    """Pairs of the training dictionaries of the same data set: their words are candidates beside those of `pairs`."""
    files: tuple[str, ...] = ()
    """Where `pairs` were read."""
    skipped: tuple[str, ...] = ()
    """One sentence for each line left out, with `file:line`."""

    def __post_init__(self) -> None:
        if self.kind not in LEXICAL_KINDS:
            message = f"{self.name}: kind is {self.kind!r}; known: {', '.join(LEXICAL_KINDS)}."
            raise TaskError(message)
        if not self.pairs or (self.kind == "similarity") != bool(self.golds):
            message = f"{self.name}: {len(self.pairs)} pairs and {len(self.golds)} golds do not make a {self.kind} set."
            raise TaskError(message)

    def vocabularies(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Distinct words of either side, those of `pairs` first; one vocabulary twice within one language."""
        every = (*self.pairs, *self.others)
        if self.kind == "similarity" and self.source == self.target:
            words = tuple(dict.fromkeys(word for pair in every for word in pair))
            return words, words
        first, second = (tuple(dict.fromkeys(pair[side] for pair in every)) for side in (0, 1))
        return first, second
