"""Sentences and words by a model of UDPipe (Straka and Straková 2017), which is a file; the library is optional.

A token of several words of the treebank ("didn't", "du") stays one word, as it is written. Spans count code points.
"""

import hashlib
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import regex

from xl_encoders.errors import EncoderError

Spans = list[tuple[int, int]]

_UNREADABLE = regex.compile(r"[\p{Cs}\x00]")


def udpipe_sentences(text: str, model_path: str) -> list[Spans]:
    """The tokens of each sentence of `text`, punctuation marks too, ascending.

    Raises EncoderError without the library, and for a file that is no model with a tokenizer.
    """
    udpipe, model = _opened(model_path)
    tokenizer = model.newTokenizer(udpipe.Model.TOKENIZER_RANGES)
    tokenizer.setText(_UNREADABLE.sub("\N{REPLACEMENT CHARACTER}", text))
    sentence, error = udpipe.Sentence(), udpipe.ProcessingError()
    found = []
    while tokenizer.nextSentence(sentence, error):
        several = {number: token for token in sentence.multiwordTokens for number in (token.idFirst, token.idLast)}
        inside = {number for token in sentence.multiwordTokens for number in range(token.idFirst + 1, token.idLast + 1)}
        # Word 0 is the root; the words of a token of several have no place of their own.
        tokens = [several.get(word.id, word) for word in list(sentence.words)[1:] if word.id not in inside]
        found.append([(token.getTokenRangeStart(), token.getTokenRangeEnd()) for token in tokens])
    if error.occurred():
        message = f"{model_path}: UDPipe cannot cut a text with this model ({error.message}); take another one"
        raise EncoderError(message)
    return found


def udpipe_identity(model_path: str) -> str:
    """Library, version and digest of the model: two alike give the same tokens."""
    from importlib.metadata import version

    _opened(model_path)
    digest = hashlib.sha256(Path(model_path).read_bytes()).hexdigest()[:12]
    return f"udpipe (ufal.udpipe {version('ufal.udpipe')}, model {digest})"


@cache
def _opened(model_path: str) -> tuple[Any, Any]:
    try:
        udpipe: Any = import_module("ufal.udpipe")
    except ImportError:
        message = "engine 'udpipe' needs ufal.udpipe: pip install 'xl-encoders[udpipe]'"
        raise EncoderError(message) from None
    if not Path(model_path).is_file():
        message = f"{model_path or 'engine udpipe'}: no such model; name a file of a UDPipe model, NAME.udpipe"
        raise EncoderError(message)
    model = udpipe.Model.load(model_path)
    if model is None or model.newTokenizer(udpipe.Model.DEFAULT) is None:
        message = f"{model_path}: is no UDPipe model with a tokenizer; fetch it again, or name another one"
        raise EncoderError(message)
    return udpipe, model
