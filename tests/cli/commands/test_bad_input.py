"""Bad input of every kind: one sentence that says where it is and what to do, and no folder left behind."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.made_data import (
    about_of,
    align_toml,
    greek,
    log_of,
    sentences,
    word,
    write_lines,
    write_vectors,
)

NEW = '[model]\nfrom = "new"\nsize = "pico"\npieces = 90\ndropout = 0.0\nmax_len = 32\n'
TRAIN = "steps = 2\nbatch = 8\nlog_every = 1\nsave_every = 0\n"


def refused(xl: Run, recipe: Path, out: Path, words: str, code: int | None = None, *more: str) -> str:
    """The one line on stderr of a run that is refused and leaves nothing."""
    settings = [part for one in more for part in ("--set", one)]
    result = xl("align", recipe, *settings, "--out", out)
    assert result.returncode == code if code else result.returncode in (1, 2), result.stderr
    lines = result.stderr.strip().splitlines()
    assert lines, "nothing was said"
    assert lines[-1].startswith("xl: ")
    assert re.search(words, lines[-1]), lines[-1]
    assert len([line for line in lines if line.startswith("xl: ")]) == 1
    assert "Traceback" not in result.stderr
    assert not out.exists()
    return lines[-1]


def words_recipe(folder: Path, file: Path, objective: str = "dcca", more: str = "k = 2") -> Path:
    return align_toml(
        folder,
        f'{NEW}[[data]]\nkind = "vectors"\nfiles = ["{file}"]\n[[objective]]\nname = "{objective}"\n{more}\n'
        f'[train]\nvariants = ["{objective}"]\n{TRAIN}',
    )


def pairs_recipe(folder: Path, more: str = "", objective: str = "l2") -> Path:
    return align_toml(
        folder,
        f'{NEW}[[data]]\nkind = "pairs"\nfiles = ["{folder}/a.el", "{folder}/a.en"]\n{more}\n'
        f'[[objective]]\nname = "{objective}"\n[train]\nvariants = ["{objective}"]\n{TRAIN}',
    )


def text_recipe(folder: Path, files: str, model: str = NEW, objectives: str = "mlm", more: str = "") -> Path:
    listed = "".join(f'[[objective]]\nname = "{name}"\n' for name in objectives.split("+"))
    return align_toml(
        folder,
        f'{model}[[data]]\nkind = "text"\nfiles = ["{files}"]\nheld_out = 0.0\ndev = 0.0\n{more}\n{listed}'
        f'[train]\nvariants = ["{objectives}"]\n{TRAIN}',
    )


@pytest.fixture
def bitext(tmp_path: Path) -> Path:
    right = sentences(6, seed=1)
    write_lines(tmp_path / "a.el", [greek(text) for text in right])
    write_lines(tmp_path / "a.en", right)
    return tmp_path


GOOD = ["ba 1 2 3", "de 4 5 6", "gi 7 8 9", "ko 1 0 2", "lu 3 1 1"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["7 3", *GOOD], r"v\.vec: the first line promises 7 words, but 5 follow"),
        (["5 4", *GOOD], r"v\.vec:2: expected a word and 4 numbers"),
        (["5 3", *GOOD[:2], "gi 7 nan 9", *GOOD[3:]], r"v\.vec:4: a number is not finite"),
        (["5 3", *GOOD[:2], "gi 7 1e99 9", *GOOD[3:]], r"v\.vec:4: a number is not finite"),
        (["5 3", *GOOD[:3], "ko 1 0 two", *GOOD[4:]], r"v\.vec:5: expected a word and 3 numbers"),
        (["1 3", "</s> 1 2 3"], r"v\.vec: no words to train on"),
        ([], r"v\.vec: holds no word vectors"),
    ],
)
def test_word_vectors_that_are_broken(xl: Run, tmp_path: Path, lines: list[str], words: str) -> None:
    file = write_lines(tmp_path / "v.vec", lines)
    refused(xl, words_recipe(tmp_path, file), tmp_path / "run", words, 1)


def test_word_vectors_that_are_odd_are_read(xl: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Spaces in words, a space at the end, repeated and special entries, no first line."""
    lines = ["</s> 0 0 1", "[UNK] 1 1 0", *GOOD, "new york 1 2 2", "no\u00a0break 2 1 2", "ba 9 9 9", "mi 0 0 0 "]
    file = write_lines(tmp_path / "v.vec", lines)
    result = xl("align", words_recipe(tmp_path, file), "--dry-run")
    assert result.returncode == 0, result.stderr
    assert "# words with vectors: 8" in result.stdout
    result = xl("align", words_recipe(tmp_path, file), "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert len(log_of(tmp_path / "run")) == 2


def test_vectors_of_other_widths(xl: Run, tmp_path: Path) -> None:
    words = [word(k) for k in range(20)]
    write_vectors(tmp_path / "v" / "eng_Latn.vec", words, 5)
    write_vectors(tmp_path / "v" / "tur_Latn.vec", words, 6)
    recipe = words_recipe(tmp_path, tmp_path / "v")
    refused(xl, recipe, tmp_path / "run", r"tur_Latn\.vec: 6 dimensions, but the files before it have 5", 1)
    recipe = words_recipe(tmp_path, tmp_path / "v" / "eng_Latn.vec", "mse", "")
    words_said = r"objective mse .* data vectors have 5 dimensions and the encoder 128; take dcca"
    refused(xl, recipe, tmp_path / "run", words_said, 2)
    dry = xl("align", recipe, "--dry-run")
    assert dry.returncode == 2
    assert re.search(words_said, dry.stderr)
    recipe = words_recipe(tmp_path, tmp_path / "v" / "*.bin")
    refused(xl, recipe, tmp_path / "run", r"\*\.bin: no such file of word vectors", 1)
    said = refused(
        xl, words_recipe(tmp_path, tmp_path / "v"), tmp_path / "run", r"^xl: el: no file of word vectors", 1,
        'data.languages=["el"]',
    )  # fmt: skip
    assert "eng_Latn, tur_Latn" in said


def test_bitexts_of_unequal_length(xl: Run, bitext: Path) -> None:
    with (bitext / "a.en").open("a", encoding="utf-8") as file:
        file.write("one more\nand another\n")
    words = r"a\.el has 6 lines, .*a\.en has 8; .*a\.en:7 is the first line without a partner"
    refused(xl, pairs_recipe(bitext), bitext / "run", words, 1)


def test_bitexts_that_are_no_pairs(xl: Run, bitext: Path) -> None:
    write_lines(bitext / "a.tsv", ["good\tgut", "alone"])
    refused(xl, pairs_recipe(bitext), bitext / "run", r"a\.tsv:2: no tab", 1, f'data.files="{bitext}/a.tsv"')
    refused(
        xl, pairs_recipe(bitext), bitext / "run", r"a\.el: .*needs its translations", 2, f'data.files="{bitext}/a.el"'
    )
    gone = f'data.files=["{bitext}/a.el", "{bitext}/nothing"]'
    refused(xl, pairs_recipe(bitext), bitext / "run", r"nothing: no such file", 1, gone)
    write_lines(bitext / "empty.tsv", ["\t", "\tb"])
    refused(xl, pairs_recipe(bitext, objective="ot"), bitext / "run", r"empty\.tsv: no line has words on both sides", 1,
            f'data.files="{bitext}/empty.tsv"')  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [*lines[:2], "0-99", *lines[3:]], r"a\.align:3: 0-99 is out of range, the sentences have"),
        (lambda lines: [*lines[:2], "0:0", *lines[3:]], r"a\.align:3: '0:0' is no word pair; write i-j"),
        (lambda lines: lines[:-1], r"a\.align:6: there is no such line, but a sentence pair for it"),
        (lambda lines: [*lines, "0-0"], r"a\.align:7: there are only 6 sentence pairs"),
    ],
)
def test_alignments_that_do_not_fit(
    xl: Run, bitext: Path, change: Callable[[list[str]], list[str]], words: str
) -> None:
    write_lines(bitext / "a.align", change(["0-0"] * 6))
    recipe = pairs_recipe(bitext, f'alignments = ["{bitext}/a.align"]')
    refused(xl, recipe, bitext / "run", words, 1)


