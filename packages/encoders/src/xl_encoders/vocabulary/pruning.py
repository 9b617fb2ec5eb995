"""A vocabulary without the pieces that some texts do not need: a model of one region in a part of the size."""

import json
from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from xl_encoders.errors import EncoderError
from xl_encoders.model.encoder import Encoder
from xl_encoders.vocabulary.extension import embedding_table, token_tables, tokenizer_parts


def prune_pieces(encoder: Encoder, texts: Sequence[str]) -> Encoder:
    """`encoder` without the pieces that no text of `texts` needs; its model is the same one, with smaller tables.

    Kept are specials, all pieces that the texts are cut into, each single character that occurs in them, and the piece
    of the lowest score, which says what an unknown character costs. So these texts are cut as before, and the rows of
    what is kept are the same numbers, under new ids in the old order. Unigram alone; EncoderError for other kinds.
    """
    backend, config = tokenizer_parts(encoder, "vocabulary.prune")
    model = config["model"]
    if model["type"] != "Unigram":
        message = (
            f"the tokenizer of {encoder.name} is of the kind {model['type']}; pieces are taken out of Unigram "
            f"vocabularies (XLM-R, E5, Glot500) alone: leave vocabulary.prune out."
        )
        raise EncoderError(message)
    normalize = backend.normalizer.normalize_str if backend.normalizer else str
    characters = {char for text in texts for char in normalize(text)}
    used = {index for encoding in backend.encode_batch(list(texts), add_special_tokens=False) for index in encoding.ids}
    vocabulary = model["vocab"]
    lowest = min(range(len(vocabulary)), key=lambda index: vocabulary[index][1])
    specials = {token.content: index for index, token in backend.get_added_tokens_decoder().items()}
    kept = used | set(specials.values()) | {lowest, model["unk_id"]}
    kept |= {index for index, (piece, _) in enumerate(vocabulary) if piece in characters or piece == "▁"}
    order = sorted(kept)
    numbers = {old: new for new, old in enumerate(order)}
    behind = {index: content for content, index in specials.items() if index >= len(vocabulary)}
    floor = vocabulary[lowest][1]
    config["model"] = {
        **model,
        # Tokens behind the model's own vocabulary become part of it, as `grown_model` has them.
        "vocab": [vocabulary[old] if old < len(vocabulary) else [behind[old], floor] for old in order],
        "unk_id": numbers[model["unk_id"]],
    }
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
