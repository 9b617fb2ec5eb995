"""A vocabulary without the pieces that some texts do not need: a model of one region in a part of the size."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.vocabulary.extension import embedding_table, token_tables, tokenizer_parts
from xl_encoders.vocabulary.new_script import words_of


def prune_pieces(encoder: Encoder, texts: Sequence[str]) -> Encoder:
    """`encoder` without the pieces that no text of `texts` needs; its model is the same one, with smaller tables.

    Kept are specials, all pieces that the texts are cut into, each single character that occurs in them, and of Unigram
    the piece of the lowest score, which says what an unknown character costs, of WordPiece also what the longest match
    takes of a word before it fails. So these texts are cut as before, and the rows of what is kept are the same
    numbers, under new ids in the old order. Unigram and WordPiece; EncoderError for other kinds.
    """
    backend, config = tokenizer_parts(encoder, "vocabulary.prune")
    model = config["model"]
    if model["type"] == "BPE":
        message = (
            f"the tokenizer of {encoder.name} is of the kind BPE; pieces are taken out of Unigram (XLM-R, E5, Glot500) "
            f"and WordPiece vocabularies (mBERT, LaBSE) alone: leave vocabulary.prune out."
        )
        raise EncoderError(message)
    normalize = backend.normalizer.normalize_str if backend.normalizer else str
    characters = {char for text in texts for char in normalize(text)}
    encodings = backend.encode_batch(list(texts), add_special_tokens=False)
    used = {index for encoding in encodings for index in encoding.ids}
    specials = {token.content: index for index, token in backend.get_added_tokens_decoder().items()}
    kept = used | set(specials.values())
    if model["type"] == "Unigram":
        vocabulary: list[Any] = model["vocab"]
        names = [piece for piece, _ in vocabulary]
        lowest = min(range(len(vocabulary)), key=lambda index: vocabulary[index][1])
        kept |= {lowest, model["unk_id"]}
        singles = characters | {"▁"}
    else:
        vocabulary = names = sorted(model["vocab"], key=model["vocab"].__getitem__)
        mark = model["continuing_subword_prefix"]
        singles = characters | {mark + char for char in characters}
        unknown = model["vocab"][model["unk_token"]]
        lost = [text for text, encoding in zip(texts, encodings, strict=True) if unknown in encoding.ids]
        kept |= {unknown, *_matched_before_failing(lost, backend, model)}
    kept |= {index for index, piece in enumerate(names) if piece in singles}
    order = sorted(kept)
    numbers = {old: new for new, old in enumerate(order)}
    behind = {index: content for content, index in specials.items() if index >= len(vocabulary)}
    # Tokens behind the model's own vocabulary become part of it, as `grown_model` has them.
    if model["type"] == "Unigram":
        floor = vocabulary[lowest][1]
        entries = [vocabulary[old] if old < len(vocabulary) else [behind[old], floor] for old in order]
        config["model"] = {**model, "vocab": entries, "unk_id": numbers[model["unk_id"]]}
    else:
        pieces = [names[old] if old < len(names) else behind[old] for old in order]
        config["model"] = {**model, "vocab": {piece: index for index, piece in enumerate(pieces)}}
    for token in config["added_tokens"]:
        token["id"] = numbers[token["id"]]
    _renumber(config["post_processor"], numbers)
    pruned = Tokenizer.from_str(json.dumps(config, ensure_ascii=False))
    tokenizer = encoder.tokenizer
    if numbers[tokenizer.pad_token_id] != tokenizer.pad_token_id:
        message = (
            f"the pad token of {encoder.name} would get another id, by which its model tells padding: leave "
            f"vocabulary.prune out."
        )
        raise EncoderError(message)
    embedding_table(encoder, "vocabulary.prune")
    with torch.no_grad():
        for tensor in token_tables(encoder):
            tensor[: len(order)] = tensor[order]
    encoder.model.resize_token_embeddings(len(order))
    for name in ("bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id"):
        said = getattr(encoder.model.config, name, None)
        if said is not None:
            setattr(encoder.model.config, name, numbers[said])
    # The general class is what tokenizer.json says, whatever class the old one was of.
    roles = dict(tokenizer.special_tokens_map)
    whole = PreTrainedTokenizerFast(tokenizer_object=pruned, model_max_length=tokenizer.model_max_length, **roles)
    made = Encoder(encoder.model, whole, name=encoder.name, max_len=encoder.max_len, prompt=encoder.prompt)
    made.stored_dtype, made.pools_prompt, made.tail = encoder.stored_dtype, encoder.pools_prompt, encoder.tail
    return made


def _matched_before_failing(texts: Sequence[str], backend: Tokenizer, model: Mapping[str, Any]) -> set[int]:
    """Ids of the pieces that WordPiece takes of words that end as unknown: without them a shorter one might go on."""
    found: set[int] = set()
    pieces, mark = model["vocab"], model["continuing_subword_prefix"]
    for word in {word for text in texts for word in words_of(backend, text)}:
        start = 0
        while start < len(word):
            fitting = ((stop, (mark if start else "") + word[start:stop]) for stop in range(len(word), start, -1))
            stop, piece = next(((stop, piece) for stop, piece in fitting if piece in pieces), (0, ""))
            if not stop:
                break
            found.add(pieces[piece])
            start = stop
    return found


def _renumber(part: object, numbers: dict[int, int]) -> None:
    """Put the new ids into what a tokenizer puts around texts."""
    if isinstance(part, list):
        if len(part) == 2 and isinstance(part[0], str) and isinstance(part[1], int):  # a pair of a token and its id
            part[1] = numbers[part[1]]
        for item in part:
            _renumber(item, numbers)
    elif isinstance(part, dict):
        if "tokens" in part and isinstance(part.get("ids"), list):
            part["ids"] = [numbers[index] for index in part["ids"]]
        for value in part.values():
            _renumber(value, numbers)
