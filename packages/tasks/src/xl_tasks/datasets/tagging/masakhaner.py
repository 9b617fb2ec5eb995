"""MasakhaNER: names and dates in African news, 1.0 (Adelani et al., 2021) and 2.0 (Adelani et al., 2022)."""

from collections.abc import Iterable
from pathlib import Path

from xl_tasks.catalogue.task import ENTITY_METRICS, Task
from xl_tasks.datasets.readers.hub import by_config
from xl_tasks.datasets.tagging.conll import read_columns
from xl_tasks.datasets.tagging.tagged import TaggedSentences
from xl_tasks.datasets.tagging.tagged_rows import HubRow, add_tokens, parts_of, read_hub
from xl_tasks.examples import Examples, TaggedSentence

MASAKHANER_LABELS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-DATE", "I-DATE")
HUB_ID = "masakhane/masakhaner2"
_FIRST_ID = "masakhane/masakhaner"
# The languages of 2.0; 1.0 has Amharic besides.
_LANGUAGES = "bam bbj ewe fon hau ibo kin lug luo mos nya pcm sna swa tsn twi wol xho yor zul"

MASAKHANER = Task(
    name="masakhaner",
    kind="tagging",
    title="MasakhaNER",
    description="Names of persons, places and organisations, and dates, in African news (Adelani et al., 2021).",
    metrics=ENTITY_METRICS,
    folders=("masakhaner", "masakhaner2", "masakhane-ner", "MasakhaNER", "MasakhaNER2.0"),
    layout="swa/train.txt, swa/dev.txt, swa/test.txt with word and tag, a space between",
    loader="xl_tasks.datasets.tagging.masakhaner:load_masakhaner",
    languages="10 in 1.0, 20 in 2.0",
    licence="CC BY-NC 4.0",
    source="https://github.com/masakhane-io/masakhane-ner",
    hub_id=HUB_ID,
    hub_loader="xl_tasks.datasets.tagging.masakhaner:load_masakhaner_hub",
    also=("masakhaner2", "masakhane-ner"),
)


def load_masakhaner(
    path: Path | str,
    languages: Iterable[str] | None = None,
    *,
    on_error: str = "stop",
    repair: bool = True,
    splits: Iterable[str] | None = None,
) -> Examples[TaggedSentence]:
    """The sentences under `path`, with their tags.

    path: a folder with `LLL/{train,dev,test}.txt`, a word and its tag a line, separated by a space.
    languages: which to read, in any spelling; all by default. splits: likewise.
    on_error: "stop" raises TaskError at the first line that cannot be read, "skip" leaves its sentence out.
    repair: a tag that starts inside becomes `B-`, which seqeval scores alike (see `tagged`); False makes it an error.
    """
    return read_columns(
        "masakhaner", path, languages, MASAKHANER_LABELS, on_error=on_error, repair=repair, splits=splits
    )


def load_masakhaner_hub(
    languages: Iterable[str] | None,
    *,
    on_error: str = "stop",
    repair: bool = True,
    splits: Iterable[str] | None = None,
) -> Examples[TaggedSentence]:
    """The same sentences from the hub, all languages for None: 2.0, and 1.0 for Amharic."""
    parts = parts_of(_FIRST_ID, by_config(["amh"]), "", converted=True) | parts_of(
        HUB_ID, by_config(_LANGUAGES.split()), "", converted=True
    )
    tagged = TaggedSentences("masakhaner", MASAKHANER_LABELS, on_error=on_error, repair=repair)
    read_hub(tagged, parts, languages, add_masakhaner_row, splits=splits)
    return tagged.examples()


def add_masakhaner_row(tagged: TaggedSentences, code: str, split: str, key: str, row: HubRow, place: str) -> None:
    """Add a row of the hub, its `tokens` and `ner_tags`."""
    add_tokens(tagged, code, split, key, row["tokens"], row["ner_tags"], MASAKHANER_LABELS, place)
