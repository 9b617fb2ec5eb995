"""How `xl mine` reads its two corpora, scores pairs and keeps them."""

from dataclasses import dataclass, field
from pathlib import Path

from xl_cli.errors import UsageError
from xl_cli.options import check_options
from xl_cli.unread_options import ReadWhere, revision_row
from xl_encoders.config import POOLINGS, PRECISIONS
from xl_objectives import setting

SCORES = ("margin", "cosine")

READ_WHERE = (
    ReadWhere(("k",), lambda call: call.score == "margin" or call.in_order, "with --score cosine, which has none"),
    ReadWhere(("known",), lambda call: call.threshold is None and not call.in_order, "where no threshold is learnt"),
    revision_row("model"),
)


@dataclass(frozen=True, kw_only=True)
class MineConfig:
    """Options of `xl mine`."""

    model: str = field(metadata={"help": "Run folder, save_pretrained folder or hub id; a sentence encoder is best."})
    source_lang: str = setting("", "Language of A for the rows [default: by file name]")
    target_lang: str = setting("", "Language of B for the rows [default: by file name]")
    ids: bool = setting(False, "Lines are id TAB sentence, as BUCC's; ids stand where line numbers would")  # fmt: skip
    layer: str = setting(
        "",
        "hidden_states index, negative from the end, or last [default: the run's own; of a sentence encoder what its "
        "modules.json says, else two thirds of the depth]",
    )
    pooling: str = setting(
        "",
        "mean-content (no specials) | mean-all | first [default: the run's own, else what its modules.json says, "
        "else mean-all]",
        choices=("", *POOLINGS),
    )
    prompt: str | None = setting(
        None,
        "Put in front of every text, e.g. 'query: ', or the name of one of the model's own prompts [default: the "
        "model's default prompt]",
    )
    max_len: int = setting(0, "Longest input in tokens; 0 takes the model's limit, at most 512.", low=0)
    precision: str = setting("no", "no (float32) | bf16 | fp16 (GPU only)", choices=PRECISIONS)
    revision: str = setting("", "Commit or tag of a hub model.")
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

    def __post_init__(self) -> None:
        check_options(self)
        if self.layer and self.layer != "last" and not self.layer.lstrip("-").isdigit():
            message = f"--layer is {self.layer!r}; give a hidden_states index such as 8 or -1, or last."
            raise UsageError(message)
