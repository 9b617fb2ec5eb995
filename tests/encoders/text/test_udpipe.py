"""Words and sentences by a UDPipe model that is trained here: what the library's own pipeline writes, on every text."""

import pickle
from pathlib import Path

import pytest
from tests.trained_udpipe import made_model, trained, udpipe

from xl_encoders import EncoderError, sentence_breaker, word_breaker

TEXTS = [
    "The cat sees 3.5 km, and the dog hears. The big tree! Is it small?",
    "\U0001f600 The dog hears\u00a0\U0001f600 the river.  A cat.\n\nHe dont see (it).",
    "No stop here",
    "",
    "  \n ",
    "\ud800 the\x00 cat.",
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_model(tmp_path_factory.mktemp("udpipe") / "english-made-ud-2.5.udpipe")


def by_the_pipeline(text: str, model: Path) -> list[list[tuple[int, int]]]:
    """The ranges of the tokens that the library's own pipeline writes as CoNLL-U."""
    loaded = udpipe.Model.load(str(model))
    written = udpipe.Pipeline(loaded, "tokenizer=ranges", udpipe.Pipeline.NONE, udpipe.Pipeline.NONE, "conllu").process(
        text
    )
    sentences = []
    for block in written.strip().split("\n\n"):
        rows = [line.split("\t") for line in block.split("\n") if line and not line.startswith("#")]
        found = [
            entry.removeprefix("TokenRange=") for row in rows for entry in row[9].split("|") if "TokenRange" in entry
        ]
        if found:
            sentences.append([(int(a), int(b)) for a, b in (each.split(":") for each in found)])
    return sentences


@pytest.mark.slow
@pytest.mark.parametrize("text", TEXTS[:5])
def test_words_and_sentences_are_those_of_the_library(model: Path, text: str) -> None:
    expected = by_the_pipeline(text, model)
    tokens = [text[a:b] for sentence in expected for a, b in sentence]
    words = word_breaker("eng_Latn", "udpipe", model=str(model))
    assert [text[a:b] for a, b in words(text)] == [t for t in tokens if any(map(str.isalnum, t))]
    if text.startswith("\U0001f600"):
        assert "dont" in [text[a:b] for a, b in words(text)]
    sentences = sentence_breaker("eng_Latn", "udpipe", model=str(model))
    ends = [sentence[-1][1] for sentence in expected if any(text[a:b].isalnum() for a, b in sentence)]
    assert [end for _, end in sentences(text)][: len(ends)] == ends[: len(sentences(text))]
    assert "".join("".join(text[a:b] for a, b in sentences(text)).split()) == "".join(text.split())


@pytest.mark.slow
def test_a_breaker_takes_any_text_can_be_pickled_and_says_what_it_is(model: Path) -> None:
    words = pickle.loads(pickle.dumps(word_breaker("eng_Latn", "udpipe", model=str(model))))
    assert [TEXTS[5][a:b] for a, b in words(TEXTS[5])][-1].startswith("cat")
    assert words.identity.startswith("udpipe (ufal.udpipe ")
    assert sentence_breaker("", "udpipe", model=str(model)).identity in words.identity
    for engine in ("rule", "icu"):
        assert sentence_breaker("", engine).identity.startswith(engine)


def test_what_is_no_model_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.udpipe").write_bytes(b"no model")
    for name, said in (
        ("none.udpipe", "no such model"),
        ("broken.udpipe", "is no UDPipe model"),
        ("", "no such model"),
    ):
        for breaker in (word_breaker, sentence_breaker):
            with pytest.raises(EncoderError, match=said):
                breaker("eng_Latn", "udpipe", model=str(tmp_path / name) if name else "")


@pytest.mark.data
@pytest.mark.slow
def test_a_model_of_a_treebank_finds_its_words_and_sentences(data_folder: Path, tmp_path: Path) -> None:
    """Trained on 300 sentences of English web text it finds nearly all tokens of others, and most sentence ends."""
    folder = data_folder / "ud" / "UD_English-EWT"
    blocks = next(folder.glob("*train.conllu")).read_text("utf-8").strip().split("\n\n")
    (tmp_path / "en.udpipe").write_bytes(trained("\n\n".join(blocks[:300]) + "\n\n", "epochs=4;dimension=16"))
    words = word_breaker("eng_Latn", "udpipe", model=str(tmp_path / "en.udpipe"))
    found = wanted = both = 0
    for block in next(folder.glob("*dev.conllu")).read_text("utf-8").strip().split("\n\n"):
        lines = block.split("\n")
        text = next(line.removeprefix("# text = ") for line in lines if line.startswith("# text = "))
        rows = [line.split("\t") for line in lines if not line.startswith("#")]
        several = [tuple(map(int, row[0].split("-"))) for row in rows if "-" in row[0]]
        inside = {number for a, b in several for number in range(a, b + 1)}
        gold = [row[1] for row in rows if "-" in row[0] or (row[0].isdigit() and int(row[0]) not in inside)]
        gold = [word for word in gold if any(map(str.isalnum, word))]
        ours = [text[a:b] for a, b in words(text)]
        both += sum(min(ours.count(word), gold.count(word)) for word in set(gold))
        found, wanted = found + len(ours), wanted + len(gold)
    assert 2 * both / (found + wanted) > 0.95
