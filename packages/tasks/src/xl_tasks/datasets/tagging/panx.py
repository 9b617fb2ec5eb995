"""PAN-X: names of persons, places and organisations in Wikipedia (Pan et al., 2017).

The splits are those of Rahimi et al. (2019). The data is called WikiAnn too; PAN-X is XTREME's name for 40 languages.
Words of U+200B, U+200C or right-to-left marks alone stand in several files, each with a tag; they are kept, as words.
"""

from collections.abc import Iterable
from pathlib import Path

from xl_tasks.catalogue.task import ENTITY_METRICS, Task
from xl_tasks.datasets.readers.hub import by_config, hub_config_names
from xl_tasks.datasets.tagging.conll import read_columns
from xl_tasks.datasets.tagging.tagged import TaggedSentences
from xl_tasks.datasets.tagging.tagged_rows import HubRow, add_tokens, parts_of, read_hub
from xl_tasks.examples import Examples, TaggedSentence
from xl_translit.wikipedia import WIKIPEDIA_CODES, wikipedia_language

PANX_LABELS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
HUB_ID = "unimelb-nlp/wikiann"

PANX = Task(
    name="panx",
    kind="tagging",
    title="PAN-X (WikiAnn)",
    description="Names of persons, places and organisations in Wikipedia (Pan et al., 2017; Rahimi et al., 2019).",
    metrics=ENTITY_METRICS,
    folders=("panx", "pan-x", "PAN-X", "panx_dataset", "wikiann", "panx_masakhane"),
    layout=(
        "train-tr.tsv, test-tr.tsv with word<TAB>tag (XTREME), tr/train with tr:word<TAB>tag (WikiAnn), "
        "swa/train.txt with word and tag (Masakhane)"
    ),
    loader="xl_tasks.datasets.tagging.panx:load_panx",
    languages="40 in XTREME, 176 in WikiAnn",
    licence="none stated; the text is Wikipedia's (CC BY-SA)",
    source="https://huggingface.co/datasets/unimelb-nlp/wikiann",
    hub_id=HUB_ID,
    hub_loader="xl_tasks.datasets.tagging.panx:load_panx_hub",
    also=("wikiann", "ner"),
    xtreme=True,
)


def load_panx(
    path: Path | str,
    languages: Iterable[str] | None = None,
    *,
    on_error: str = "stop",
    repair: bool = True,
    splits: Iterable[str] | None = None,
) -> Examples[TaggedSentence]:
    """The sentences under `path`, with their tags.

    path: a folder with `{train,dev,test}-XX.tsv` (XTREME), `XX/{train,dev,test}` or `XX-train` with `lang:word`
        (WikiAnn), or `LLL/{train,dev,test}.txt` (Masakhane).
    languages: which to read, in any spelling; all by default. Files are named by Wikipedia's codes: `als` is gsw_Latn.
    splits: which to read, all by default.
    on_error: "stop" raises TaskError at the first line that cannot be read, "skip" leaves its sentence out.
    repair: a tag that starts inside becomes `B-`, which seqeval scores alike (see `tagged`); False makes it an error.
    """
    return read_columns(
        "panx", path, languages, PANX_LABELS,
        on_error=on_error, repair=repair, language_of=wikipedia_language, splits=splits,
    )  # fmt: skip


def load_panx_hub(
    languages: Iterable[str] | None,
    *,
    on_error: str = "stop",
    repair: bool = True,
    splits: Iterable[str] | None = None,
) -> Examples[TaggedSentence]:
    """The same sentences from the hub (unimelb-nlp/wikiann), all languages for None."""
    configs = by_config(hub_config_names(HUB_ID), wikipedia_language)
    # Of two editions in one language, that with the language's own code.
    chosen = {code: sorted(names, key=lambda name: name in WIKIPEDIA_CODES)[:1] for code, names in configs.items()}
    parts = parts_of(HUB_ID, chosen, "")
    tagged = TaggedSentences("panx", PANX_LABELS, on_error=on_error, repair=repair)
    read_hub(tagged, parts, languages, add_panx_row, splits=splits)
    return tagged.examples()


def add_panx_row(tagged: TaggedSentences, code: str, split: str, key: str, row: HubRow, place: str) -> None:
    """Add a row of the hub, its `tokens` and `ner_tags`."""
    add_tokens(tagged, code, split, key, row["tokens"], row["ner_tags"], PANX_LABELS, place)
