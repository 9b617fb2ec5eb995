"""`xl static multilingual`: each part is what its own command gives, the map the closed form; a kill loses nothing."""

import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tests import warm
from tests.cli.conftest import Run
from tests.cli.made_data import greek, sentences, word, write_lines
from tests.warm import Warm

import xl_cli
from xl_cli.vectors.multilingual import plan
from xl_encoders import ModelConfig, new_encoder
from xl_staticemb import (
    Normalization,
    WordVectors,
    read_dictionary,
    read_vectors,
    split_dictionary,
    write_vectors,
)

N_WORDS = 144
QUICK: dict[str, Any] = {"min_count": 2, "epochs": 1, "subsample": 0.01, "split": False}
FLAGS = ("--min-count", "2", "--epochs", "1", "--subsample", "0.01", "--no-split")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model; the same text in Latin and in Greek letters, and another one; word vectors, planted and wrong."""
    folder = tmp_path_factory.mktemp("corpora")
    lines = sentences(150)
    write_lines(folder / "text" / "eng_Latn.txt", lines)
    write_lines(folder / "text" / "el.txt", [greek(line) for line in lines])
    write_lines(folder / "text" / "tr.txt", [line.replace("a", "ı") for line in sentences(150, seed=1)])
    encoder = new_encoder([*lines, *map(greek, lines)], ModelConfig(size="pico", pieces=100, max_len=40), seed=1)
    encoder.save(folder / "model")
    rng = np.random.default_rng(0)
    words = list(dict.fromkeys(map(word, range(N_WORDS))))
    numbers = [str(i) for i in range(30)]
    matrix = rng.normal(size=(len(words) + 30, 24))
    turn = np.linalg.qr(rng.normal(size=(24, 24)))[0]
    # fastText's words have capitals, the vectors of an encoder none
    (folder / "words").mkdir()
    write_vectors(folder / "words" / "wiki.en.vec", WordVectors([*map(str.title, words), *numbers], matrix))
    write_vectors(folder / "words" / "wiki.el.vec", WordVectors([*map(greek, words), *numbers], matrix @ turn))
    wrong = rng.permutation(len(words))
    turkish = [words[i].replace("a", "ı") for i in wrong]
    write_vectors(folder / "words" / "wiki.tr.vec", WordVectors([*turkish, *numbers], matrix @ turn.T))
    return folder


def call(folder: Path, out: Path, **more: Any) -> Any:
    given = {"words": folder / "words", "words_mode": "acl2017", **QUICK, **more}
    return xl_cli.multilingual(folder / "text", model=folder / "model", out=out, **given)


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "x2s"
    call(folder, out)
    return out


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_each_part_is_what_its_own_command_gives(xl: Run, folder: Path, whole: Path, tmp_path: Path) -> None:
    assert {path.split("/")[0] for path in files(whole)} == {
        "chosen.md", "dictionaries", "extracted", "maps", "results.jsonl", "steps.json", "summary.json", "vectors",
        "words",
    }  # fmt: skip
    text, model = folder / "text" / "el.txt", folder / "model"
    done = xl("static", "extract", text, "--model", model, "--lang", "el", "--out", tmp_path / "el.vec",
              "--preset", "x2s", *FLAGS)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "el.vec").read_bytes() == (whole / "extracted" / "ell_Grek.vec").read_bytes()
    sides = tmp_path / "x.vec", tmp_path / "z.vec"
    done = xl("static", "map", folder / "words" / "wiki.el.vec", folder / "words" / "wiki.en.vec", "--mode", "acl2017",
              "--out-source", sides[0], "--out-target", sides[1])  # fmt: skip
    assert done.returncode == 0, done.stderr
    for side, name in zip(sides, ("ell_Grek", "eng_Latn-for-ell_Grek"), strict=True):
        assert side.read_bytes() == (whole / "words" / f"{name}.vec").read_bytes()
    pairs = xl_cli.induce(*sides)
    lowered = list(dict.fromkeys((one.lower(), other.lower()) for one, other, _ in pairs))
    assert read_dictionary(whole / "dictionaries" / "ell_Grek.tsv") == lowered
    assert all(one == greek(other) for one, other in lowered)
    assert len(lowered) > 150


def test_the_map_is_the_closed_form_and_the_choice_is_that_of_the_held_out_pairs(folder: Path, whole: Path) -> None:
    pivot = normalized(whole, "eng_Latn")
    np.testing.assert_array_equal(read_vectors(whole / "vectors" / "eng_Latn.vec").matrix, pivot.matrix)
    summary = json.loads((whole / "summary.json").read_text("utf-8"))["languages"]
    for code in ("ell_Grek", "tur_Latn"):
        vectors = normalized(whole, code)
        train, held_out = (
            [(one, other) for one, other in pairs if one in vectors.index and other in pivot.index]
            for pairs in split_dictionary(read_dictionary(whole / "dictionaries" / f"{code}.tsv"), 0.2)
        )
        x = vectors.matrix[[vectors.index[one] for one, _ in train]].astype(np.float64)
        z = pivot.matrix[[pivot.index[other] for _, other in train]].astype(np.float64)
        u, _, v = np.linalg.svd(x.T @ z)
        rotation = u @ v  # orthogonal Procrustes
        learnt = load_file(whole / "maps" / f"{code}.safetensors")["map"]
        # 1e-4: singular values near one another, and float32
        np.testing.assert_allclose(x @ learnt, x @ rotation, atol=1e-4)
        aligned, unaligned = (
            precision(WordVectors(vectors.words, matrix), pivot, held_out)
            for matrix in (vectors.matrix @ learnt, vectors.matrix)
        )
        assert summary[code]["held_out_p@1_aligned"] == pytest.approx(aligned)
        assert summary[code]["held_out_p@1_unaligned"] == pytest.approx(unaligned)
        assert summary[code]["n_held_out"] == len(held_out) > 10
        assert summary[code]["chosen"] == ("aligned" if aligned >= unaligned else "unaligned")
        wanted = vectors.matrix @ learnt if aligned >= unaligned else vectors.matrix
        np.testing.assert_allclose(read_vectors(whole / "vectors" / f"{code}.vec").matrix, wanted, atol=1e-5)


def test_rcsls_is_what_its_own_command_learns_from_the_same_pairs(
    xl: Run, folder: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "x2s"
    shutil.copytree(whole, out)
    for made in ("maps", "vectors"):
        shutil.rmtree(out / made)
    call(folder, out, mode="rcsls", rcsls_rate=3.0, rcsls_steps=4, choose="off")
    done = xl("static", "map", "--pivot", f"eng_Latn={out / 'extracted' / 'eng_Latn.vec'}", "--mode", "rcsls",
              f"ell_Grek={out / 'extracted' / 'ell_Grek.vec'}", "--rcsls-rate", "3", "--rcsls-steps", "4",
              "--dictionary", f"ell_Grek={out / 'dictionaries' / 'ell_Grek.tsv'}", "--choose", "off",
              "--out", tmp_path / "own")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (out / "vectors" / "ell_Grek.vec").read_bytes() == (tmp_path / "own" / "ell_Grek.vec").read_bytes()
    learnt = [load_file(each / "maps" / "ell_Grek.safetensors")["map"] for each in (out, whole)]
    assert np.abs(learnt[0] - learnt[1]).max() > 0.01  # not the rotation that it begins with
    assert json.loads((out / "summary.json").read_text("utf-8"))["mode"] == "rcsls"
    with pytest.raises(xl_cli.UsageError, match=r"map ell_Grek is done, but rcsls_rate was 3\.0 and is at its default"):
        call(folder, out, mode="rcsls", rcsls_steps=4, choose="off")


@pytest.mark.slow
def test_dictionaries_by_a_map_that_needs_none(folder: Path, tmp_path: Path) -> None:
    sizes = {"adversarial_epochs": 2, "adversarial_steps": 60, "discriminator_width": 64, "adversarial_batch": 64}
    call(folder, tmp_path / "x2s", words_mode="muse", **sizes)
    ledger = json.loads((tmp_path / "x2s" / "steps.json").read_text("utf-8"))
    assert sizes.items() <= ledger["map words ell_Grek"]["settings"].items()
    assert ("failed" in ledger["map words ell_Grek"]) != (tmp_path / "x2s" / "words" / "ell_Grek.vec").exists()


def normalized(out: Path, code: str) -> WordVectors:
    vectors = read_vectors(out / "extracted" / f"{code}.vec")
    return WordVectors(vectors.words, Normalization().fit_apply(vectors.matrix))


def precision(source: WordVectors, target: WordVectors, pairs: list[tuple[str, str]]) -> float:
    """P@1 under CSLS(10), all scores written out."""

    def unit(matrix: NDArray) -> NDArray:
        return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)

    cosines = unit(source.matrix.astype(np.float64)) @ unit(target.matrix.astype(np.float64)).T
    near = [np.sort(cosines, axis=axis) for axis in (0, 1)]
    scores = 2 * cosines - near[0][-10:].mean(0) - near[1][:, -10:].mean(1)[:, None]
    return float(np.mean([target.words[scores[source.index[s]].argmax()] == t for s, t in pairs]))


def test_what_is_printed(xl: Run, folder: Path, whole: Path) -> None:
    command = ["static", "multilingual", folder / "text", "--model", folder / "model", "--out", whole, *FLAGS]
    command += ["--words", folder / "words", "--words-mode", "acl2017"]
    before = files(whole)
    done = xl(*command)
    assert done.returncode == 0, done.stderr
    assert files(whole) == before  # all was done
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line[:3] in ("eng", "ell", "tur")}
    assert list(lines) == ["eng_Latn", "ell_Grek", "tur_Latn"]
    summary = json.loads(before["summary.json"])["languages"]
    for code in ("ell_Grek", "tur_Latn"):
        assert summary[code]["chosen"] in lines[code]
        assert f"{100 * summary[code]['held_out_p@1_aligned']:.1f}" in lines[code]
    rows = [json.loads(line) for line in xl(*command, "--json").stdout.splitlines()]
    assert [row["metric"] for row in rows] == ["held-out p@1", "held-out p@1", "chosen"] * 2
    assert (whole / "results.jsonl").read_text("utf-8").splitlines() == [
        json.dumps(row, ensure_ascii=False) for row in rows
    ]
    plan_text = xl(*command, "--dry-run").stdout
    assert plan_text.count(" done ") == 10
    assert "to do" not in plan_text


class Killed(BaseException):
    pass


STEPS = [
    "map words ell_Grek",
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("extract eng_Latn", "extract tur_Latn", "dictionary tur_Latn", "map eng_Latn", "map tur_Latn")
    ),
]


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_call_goes_on_with_the_step_it_was_at(
    folder: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Killed when the files are there and the ledger does not say so: the next call does the step, and none before."""
    out, ran = tmp_path / "x2s", []
    steps = plan.Job.steps

    def traced(kill: str) -> Callable[[plan.Job], list[Any]]:
        def those(job: plan.Job) -> list[Any]:
            made = steps(job)
            for each in made:
                object.__setattr__(each, "run", lambda each=each, run=each.run: go(each.name, run))
            return made

        def go(name: str, run: Callable[[], Any]) -> Any:
            ran.append(name)
            outcome = run()
            if name == kill:
                raise Killed
            return outcome

        return those

    monkeypatch.setattr(plan.Job, "steps", traced(step))
    with pytest.raises(Killed):
        call(folder, out)
    assert ran[-1] == step
    before = list(ran[:-1])
    ran.clear()
    monkeypatch.setattr(plan.Job, "steps", traced(""))
    call(folder, out)
    assert ran[0] == step
    assert not set(before) & set(ran)
    assert files(out) == files(whole)


