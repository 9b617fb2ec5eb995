"""What `xl static multilingual` can be told beside what `xl static extract` can. Imports nothing heavy."""

from dataclasses import dataclass

from xl_cli.errors import UsageError
from xl_cli.options import check_options
from xl_cli.unread_options import ReadWhere
from xl_cli.vectors.extract_config import PRESETS, ReadingConfig
from xl_cli.vectors.extract_config import READ_WHERE as EXTRACT_READ_WHERE
from xl_cli.vectors.mapping_options import MODES, OF_MUSE, OF_RCSLS, PIVOT_MODES
from xl_cli.vectors.word_files import DEVICES
from xl_objectives import setting

FORMATS = ("vec", "bin", "safetensors")
# per-pair gives the pivot a space for each language, and all languages are to share one
ONTO_PIVOT = tuple(mode for mode in PIVOT_MODES if mode != "per-pair")
WORDS_MODES = (*(name for name, config in MODES.items() if config.dictionary != "pairs"), "none")


@dataclass(frozen=True, kw_only=True)
class CorporaReadingConfig(ReadingConfig):
    """The encoder, the languages, and how their words are found."""

    languages: tuple[str, ...] = setting(
        (), "languages to take of folders, any spelling; repeat [default: all that their names state]"
    )
    preset: str = setting(
        "x2s",
        "settings of a paper, which options override: x2s, as in xl static extract, or ''",
        choices=("", *PRESETS),
    )


@dataclass(frozen=True, kw_only=True)
class MultilingualConfig:
    """Where the dictionaries come from, how languages are mapped and chosen, and what is written."""

    pivot: str = setting("eng_Latn", "language whose space stays; all others are mapped onto it")
    words: tuple[str, ...] = setting(
        (),
        "word vectors that dictionaries are induced from (fastText, word2vec): LANG=FILE, a file whose name states its "
        "language (wiki.tr.vec), or a folder of such; repeat",
    )
    words_mode: str = setting(
        "unsupervised",
        f"how they are mapped onto the pivot's: {' | '.join(WORDS_MODES)} (they share a space)",
        choices=WORDS_MODES,
    )
    words_limit: int = setting(200_000, "most frequent word vectors to read of each file; 0: all", low=0)
    map_seeds: int = setting(1, "runs of self-learning a language; the best objective counts", low=1)
    cutoff: int = setting(20_000, "most frequent words of each side that a dictionary is induced among; 0: all", low=0)
    n_neighbours: int = setting(10, "neighbours that CSLS takes the mean of when it is induced", low=1)
    exclude: tuple[str, ...] = setting(
        (), "LANG=FILE of what must not be in its induced dictionary, such as a test dictionary; repeat"
    )
    dictionary: tuple[str, ...] = setting(
        (), "LANG=FILE, source<TAB>pivot word a line, in the place of an induced one; repeat"
    )
    mode: str = setting("orthogonal", f"map of a language: {' | '.join(ONTO_PIVOT)}", choices=ONTO_PIVOT)
    held_out: float = setting(
        0.2, "share of each dictionary that is not learnt from, to choose by", above=0, below=1,
        wanted="a share between 0 and 1",
    )  # fmt: skip
    choose: str = setting(
        "on", "on: a language stays unaligned where that does better held out | off", choices=("on", "off")
    )
    format: str = setting("vec", f"of all vectors that are written: {' | '.join(FORMATS)}", choices=FORMATS)
    digits: int = setting(9, "significant digits in text (--format vec); 9 lose nothing", low=1, below=10,
                          wanted="1 to 9")  # fmt: skip
    device: str = setting("cpu", f"of searches among words: {DEVICES}")

    def __post_init__(self) -> None:
        check_options(self)
        if not self.pivot:
            message = "--pivot is empty; name the language that all others are mapped onto."
            raise UsageError(message)


def _self_learning(call: "MultilingualConfig") -> bool:
    return call.words_mode != "none" and MODES[call.words_mode].self_learning


READ_WHERE = (
    *EXTRACT_READ_WHERE,
    ReadWhere(
        ("words_mode", "words_limit", "map_seeds", "cutoff", "n_neighbours", "exclude"),
        lambda call: call.words,
        "without --words, which dictionaries are induced from",
    ),
    ReadWhere(("map_seeds",), _self_learning, "for a map of word vectors that learns nothing by itself"),
    ReadWhere(
        ("held_out", "choose", "mode", "device", *OF_RCSLS),
        lambda call: call.words or call.dictionary,
        "without a dictionary",
    ),
    ReadWhere(OF_RCSLS, lambda call: call.mode == "rcsls", "without --mode rcsls"),
    ReadWhere(OF_MUSE, lambda call: call.words and call.words_mode == "muse", "without --words and --words-mode muse"),
    ReadWhere(("digits",), lambda call: call.format == "vec", "for vectors that are not written as text"),
)
