"""How well a tokenizer covers languages, as written and romanised."""

from functools import partial
from typing import TYPE_CHECKING, Any

from xl_cli.folder.short_names import model_labels
from xl_cli.launch.progress import say
from xl_cli.measure.registry import Measure
from xl_cli.recipe.config import CoverageConfig
from xl_cli.unread_options import ReadWhere, revision_row

if TYPE_CHECKING:
    from xl_tasks import Row

_METRICS = ("pieces_per_word", "pieces_per_char", "unknown_pieces", "known_words", "known_chars")


def coverage_rows(config: CoverageConfig) -> "list[Row]":
    """What a model's vocabulary makes of each language, as written and romanised.

    Distinct vocabulary items in use, pieces a word, unknown pieces, words without an unknown piece.

    Example: xl analyze coverage --model runs/names --data sib200
    """
    from xl_analysis import tokenizer_coverage
    from xl_cli.data.items import split_keys
    from xl_cli.evaluation.opened import open_tokenizer
    from xl_tasks import Row, load_texts
    from xl_tasks.drawing import first_by_hash
    from xl_translit import Romanizer, count_unread, script_reading

    data = load_texts(config.data, parallel=False)
    if config.language:
        data = data.restrict(config.language)
    keys = split_keys(data, config.split, config.data)
    # Of each language by itself: of parallel text that draws the same, of other text as many of each.
    texts = {
        language: [by_key[key] for key in first_by_hash([key for key in keys if key in by_key], config.limit)]
        for language, by_key in data.texts.items()
    }
    texts = {language: items for language, items in texts.items() if items}
    # Both before anything is counted: a folder without a tokenizer is told at once.
    models = [config.model, *([config.compare] if config.compare else [])]
    tokenizers = [open_tokenizer(model, revision=config.revision if model == config.model else "") for model in models]
    labels = model_labels(models)
    romanised = {language: Romanizer().batch(items) for language, items in texts.items()}
    for language, items in texts.items():
        for script, n_chars in count_unread(items).items():
            note = script_reading(script).note
            say(f"note: {language} romanised is no full reading: {note}; {n_chars} such characters here")
    rows = []
    for model, opened in zip(models, tokenizers, strict=True):
        tokenizer = opened.tokenizer
        for unit, views in (("subword", texts), ("romanised", romanised)):
            coverage = tokenizer_coverage(views, partial(_pieces, tokenizer), tokenizer.unk_token or "")
            figures = [
                (language, metric, float(value), measured.n_texts)
                for language, measured in coverage.items()
                for metric, value in (
                    ("distinct_pieces", len(measured.pieces)),
                    *((name, getattr(measured, name)) for name in _METRICS),
                )
            ]
            together = frozenset[str]().union(*(measured.pieces for measured in coverage.values()))
            n_texts = sum(measured.n_texts for measured in coverage.values())
            figures.append(("all", "distinct_pieces", float(len(together)), n_texts))
            rows += [
                Row(
                    task="coverage",
                    metric=metric,
                    value=value,
                    n=n,
                    source=name,
                    target=name,
                    seed=opened.seed,
                    model=labels.get(model, opened.name),
                    unit=unit,
                    variant=opened.variant,
                    data=data.name,
                )
                for name, metric, value, n in figures
            ]
    return rows


def _pieces(tokenizer: Any, text: str) -> list[str]:
    # By their ids: `tokenize` of a Unigram tokenizer (XLM-R) gives what it does not know as it stands in the text.
    ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return [str(tokenizer.convert_ids_to_tokens(piece)) for piece in ids]


COVERAGE = Measure(
    settings=CoverageConfig,
    rows=coverage_rows,
    table="xl_analysis:coverage_beside",
    read_where=[
        revision_row("model"),
        ReadWhere(("compare",), lambda call: call.compare != call.model, "with the model itself; name another one"),
    ],
)