def test_languages_without_a_map_stay_as_they_are_and_the_reason_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines(tmp_path / "el.tsv", [f"{greek(word(i))}\t{word(i)}" for i in range(120)])
    words = tmp_path / "words"
    shutil.copytree(folder / "words", words)
    (words / "wiki.tr.vec").write_text("2 3\nno 1 2 3\nnumber 3 1 2\n", encoding="utf-8")
    rows = call(folder, tmp_path / "a", words=words, dictionary=f"el={tmp_path / 'el.tsv'}")
    assert {row.source: row.variant for row in rows if row.metric == "chosen"}["tur_Latn"] == "unaligned"
    summary = json.loads((tmp_path / "a" / "summary.json").read_text("utf-8"))["languages"]
    assert "no dictionary could be induced" in summary["tur_Latn"]["why"]
    assert summary["ell_Grek"]["n_held_out"] > 10
    np.testing.assert_array_equal(
        read_vectors(tmp_path / "a" / "vectors" / "tur_Latn.vec").matrix, normalized(tmp_path / "a", "tur_Latn").matrix
    )
    capsys.readouterr()
    call(folder, tmp_path / "a", words=words, dictionary=f"el={tmp_path / 'el.tsv'}")  # and is not tried again
    assert "map words tur_Latn:" not in capsys.readouterr().err
    rest = {"words": (), "dictionary": f"el={tmp_path / 'el.tsv'}", "choose": "off"}
    given = {**QUICK, **rest}
    xl_cli.multilingual(folder / "text", model=folder / "model", out=tmp_path / "b", **given)
    assert "tur_Latn stays unaligned: no word vectors and no dictionary are given" in capsys.readouterr().err
    chosen = (tmp_path / "b" / "chosen.md").read_text("utf-8")
    assert "--choose off" in chosen


