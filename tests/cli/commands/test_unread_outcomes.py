"""Options of commands whose output is quickly made: each one changes what is written, or it is refused."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.commands.test_unread_options import options, reached, refused
from tests.cli.conftest import Run
from tests.thinned import thinned

from xl_cli.cluster.spread import Spread
from xl_cli.commands import translit
from xl_cli.measure.cka import CkaConfig, cka_rows
from xl_cli.recipe.config import TRANSFORMS
from xl_staticemb import WordVectors, write_vectors
from xl_translit import Phonemizer, TranslitError
from xl_translit.phonemes import phonemizer


def check_outcomes(
    make: Callable[..., tuple[int, object]], command: str, values: Mapping[str, object], refused_ones: set[str]
) -> None:
    """Each of `values` changes what `make(*arguments)` gives beside its exit code, but those refused exit with 2."""
    code, plain = make()
    assert code == 0
    written = options(command)
    for name, value in values.items():
        code, found = make(written[name], *([] if value is None else [value]))
        assert code == (2 if name in refused_ones else 0), name
        assert name in refused_ones or found != plain, name


@pytest.mark.parametrize("form", thinned(["sentence-transformers", "transformers"], 2))
def test_options_of_export(xl: Run, model: Path, tmp_path: Path, form: str) -> None:
    places = (tmp_path / str(number) / "out" for number in itertools.count())

    def make(*more: object) -> tuple[int, object]:
        place = next(places)
        place.parent.mkdir()
        result = xl("export", model, "--format", form, "--out", place, *more)
        files = sorted(path for path in place.rglob("*") if path.is_file())
        return result.returncode, [(path.relative_to(place), path.read_bytes()) for path in files]

    values = {"layer": "0", "pooling": "first", "prompt": "q: ", "max_len": 9, "revision": "abc", "private": None}
    unread = {"revision", "private", *(["prompt"] if form == "transformers" else [])}
    check_outcomes(make, "export", values, unread)


@pytest.mark.slow
def test_options_of_cka_and_coverage(xl: Run, model: Path, corpus: Path) -> None:
    def make(*more: object, measure: str = "cka") -> tuple[int, object]:
        result = xl("analyze", measure, "--model", model, "--data", corpus, "--json", *more)
        return result.returncode, result.stdout

    values = {"layer": "0", "pooling": "first", "prompt": "q: ", "transform": "outliers", "revision": "abc",
              "max_len": 5, "limit": 20, "debiased": None, "source": "ell", "kernel": "rbf", "minibatch": 40,
              "bandwidth": 0.8}  # fmt: skip
    check_outcomes(make, "analyze cka", values, {"revision", "bandwidth"})

    def of_kernel(*more: object) -> tuple[int, object]:
        return make("--kernel", "rbf", *more)

    check_outcomes(of_kernel, "analyze cka", {"bandwidth": 0.3, "minibatch": 40, "debiased": None}, set())

    def of_minibatches(*more: object) -> tuple[int, object]:
        return make("--minibatch", 40, *more)

    values = {"debiased": None, "transform": "outliers", "kernel": "rbf"}
    check_outcomes(of_minibatches, "analyze cka", values, {"debiased", "transform"})

    def similarity(*more: object) -> tuple[int, object]:
        return make(*more, measure="similarity")

    values = {"as_written": None, "transform": "center", "pooling": "first"}
    check_outcomes(similarity, "analyze similarity", values, set())

    def coverage(*more: object) -> tuple[int, object]:
        return make(*more, measure="coverage")

    check_outcomes(
        coverage,
        "analyze coverage",
        {"language": "ell", "limit": 9, "revision": "abc", "compare": model},
        {"revision", "compare"},
    )


@pytest.mark.parametrize("before", [(), *((name,) for name in TRANSFORMS)])
def test_the_mean_of_a_language_is_no_matter_to_cka(
    xl: Run, model: Path, corpus: Path, before: tuple[str, ...]
) -> None:
    def values(*transforms: str) -> list[float]:
        config = CkaConfig(model=(str(model),), data=str(corpus), transform=transforms)
        return [row.value for row in cka_rows(config, Spread(config))]

    np.testing.assert_allclose(values(*before, "center"), values(*before), atol=1e-5)
    for debiased in ([], ["--debiased"]):
        chain = [part for name in (*before, "center") for part in ("--transform", name)]
        result = xl("analyze", "cka", "--model", model, "--data", corpus, *chain, *debiased)
        assert result.returncode == 2
        assert "--transform: no meaning with center at its end" in result.stderr


_TEXT = "Çay 23 güzel, IŞIK hâlâ. 你 chat judge"
_OTHER = {"ties": "split", "unmapped": "drop", "digits": "spell", "segmenter": "segments", "spelling": "keep"}
_DEFAULTS = {"ties": "keep", "unmapped": "keep", "digits": "keep", "segmenter": "panphon", "spelling": "repair"}


@pytest.mark.parametrize("lang", ["tur", "deu", "eng"])
@pytest.mark.parametrize("to", ["latn", "ipa", "phonemes"])
def test_options_of_translit(xl: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str, lang: str) -> None:
    read = {"romanizer"}
    if to != "latn":
        form: Any = to

        def said(**more: Any) -> str:
            try:
                return Phonemizer(lang, form=form, **more)(_TEXT)
            except TranslitError:
                return plain

        # The two segmenters agree on most words, so what they give is marked.
        monkeypatch.setattr(phonemizer, "segment", lambda ipa, segmenter, **_: [f"{segmenter}:{ipa}"])
        plain = Phonemizer(lang, form=form)(_TEXT)
        read = {"backend", *(name for name, value in _OTHER.items() if said(**{name: value}) != plain)}
    (tmp_path / f"{lang}.txt").write_text(_TEXT, encoding="utf-8")
    monkeypatch.setattr("xl_translit.romanize_corpus", reached)
    every = options("translit")
    values = {**_DEFAULTS, "romanizer": "fast", "backend": "auto", "pairs": None, "format": "tsv", "jobs": "1",
              "engine": "local", "on_error": "stop", "shard": "1/2", "out": tmp_path / "new"}  # fmt: skip
    read |= {"pairs", "format", "jobs", "engine", "on_error", "shard", "out"}
    call = ["translit", tmp_path / f"{lang}.txt", "--to", to]
    assert refused(xl, *call, options=every, values=values) == values.keys() - read


@pytest.mark.parametrize(
    ("inputs", "unread"),
    [
        (["eng.tsv"], {"split", "config", "revision"}),
        (["owner/name"], {"input_format"}),
        (["owner/name", "eng.tsv"], set()),
    ],
)
def test_options_of_hub_data_sets(
    xl: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inputs: list[str], unread: set[str]
) -> None:
    (tmp_path / "eng.tsv").write_text("text\na\n", encoding="utf-8")
    monkeypatch.setattr("xl_translit.romanize_corpus", reached)
    monkeypatch.chdir(tmp_path)
    values: dict[str, object] = {"split": "train", "config": "x", "revision": "abc", "input_format": "tsv"}
    call = ["translit", *inputs, "--column", "text"]
    assert refused(xl, *call, options=options("translit"), values=values) == unread


def test_processes_of_a_cluster_that_runs_already(xl: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xl_translit.romanize_corpus", reached)
    for engine, address, unread in (("ray", "", set()), ("ray", "10.0.0.1:6379", {"jobs"}), ("local", "x:1", set())):
        monkeypatch.setenv("RAY_ADDRESS", address) if address else monkeypatch.delenv("RAY_ADDRESS", raising=False)
        call = ["translit", "--engine", engine]
        assert refused(xl, *call, options=options("translit"), values={"jobs": "2"}) == unread


@pytest.mark.slow
def test_options_of_tables_of_words(xl: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = ["ev", "su", "Kedi", "new", "york", "new_york", *(f"w{i}" for i in range(20))]
    write_vectors(tmp_path / "tr.vec", WordVectors(words, np.abs(rng.normal(size=(len(words), 4)))))
    gold = ["ev\tsu\t1", "kedi\tev\t2", "new york\tsu\t4", "ev\tkedi\t3", "w1\tnothing\t2", "w2\tw3\t0.5", "EV\tw4\t2"]
    (tmp_path / "gold.txt").write_text("\n".join([*gold, "Kedi\tsu\t2"]), encoding="utf-8")
    places = (tmp_path / f"{number}.tsv" for number in itertools.count())

    def near(*more: object) -> tuple[int, object]:
        place = next(places)
        result = xl("static", "neighbours", tmp_path / "tr.vec", "--out", place, *more)
        return result.returncode, place.read_bytes()

    check_outcomes(near, "static neighbours", {"k": 2, "min_similarity": 0.95, "limit": 9}, set())

    def similar(*more: object) -> tuple[int, object]:
        result = xl("static", "similarity", tmp_path / "tr.vec", "--gold", tmp_path / "gold.txt", *more)
        return result.returncode, result.stdout

    values = {"oov": "zero", "lower": "never", "multiword": "skip", "source_lang": "deu", "target_lang": "deu",
              "limit": 20, "as_json": None}  # fmt: skip
    check_outcomes(similar, "static similarity", values, set())

    (tmp_path / "pairs.txt").write_text("ev\tev\nEV\tsu\nkedi\tKedi\nnew ev\tw1\n", encoding="utf-8")

    def translated(*more: object) -> tuple[int, object]:
        pairs = ("--dictionary", tmp_path / "pairs.txt")
        result = xl("static", "bli", tmp_path / "tr.vec", tmp_path / "tr.vec", *pairs, *more)
        return result.returncode, result.stdout

    values = {"lower": "always", "multiword": "mean", "source_lang": "deu", "target_lang": "deu", "variant": "mine",
              "limit": 20, "retrieval": "nn", "as_json": None}  # fmt: skip
    check_outcomes(translated, "static bli", values, set())


def test_the_command_knows_which_inputs_are_of_the_hub() -> None:
    call: Any = type("Call", (), {"files": ["owner/name", "-", "a.txt"], "column": "text"})
    assert translit._hub_inputs(call) == [True, False, False]
