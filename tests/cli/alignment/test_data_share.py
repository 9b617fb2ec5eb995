"""`data.share`: a run trains on so much of each language, says so, and goes on to the same weights."""

import hashlib
import math
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.cli.conftest import Run
from tests.cli.made_data import about_of, log_of, same_weights

from xl_cli.alignment.reading import dev_texts
from xl_cli.data.run_data import load_data
from xl_cli.errors import UsageError
from xl_cli.recipe.recipe import load_recipe
from xl_encoders import FitConfig

TINY = (
    "model.from=new", "model.size=pico", "model.pieces=120", "model.max_len=24", "train.batch=4", "train.accumulate=1",
    "train.steps=4", "train.save_every=1", "eval.string_match=false", "data.share=0.1", "data.least=14",
)  # fmt: skip


def setting(*settings: str) -> list[str]:
    return [part for one in settings for part in ("--set", one)]


@pytest.fixture(params=["lines", "columns"])
def texts(request: pytest.FixtureRequest, tmp_path: Path, corpus: Path) -> list[str]:
    """120 Greek and 300 Turkish texts, as lines or as one table whose column spells the languages in its own way."""
    of = {
        code: (corpus / name).read_text("utf-8").split("\n")[:-1]
        for code, name in (("el", "ell_Grek.txt"), ("tr", "tr.txt"))
    }
    of["tr"] += [f"{text} {text}" for text in of["tr"]] + of["el"][:60]
    if request.param == "lines":
        (tmp_path / "texts").mkdir()
        for code, its in of.items():
            (tmp_path / "texts" / f"{code}.txt").write_text("\n".join(its) + "\n", encoding="utf-8")
        return ["data.files=texts"]
    rows = [(code, text) for code, its in of.items() for text in reversed(its)] + [("Maltese", "dar kbira")] * 3
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in (0, 1)]
    parquet.write_table(pa.table(columns, ["lang", "text"]), tmp_path / "x.parquet", row_group_size=11)
    return ["data.files=x.parquet", "data.language_column=lang", "data.buffer=8", 'data.languages=["Turkish", "ell"]']