def test_a_language_whose_text_is_all_dropped_fails_and_the_others_go_on(xl: Run, folder: Path, tmp_path: Path) -> None:
    text = tmp_path / "text"
    for code in ("eng_Latn", "el"):
        lines = (folder / "text" / f"{code}.txt").read_text("utf-8").splitlines()
        write_lines(text / f"{code}.txt", [". ".join(lines[i : i + 3]).title() for i in range(0, len(lines), 3)])
    shutil.copy(folder / "text" / "tr.txt", text)  # a sentence a line
    command = ["static", "multilingual", text, "--model", folder / "model", "--words", folder / "words", *FLAGS[:-1]]
    command += ["--words-mode", "acl2017", "--min-tokens", "1", "--out", tmp_path / "x2s"]
    for _ in range(2):
        done = xl(*command)
        assert done.returncode == 1
        assert "1 of 2 languages failed" in done.stderr
        assert "tur_Latn: all 150 paragraphs, of 150 sentences, have too few" in done.stderr
        assert [line.split()[:2] for line in done.stdout.splitlines() if line.startswith(("ell", "tur"))] == [
            ["ell_Grek", "aligned"], ["tur_Latn", "failed"],
        ]  # fmt: skip
    assert {path.name for path in (tmp_path / "x2s" / "vectors").iterdir()} == {"eng_Latn.vec", "ell_Grek.vec"}
    # what failed is tried again with the same settings: here its reason was of another time
    before = files(tmp_path / "x2s")
    ledger = json.loads(before["steps.json"])
    ledger["extract tur_Latn"]["failed"] = "the disk was full"
    (tmp_path / "x2s" / "steps.json").write_text(json.dumps(ledger), encoding="utf-8")
    assert xl(*command, "--dry-run").stdout.count("to do") == 2
    assert "tur_Latn: all 150 paragraphs" in xl(*command).stderr
    assert files(tmp_path / "x2s") == before


