"""UDPipe models that are trained in a moment: from made-up sentences, or from those of a treebank."""

from pathlib import Path
from typing import Any

import pytest

udpipe: Any = pytest.importorskip("ufal.udpipe")

_WORDS = "the cat dog sees hears big small house tree and river".split()  # noqa: SIM905


def conllu(sentences: list[list[str]]) -> str:
    """Sentences of words, the last of which has no space before it; "dont" is a token of two words."""
    blocks = []
    for words in sentences:
        lines, number = [], 0
        for place, word in enumerate(words):
            space = "SpaceAfter=No" if place == len(words) - 2 else "_"
            if word == "dont":
                lines.append(f"{number + 1}-{number + 2}\tdont\t" + "\t".join(["_"] * 7) + f"\t{space}")
                parts = ["do", "nt"]
            else:
                parts = [word]
            for part in parts:
                number += 1
                lines.append(f"{number}\t{part}\t_\tX\t_\t_\t{number - 1}\tdep\t_\t{'_' if len(parts) > 1 else space}")
        blocks.append("\n".join(lines) + "\n\n")
    return "".join(blocks)


def trained(text: str, options: str) -> bytes:
    def read() -> object:
        reader, error, found = udpipe.InputFormat.newInputFormat("conllu"), udpipe.ProcessingError(), udpipe.Sentences()
        reader.setText(text)
        while reader.nextSentence(sentence := udpipe.Sentence(), error):
            found.append(sentence)
        assert not error.occurred(), error.message
        return found

    error = udpipe.ProcessingError()
    none = udpipe.Trainer.NONE
    model = udpipe.Trainer.train("morphodita_parsito", read(), udpipe.Sentences(), options, none, none, error)
    assert not error.occurred(), error.message
    return model


def made_model(path: Path) -> Path:
    """A tokenizer of sentences of a few English words."""
    sentences = [
        [_WORDS[(i + k) % 11].title() if k == 0 else _WORDS[(i * k + k) % 11] for k in range(3 + i % 4)]
        + (["dont"] if i % 5 == 0 else [])
        + [".!?"[i % 3]]
        for i in range(60)
    ]
    path.write_bytes(trained(conllu(sentences), "epochs=3;dimension=16"))
    return path