def test_a_run_takes_the_share_and_goes_on_to_the_same_weights(
    xl: Run, tmp_path: Path, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text of both languages counts for Greek, the first by code; of 120 and 240 texts 14 (the least) and 24."""
    from xl_encoders.training import fit as fit_loop

    call = ["align", "ppa-maf" if "data.files=x.parquet" in texts else "ppa", *setting(*TINY, *texts)]
    whole = xl(*call, "--out", "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    told = about_of(tmp_path / "whole")
    assert told["texts"] == {"text": {"ell_Grek": {"taken": 14, "of": 120}, "tur_Latn": {"taken": 24, "of": 240}}}
    assert told["n_training_texts"] == 38
    assert (
        "text: 0.1 of each language, at least 14 texts; without those held out 14 of 120 ell_Grek, 24 of 240 tur_Latn"
        in whole.stderr
    )
    card = (tmp_path / "whole" / "model" / "README.md").read_text(encoding="utf-8")
    assert "Texts of each language: ell_Grek 14 of 120, tur_Latn 24 of 240." in card
    right = fit_loop.learning_rate

    def stop(step: int, n_steps: int, config: FitConfig) -> float:
        if step == 2:
            raise RuntimeError
        return right(step, n_steps, config)

    with monkeypatch.context() as patch:
        patch.setattr(fit_loop, "learning_rate", stop)
        with pytest.raises(RuntimeError):
            xl(*call, "--out", "cut", cwd=tmp_path)
    result = xl("align", "--resume", "--out", "cut", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "going on from step 2" in result.stderr
    assert same_weights(tmp_path / "whole", tmp_path / "cut")
    assert [row["losses"] for row in log_of(tmp_path / "whole")] == [row["losses"] for row in log_of(tmp_path / "cut")]
    plan = xl(*call, "--dry-run", cwd=tmp_path)
    assert "# training texts: 38" in plan.stdout, plan.stderr


def test_a_set_of_its_own_layout_gives_a_share_too(tmp_path: Path) -> None:
    """SIB-200's folders read as text; the share is one of its training sentences, and as much of its dev is kept."""
    for code in ("tur_Latn", "ell_Grek"):
        (tmp_path / "sib200" / code).mkdir(parents=True)
        for split, n in (("train", 60), ("dev", 20), ("test", 20)):
            first = {"train": 0, "dev": 60, "test": 80}[split]
            rows = [f"{first + i}\tscience\t{code} {first + i}" for i in range(n)]
            text = "\n".join(["index_id\tcategory\ttext", *rows]) + "\n"
            (tmp_path / "sib200" / code / f"{split}.tsv").write_text(text, encoding="utf-8")
    recipe = load_recipe("ppa", [f"data.files={tmp_path}/sib200", "data.share=0.3", "select.every=0"])
    data = load_data(recipe)
    assert {code: len(texts) for code, texts in data.corpora[0].texts.items()} == {"tur_Latn": 24, "ell_Grek": 24}
    assert dict(data.corpora[0].n_before) == {"tur_Latn": 60, "ell_Grek": 60}
    assert Counter(data.texts[0].languages) == {"tur_Latn": 18, "ell_Grek": 18}
    numbers = {int(text.rpartition(" ")[2]) for text in data.training}
    assert max(numbers) < 60
    assert len(dev_texts(recipe, data)) == 12


@pytest.mark.parametrize("least", [0, 60, 500])
def test_what_is_held_out_counts_for_no_share(tmp_path: Path, least: int) -> None:
    """Lines 1 to 200 of two languages, of which a fifth is test and a tenth dev; some of these stand twice."""
    lines = {"tur_Latn": [f"metin {i}" for i in range(180)], "ell_Grek": [f"κείμενο {i}" for i in range(180)]}
    splits = {
        code: {text: _split(f"{code}:{number}") for number, text in enumerate(its, start=1)}
        for code, its in lines.items()
    }
    for code, its in lines.items():
        held = [text for text in its if splits[code][text] != "train"]
        its += held[:20]  # once more at the end, where they may fall to the texts to train on
        (tmp_path / f"{code}.txt").write_text("\n".join(its) + "\n", encoding="utf-8")
    settings = ["data.share=0.25", f"data.least={least}", "data.held_out=0.2", "data.dev=0.1", "select.every=0"]
    data = load_data(load_recipe("ppa", [f"data.files={tmp_path}", *settings]))
    for code, its in lines.items():
        trainable = {text for text in its if splits[code][text] == "train"}
        wanted = min(len(trainable), max(math.ceil(len(trainable) / 4), least))
        texts = [text for text, own in zip(data.texts[0].texts, data.texts[0].languages, strict=True) if own == code]
        assert len(texts) == len(set(texts)) == wanted
        assert set(texts) <= trainable
        assert data.corpora[0].n_before[code] == len(trainable)


def _split(key: str) -> str:
    """Of a fifth and a tenth that are held out: where the key's SHA-256 falls, as a share of all there are."""
    place = int(hashlib.sha256(key.encode()).hexdigest(), 16) / 2**256
    return "test" if place < 0.2 else "dev" if place < 0.3 else "train"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["data.least=10"], r"data\.0\.least is given, but data\.share is 1, so every text is read"),
        (["data.share=1.5"], r"data\.share is 1\.5; give a share above 0 and at most 1"),
        (["data.share=0.5", "data.kind=parallel"], r"data\.share is 0\.5, but data\.kind is parallel"),
    ],
)
def test_what_a_share_cannot_be_is_one_sentence(settings: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_recipe("ppa", settings, plan_only=True)


def test_the_groups_of_the_paper_take_its_share() -> None:
    for name in ("ppa-maf", "ppa-sea"):
        entry = load_recipe(name, ["select.every=0"], plan_only=True).data[0]
        assert (entry.share, entry.least) == (0.1, 10_000)
    assert load_recipe("ppa-maf", ["data.share=1", "select.every=0"], plan_only=True).data[0].share == 1
    assert load_recipe("ppa-maf", ["data.kind=parallel", "select.every=0"], plan_only=True).data[0].share == 1
