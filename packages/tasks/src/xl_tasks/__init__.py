"""Data sets, scorers and result rows that say how well an encoder carries over from one language to another.

`TASKS` and `DATASETS` name what there is; they are plain data, so that reading them loads nothing.

>>> from xl_tasks import StringMatch, load_names, retrieval_rows
>>> names = load_names(["en", "tr"])  # places, languages, currencies, from the locale data of babel
>>> keys = names.keys[:50]
>>> plain = StringMatch([text for side in names.texts.values() for text in side.values()], str.lower)
>>> [row] = [row for row in retrieval_rows(plain, names, keys, pairs=[("en", "tr")], layer=0, pooling="none")
...          if row.metric == "top1"]
>>> row.value > 0.2  # of chance 0.02
True
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING

from xl_tasks.errors import TaskError
from xl_tasks.registry import DATASETS, TASKS, DataSet, Task, data_set, task

if TYPE_CHECKING:
    from xl_tasks.answering.pairs import context_pairs
    from xl_tasks.answering.problem import AnsweringProblem
    from xl_tasks.bible import load_bible, sr_bible_keys
    from xl_tasks.classification.mixed import CellMeans, MixedPairs, cell_means, mixed_pairs
    from xl_tasks.classification.problem import ClassificationProblem
    from xl_tasks.embedding_cache import EmbeddingCache
    from xl_tasks.encoder import Encoder
    from xl_tasks.files.bucc import Bitext, load_bucc, tuning_and_scored
    from xl_tasks.files.conll import load_conll
    from xl_tasks.files.conllu import load_udpos
    from xl_tasks.files.flores import load_flores
    from xl_tasks.files.masakhaner import load_masakhaner
    from xl_tasks.files.panx import load_panx
    from xl_tasks.files.pawsx import load_pawsx
    from xl_tasks.files.question_sets import load_mlqa, load_squad, load_tydiqa, load_xquad
    from xl_tasks.files.sib200_topics import load_sib200_topics
    from xl_tasks.files.taxi1500 import load_taxi1500
    from xl_tasks.files.uner import load_uner
    from xl_tasks.files.xnli import load_xnli
    from xl_tasks.formats import load_texts
    from xl_tasks.lexical.lexical_files import lexical_tasks
    from xl_tasks.lexical.lexical_scores import score_lexical, score_vectors
    from xl_tasks.lexical.lexical_set import LexicalSet
    from xl_tasks.lines import load_lines
    from xl_tasks.margin import best_threshold, mine
    from xl_tasks.metrics.answers import answer_measures
    from xl_tasks.metrics.classification import classification_measures
    from xl_tasks.metrics.tagging import tagging_measures
    from xl_tasks.mining import Mined, mine_bitext, mining_rows
    from xl_tasks.names import load_names
    from xl_tasks.noise.examples import noisy
    from xl_tasks.noise.noise import NOISES, Noise, parse_noise
    from xl_tasks.retrieval import Retrieved, retrieval_rows, score_retrieval
    from xl_tasks.robust.config import RobustConfig
    from xl_tasks.robust.neighbour_table import NeighbourTable, nearest_words, read_neighbours, write_neighbours
    from xl_tasks.robust.perturbing import Perturbation
    from xl_tasks.robust.substitution import augmented
    from xl_tasks.rows import Row, append_rows, read_rows, write_rows
    from xl_tasks.sib200 import load_sib200
    from xl_tasks.string_match import StringMatch
    from xl_tasks.tagging.problem import TaggingProblem
    from xl_tasks.tatoeba import load_tatoeba
    from xl_tasks.texts import ParallelTexts, hold_out, training_texts
    from xl_tasks.tuning.config import TuningConfig
    from xl_tasks.tuning.fit import fit_task
    from xl_tasks.tuning.fitted import Fitted
    from xl_tasks.tuning.presets import PRESETS, Preset, tuning_config
    from xl_tasks.units.choosing import UNITS, check_unit, default_unit, input_unit

__all__ = [
    "DATASETS",
    "NOISES",
    "PRESETS",
    "TASKS",
    "UNITS",
    "AnsweringProblem",
    "Bitext",
    "CellMeans",
    "ClassificationProblem",
    "DataSet",
    "EmbeddingCache",
    "Encoder",
    "Fitted",
    "LexicalSet",
    "Mined",
    "MixedPairs",
    "NeighbourTable",
    "Noise",
    "ParallelTexts",
    "Perturbation",
    "Preset",
    "Retrieved",
    "RobustConfig",
    "Row",
    "StringMatch",
    "TaggingProblem",
    "Task",
    "TaskError",
    "TuningConfig",
    "__version__",
    "answer_measures",
    "append_rows",
    "augmented",
    "best_threshold",
    "cell_means",
    "check_unit",
    "classification_measures",
    "context_pairs",
    "data_set",
    "default_unit",
    "fit_task",
    "hold_out",
    "input_unit",
    "lexical_tasks",
    "load_bible",
    "load_bucc",
    "load_conll",
    "load_flores",
    "load_lines",
    "load_masakhaner",
    "load_mlqa",
    "load_names",
    "load_panx",
    "load_pawsx",
    "load_sib200",
    "load_sib200_topics",
    "load_squad",
    "load_tatoeba",
    "load_taxi1500",
    "load_texts",
    "load_tydiqa",
    "load_udpos",
    "load_uner",
    "load_xnli",
    "load_xquad",
    "mine",
    "mine_bitext",
    "mining_rows",
    "mixed_pairs",
    "nearest_words",
    "noisy",
    "parse_noise",
    "read_neighbours",
    "read_rows",
    "retrieval_rows",
    "score_lexical",
    "score_retrieval",
    "score_vectors",
    "sr_bible_keys",
    "tagging_measures",
    "task",
    "training_texts",
    "tuning_and_scored",
    "tuning_config",
    "write_neighbours",
    "write_rows",
]
__version__ = _version("xl-tasks")

_MODULES = {
    "TuningConfig": "xl_tasks.tuning.config",
    "fit_task": "xl_tasks.tuning.fit",
    "Fitted": "xl_tasks.tuning.fitted",
    "EmbeddingCache": "xl_tasks.embedding_cache",
    "ClassificationProblem": "xl_tasks.classification.problem",
    "LexicalSet": "xl_tasks.lexical.lexical_set",
    "lexical_tasks": "xl_tasks.lexical.lexical_files",
    "score_lexical": "xl_tasks.lexical.lexical_scores",
    "score_vectors": "xl_tasks.lexical.lexical_scores",
    "classification_measures": "xl_tasks.metrics.classification",
    "tagging_measures": "xl_tasks.metrics.tagging",
    "answer_measures": "xl_tasks.metrics.answers",
    "AnsweringProblem": "xl_tasks.answering.problem",
    "Bitext": "xl_tasks.files.bucc",
    "CellMeans": "xl_tasks.classification.mixed",
    "Encoder": "xl_tasks.encoder",
    "Mined": "xl_tasks.mining",
    "MixedPairs": "xl_tasks.classification.mixed",
    "NOISES": "xl_tasks.noise.noise",
    "NeighbourTable": "xl_tasks.robust.neighbour_table",
    "Noise": "xl_tasks.noise.noise",
    "PRESETS": "xl_tasks.tuning.presets",
    "ParallelTexts": "xl_tasks.texts",
    "Perturbation": "xl_tasks.robust.perturbing",
    "Preset": "xl_tasks.tuning.presets",
    "Retrieved": "xl_tasks.retrieval",
    "RobustConfig": "xl_tasks.robust.config",
    "Row": "xl_tasks.rows",
    "StringMatch": "xl_tasks.string_match",
    "TaggingProblem": "xl_tasks.tagging.problem",
    "UNITS": "xl_tasks.units.choosing",
    "append_rows": "xl_tasks.rows",
    "augmented": "xl_tasks.robust.substitution",
    "best_threshold": "xl_tasks.margin",
    "cell_means": "xl_tasks.classification.mixed",
    "check_unit": "xl_tasks.units.choosing",
    "context_pairs": "xl_tasks.answering.pairs",
    "default_unit": "xl_tasks.units.choosing",
    "hold_out": "xl_tasks.texts",
    "input_unit": "xl_tasks.units.choosing",
    "load_bible": "xl_tasks.bible",
    "load_bucc": "xl_tasks.files.bucc",
    "load_conll": "xl_tasks.files.conll",
    "load_flores": "xl_tasks.files.flores",
    "load_lines": "xl_tasks.lines",
    "load_masakhaner": "xl_tasks.files.masakhaner",
    "load_mlqa": "xl_tasks.files.question_sets",
    "load_names": "xl_tasks.names",
    "load_panx": "xl_tasks.files.panx",
    "load_pawsx": "xl_tasks.files.pawsx",
    "load_sib200": "xl_tasks.sib200",
    "load_sib200_topics": "xl_tasks.files.sib200_topics",
    "load_squad": "xl_tasks.files.question_sets",
    "load_tatoeba": "xl_tasks.tatoeba",
    "load_taxi1500": "xl_tasks.files.taxi1500",
    "load_texts": "xl_tasks.formats",
    "load_tydiqa": "xl_tasks.files.question_sets",
    "load_udpos": "xl_tasks.files.conllu",
    "load_uner": "xl_tasks.files.uner",
    "load_xnli": "xl_tasks.files.xnli",
    "load_xquad": "xl_tasks.files.question_sets",
    "mine": "xl_tasks.margin",
    "mine_bitext": "xl_tasks.mining",
    "mining_rows": "xl_tasks.mining",
    "mixed_pairs": "xl_tasks.classification.mixed",
    "nearest_words": "xl_tasks.robust.neighbour_table",
    "noisy": "xl_tasks.noise.examples",
    "parse_noise": "xl_tasks.noise.noise",
    "read_neighbours": "xl_tasks.robust.neighbour_table",
    "read_rows": "xl_tasks.rows",
    "retrieval_rows": "xl_tasks.retrieval",
    "score_retrieval": "xl_tasks.retrieval",
    "sr_bible_keys": "xl_tasks.bible",
    "training_texts": "xl_tasks.texts",
    "tuning_and_scored": "xl_tasks.files.bucc",
    "tuning_config": "xl_tasks.tuning.presets",
    "write_neighbours": "xl_tasks.robust.neighbour_table",
    "write_rows": "xl_tasks.rows",
}


def __getattr__(name: str) -> object:
    """Load a module, and with it numpy, babel or scikit-learn, only when one of its names is asked for."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """The public names, so that an editor can complete them."""
    return sorted(__all__)