def test_a_text_that_cannot_be_read_fails_alone_and_is_read_when_it_is_mended(
    folder: Path, whole: Path, tmp_path: Path
) -> None:
    text, out = tmp_path / "text", tmp_path / "x2s"
    shutil.copytree(folder / "text", text)
    good = (text / "tr.txt").read_bytes()
    (text / "tr.txt").write_bytes(good + b"\xff\n")
    given = {"words": folder / "words", "words_mode": "acl2017", **QUICK}
    with pytest.raises(xl_cli.UnfinishedError, match=r"1 of 2 languages failed .*tr\.txt:151"):
        xl_cli.multilingual(text, model=folder / "model", out=out, **given)
    (text / "tr.txt").write_bytes(good)
    xl_cli.multilingual(text, model=folder / "model", out=out, **given)
    for name in ("ell_Grek", "tur_Latn"):
        assert (out / "vectors" / f"{name}.vec").read_bytes() == (whole / "vectors" / f"{name}.vec").read_bytes()


def test_a_folder_of_other_settings_is_refused_and_a_deleted_file_is_made_anew(
    folder: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "x2s"
    shutil.copytree(whole, out)
    with pytest.raises(xl_cli.UsageError, match="epochs was 1 and is 2 now; name another --out, or delete"):
        call(folder, out, epochs=2)
    text = tmp_path / "text"
    shutil.copytree(folder / "text", text)
    with pytest.raises(xl_cli.UsageError, match="was not read then"):
        xl_cli.multilingual(
            text, model=folder / "model", out=out, words=folder / "words", words_mode="acl2017", **QUICK
        )
    (out / "extracted" / "ell_Grek.vec").unlink()
    (out / "dictionaries" / "tur_Latn.tsv").unlink()
    planned = call(folder, out, dry_run=True)
    assert [name for name, state in planned.steps.items() if state == "to do"] == [
        "extract ell_Grek", "dictionary tur_Latn", "map ell_Grek", "map tur_Latn",
    ]  # fmt: skip
    call(folder, out)
    assert files(out) == files(whole)


def test_a_plan_needs_nothing_and_writes_nothing(xl: Run, tmp_path: Path) -> None:
    command = [
        "static",
        "multilingual",
        "en=cc/en.txt.xz",
        "cc/tur_Latn.txt",
        "--model",
        "xlm-roberta-base",
        "--dry-run",
    ]
    done = xl(*command, "--words", "wiki.tr.vec", "--words", "wiki.en.vec", "--out", "x2s", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())
    for said in ("extract tur_Latn", "map words tur_Latn", "unsupervised", "Not there: cc/en.txt.xz, wiki.en.vec",
                 "--min-sentences 2 --min-tokens 7"):  # fmt: skip
        assert said in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["text", "--pivot", "deu"], "no text of the pivot deu_Latn"),
        (["text/eng_Latn.txt"], "only text of the pivot"),
        (["text", "model/config.json"], "model/config.json: its name states no language"),
        (["text", "--words", "nothing.vec"], "--words nothing.vec: no such file or folder"),
        (["text", "--words", "de=words/wiki.en.vec"], "--words: deu_Latn is not among the corpora"),
        (["text", "--words", "words", "--words", "en=words/wiki.en.vec"], "--words: 2 files for eng_Latn"),
        (["text", "--dictionary", "en=words/wiki.en.vec"], "--dictionary: eng_Latn is the pivot"),
        (["text", "--cutoff", "5"], "--cutoff: no meaning without --words"),
        (["text", "--held-out", "0.1"], "--held-out: no meaning without a dictionary"),
        (["text", "--words", "words", "--held-out", "1"], "--held-out is 1.0; give a share between 0 and 1"),
        (["text", "--words", "words", "--words-mode", "none", "--map-seeds", "2"], "--map-seeds: no meaning"),
        (["text", "--format", "bin", "--digits", "3"], "--digits: no meaning"),
        (["text", "--words", "words", "--mode", "per-pair"], "choose one of orthogonal, rcsls, pull-back"),
        (["text", "--words", "words", "--rcsls-rate", "5"], "--rcsls-rate: no meaning without --mode rcsls"),
        (["text", "--mode", "rcsls", "--rcsls-steps", "5"], "--rcsls-steps: no meaning without a dictionary"),
        (["text", "--words", "words", "--mode", "rcsls", "--rcsls-steps", "0"], "--mode rcsls: rcsls_steps must be"),
        (["text", "--words", "words", "--beta", "1"], "--beta: no meaning without --words and --words-mode muse"),
        (["text", "--words", "words", "--words-mode", "muse", "--beta", "-1"], "--words-mode muse: beta must be"),
        (["text", "--format", "npy"], "--format is 'npy'; choose one of vec, bin, safetensors"),
        (["text", "--method", "aggregate", "--epochs", "3"], "--epochs: no meaning with --method aggregate"),
        (["text", "--languages", "de"], "eng"),
        (["text", "--out", "text"], "--out text exists already and is no folder of xl static multilingual"),
    ],
)
def test_wrong_use_is_one_sentence(xl: Run, folder: Path, more: list[str], said: str) -> None:
    out = [] if "--out" in more else ["--out", "out"]
    done = xl("static", "multilingual", *more, "--model", "model", *out, cwd=folder)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert said in done.stderr
    assert not (folder / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["safetensors", "bin"])
