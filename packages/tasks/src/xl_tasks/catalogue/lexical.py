"""The data sets of words: dictionaries and word similarity."""

from xl_tasks.catalogue.task import Task

ENTRIES: tuple[Task, ...] = (
    Task(
        name="bli",
        kind="lexical",
        title="bilingual lexicon induction",
        description="How often the nearest target word of a source word is its translation in a dictionary.",
        metrics=("p@1", "p@5", "p@10", "mrr", "strict p@1", "strict p@5", "strict p@10", "strict mrr"),
        folders=("bli_xling", "xling-eval", "bli_panlex", "panlex-bli", "muse_pos", "MUSE", "dictionaries"),
        layout="yacle.test.freq.2k.en-tr.tsv (XLing), en-tr.test.2000.cc.trans (PanLex), en-de.5000-6500.txt (MUSE)",
        loader="xl_tasks.datasets.lexical.lexical_files:lexical_tasks",
        reads=("resamples",),  # similarity's correlations are no sums over items
        languages="the pairs of the folder's dictionaries",
        licence="XLing: none stated; PanLex-BLI: Apache-2.0; MUSE: CC-BY-NC-4.0",
        source="github.com/codogogo/xling-eval, github.com/cambridgeltl/panlex-bli, github.com/facebookresearch/MUSE",
        also=("MUSE", "XLing", "PanLex-BLI", "lexicon induction", "word translation"),
    ),
    Task(
        name="similarity",
        kind="lexical",
        title="word similarity",
        description="Correlation of cosines of word pairs with the similarity that people gave, SemEval-2017 Task 2.",
        metrics=("harmonic", "pearson", "spearman"),
        folders=("semeval17_task2", "SemEval17-Task2", "semeval17-2"),
        layout="en.test.txt and en-fa.test.txt: word1<TAB>word2<TAB>0 to 4; or en.test.data.txt with en.test.gold.txt",
        loader="xl_tasks.datasets.lexical.lexical_files:lexical_tasks",
        languages="en de es fa it and their pairs",
        licence="none stated",
        source="alt.qcri.org/semeval2017/task2",
        also=("SemEval-2017 Task 2", "SemEval17", "word-similarity"),
    ),
)
