"""Lexicon induction and word similarity, of an encoder that reads words alone or of a folder of word vectors."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.data.fingerprints import fingerprint_file
from xl_cli.errors import UsageError
from xl_cli.evaluation.config import EvaluateConfig
from xl_cli.evaluation.plans import ENCODER, SIDES, VECTORS, Job, NamedModel, Plan, is_vector_folder
from xl_cli.launch.progress import say
from xl_tasks.catalogue.task import Task
from xl_tasks.datasets.lexical.lexical_set import LexicalSet
from xl_tasks.protocols.cells import Cell, Scored
from xl_tasks.protocols.data_folder import loaded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xl_tasks.scoring.lexical_scores import WordScore

_METHODS = ("csls", "nn")
_CONVENTIONS = ("oov-skip", "oov-mid")


class LexicalPlan(Plan):
    """A lexical task: its sets of word pairs."""

    takes_vectors = True

    @staticmethod
    def reads(entry: Task, config: EvaluateConfig) -> frozenset[str]:
        """See `Plan`; folders of vectors have nothing to choose."""
        encoders = not all(is_vector_folder(Path(name)) for name in config.model)
        return SIDES | {"split", "on_error"} | (ENCODER | VECTORS if encoders else set())

    def __init__(self, entry: Task, config: EvaluateConfig) -> None:
        self._entry = entry
        self._config = config
        if not config.data:
            message = f"{entry.name} reads dictionaries from a folder; name it: --data FOLDER ({entry.layout})."
            raise UsageError(message)
        if config.split not in ("", "test", "dev"):
            message = f"--split is {config.split}; {entry.name} is scored on test, similarity also on dev."
            raise UsageError(message)
        root = Path(config.data)
        folders = [root / name for name in entry.folders if (root / name).is_dir()] or [root]
        languages = [*config.source, *config.target] if config.source and config.target else None
        split = "dev" if config.split == "dev" else "test"
        every = [
            one
            for folder in folders
            for one in loaded(entry.loader)(
                folder, kind=entry.name, languages=languages, split=split, on_error=config.on_error
            )
        ]
        self._sets = [one for one in every if _asked(one, config)]
        if not self._sets:
            pairs = ", ".join(f"{one.source}-{one.target}" for one in every)
            message = f"{entry.name}: no set of the languages asked for; there are {pairs}."
            raise UsageError(message)
        for one in self._sets:
            if one.skipped:
                say(f"note: {one.name} {one.source}-{one.target}: {len(one.skipped)} lines left out: {one.skipped[0]}")

    def jobs(self, model: NamedModel) -> Iterator[Job]:
        """One job a set of word pairs, and a layer of an encoder."""
        folder = Path(model.name)
        if is_vector_folder(folder):
            yield from self._vector_jobs(folder)
            return
        opened, words = model.opened, _Words(model)
        model.check_unit(dict.fromkeys(code for one in self._sets for code in (one.source, one.target)))
        for layer in opened.layers:
            for one in self._sets:
                cells = [
                    self._cell(
                        one,
                        opened.encoder.name,
                        method,
                        f"{opened.pooling}+{method}",
                        {"weights": model.weights, "max_len": str(opened.encoder.max_len)},
                        layer=layer,
                        variant=opened.variant,
                        seed=opened.seed,
                        unit=model.unit,
                        prompt=opened.encoder.prompt,
                    )
                    for method in (_CONVENTIONS[:1] if one.golds else _METHODS)
                ]
                yield Job(
                    label=f"{one.name} {one.source} {one.target} {opened.encoder.name} layer {layer}",
                    cells=cells,
                    score=_EncoderScores(one, words, layer).score,
                    group=self.task,
                )

    def _vector_jobs(self, folder: Path) -> Iterator[Job]:
        from xl_tasks.datasets.lexical.vector_folder import vector_files

        files = vector_files(folder, {code for one in self._sets for code in (one.source, one.target)})
        for one in self._sets:
            if not {one.source, one.target} <= files.keys():
                say(f"note: {folder} has no vectors of {one.source} and {one.target}; {one.name} is passed over.")
                continue
            inputs = {code: fingerprint_file(files[code]) for code in sorted({one.source, one.target})}
            cells = [
                self._cell(one, folder.name, method, method, inputs, unit="word")
                for method in (_CONVENTIONS if one.golds else _METHODS)
            ]
            yield Job(
                label=f"{one.name} {one.source} {one.target} {folder.name}",
                cells=cells,
                score=_VectorScores(one, folder).score,
            )

    def _cell(
        self, one: LexicalSet, model: str, method: str, pooling: str, inputs: dict[str, str], **more: object
    ) -> Cell:
        content = json.dumps([one.pairs, one.golds, one.others], ensure_ascii=True)
        return Cell(
            task=one.kind,
            source=one.source,
            target=one.target,
            data=one.name,
            model=model,
            split=one.split,
            pooling=pooling,
            inputs={**inputs, "method": method, "pairs": hashlib.sha256(content.encode("ascii")).hexdigest()},
            **more,  # ty: ignore[invalid-argument-type]
        )


class _Words:
    """Vectors of words read alone, each once for all sets: English stands in most dictionaries."""

    def __init__(self, model: NamedModel) -> None:
        self._model = model
        self._known: dict[tuple[int, str], dict[str, NDArray[np.float32]]] = {}

    def embed(self, words: Sequence[str], language: str, *, layer: int) -> "NDArray[np.float32]":
        """(n_words, width), for words of one language."""
        import numpy as np

        from xl_tasks.units.choosing import input_unit

        memory = self._known.setdefault((layer, language), {})
        if missing := [word for word in words if word not in memory]:
            opened = self._model.opened
            written = input_unit(self._model.unit, opened.encoder.tokenizer).texts(missing, language)
            [vectors] = self._model.embed(written, layers=[layer], pooling=opened.pooling)
            memory.update(zip(missing, vectors, strict=True))
        return np.stack([memory[word] for word in words])


class _EncoderScores:
    """One set by an encoder."""

    def __init__(self, one: LexicalSet, words: _Words, layer: int) -> None:
        self._set = one
        self._embed = partial(words.embed, layer=layer)

    def score(self, cells: Sequence[Cell]) -> Iterator[Scored]:
        """The figures of the cells' methods."""
        from xl_tasks.scoring.lexical_scores import score_lexical

        if self._set.golds:
            yield from _as_scored(cells, score_lexical(self._embed, self._set))
        else:
            methods = [cell.inputs["method"] for cell in cells]
            yield from _as_scored(cells, score_lexical(self._embed, self._set, methods=methods))