def test_alignments_for_the_wrong_data(xl: Run, bitext: Path) -> None:
    two = f'alignments = ["{bitext}/a.el", "{bitext}/a.en"]'
    refused(xl, pairs_recipe(bitext, two), bitext / "run", r"data\.alignments has 2 files for 1 bitexts", 2)
    refused(xl, pairs_recipe(bitext, two), bitext / "run", r"alignments belong to kind pairs", 2, "data.kind=parallel",
            f'data.files="{bitext}"')  # fmt: skip


def test_parallel_data_without_its_pivot(xl: Run, bitext: Path, tmp_path: Path) -> None:
    for code, text in (("ell_Grek", greek("badegi")), ("tur_Latn", "badegi")):
        write_lines(tmp_path / "p" / f"{code}.txt", [f"{text}{greek(word(k))}" for k in range(20)])
    recipe = align_toml(
        tmp_path,
        f'{NEW}[[data]]\nkind = "parallel"\nfiles = ["{tmp_path}/p"]\n[[objective]]\nname = "ot"\n'
        f'[train]\nvariants = ["ot"]\n{TRAIN}',
    )
    words = r"has no eng_Latn, the pivot .*; it has ell_Grek, tur_Latn: give data\.pivot"
    refused(xl, recipe, tmp_path / "run", words, 1)