def test_other_formats_and_one_language_of_a_folder(folder: Path, whole: Path, tmp_path: Path, form: str) -> None:
    call(folder, tmp_path / "a", format=form, languages="el")
    kept = read_vectors(tmp_path / "a" / "vectors" / f"ell_Grek.{form}")
    text = read_vectors(whole / "vectors" / "ell_Grek.vec")
    assert kept.words == text.words
    np.testing.assert_allclose(kept.matrix, text.matrix, atol=1e-6)
    assert not list((tmp_path / "a").rglob("tur*"))


@pytest.mark.slow
def test_killed_for_good_it_goes_on_to_the_same_files(folder: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "x2s"
    command = ["-m", "xl_cli", "static", "multilingual", str(folder / "text"), "--model", str(folder / "model")]
    command += ["--words", str(folder / "words"), "--words-mode", "acl2017", "--out", str(out), *FLAGS]
    for sign in (
        "extracted/ell_Grek.vec.cache",
        "extracted/tur_Latn.vec",
        "words/ell_Grek.vec",
        "maps/ell_Grek.safetensors",
    ):
        with Warm(*command) as process:
            while not (out / sign).exists() and process.returncode is None:
                time.sleep(0.002)
            process.kill()
        assert process.returncode in (-signal.SIGKILL, 0), process.communicate()
    done = warm.run(*command)
    assert done.returncode == 0, done.stderr
    assert files(out) == files(whole)
