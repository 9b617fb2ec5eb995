"""Settings of training word2vec and fastText vectors: the only place where a default and its text stand."""

from dataclasses import dataclass, field

from xl_staticemb.ranges import check_choices, check_lowest, check_positive

METHODS = ("word2vec", "fasttext")
ALGORITHMS = ("skipgram", "cbow")


@dataclass(frozen=True, kw_only=True)
class CooccurrenceConfig:
    """How a vocabulary is chosen and vectors are trained (Mikolov et al. 2013; Bojanowski et al. 2017).

    Raises StaticembError for a value out of range.
    """

    method: str = field(
        default="word2vec",
        metadata={"help": "word2vec | fasttext (a word is also its character n-grams; better for many word forms)"},
    )
    algorithm: str = field(
        default="skipgram", metadata={"help": "skipgram (a word predicts those near it) | cbow (they predict it)"}
    )
    width: int = field(default=300, metadata={"help": "numbers of a vector"})
    window: int = field(default=5, metadata={"help": "words on either side at most; how many is drawn anew each time"})
    min_count: int = field(default=5, metadata={"help": "occurrences below which a word gets no vector"})
    max_words: int = field(default=200_000, metadata={"help": "most words, the most frequent ones"})
    negatives: int = field(default=10, metadata={"help": "random words against each right one"})
    subsample: float = field(
        default=1e-4, metadata={"help": "t: words more frequent than this share are left out at times; 0 keeps all"}
    )
    epochs: int = field(default=5, metadata={"help": "passes over the text; small texts need more"})
    lr: float = field(default=0.025, metadata={"help": "learning rate, which falls in a line to a hundredth of it"})
    min_gram: int = field(default=3, metadata={"help": "fasttext: characters of the shortest n-grams"})
    max_gram: int = field(default=6, metadata={"help": "fasttext: characters of the longest n-grams"})
    buckets: int = field(
        default=2_000_000,
        metadata={"help": "fasttext: vectors that n-grams share by hash, of 4 x width bytes in memory each"},
    )
    threads: int = field(
        default=1, metadata={"help": "threads; one gives the same vectors for the same seed, several never do"}
    )
    seed: int = field(default=0, metadata={"help": "of the first vectors, windows, negatives and subsampling"})

    def __post_init__(self) -> None:
        check_choices(self, {"method": METHODS, "algorithm": ALGORITHMS})
        lowest = {
            "width": 1, "window": 1, "min_count": 1, "max_words": 1, "negatives": 1, "subsample": 0, "epochs": 1,
            "min_gram": 1, "max_gram": self.min_gram, "buckets": 1, "threads": 1, "seed": 0,
        }  # fmt: skip
        check_lowest(self, lowest)
        check_positive(self, "lr")