def test_texts_longer_than_the_model_are_cut_and_said(xl: Run, tmp_path: Path) -> None:
    write_lines(tmp_path / "eng_Latn.txt", [*sentences(10), " ".join(sentences(12, seed=3))])
    recipe = text_recipe(tmp_path, f"{tmp_path}/eng_Latn.txt", objectives="mlm+seq+tlm")
    result = xl("align", recipe, "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert re.search(r"^\d+ texts are longer than model\.max_len 32; their end is cut\.$", result.stderr, re.MULTILINE)
    assert about_of(tmp_path / "run")["status"] == "finished"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder for 34 tokens, saved."""
    from xl_encoders import ModelConfig, new_encoder

    folder = tmp_path_factory.mktemp("trained") / "model"
    config = ModelConfig(size="pico", pieces=90, max_len=32)
    new_encoder(sentences(80), config, seed=4).save(folder)
    return folder


def test_more_positions_than_the_model_has(xl: Run, trained: Path, tmp_path: Path) -> None:
    write_lines(tmp_path / "eng_Latn.txt", sentences(10))
    model = f'[model]\nfrom = "{trained}"\nmax_len = 512\n'
    recipe = text_recipe(tmp_path, f"{tmp_path}/eng_Latn.txt", model)
    refused(
        xl, recipe, tmp_path / "run", r"model\.max_len is 512, but .* has positions for 32 tokens; give 32 or less", 1
    )


def test_a_tokenizer_of_another_model(xl: Run, trained: Path, tmp_path: Path) -> None:
    from xl_encoders import ModelConfig, new_encoder

    other = tmp_path / "other"
    shutil.copytree(trained, other)
    many = new_encoder([greek(text) for text in sentences(300)], ModelConfig(size="pico", pieces=400), seed=1)
    many.tokenizer.save_pretrained(other)
    write_lines(tmp_path / "eng_Latn.txt", sentences(10))
    model = f'[model]\nfrom = "{other}"\nmax_len = 32\n'
    recipe = text_recipe(tmp_path, f"{tmp_path}/eng_Latn.txt", model)
    refused(xl, recipe, tmp_path / "run", r"tokenizer", 1)


def test_a_model_that_is_no_encoder(xl: Run, trained: Path, tmp_path: Path) -> None:
    write_lines(tmp_path / "eng_Latn.txt", sentences(10))
    headless = tmp_path / "headless"
    shutil.copytree(trained, headless)
    config = json.loads((headless / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "canine", "architectures": ["CanineModel"]}  # a family without masked-LM heads
    (headless / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for folder, words in ((headless, "no trained masked-LM head"), (tmp_path / "none", "no such model folder")):
        recipe = text_recipe(tmp_path, f"{tmp_path}/eng_Latn.txt", f'[model]\nfrom = "{folder}"\nmax_len = 32\n')
        refused(xl, recipe, tmp_path / "run", words, 1)


@pytest.mark.parametrize(
    ("key", "where"),
    [
        ("model.layer=9", "new"),
        ("objective.seq.layer=2", "new"),
        ("model.layer=-4", "new"),
        ("model.layer=2", "trained"),
    ],
)
def test_a_layer_out_of_range(xl: Run, trained: Path, tmp_path: Path, key: str, where: str) -> None:
    write_lines(tmp_path / "eng_Latn.txt", sentences(10))
    model = NEW if where == "new" else f'[model]\nfrom = "{trained}"\nmax_len = 32\n'
    recipe = text_recipe(tmp_path, f"{tmp_path}/eng_Latn.txt", model, "mlm+seq")
    name, value = key.split("=")
    words = rf"{re.escape(name)} is {value}, but the encoder has layers 0 \(embeddings\) to 1\."
    refused(xl, recipe, tmp_path / "run", words, 2, key)
    dry = xl("align", recipe, "--set", key, "--dry-run")
    assert dry.returncode == 2
    assert re.search(words, dry.stderr)


@pytest.mark.parametrize("key", ["layer", "align_layer"])
def test_a_layer_of_words_out_of_range(xl: Run, bitext: Path, key: str) -> None:
    words = rf"objective\.l2\.{key} is 5, but the encoder has layers 0 \(embeddings\) to 1\."
    refused(xl, pairs_recipe(bitext), bitext / "run", words, 2, f"objective.l2.{key}=5")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ('name = "mlm"', 'name = "mlm"\ndata = ["txet"]'),
            r"unknown data in objective\.mlm\.data: 'txet'; did you mean 'text'",
        ),
        (('name = "mlm"', 'name = "dcca"'), r"objective dcca reads data of kind vectors, and the recipe has none"),
        (('name = "mlm"', 'name = "ot"'), r"objective ot reads data of kind pairs or parallel or names, and"),
        (('name = "mlm"', 'name = "mlm"\n[[objective]]\nname = "mlm"'), r"objective mlm stands twice"),
        (('name = "mlm"', 'nmae = "mlm"'), r"objective"),
        (('name = "mlm"', 'name = "mlm"\nmask_prob = 0'), r"objective\.mlm\.mask_prob is 0\.0; give a probability"),
        (('name = "mlm"', 'name = "mlm"\nmask = 0.1'), r"unknown key 'objective\.mlm\.mask'; .*mask_prob'"),
        (('name = "mlm"', 'name = "mlm"\nbegin = 0.5\nend = 0.2'), r"mlm\.begin is 0\.5 and .*mlm\.end is 0\.2"),
        (("[[data]]", "[data]"), r"data has to be a list of tables: write \[\[data\]\]"),
        (("[[objective]]", "[objective]"), r"objective has to be a list of tables"),
        (("[train]", "[[train]]"), r"train has to be a table: write \[train\]"),
        (("[train]", "[trian]"), r"unknown recipe section 'trian'; did you mean 'train'"),
        (("[train]", "[train"), r"mine\.toml: not valid TOML: .*line \d+"),
        (("steps = 2", 'steps = "two"'), r"train\.steps is 'two'; it takes a whole number"),
        (("steps = 2", "steps = true"), r"train\.steps is True; it takes a whole number"),
        (("steps = 2", "steps = 2\nsteps = 3"), r"mine\.toml: not valid TOML"),
        (("steps = 2", "stesp = 2"), r"unknown key 'train\.stesp'; did you mean 'train\.steps'"),
        (("steps = 2", "steps = 2\nwarmup = 1.0"), r"train\.warmup is 1\.0; give a share"),
        (("steps = 2", 'steps = 2\nprecision = "fp8"'), r"train\.precision is 'fp8'; choose one of no, bf16, fp16"),
        (('kind = "text"', 'kind = "text"\nto = "latin"'), r"data\.to is 'latin'; choose one of latn, ipa, phonemes"),
        (('kind = "text"', 'kind = "text"\ntemperature = 0'), r"data\.temperature is 0\.0; give a number above 0"),
        (('kind = "text"', 'kind = "text"\nlimit = -1'), r"data\.limit is -1"),
        (('kind = "text"', 'kind = "texts"'), r"data\.kind is 'texts'; choose one of names, parallel, text, pairs"),
        (("files = [", 'languages = ["xxq"]\nfiles = ['), r"xxq"),
        (("files = [", 'languages = ["ell_Grek"]\nfiles = ['), r"ell_Grek"),
        (('variants = ["mlm"]', "variants = []"), r"train\.variants is empty"),
        (('variants = ["mlm"]', 'variants = ["mlm+"]'), r"train\.variants 'mlm\+'"),
    ],
)  # fmt: skip
def test_mistakes_in_a_recipe(xl: Run, tmp_path: Path, change: tuple[str, str], words: str) -> None:
    write_lines(tmp_path / "eng_Latn.txt", sentences(10))
    recipe = text_recipe(tmp_path, f"{tmp_path}/eng_Latn.txt")
    right = recipe.read_text(encoding="utf-8")
    wrong = right.replace(*change, 1)
    assert wrong != right
    recipe.write_text(wrong, encoding="utf-8")
    if '"dcca"' in change[1] or '"ot"' in change[1]:
        recipe.write_text(wrong.replace('variants = ["mlm"]', f'variants = ["{change[1].split(chr(34))[1]}"]'))
    refused(xl, recipe, tmp_path / "run", words)


def test_contrast_of_texts_on_vectors(xl: Run, tmp_path: Path) -> None:
    write_vectors(tmp_path / "eng_Latn.vec", [word(k) for k in range(20)], 5)
    recipe = words_recipe(tmp_path, tmp_path / "eng_Latn.vec", "seq", 'data = ["vectors"]')
    words = r"objective seq reads data of kind names or parallel or text, but data vectors is vectors"
    refused(xl, recipe, tmp_path / "run", words, 2)


def test_blocks_of_a_stream(xl: Run, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"text": sentences(20)}), tmp_path / "x.parquet")
    recipe = text_recipe(tmp_path, f"{tmp_path}/x.parquet")
    words = r"objective\.mlm\.block is 16, but \*\.parquet and \*\.arrow are read a text a row"
    refused(xl, recipe, tmp_path / "run", words, 2, "objective.mlm.block=16", "objective.mlm.text=original")
    refused(xl, recipe, tmp_path / "run", r"x\.parquet.*'texts'", 1, 'data.columns=["texts"]')
    write_lines(tmp_path / "y.parquet", ["not a table"])
    refused(xl, recipe, tmp_path / "run", r"y\.parquet", 1, f'data.files="{tmp_path}/y.parquet"')


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("data.files=nowhere.vec", r"the recipe has 2 \[\[data\]\], wide, narrow; name one as data\.wide\.files"),
        ("data.nearby.files=x", r"the recipe has 2 \[\[data\]\], wide, narrow"),
        ("data.5.files=x", r"the recipe has 2 \[\[data\]\], wide, narrow"),
        ("objective.dcca=3", r"name the objective and its key"),
        ("objective.dcca.kk=3", r"unknown key 'objective\.dcca\.kk'; did you mean 'objective\.dcca\.k'"),
    ],
)
def test_settings_that_name_nothing(xl: Run, tmp_path: Path, setting: str, words: str) -> None:
    file = tmp_path / "v.vec"
    write_vectors(file, [word(k) for k in range(20)], 5)
    data = "".join(f'[[data]]\nname = "{name}"\nkind = "vectors"\nfiles = ["{file}"]\n' for name in ("wide", "narrow"))
    recipe = align_toml(tmp_path, f'{NEW}{data}[[objective]]\nname = "dcca"\n[train]\nvariants = ["dcca"]\n{TRAIN}')
    refused(xl, recipe, tmp_path / "run", words, 2, setting)


def test_a_warning_is_one_line(xl_forked: Run, tmp_path: Path) -> None:
    """Twenty words for forty dimensions: said once, not at every step, and not as Python says it."""
    write_vectors(tmp_path / "v.vec", [word(k) for k in range(20)], 40)
    recipe = words_recipe(tmp_path, tmp_path / "v.vec", "dcca", "k = 0")
    result = xl_forked("align", recipe, "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("note: dcca") == 1
    assert "UserWarning" not in result.stderr


def test_a_language_that_the_recipe_asks_for(xl: Run, corpus: Path, tmp_path: Path) -> None:
    files = ("--set", f"data.files={corpus}")
    result = xl("align", "ppa-maf", *files, "--dry-run")
    assert result.returncode == 1
    assert re.search(r"unknown language .* data\.languages asks for ara_Arab, .*data\.languages=\[\]", result.stderr)
    assert xl("align", "ppa-maf", *files, "--set", "data.languages=[]", "--dry-run").returncode == 0


def test_words_of_vectors_are_unescaped(xl: Run, tmp_path: Path) -> None:
    from xl_cli.data.run_data import load_data
    from xl_cli.recipe.recipe import load_recipe

    file = write_lines(tmp_path / "v.vec", ["3 2", "at&amp;t 1 2", "&lt;b&gt; 2 1", "ba 1 1"])
    data = load_data(load_recipe(str(words_recipe(tmp_path, file))))
    assert data.vectors[0].words == ["at&t", "<b>", "ba"]


def test_a_list_without_quotes(xl: Run, tmp_path: Path) -> None:
    result = xl("align", "names", "--set", "data.languages=[tur,heb]", "--dry-run")
    assert result.returncode == 2
    assert "write its texts in quotes: --set 'data.languages=" in result.stderr
