"""Universal NER: names in the sentences of UD treebanks (Mayhew et al., 2024).

Files have five TAB columns (number, word, tag, "-", annotator) and comments. Some treebanks also mark other names
(`B-OTH`); the published labels have persons, organisations and places only, so these count as no name here too.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from xl_tasks.catalogue.task import ENTITY_METRICS, Task
from xl_tasks.datasets.readers.hub import by_config
from xl_tasks.datasets.tagging.panx import PANX_LABELS
from xl_tasks.datasets.tagging.tagged import TaggedSentences
from xl_tasks.datasets.tagging.tagged_rows import HubRow, add_tokens, parts_of, read_hub
from xl_tasks.datasets.tagging.treebanks import treebank_files
from xl_tasks.datasets.tagging.word_lines import Sentence, Tagged, read_treebanks
from xl_tasks.errors import TaskError
from xl_tasks.examples import Examples, TaggedSentence

UNER_LABELS = PANX_LABELS
HUB_ID = "universalner/universal_ner"
_CONFIGS = (
    "ceb_gja zh_gsd zh_gsdsimp zh_pud hr_set da_ddt en_ewt en_pud de_pud pt_bosque pt_pud ru_pud sr_set sk_snk sv_pud "
    "sv_talbanken tl_trg tl_ugnayan"
)
_RENAMED = {"B-OTH": "O", "I-OTH": "O"}
_N_COLUMNS = 5

UNER = Task(
    name="uner",
    kind="tagging",
    title="Universal NER",
    description="Names of persons, places and organisations in the sentences of UD (Mayhew et al., 2024).",
    metrics=ENTITY_METRICS,
    folders=("uner", "UNER", "universal_ner", "universal-ner"),
    layout="UNER_English-EWT/en_ewt-ud-test.iob2 with number, word, tag, - and annotator between TABs",
    loader="xl_tasks.datasets.tagging.uner:load_uner",
    reads={"treebank": "treebanks"},
    languages="13",
    licence="that of each treebank, CC BY-SA mostly",
    source="https://www.universalner.org",
    hub_id=HUB_ID,
    hub_loader="xl_tasks.datasets.tagging.uner:load_uner_hub",
)


def load_uner(
    path: Path | str,
    languages: Iterable[str] | None = None,
    *,
    on_error: str = "stop",
    repair: bool = True,
    treebanks: Sequence[str] = (),
    splits: Iterable[str] | None = None,
) -> Examples[TaggedSentence]:
    """The sentences under `path`, with their tags; key = sent_id.

    path: a folder with `UNER_Language-Treebank/xx_tb-ud-{train,dev,test}.iob2`, one of these, or such files.
    languages: which to read, in any spelling; all by default.
    on_error: "stop" raises TaskError at the first line that cannot be read, "skip" leaves its sentence out.
    repair: a tag that starts inside becomes `B-`, which seqeval scores alike (see `tagged`); False makes it an error.
    treebanks: the ones to read ("English-EWT", "en_ewt"); all by default, one behind the other. splits: likewise.
    """
    tagged = TaggedSentences("uner", UNER_LABELS, on_error=on_error, repair=repair, renamed=_RENAMED)
    files = treebank_files(path, languages, ".iob2", treebanks, splits)
    if not files:
        message = f"{path}: no file such as UNER_English-EWT/en_ewt-ud-test.iob2 in it."
        raise TaskError(message)
    for code, entries in files.items():
        read_treebanks(tagged, entries, code, _N_COLUMNS, _tags)
    return tagged.examples()


def load_uner_hub(
    languages: Iterable[str] | None,
    *,
    on_error: str = "stop",
    repair: bool = True,
    treebanks: Sequence[str] = (),
    splits: Iterable[str] | None = None,
) -> Examples[TaggedSentence]:
    """The same sentences from the hub, all languages for None; `treebanks` by code, "en_ewt"."""
    configs = [name for name in _CONFIGS.split() if not treebanks or name in treebanks]
    parts = parts_of(HUB_ID, by_config(configs), "", converted=True)
    tagged = TaggedSentences("uner", UNER_LABELS, on_error=on_error, repair=repair, renamed=_RENAMED)
    read_hub(tagged, parts, languages, add_uner_row, id_columns=("idx",), splits=splits)
    return tagged.examples()


def add_uner_row(tagged: TaggedSentences, code: str, split: str, key: str, row: HubRow, place: str) -> None:
    """Add a row of the hub, its `tokens` and `ner_tags`."""
    add_tokens(tagged, code, split, key, row["tokens"], row["ner_tags"], UNER_LABELS, place)


def _tags(sentence: Sentence) -> Tagged:
    words = sentence.words
    return [word.fields[1] for word in words], [word.fields[2] for word in words], [word.place for word in words]
