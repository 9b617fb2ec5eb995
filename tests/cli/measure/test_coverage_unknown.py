"""What a Unigram tokenizer does not know is counted as unknown, by the ids that a model would read."""

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from xl_cli import analyze


def test_unknown_pieces_of_a_unigram_tokenizer(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), ("\u2581", -1.0), ("a", -1.0), ("b", -1.0)], 0, False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<unk>")
    fast.save_pretrained(tmp_path / "model")
    shape: dict[str, Any] = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    BertModel(BertConfig(vocab_size=4, **shape)).save_pretrained(tmp_path / "model")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "ell_Grek.txt").write_text("ab \u03b3\u03b4\n\u03b3 a\n", encoding="utf-8")
    ids = [i for text in ("ab \u03b3\u03b4", "\u03b3 a") for i in fast(text)["input_ids"]]
    rows = analyze("coverage", model=str(tmp_path / "model"), data=str(tmp_path / "texts"))
    measured = {row.metric: row.value for row in rows if row.unit == "subword" and row.source == "ell_Grek"}
    assert measured["unknown_pieces"] == pytest.approx(ids.count(0) / len(ids))
    assert 0 < measured["unknown_pieces"] < 1
    assert measured["distinct_pieces"] == len({*ids} - {0})
    assert measured["known_words"] == 0.5
