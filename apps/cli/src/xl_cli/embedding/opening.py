"""The model that embeds, and the form of what it gives, out of settings of which each may be left to a default."""

from xl_cli.embedding.config import EmbedConfig
from xl_cli.embedding.vectors import VectorForm
from xl_cli.evaluation.opened import Opened, open_model
from xl_encoders import word_breaker
from xl_translit import language
from xl_translit.corpora.inputs import Corpus


def open_for(config: EmbedConfig) -> Opened:
    """The model, read as the settings say."""
    return open_model(
        config.model,
        revision=config.revision,
        max_len=config.max_len,
        layer=config.layer,
        # That of a sentence encoder may be unknown here, and is not read for words.
        pooling=config.pooling if config.unit == "sentence" else "mean-all",
        prompt=config.prompt if config.unit == "sentence" else "",
    )


def vector_form(config: EmbedConfig, opened: Opened, corpus: Corpus) -> VectorForm:
    """Settings with the defaults that the model and the corpus decide."""
    by_files = opened.form is not None and opened.form.normalizes and config.unit == "sentence"
    return VectorForm(
        config=config,
        layers=tuple(opened.layers),
        pooling=opened.pooling if config.unit == "sentence" else config.pooling or "mean",
        normalize=by_files if config.normalize is None else config.normalize,
        sources=tuple(source.layout.name for source in corpus.sources),
        breaker=word_breaker(language(config.lang) if config.lang else "", config.word_engine),
        kept_types=corpus.kept_types(config.keep),
    )
