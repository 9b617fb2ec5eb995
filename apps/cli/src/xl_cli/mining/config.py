"""How `xl mine` reads its two corpora, scores pairs and keeps them."""

from dataclasses import dataclass, field
from pathlib import Path

from xl_cli.recipe.config import OneLayerConfig
from xl_cli.unread_options import ReadWhere, revision_row
from xl_encoders.config import PRECISIONS
from xl_objectives import setting

SCORES = ("margin", "cosine")

READ_WHERE = (
    ReadWhere(("k",), lambda call: call.score == "margin" or call.in_order, "with --score cosine, which has none"),
    ReadWhere(("known",), lambda call: call.threshold is None and not call.in_order, "where no threshold is learnt"),
    revision_row("model"),
)


@dataclass(frozen=True, kw_only=True)
class MineConfig(OneLayerConfig):
    """Options of `xl mine`."""

    model: str = field(metadata={"help": "Run folder, save_pretrained folder or hub id; a sentence encoder is best."})
    source_lang: str = setting("", "Language of A for the rows [default: by file name]")
    target_lang: str = setting("", "Language of B for the rows [default: by file name]")
    ids: bool = setting(False, "Lines are id TAB sentence, as BUCC's; ids stand where line numbers would")  # fmt: skip
    precision: str = setting("no", "no (float32) | bf16 | fp16 (GPU only)", choices=PRECISIONS)
    score: str = setting(
        "margin",
        "margin (cosine over the mean cosine of both sentences' neighbours; Artetxe and Schwenk 2019) | cosine",
        choices=SCORES,
    )
    k: int = setting(4, "Neighbours that a margin compares with, and with --in-order candidates a sentence.", low=1)
    threshold: float | None = setting(
        None,
        "Least score of a pair [default: the cut with the best F1 to be expected, learnt from --known and from the two "
        "humps that scores of translations and of others make]",
    )
    known: Path | None = field(
        default=None,
        metadata={
            "help": "Pairs that are known, A<TAB>B a line, each a line number, an id or the sentence itself; a third "
            "column says 1 (a translation) or 0 (none), and a line with an empty one is passed over: what --sample "
            "writes, judged."
        },
    )
    in_order: bool = setting(
        False, "A and B are a document and its translation: pairs do not cross, and need no learnt threshold"
    )  # fmt: skip
    gold: Path | None = field(
        default=None, metadata={"help": "All pairs that there are, as in --known, to say precision, recall and F1."}
    )
    sample: int = setting(
        0, "Also write so many pairs, drawn evenly from the best to the last, to be judged: PAIRS.sample.tsv", low=0
    )
    vectors: Path | None = field(
        default=None,
        metadata={
            "help": "Folder that keeps vectors and neighbours for other calls; a call that was stopped goes on there "
            "[default: PAIRS.partial, removed at the end]"
        },
    )