class _VectorScores:
    """One set by word vectors from files."""

    def __init__(self, one: LexicalSet, folder: Path) -> None:
        self._set = one
        self._folder = folder

    def score(self, cells: Sequence[Cell]) -> Iterator[Scored]:
        """The figures of the cells' methods."""
        from xl_tasks.datasets.lexical.vector_folder import read_vector_pair
        from xl_tasks.scoring.lexical_scores import score_vectors

        source, target = read_vector_pair(self._folder, self._set.source, self._set.target)
        methods = [cell.inputs["method"] for cell in cells]
        if self._set.golds:
            oov = [method.removeprefix("oov-") for method in methods]
            yield from _as_scored(cells, score_vectors(source, target, self._set, oov=oov))
        else:
            yield from _as_scored(cells, score_vectors(source, target, self._set, methods=methods))


def _as_scored(cells: Sequence[Cell], scores: "Sequence[WordScore]") -> Iterator[Scored]:
    for cell, one in zip(cells, scores, strict=True):
        rows = []
        if not one.measures:
            rows = [
                cell.row(metric, value, one.counts[metric], coverage=one.coverage, skipped=len(one.set.skipped))
                for metric, value in one.values.items()
            ]
        yield Scored(
            cell=cell,
            keys=one.items,
            measures=one.measures,
            rows=rows,
            coverage=one.coverage,
            skipped=len(one.set.skipped),
            counts=one.counts,
        )


def _asked(one: LexicalSet, config: EvaluateConfig) -> bool:
    """Whether the set's languages are those asked for; a side that names none is any language."""
    from xl_translit import language

    source, target = ({language(spelling) for spelling in side} for side in (config.source, config.target))
    return (not source or one.source in source) and (not target or one.target in target)
