"""Objectives on the words of sentences and their translations: OT (Alqahtani et al. 2021), L2 and word contrast."""

from dataclasses import dataclass
from typing import Any, ClassVar

from xl_objectives.errors import ObjectiveError
from xl_objectives.settings.checks import setting
from xl_objectives.settings.objective import ContrastConfig, ObjectiveConfig


@dataclass(frozen=True, kw_only=True)
class BitextConfig(ObjectiveConfig):
    """What ot, l2 and word-nce share: words of sentences and of their translations, held near the frozen start.

    Called for each bitext of a batch as `loss(x, y, x_mask, y_mask, **takes)`: (sentences, words, width) and masks that
    are true at words. With `needs_alignments` as `loss(x, y, **takes)`: (pairs, width), row i of both one aligned pair.
    """

    reads: ClassVar[tuple[str, ...]] = ("pairs", "parallel", "names")
    family: ClassVar[str] = "bitext"

    layer: int = setting(-1, "hidden_states index of the words, negative from the end")
    words: str = setting(
        "last",
        "a word is its last (as published) | first | mean sub-word, or all of them",
        choices=("last", "first", "mean", "all"),
    )
    drift: float = setting(1.0, "factor of the squared distance to the frozen start, >= 0 (lambda of the paper)", low=0)
    drift_reduction: str = setting(
        "mean", "over the words of each bitext, which add up: mean | sum (as printed)", choices=("mean", "sum")
    )
    drift_side: str = setting("pivot", "which words are held: pivot | both", choices=("pivot", "both"))

    @property
    def takes_idf(self) -> bool:
        """Whether the loss is given `weights`, the idf of the words of both sides, (sentences, words) each."""
        return False

    @property
    def idf_by_sentence(self) -> bool:
        """Whether a word's idf is divided by the words of its sentence: summed over its places that is tf-idf."""
        return False

    @property
    def means_sentences(self) -> bool:
        """Whether the loss is given one vector a sentence, the mean of its words: (sentences, 1, width) each side."""
        return False

    @property
    def keeps_words(self) -> bool:
        """Whether a loss with a projector is given the words as they are, and `projected`, both sides behind it."""
        return False

    @property
    def joins_bitexts(self) -> bool:
        """Whether the loss is taken once, on the sentences of all bitexts of a batch; else on each, and added up."""
        return False


@dataclass(frozen=True, kw_only=True)
class OtConfig(BitextConfig):
    """Optimal transport between the words of sentences and those of their translations."""

    name: ClassVar[str] = "ot"
    title: ClassVar[str] = "optimal transport between the words of translations"
    short_title: ClassVar[str] = "optimal transport between translations"
    loss: ClassVar[str] = "xl_objectives.ot:ot_loss"
    takes: ClassVar[tuple[str, ...]] = ("p", "blur", "solver", "scope", "cost")

    p: int = setting(2, "cost: 2 (half the squared distance) | 1 (the distance)", choices=(1, 2))
    blur: float = setting(0.05, "entropic blur in units of the vectors, > 0; not of exact", above=0)
    scope: str = setting(
        "batch",
        "words of the whole batch of a language are one cloud (batch), each pair's (sentence), or those of all "
        "languages (languages)",
        choices=("batch", "sentence", "languages"),
    )
    solver: str = setting(
        "exact",
        "exact (fastest) | sinkhorn (to 1 %) | geomloss (what the paper ran; lower)",
        choices=("exact", "sinkhorn", "geomloss"),
    )
    cost: str = setting(
        "euclidean", "euclidean | gromov (distances within each side; exact)", choices=("euclidean", "gromov")
    )
    weights: str = setting(
        "uniform",
        "mass of a word: uniform | idf (counted over its side of the bitext) | tf-idf (idf over the words of its "
        "sentence, so that sentences of any length weigh alike)",
        choices=("uniform", "idf", "tf-idf"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cost == "gromov" and self.solver != "exact":
            message = f"{self.key('cost')} gromov needs solver exact, not {self.solver}."
            raise ObjectiveError(message)

    @property
    def arguments(self) -> dict[str, Any]:
        """As of every objective; to the loss all languages are one batch."""
        return {**super().arguments, "scope": "batch" if self.joins_bitexts else self.scope}

    @property
    def takes_idf(self) -> bool:
        """Where `weights` says so."""
        return self.weights != "uniform"

    @property
    def idf_by_sentence(self) -> bool:
        """Where `weights` says so."""
        return self.weights == "tf-idf"

    @property
    def joins_bitexts(self) -> bool:
        """Where `scope` says so (appendix E of the paper)."""
        return self.scope == "languages"


@dataclass(frozen=True, kw_only=True)
class LinkedConfig(ObjectiveConfig):
    """Which words belong together, of objectives that read links: those of the data, or of our aligner."""

    needs_alignments: ClassVar[bool] = True

    align_layer: int | None = setting(
        None,
        "hidden_states index of our own aligner, for data without alignments; left out: two thirds of the "
        "depth (8 of 12)",
    )
    identical: bool = setting(False, "true keeps pairs of words that are spelled alike")
    one_to_one: bool = setting(True, "false keeps words that are aligned more than once")


@dataclass(frozen=True, kw_only=True)
class AlignedConfig(LinkedConfig, BitextConfig):
    """What l2 and word-nce share: the vectors of words that belong together."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.words == "all":
            message = f"{self.key('words')} is all, but alignments name words; choose last, first or mean."
            raise ObjectiveError(message)


@dataclass(frozen=True, kw_only=True)
class L2Config(AlignedConfig):
    """Squared distance between aligned words of sentences and their translations (Cao et al. 2020)."""

    name: ClassVar[str] = "l2"
    title: ClassVar[str] = "distance between aligned words"
    short_title: ClassVar[str] = "distance of aligned words"
    loss: ClassVar[str] = "xl_objectives.word_pairs:squared_distance_loss"
    takes: ClassVar[tuple[str, ...]] = ("reduction",)

    reduction: str = setting("mean", "over the word pairs: mean | sum (as published)", choices=("mean", "sum"))


@dataclass(frozen=True, kw_only=True)
class WordNceConfig(ContrastConfig, AlignedConfig):
    """Contrast of aligned words: each finds its partner among the words of the batch."""

    name: ClassVar[str] = "word-nce"
    title: ClassVar[str] = "contrast between aligned words"
    short_title: ClassVar[str] = "contrast of aligned words"
    loss: ClassVar[str] = "xl_objectives.word_pairs:word_nce_loss"
    takes: ClassVar[tuple[str, ...]] = ("temperature", "similarity", "negatives")

    similarity: str = setting("cosine", "cosine | dot (raw product)", choices=("dot", "cosine"))
    temperature: float = setting(0.1, "the similarities are divided by it, > 0", above=0)
    negatives: str = setting(
        "across", "words of the other side (across, weak) | of both sides (all, strong)", choices=("across", "all")
    )
    false_negatives: bool = setting(False, "true keeps equal words as negatives")

    @property
    def takes_text_ids(self) -> bool:
        """Equal words are told to the loss unless they count as negatives."""
        return not self.false_negatives
