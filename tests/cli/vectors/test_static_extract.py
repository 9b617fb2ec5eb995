"""`xl static extract`: from text and a model to a file of vectors; killed, in two processes, wrongly used."""

import gzip
import io
import json
import re
import shutil
import signal
import sys
import time
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests import warm
from tests.cli.conftest import Run
from tests.cli.made_data import sentences, word, write_lines
from tests.thinned import thinned
from tests.warm import Warm

from xl_cli.vectors import extraction as static_extraction
from xl_encoders import Encoder, ModelConfig, StaticTeacher, new_encoder
from xl_staticemb import X2StaticConfig, extract, read_vectors
from xl_tasks.datasets.readers.hub_text import hub_text

QUICK = ("--min-count", "2", "--epochs", "2", "--subsample", "0.001")
CONFIG = X2StaticConfig(min_count=2, epochs=2, subsample=0.001)
LINES = sentences(150)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return new_encoder(LINES, ModelConfig(size="tiny", pieces=100, max_len=40), seed=1)


@pytest.fixture(scope="module")
def model(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "small"
    encoder.save(folder)
    return folder


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lines(tmp_path_factory.mktemp("text") / "eng_Latn.txt", LINES)


def test_vectors_are_those_of_the_library(xl: Run, model: Path, text: Path, encoder: Encoder, tmp_path: Path) -> None:
    done = xl("static", "extract", text, "--model", model, "--out", tmp_path / "a.vec", "--tokenized", *QUICK)
    assert done.returncode == 0, done.stderr
    found = read_vectors(tmp_path / "a.vec")
    wanted = extract(LINES, StaticTeacher(encoder, 1, max_len=40), CONFIG)
    assert wanted is not None
    assert found.words == wanted.vectors.words
    np.testing.assert_array_equal(found.matrix, wanted.vectors.matrix)
    counts = Counter(word for line in LINES for word in line.split())
    assert [counts[word] for word in found.words] == sorted((n for n in counts.values() if n >= 2), reverse=True)
    assert (tmp_path / "a.vec").read_text("utf-8").splitlines()[0] == f"{len(found)} 128"
    assert "small at layer 1 of 2" in done.stdout
    assert "layer 1 of 2, up to 40 tokens" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.vec"]


def test_json_says_what_was_done(xl: Run, model: Path, text: Path, tmp_path: Path) -> None:
    done = xl("static", "extract", text, "--model", model, "--out", tmp_path / "a.bin", "--json", "--layer", "-1",
              "--context", "exclude_target", *QUICK)  # fmt: skip
    summary = json.loads(done.stdout)
    assert summary["layer"] == 2
    assert summary["counts"]["lines"] == 150
    assert summary["words"] == len(read_vectors(tmp_path / "a.bin"))
    assert summary["width"] == 128


def test_aggregation_paragraphs_width_and_safetensors(xl: Run, model: Path, text: Path, tmp_path: Path) -> None:
    for name, more in (
        ("a.vec", ["--method", "aggregate", "--first", "3", *QUICK[:2]]),
        ("b.safetensors", [*QUICK, "--variant", "paragraph", "--dim", "10"]),
        ("c.vec.gz", [*QUICK, "--lower", "both", "--compat", "--precision", "bf16", "--negatives", "3"]),
    ):
        done = xl("static", "extract", text, "--model", model, "--out", tmp_path / name, *more)
        assert done.returncode == 0, done.stderr
        assert read_vectors(tmp_path / name).width == (10 if "dim" in str(more) else 128)


def test_paragraphs_are_cut_into_sentences_and_filtered(xl: Run, model: Path, text: Path, tmp_path: Path) -> None:
    # three lines a paragraph, each a sentence; a headline of one sentence, and sentences of two words, go
    texts = [f"{line[0].upper()}{line[1:]}." for line in LINES]
    paragraphs = [" ".join([*texts[i : i + 3], "Short."]) for i in range(0, len(texts), 3)]
    wanted = write_lines(tmp_path / "sentences.txt", texts)
    given = write_lines(tmp_path / "paragraphs.txt", [paragraphs[0], "A headline of six words here", *paragraphs[1:]])
    filters = ("--split", "--min-sentences", "2", "--min-words", "3", "--json")
    written = []
    for name, more in ((wanted, ("--json",)), (given, filters)):
        done = xl("static", "extract", name, "--model", model, "--out", tmp_path / f"{name.stem}.vec", *QUICK, *more)
        assert done.returncode == 0, done.stderr
        written.append(((tmp_path / f"{name.stem}.vec").read_bytes(), json.loads(done.stdout)["counts"]))
    assert written[0][0] == written[1][0]
    counts = written[1][1]
    assert (counts["paragraphs"], counts["paragraphs_dropped"]) == (51, 1)
    assert (counts["sentences"], counts["short_sentences_dropped"]) == (201, 50)
    assert counts["lines"] == 150


@pytest.fixture
def paragraphs(tmp_path: Path) -> Path:
    """Three sentences a line, a headline, and a paragraph of sentences too short by one token."""
    texts = [f"{line[0].upper()}{line[1:]}, {word(i)} {word(i + 1)}." for i, line in enumerate(LINES)]
    lines = [" ".join(texts[i : i + 3]) for i in range(0, len(texts), 3)]
    few = "Ba de, gi ko. Lu, ma ne."
    return write_lines(tmp_path / "p.txt", [lines[0], "A headline of more words than seven, and a mark.", few, *lines])


@pytest.mark.parametrize(
    "more", thinned([["--method", "aggregate"], ["--variant", "paragraph", "--subsample", "0.001"], ["--no-split"]], 3)
)
def test_a_preset_is_its_settings_and_options_override_it(
    xl: Run, model: Path, paragraphs: Path, tmp_path: Path, more: list[str]
) -> None:
    given = [*more, "--min-count", "2", *([] if "aggregate" in more else ["--epochs", "1"])]
    split = [] if "--no-split" in more else ["--split", "--min-sentences", "2", "--min-tokens", "7"]
    command = ["static", "extract", paragraphs, "--model", model, *given]
    told = xl(*command, "--preset", "x2s", "--json", "--out", tmp_path / "preset.vec")
    plain = xl(*command, *split, "--json", "--out", tmp_path / "plain.vec")
    assert told.returncode == plain.returncode == 0, told.stderr
    assert (tmp_path / "preset.vec").read_bytes() == (tmp_path / "plain.vec").read_bytes()
    by_preset, by_hand = (json.loads(done.stdout) for done in (told, plain))
    assert by_preset["counts"] == by_hand["counts"]
    assert by_hand["preset"] == {}
    settings = by_preset["preset"]
    assert settings.pop("name") == "x2s"
    assert not {"min_count", more[0].strip("-")} & settings.keys()  # what is given is not the preset's
    assert ("negatives" in settings) == ("aggregate" not in more)
    assert ("min_tokens" in settings) == bool(split)
    assert "note: preset x2s sets" in told.stderr
    assert ("--min-sentences 2 --min-tokens 7" in told.stderr) == bool(split)
    if split:
        counts = by_preset["counts"]
        assert (counts["paragraphs"], counts["paragraphs_dropped"]) == (53, 2)


def test_the_preset_stands_in_what_is_printed(xl: Run, model: Path, paragraphs: Path, tmp_path: Path) -> None:
    command = ["static", "extract", paragraphs, "--model", model, "--min-count", "2", "--epochs", "1"]
    done = xl(*command, "--preset", "x2s", "--subsample", "0", "--out", tmp_path / "a.vec")
    line = next(line for line in done.stdout.splitlines() if line.startswith("preset x2s: "))
    assert "--split --min-sentences 2 --min-tokens 7 --method x2static --variant sentence" in line
    assert "--lr 0.001" in line
    assert "--subsample" not in line
    wrong = xl(*command, "--preset", "x3s", "--out", tmp_path / "b.vec")
    assert (wrong.returncode, "--preset is 'x3s'; choose one of x2s" in wrong.stderr) == (2, True)


@pytest.fixture
def wikipedia(tmp_path: Path) -> Path:
    """A data set of the hub as it is fetched: Parquet, a row an article, a line a paragraph."""
    folder = tmp_path / "wikipedia"
    (folder / "20231101.en").mkdir(parents=True)
    (folder / "20231101.tr").mkdir()
    named = [f"- config_name: {name}\n  data_files: {name}/*.parquet\n" for name in ("20231101.en", "20231101.tr")]
    (folder / "README.md").write_text(f"---\nconfigs:\n{''.join(named)}---\n", encoding="utf-8")
    texts = ["\n\n".join(LINES[i : i + 5]) for i in range(0, len(LINES), 5)]
    pq.write_table(pa.table({"title": ["A"] * len(texts), "text": texts}), folder / "20231101.en" / "a.parquet")
    pq.write_table(pa.table({"title": ["B"], "text": ["x"]}), folder / "20231101.tr" / "a.parquet")
    return folder


@pytest.mark.slow
def test_a_data_set_of_the_hub_is_read_as_text(
    xl: Run, model: Path, text: Path, wikipedia: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # `datasets` waits five seconds at the end of a stream of Parquet, for threads of large files.
    monkeypatch.setattr("datasets.config.SLEEP_TIME_ON_THREADS_SHUTDOWN", 0.1)
    command = ["static", "extract", wikipedia, "--model", model, *QUICK, "--lang", "en"]
    in_order = xl(*command, "--shuffle-buffer", "0", "--out", tmp_path / "order.vec")
    assert in_order.returncode == 0, in_order.stderr
    plain = xl("static", "extract", text, "--model", model, *QUICK, "--lang", "en", "--out", tmp_path / "plain.vec")
    assert plain.returncode == 0, plain.stderr
    assert (tmp_path / "order.vec").read_bytes() == (tmp_path / "plain.vec").read_bytes()
    first = write_lines(tmp_path / "first.txt", list(islice(hub_text(str(wikipedia), "en", seed=7), 60)))
    drawn = ["--shuffle-seed", "7", "--max-sentences", "60"]
    # Stopped when it has the text: what it has is what the next call reads, without the hub.
    with monkeypatch.context() as stopped:
        stopped.setattr(static_extraction, "extract_static", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            xl(*command, *drawn, "--out", tmp_path / "drawn.vec")
    (spool,) = tmp_path.glob("drawn.vec.cache.hub-*.txt")
    assert spool.read_bytes() == first.read_bytes()
    shutil.move(wikipedia / "20231101.en", tmp_path / "gone")
    again = xl(*command, *drawn, "--out", tmp_path / "drawn.vec")
    assert again.returncode == 0, again.stderr
    assert "going on with the text of" in again.stderr
    assert not spool.exists()
    plain = xl("static", "extract", first, "--model", model, *QUICK, "--lang", "en", "--out", tmp_path / "p.vec")
    assert (tmp_path / "drawn.vec").read_bytes() == (tmp_path / "p.vec").read_bytes()


@pytest.mark.slow
def test_udpipe_cuts_by_the_model_of_the_language(xl: Run, model: Path, paragraphs: Path, tmp_path: Path) -> None:
    from tests.trained_udpipe import made_model

    from xl_encoders import corpus_lines, sentence_breaker, word_breaker

    models = tmp_path / "models"
    models.mkdir()
    file = made_model(models / "english-made-ud-2.5.udpipe")
    (models / "german-made-ud-2.5.udpipe").write_bytes(b"")
    breakers = [make("eng_Latn", "udpipe", model=str(file)) for make in (word_breaker, sentence_breaker)]
    kept = corpus_lines(paragraphs.read_text("utf-8").splitlines(), *breakers, min_sentences=2, min_tokens=7)
    command = ["static", "extract", paragraphs, "--model", model, "--preset", "x2s", "--epochs", "1", "--json"]
    command += ["--min-count", "2", "--subsample", "0.01", "--engine", "udpipe", "--sentence-engine", "udpipe"]
    done = xl(*command, "--udpipe", models, "--lang", "en", "--out", tmp_path / "a.vec")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["lines"] == len(list(kept))
    for more, code, said in (
        (["--lang", "tr", "--udpipe", models], 1, "no model for tur_Latn (english-made-ud-2.5.udpipe, german"),
        (["--lang", "de", "--udpipe", models], 1, "is no UDPipe model"),
        (["--lang", "en"], 2, "engine udpipe needs a model; give --udpipe"),
    ):
        done = xl(*command, *more, "--out", tmp_path / "b.vec")
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_sentences_are_read_up_to_a_number(xl: Run, model: Path, paragraphs: Path, tmp_path: Path) -> None:
    command = ["static", "extract", paragraphs, "--model", model, "--preset", "x2s", "--min-count", "2", "--json"]
    command += ["--subsample", "0.01", "--epochs", "1"]
    for variant, lines in (("sentence", 40), ("paragraph", 14)):  # 14 paragraphs of 3 sentences
        done = xl(*command, "--variant", variant, "--max-sentences", "40", "--out", tmp_path / f"{variant}.vec")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["counts"]["lines"] == lines


@pytest.mark.slow
def test_text_of_every_kind_gives_the_same_vectors(
    xl: Run, model: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with gzip.open(tmp_path / "half.txt.gz", "wt", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in LINES[:70])
    write_lines(tmp_path / "rest.txt", LINES[70:])
    bible = tmp_path / "bible" / "eng_Latn.tsv.gz"
    bible.parent.mkdir()
    with gzip.open(bible, "wt", encoding="utf-8") as file:
        file.writelines(f"{40001001 + i}\t{line}\n" for i, line in enumerate(LINES))
    folder = write_lines(tmp_path / "lines" / "en.txt", LINES).parent
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.read_bytes())))
    given = {
        "file": [text], "two": [tmp_path / "half.txt.gz", tmp_path / "rest.txt"], "glob": [text.parent / "*.txt"],
        "table": [bible], "bible": [bible.parent, "--lang", "English"], "folder": [folder, "--lang", "en"],
        "stdin": ["-"],
    }  # fmt: skip
    found = {}
    for name, arguments in given.items():
        out = tmp_path / f"{name}.vec"
        done = xl("static", "extract", *arguments, "--model", model, "--out", out, *QUICK)
        assert done.returncode == 0, (name, done.stderr)
        found[name] = out.read_bytes()
    assert len(set(found.values())) == 1
    assert not list(tmp_path.glob("*.stdin.txt"))


@pytest.mark.slow
def test_a_cache_is_kept_gone_on_with_and_refused_for_other_text(
    xl: Run, model: Path, text: Path, tmp_path: Path
) -> None:
    base = ["static", "extract", "--model", model, "--cache", tmp_path / "c", *QUICK]
    assert xl(*base, text, "--out", tmp_path / "a.vec").returncode == 0
    again = xl(*base, text, "--out", tmp_path / "b.vec")
    assert "going on with" in again.stderr
    assert (tmp_path / "a.vec").read_bytes() == (tmp_path / "b.vec").read_bytes()
    other = write_lines(tmp_path / "other.txt", LINES[:-1])
    for more, what in (([other], "another text;"), ([text, "--layer", "2"], "another encoder;"),
                       ([text, "--context", "no_special"], "another context;")):  # fmt: skip
        done = xl(*base, *more, "--out", tmp_path / "d.vec")
        assert done.returncode == 1
        assert what in done.stderr
    assert not (tmp_path / "d.vec").exists()


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--layer", "7"], 1, "layer 7 is out of range"),
        (["--min-count", "0"], 2, "--min-count is 0; give 1 or more"),
        (["--precision", "fp8"], 2, "--precision is 'fp8'"),
        (["--max-len", "2"], 2, "--max-len is 2"),
        (["--max-len", "4000"], 1, "has positions for"),
        (["--tokenized", "--engine", "icu"], 2, "--engine: no meaning beside --tokenized"),
        (["--method", "aggregate", "--dim", "3"], 2, "--dim is 3, but aggregate"),
        (["--min-count", "5000"], 1, "no word occurs 5000 times"),
        (["--min-count", "5000"], 1, "give more text or a smaller --min-count."),
        (["--min-count", "2", "--subsample", "1e-15"], 1, "give a larger --subsample (0 keeps all)"),
        (["--lang", "Klingonese"], 1, "Klingonese"),
        (["--engine", "magic"], 2, "magic"),
        (["nothing.txt"], 1, "nothing.txt: no such file"),
        (["table.parquet"], 1, "tables of columns are not read here"),
        (["flat.tsv"], 1, "flat.tsv:1: expected id TAB text"),
        (["."], 2, "say which language"),
        (["-", "-"], 2, "can be read once"),
        (["--sentence-engine", "icu"], 2, "--sentence-engine: no meaning where no paragraph is cut"),
        (["--udpipe", "m.udpipe"], 2, "--udpipe: no meaning without --engine udpipe"),
        (["--shuffle-seed", "7"], 2, "--shuffle-seed: no meaning without a data set of the hub"),
        (["no_such/place.txt"], 1, "no_such/place.txt: no such file"),
        (["--min-words", "7"], 2, "--min-words: no meaning without --split"),
    ],
)
def test_wrong_use_is_one_sentence(
    xl: Run, model: Path, text: Path, tmp_path: Path, more: list[str], code: int, said: str
) -> None:
    (tmp_path / "table.parquet").write_bytes(b"")
    write_lines(tmp_path / "flat.tsv", ["no tab"])
    done = xl("static", "extract", text, *more, "--model", model, "--out", "x.vec", cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert not (tmp_path / "x.vec").exists()


def test_out_must_be_new_and_its_folder_there(xl: Run, model: Path, text: Path, tmp_path: Path) -> None:
    (tmp_path / "a.vec").write_text("mine")
    for out, said in ((tmp_path / "a.vec", "exists already"), (tmp_path / "no" / "a.vec", "there is no folder")):
        done = xl("static", "extract", text, "--model", model, "--out", out)
        assert (done.returncode, said in done.stderr) == (2, True)
    assert (tmp_path / "a.vec").read_text() == "mine"


def test_every_setting_is_in_the_help(xl: Run) -> None:
    shown = xl("static", "extract", "--help").stdout
    for option in (
        "--model",
        "--lang",
        "--layer",
        "--context",
        "--min-count",
        "--subsample",
        "--dim",
        "--first",
        "--cache",
    ):
        assert re.search(rf"^ +{option}[ ,]", shown, re.MULTILINE)


def test_a_call_killed_when_its_words_were_written_goes_on(xl: Run, model: Path, text: Path, tmp_path: Path) -> None:
    (tmp_path / "a.vec.cache").mkdir()
    (tmp_path / "a.vec.cache" / "words.tsv").write_bytes(b"ba\t3\n")
    done = xl("static", "extract", text, "--model", model, "--out", tmp_path / "a.vec", *QUICK)
    assert done.returncode == 0, done.stderr


def test_a_call_killed_while_it_clears_its_cache_away_is_made_again(
    xl: Run, model: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(folder: Path, **_: object) -> None:
        if (folder / "cache.json").exists():
            (folder / "cache.json").unlink()
            raise OSError

    command = ("static", "extract", text, "--model", model, "--out", tmp_path / "a.vec", *QUICK)
    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", stop)
        assert xl(*command).returncode == 1
    (tmp_path / "a.vec").unlink()  # else it is refused as a file that is there
    done = xl(*command)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.glob("a.vec.cache*"))


@pytest.mark.slow
def test_a_call_that_was_killed_goes_on_to_the_same_bytes(model: Path, tmp_path: Path) -> None:
    text = write_lines(tmp_path / "t.txt", [line for k in range(15) for line in sentences(150, seed=k)])
    arguments = ["static", "extract", str(text), "--model", str(model), "--epochs", "5", "--save-every", "10"]
    command = ["-m", "xl_cli", *arguments]
    whole = warm.run(*command, "--out", tmp_path / "a.vec")
    assert whole.returncode == 0, whole.stderr
    cache = tmp_path / "b.vec.cache"
    # Killed once while it reads, once while it trains.
    for sign in ("part-000000.safetensors", "training.safetensors"):
        with Warm(*command, "--out", tmp_path / "b.vec") as process:
            while not (cache / sign).exists() and process.returncode is None:
                time.sleep(0.005)
            process.kill()
        assert process.returncode == -signal.SIGKILL
        assert not (tmp_path / "b.vec").exists()
    done = warm.run(*command, "--out", tmp_path / "b.vec")
    assert "going on with" in done.stderr
    assert (tmp_path / "a.vec").read_bytes() == (tmp_path / "b.vec").read_bytes()
    assert not cache.exists()


@pytest.mark.slow
def test_two_processes_give_the_vectors_of_one(xl: Run, model: Path, tmp_path: Path) -> None:
    text = write_lines(tmp_path / "t.txt", [line for k in range(15) for line in sentences(150, seed=k)])
    arguments = ["static", "extract", str(text), "--model", str(model), "--epochs", "2"]
    one = warm.run("-m", "xl_cli", *arguments, "--out", tmp_path / "a.vec")
    assert one.returncode == 0
    two = warm.ranks(2, "-m", "xl_cli", *arguments, "--out", tmp_path / "b.vec")
    words = [process.communicate(timeout=200) for process in two]
    assert [process.returncode for process in two] == [0, 0], words
    assert "".join(out for out, _ in words).count("words x 128") == 1
    assert (tmp_path / "a.vec").read_bytes() == (tmp_path / "b.vec").read_bytes()


@pytest.mark.data
@pytest.mark.slow
def test_real_verses(xl: Run, model: Path, data_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "swh.vec"
    done = xl("static", "extract", data_folder / "bible", "--lang", "Swahili", "--model", model, "--out", out,
              "--method", "aggregate", "--first", "20", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["lines"] == 7769
    vectors = read_vectors(out)
    assert "yesu" in vectors.index
    assert np.isfinite(vectors.matrix).all()
