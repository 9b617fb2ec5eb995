"""A model of phonemes in the layout that XPhoneBERT has on the hub: aligned, scored, exported; letters are told of."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tests.cli.conftest import Run
from tests.cli.task_data import make_sib200
from tests.encoders.model.test_published_phonemes import published

TEXTS = {
    "eng_Latn": ["the cat sat", "a dog ran home", "we saw the old house", "one day the king came"],
    "tur_Latn": ["kedi oturdu", "bir köpek eve koştu", "eski evi gördük", "bir gün kral geldi"],
}
QUICK = ("--set", "train.steps=2", "--set", "train.batch=4", "--set", "model.layer=1", "--set", "train.precision=no")


def letters(root: Path) -> Path:
    (root / "letters").mkdir()
    for code, lines in TEXTS.items():
        (root / "letters" / f"{code}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return root / "letters"


def phonemes(xl: Run, folder: Path) -> Path:
    """What the note of letters says to do."""
    out = folder.parent / "phonemes"
    out.mkdir()
    for file in sorted(folder.iterdir()):
        done = xl("translit", file, "--to", "phonemes", "--out", out / file.name)
        assert done.returncode == 0, done.stderr
    return out


def units(folder: Path) -> list[str]:
    return list(dict.fromkeys(" ".join(file.read_text("utf-8") for file in sorted(folder.glob("*.txt"))).split()))


def align(xl: Run, model: Path, files: Path, out: Path) -> Any:
    given = ("--set", f"model.from={model}", "--set", f"data.files={files}", *QUICK)
    return xl("align", "ppa", *given, "--set", "train.variants=mlm", "--set", "select.every=0", "--out", out)


@pytest.mark.slow
def test_aligned_scored_and_exported(xl: Run, tmp_path: Path) -> None:
    text = letters(tmp_path)
    said = phonemes(xl, text)
    model = published(tmp_path / "xphonebert", "", units(said))
    done = align(xl, model, said, tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "looks like text in letters" not in done.stderr

    make_sib200(tmp_path, sizes=(12, 6, 9))
    asked = ("--data", tmp_path, "--source", "eng", "--target", "tur", "--set", "steps=1", "--set", "max_len=64")
    scored = xl("eval", "sib200", "--model", tmp_path / "run", *asked, "--json")
    assert scored.returncode == 0, scored.stderr
    assert {json.loads(line)["unit"] for line in scored.stdout.splitlines()} == {"phonemes"}

    exported = xl("export", tmp_path / "run", "--format", "transformers", "--layer", 2, "--out", tmp_path / "out")
    assert exported.returncode == 0, exported.stderr
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    dictionary = ["<s>", "<pad>", "</s>", "<unk>", *units(said)]
    for line in (said / "tur_Latn.txt").read_text("utf-8").splitlines():
        ids = tokenizer(line)["input_ids"]
        assert ids == [0, *map(dictionary.index, line.split()), 2]
    with torch.inference_mode():
        states = transformers.AutoModel.from_pretrained(tmp_path / "out")(torch.tensor([ids])).last_hidden_state
        whole = transformers.AutoModel.from_pretrained(tmp_path / "run" / "model")
        expected = whole(torch.tensor([ids]), output_hidden_states=True).hidden_states[2]
    torch.testing.assert_close(states, expected)


def test_text_in_letters_is_told_with_what_to_do(xl: Run, tmp_path: Path) -> None:
    text = letters(tmp_path)
    model = published(tmp_path / "xphonebert", "")
    for call in (
        ("analyze", "align-words", "--model", model, "--text", "the cat sat", "--text", "kedi oturdu"),
        ("static", "extract", text / "tur_Latn.txt", "--model", model, "--method", "aggregate", "--min-count", "1",
         "--out", tmp_path / "v.vec"),
    ):  # fmt: skip
        told = xl(*call).stderr
        assert "xphonebert reads phonemes and does not know 100 % of" in told, told
        assert "such as xl translit tur_Latn.txt --to phonemes --out FOLDER/tur_Latn.txt" in told


@pytest.mark.slow
def test_a_run_on_letters_tells_it_too(xl: Run, tmp_path: Path) -> None:
    done = align(xl, published(tmp_path / "xphonebert", ""), letters(tmp_path), tmp_path / "run")
    # The article "a" is a phoneme.
    assert re.search(r"reads phonemes and does not know 9\d % of eng_Latn, 100 % of tur_Latn: it looks", done.stderr)
