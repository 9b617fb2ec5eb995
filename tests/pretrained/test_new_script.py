"""Tibetan in a pretrained vocabulary: what was `<unk>` is written, and text of 28 other languages keeps its ids."""

from pathlib import Path

import pytest

from xl_encoders import add_pieces, learn_pieces, load_encoder, piece_sources
from xl_translit import Romanizer


def _sentences(data: Path, language: str, *splits: str) -> list[str]:
    lines: list[str] = []
    for split in splits:
        rows = (data / "sib200" / language / f"{split}.tsv").read_text(encoding="utf-8").split("\n")[1:]
        lines += [row.split("\t")[2] for row in rows if row]
    return lines


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.pretrained
def test_tibetan_is_written_and_other_languages_keep_their_ids(pretrained_folder: Path, data_folder: Path) -> None:
    encoder = load_encoder(pretrained_folder)
    tokenizer, unknown = encoder.tokenizer, encoder.tokenizer.unk_token_id
    others = [path.name for path in sorted((data_folder / "sib200").iterdir()) if path.name != "bod_Tibt"]
    texts = [text for language in others for text in _sentences(data_folder, language, "train", "dev", "test")]
    held_out = _sentences(data_folder, "bod_Tibt", "test")
    before = tokenizer(texts, add_special_tokens=False)["input_ids"]
    ids = [index for row in tokenizer(held_out, add_special_tokens=False)["input_ids"] for index in row]
    assert ids.count(unknown) / len(ids) > 0.3

    learnt = learn_pieces(encoder, _sentences(data_folder, "bod_Tibt", "train", "dev"), budget=1500)
    sources = piece_sources(encoder, learnt.pieces, "romanised", romanise=Romanizer().batch)
    assert sum(source is not None for source in sources) > 0.9 * len(sources)
    add_pieces(encoder, learnt.pieces, sources)

    ids = [index for row in tokenizer(held_out, add_special_tokens=False)["input_ids"] for index in row]
    assert ids.count(unknown) / len(ids) < 0.01
    assert len(ids) / len(held_out) < 60  # characters alone are more than twice as many
    assert len(others) >= 28
    # The encoder of the tests has lost pieces: what it cannot write of other languages may be written now.
    after = tokenizer(texts, add_special_tokens=False)["input_ids"]
    kept = [(old, new) for old, new in zip(before, after, strict=True) if unknown not in old]
    assert len(kept) > len(texts) / 4
    assert all(old == new for old, new in kept)
