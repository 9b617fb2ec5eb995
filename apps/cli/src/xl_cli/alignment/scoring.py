"""What a run scores of its encoders: retrieval of translations, and what changed from the start, item by item."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from xl_cli.data.items import scored_pairs
from xl_cli.data.new_languages import new_languages
from xl_cli.data.run_data import RunData
from xl_cli.evaluation.comparing import variant_difference_rows, with_intervals
from xl_cli.folder.run_folder import RunFolder
from xl_cli.launch import processes
from xl_cli.launch.progress import say
from xl_cli.mining.rounds import FIGURES, ROUNDS
from xl_cli.recipe.recipe import Recipe
from xl_encoders import Encoder
from xl_tasks import Row, StringMatch, retrieval_rows, score_retrieval
from xl_tasks.protocols.cells import Cell, CellStore, Scored
from xl_translit import Romanizer

MEAN = "mean"
"""What rows call all languages that the encoder knew before, in the place of one."""
ADOPT = "adopt"
"""The task of rows that a run writes of itself."""

# Of a language that is known this share of texts finds its translation at least, and less is `<unk>` of its tokens.
_KNOWN = 0.95
_WRITTEN = 0.01


def start_of(recipe: Recipe) -> str:
    """What rows call the encoder before training."""
    return "untrained" if recipe.model.from_ == "new" else "pretrained"


def model_name(recipe: Recipe, folder: RunFolder) -> str:
    """What rows call the model of a run."""
    return recipe.model.name or folder.path.name


def score_encoder(
    recipe: Recipe, data: RunData, encoder: Encoder, variant: str, layer: int, folder: RunFolder
) -> list[Row]:
    """Rows of retrieval; with `eval.resamples` they have intervals, and the folder keeps which items were found.

    Each text is embedded once for all pairs. Where the run says which languages are new, means over the others follow.
    """
    if not processes.is_main():
        return []
    n_resamples = recipe.eval.resamples
    store = CellStore(folder.path) if n_resamples and data.scored else None
    rows = []
    for corpus, keys in data.scored:
        found = score_retrieval(
            encoder,
            corpus,
            keys,
            pairs=scored_pairs(corpus, recipe.eval),
            layer=layer,
            pooling=recipe.model.pooling,
        )
        cells = [
            Scored(
                cell=Cell(
                    task="retrieval", source=each.pair[0], target=each.pair[1], data=corpus.name, variant=variant,
                    model=model_name(recipe, folder), seed=recipe.train.seed, layer=each.layer,
                    pooling=recipe.model.pooling, prompt=encoder.prompt, unit="subword",
                ),
                keys=each.keys,
                measures=each.measures(),
                coverage=each.coverage,
            )
            for each in found
        ]  # fmt: skip
        for scored in (*cells, *_means(cells, new_languages(recipe, data))):
            if store is not None:
                scored = with_intervals(scored, n_resamples)
                store.save(scored)
            rows += scored.all_rows()
    return rows


def difference_rows(recipe: Recipe, data: RunData, folder: RunFolder) -> list[Row]:
    """Rows with a baseline: what each variant changed from the start; what was mined, and read of each new language.

    None where the folder has such rows, or keeps no items.
    """
    if not processes.is_main() or any(row.baseline or (row.task == ADOPT and row.metric == "new_texts")
                                      for row in folder.rows()):  # fmt: skip
        return []
    rows = []
    if recipe.eval.resamples and data.scored:
        cells = list(CellStore(folder.path))
        for task in ("retrieval", ADOPT):  # corrected apart
            own = [scored for scored in cells if scored.cell.task == task]
            rows += variant_difference_rows(own, start_of(recipe), recipe.eval.resamples)
    name = model_name(recipe, folder)
    rows += [
        Row(
            task=ADOPT,
            metric=metric,
            value=float(its[found]),
            n=int(its["pairs"]),
            source=its["source"],
            target=its["target"],
            seed=recipe.train.seed,
            model=name,
            variant=f"round {its['round']}",
        )
        for its in folder.about().get(ROUNDS, ())
        for found, metric in FIGURES.items()
        if found in its
    ]
    rows += [
        Row(
            task=ADOPT, metric="new_texts", value=float(n_texts), n=n_texts, source=language, target=language,
            seed=recipe.train.seed, model=name, variant=recipe.train.variants[-1],
        )
        for language, n_texts in new_languages(recipe, data).items()
    ]  # fmt: skip
    return rows


def tell_known(recipe: Recipe, data: RunData, folder: RunFolder) -> None:
    """Say which of the new languages the encoder knows already: it writes them, and translations find one another."""
    rows = folder.rows() if processes.is_main() else []
    for code in new_languages(recipe, data):
        missing = [
            row.value
            for row in rows
            if (row.task, row.metric, row.variant, row.target) == ("vocabulary", "unknown_pieces", "before", code)
        ]
        found = [
            row
            for row in rows
            if (row.task, row.metric, row.variant) == ("retrieval", "top1", start_of(recipe))
            and code in (row.source, row.target)
        ]
        if found and min(row.value for row in found) >= _KNOWN and max(missing, default=0) < _WRITTEN:
            least = min(found, key=lambda row: row.value)
            say(
                f"note: {recipe.model.from_} knows {code} already: at least {100 * least.value:.1f} % of its texts "
                f"find their translation before any training ({least.source} to {least.target}, the least); there is "
                "little to gain."
            )


def _means(cells: Sequence[Scored], new: Iterable[str]) -> Iterator[Scored]:
    """For each language and direction, the mean over the other ones that are not new, where there are two or more.

    Of languages with the same items alone: the mean of each item's hits in all of them is what is drawn.
    """
    codes = {*new}
    if not codes:
        return
    for turned in (False, True):
        sides: dict[str, list[Scored]] = {}
        for scored in cells:
            one, other = (scored.cell.source, scored.cell.target)[:: -1 if turned else 1]
            if not {one, other} & codes:
                sides.setdefault(other, []).append(scored)
        for pivot, several in sides.items():
            first = several[0]
            if len(several) < 2 or any(each.keys != first.keys for each in several):
                continue
            measures = [
                replace(measure, stats=np.mean([each.measures[place].stats for each in several], axis=0))
                for place, measure in enumerate(first.measures)
            ]
            pair = (pivot, MEAN) if turned else (MEAN, pivot)
            cell = replace(first.cell, task=ADOPT, source=pair[0], target=pair[1])
            yield Scored(cell=cell, keys=first.keys, measures=measures, coverage=min(e.coverage for e in several))


def score_strings(recipe: Recipe, data: RunData, folder: RunFolder) -> list[Row]:
    """Rows of letters that romanised texts share, without any encoder."""
    if not processes.is_main():
        return []
    rows = []
    for corpus, keys in data.scored:
        chosen = set(keys)
        texts = [text for by_key in corpus.texts.values() for key, text in sorted(by_key.items()) if key in chosen]
        matcher = StringMatch(texts, Romanizer())
        rows += retrieval_rows(
            matcher,
            corpus,
            keys,
            pairs=scored_pairs(corpus, recipe.eval),
            layer=0,
            pooling="none",
            variant=StringMatch.name,
            seed=recipe.train.seed,
            model=model_name(recipe, folder),
            unit="character",
        )
    return rows
