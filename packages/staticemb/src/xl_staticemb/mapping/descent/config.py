"""Options of maps that descend: RCSLS (Joulin et al. 2018), MUSE's adversarial start (Conneau et al. 2018)."""

from dataclasses import dataclass, field

BALLS = ("none", "spectral")
CRITERION_WORDS = 10_000  # most frequent words by which the best adversarial epoch is chosen


@dataclass(frozen=True, kw_only=True)
class DescentOptions:
    """Part of `MappingConfig`, which checks them."""

    rcsls_rate: float = field(
        default=1.0,
        metadata={"help": "rcsls: learning rate, > 0, halved whenever the loss rises; published are 1, 10, 25 and 50"},
    )
    rcsls_steps: int = field(default=10, metadata={"help": "rcsls: steps over the dictionary, >= 1; published: 10, 20"})
    ball: str = field(
        default="none",
        metadata={"help": "rcsls: spectral keeps singular values at 1 or below, which is convex; none does not"},
    )
    adversarial_words: int = field(
        default=75_000, metadata={"help": "adversarial start: most frequent words of each side that are drawn, >= 1"}
    )
    adversarial_epochs: int = field(
        default=5, metadata={"help": "adversarial start: epochs, of which the best by its own criterion counts, >= 1"}
    )
    adversarial_steps: int = field(
        default=31_250, metadata={"help": "adversarial start: steps of the map an epoch, >= 1; a million words in all"}
    )
    adversarial_batch: int = field(default=32, metadata={"help": "adversarial start: words of each side a step, >= 1"})
    adversarial_rate: float = field(
        default=0.1,
        metadata={
            "help": "adversarial start: learning rate of both, > 0; the map's falls by 2 % an epoch, and by half after "
            "each epoch but the first that is worse than the best"
        },
    )
    discriminator_steps: int = field(
        default=5, metadata={"help": "adversarial start: steps of the discriminator for one of the map, >= 1"}
    )
    discriminator_width: int = field(
        default=2048, metadata={"help": "adversarial start: width of the discriminator's two hidden layers, >= 1"}
    )
    discriminator_dropout: float = field(
        default=0.1,
        metadata={"help": "adversarial start: share of a word's numbers the discriminator misses, in [0, 1)"},
    )
    smoothing: float = field(
        default=0.1, metadata={"help": "adversarial start: how far its labels are from 0 and 1, in [0, 0.5)"}
    )
    beta: float = field(
        default=0.001, metadata={"help": "adversarial start: pull of the map towards an orthogonal one, >= 0"}
    )
