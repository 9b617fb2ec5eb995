"""Lexical sets: files by name, dictionaries joined, scores against loops, scipy and `xl_staticemb`'s own figures."""

import gzip
import itertools

import numpy as np
import pytest
from scipy import stats

from xl_staticemb import StaticembError, WordVectors, induction_accuracy, word_similarity, write_word2vec
from xl_tasks import TASKS, TaskError
from xl_tasks.datasets.lexical.lexical_files import lexical_tasks
from xl_tasks.datasets.lexical.lexical_set import LexicalSet
from xl_tasks.datasets.lexical.vector_folder import read_vector_pair, vector_files
from xl_tasks.scoring.lexical_scores import lexical_measures, score_lexical, score_vectors

DICTIONARIES = {
    "xling/en-tr/yacle.test.freq.2k.en-tr.tsv": "water\tsu\nhouse\tev\nhouse\tkonut\nNew York\tNew York\n",
    "xling/en-tr/yacle.train.freq.1k.en-tr.tsv": "cat\tkedi\nwater\tsu\n",
    "xling/en-tr/yacle.train.freq.5k.en-tr.tsv": "cat\tkedi\ndog\tköpek\n",
    "panlex/he-ko.test.2000.cc.trans": "בית\t집\n",
    "muse/de-en.5000-6500.n.txt": "haus house\nhaus home\n",
    "muse/de-en.5000-6500.v.txt": "geht goes\nhaus house\n",
    "muse/de-en.0-5000.txt": "und and\n",
    "sem/en.test.txt": "car\tautomobile\t4\nriver\tbank\t1.5\ncar\tbank\t0.5\n",
    "sem/en.trial.txt": "sun\tstar\t3\nsun\tcar\t0\n",
    "sem/en-fa.test.txt": "car\tماشین\t4\nriver\tبانک\t0\n",
    "notes/readme.txt": "no pairs here\n",
}


def folder_of(tmp_path, files=DICTIONARIES):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def vectors_by_word(width=16):
    """A callable that gives each word of each language its own vector, and remembers what it was asked."""
    asked = []

    def embed(words, language):
        asked.append((language, list(words)))
        seeds = [np.frombuffer(f"{language} {word}".encode().ljust(40)[:40], dtype=np.uint8) for word in words]
        return np.stack([np.random.default_rng(seed).normal(size=width) for seed in seeds])

    return embed, asked


def test_files_are_known_by_their_names(tmp_path):
    sets = lexical_tasks(folder_of(tmp_path))
    assert [(s.name, s.kind, s.source, s.target, len(s.pairs), len(s.others)) for s in sets] == [
        ("muse", "bli", "deu_Latn", "eng_Latn", 3, 1),
        ("panlex", "bli", "heb_Hebr", "kor_Hang", 1, 0),
        ("semeval17", "similarity", "eng_Latn", "eng_Latn", 3, 0),
        ("semeval17", "similarity", "eng_Latn", "pes_Arab", 2, 0),
        ("xling", "bli", "eng_Latn", "tur_Latn", 4, 2),
    ]
    assert sets[0].pairs == (("haus", "house"), ("haus", "home"), ("geht", "goes"))
    assert sets[2].golds == (4, 1.5, 0.5)
    assert sets[4].vocabularies()[1] == ("su", "ev", "konut", "New York", "kedi", "köpek")
    assert sets[2].vocabularies()[0] == ("car", "automobile", "river", "bank")
    assert [s.name for s in lexical_tasks(tmp_path, kind="bli", languages=["en", "Turkish"])] == ["xling"]
    assert [s.source for s in lexical_tasks(tmp_path, kind="similarity", languages=["English"])] == ["eng_Latn"]
    (trial,) = lexical_tasks(tmp_path, kind="similarity", split="dev")
    assert (trial.split, trial.golds) == ("dev", (3, 0))
    parts = lexical_tasks(tmp_path / "muse", by_part=True)
    assert [(s.name, len(s.pairs)) for s in parts] == [("muse", 3), ("muse.n", 2), ("muse.v", 2)]


def test_compressed_files_byte_order_mark_and_carriage_returns(tmp_path):
    (tmp_path / "en-tr.test.2000.cc.trans.gz").write_bytes(gzip.compress("\ufeffwater\tsu\r\nhouse\tev\r\n".encode()))
    (found,) = lexical_tasks(tmp_path)
    assert found.pairs == (("water", "su"), ("house", "ev"))


def test_pairs_and_golds_in_two_files(tmp_path):
    files = {"data/en.test.data.txt": "car\tbank\nsun\tstar\n", "keys/en.test.gold.txt": "0.5\n3\n"}
    (found,) = lexical_tasks(folder_of(tmp_path, files))
    assert (found.pairs, found.golds) == ((("car", "bank"), ("sun", "star")), (0.5, 3))


def test_broken_lines_stop_or_are_told(tmp_path):
    files = DICTIONARIES | {"xling/en-tr/yacle.test.freq.2k.en-tr.tsv": "water\tsu\nhouse\n\ncat\tkedi\tpisi\n"}
    files |= {"sem/en.test.txt": "a\tb\t1\nc\td\tmuch\ne\tf\t2\n"}
    folder = folder_of(tmp_path, files)
    with pytest.raises(StaticembError, match=r"en-tr\.tsv:2: expected source<TAB>target"):
        lexical_tasks(folder / "xling")
    (found,) = lexical_tasks(folder / "xling", on_error="skip")
    assert found.pairs == (("water", "su"),)
    assert ["en-tr.tsv:2:" in found.skipped[0], "en-tr.tsv:4:" in found.skipped[1]] == [True, True]
    with pytest.raises(StaticembError, match=r"en\.test\.txt:2: the gold similarity must be a finite number"):
        lexical_tasks(folder / "sem", languages=["en"])
    (found,) = lexical_tasks(folder / "sem", languages=["en"], on_error="skip")
    assert found.golds == (1, 2)
    assert "en.test.txt:2:" in found.skipped[0]


def test_folders_and_languages_without_a_set(tmp_path):
    with pytest.raises(TaskError, match="no such folder"):
        lexical_tasks(tmp_path / "none")
    with pytest.raises(TaskError, match="no lexical file with a known name, such as yacle"):
        lexical_tasks(tmp_path)
    folder = folder_of(tmp_path)
    with pytest.raises(TaskError, match="deu_Latn to eng_Latn"):
        lexical_tasks(folder / "muse", split="dev")
    with pytest.raises(TaskError, match="tha_Thai"):
        lexical_tasks(folder, languages=["th"])
    with pytest.raises(TaskError, match="no test set of these languages"):
        lexical_tasks(folder, kind="bli", languages=["he", "tr"])
    with pytest.raises(TaskError, match="1 pairs and 0 golds do not make a similarity set"):
        LexicalSet(name="x", kind="similarity", source="a", target="b", split="test", pairs=(("a", "b"),))


def test_an_encoder_is_asked_for_every_word_alone(tmp_path):
    found = {s.name + s.target: s for s in lexical_tasks(folder_of(tmp_path))}
    embed, asked = vectors_by_word()
    score_lexical(embed, found["xlingtur_Latn"])
    assert asked == [
        ("eng_Latn", ["water", "house", "New York", "cat", "dog"]),
        ("tur_Latn", ["su", "ev", "konut", "New York", "kedi", "köpek"]),
    ]
    embed, asked = vectors_by_word()
    score_lexical(embed, found["semeval17eng_Latn"])
    assert asked == [("eng_Latn", ["car", "automobile", "river", "bank"])]


def random_set(n=40, seed=0):
    rng = np.random.default_rng(seed)
    pairs = [(f"s{i}", f"T{j}") for i in range(n) for j in {i, int(rng.integers(n))}]
    return LexicalSet(
        name="made", kind="bli", source="eng_Latn", target="tur_Latn", split="test",
        pairs=tuple(pairs), others=tuple((f"s{i}", f"T{i}") for i in range(n, 60)),
    )  # fmt: skip


def noisy_embed(words, language):
    """s17 and T17 near each other."""
    rows = [np.random.default_rng(int(word[1:])).normal(size=8) for word in words]
    noise = np.random.default_rng(7 if language == "eng_Latn" else 8).normal(size=(len(words), 8))
    return np.array(rows) + 0.8 * noise


@pytest.mark.parametrize("method", ["nn", "csls", "invsoftmax", "invnn"])
def test_induction_is_a_loop_over_all_candidates(method):
    made = random_set()
    (scored,) = score_lexical(noisy_embed, made, methods=[method])
    first, second = made.vocabularies()
    x, z = (noisy_embed(words, code) for words, code in ((first, made.source), (second, made.target)))
    x, z = (m / np.linalg.norm(m, axis=1, keepdims=True) for m in (x, z))
    cosines = x @ z.T
    if method == "csls":
        r_x = np.sort(cosines, axis=1)[:, -10:].mean(1)
        r_z = np.sort(cosines, axis=0)[-10:].mean(0)
        cosines = 2 * cosines - r_x[:, None] - r_z[None, :]
    elif method == "invsoftmax":
        cosines = np.exp(30 * cosines) / np.exp(30 * cosines).sum(0)
    elif method == "invnn":
        cosines = -np.argsort(np.argsort(-cosines, axis=0), axis=0) + 1e-3 * cosines
    hits = {k: [] for k in (1, 5, 10)}
    for word in scored.items:
        gold = {t for s, t in made.pairs if s == word}
        order = [second[j] for j in np.argsort(-cosines[first.index(word)])]
        wrong_above = next(sum(t not in gold for t in order[:i]) for i, t in enumerate(order) if t in gold)
        for k, found in hits.items():
            found.append(wrong_above < k)
    assert scored.items == first[: len(scored.items)]
    for k, found in hits.items():
        assert scored.values[f"p@{k}"] == pytest.approx(np.mean(found))
        measure = next(m for m in scored.measures if m.metric == f"p@{k}")
        assert measure.stats[:, 0].tolist() == [float(hit) for hit in found]
    assert 0 < scored.values["p@1"] < 1
    assert (scored.coverage, scored.method) == (1, method)


def test_figures_of_files_are_those_of_staticemb():
    made = random_set()
    rng = np.random.default_rng(1)
    source = WordVectors([f"s{i}" for i in range(5, 60)], rng.normal(size=(55, 6)))
    target = WordVectors([f"t{i}" for i in range(50)], rng.normal(size=(50, 6)) + source.matrix[:50])
    for scored in score_vectors(source, target, made):
        peer = induction_accuracy(source, target, made.pairs, retrieval=scored.method)
        expected = {f"p@{k}": v for k, v in peer.precision.items()} | {"mrr": peer.mrr}
        expected |= {f"strict p@{k}": v for k, v in peer.strict.items()} | {"strict mrr": peer.strict_mrr}
        assert scored.values == pytest.approx(expected)
        assert scored.coverage == pytest.approx(peer.coverage)
        assert 0 < scored.coverage < 1
        assert (scored.counts["p@1"], scored.counts["strict p@1"]) == (peer.n_covered, peer.n_sources)
        assert len(scored.items) == peer.n_sources
    rated = LexicalSet(
        name="made", kind="similarity", source="eng_Latn", target="tur_Latn", split="test",
        pairs=made.pairs, golds=tuple(rng.random(len(made.pairs))),
    )  # fmt: skip
    for scored in score_vectors(source, target, rated):
        triples = [(*pair, gold) for pair, gold in zip(rated.pairs, rated.golds, strict=True)]
        peer = word_similarity(source, target, triples, oov=scored.method.removeprefix("oov-"))
        assert scored.values == {"harmonic": peer.harmonic, "pearson": peer.pearson, "spearman": peer.spearman}
        assert (scored.coverage, scored.counts["pearson"], scored.measures) == (peer.coverage, peer.n, ())


def test_similarity_as_scipy_has_it():
    rng = np.random.default_rng(2)
    words = [f"w{i}" for i in range(30)] + ["two words"]
    pairs = list(itertools.combinations(words, 2))[::4]
    embed, _ = vectors_by_word()
    cosines = []
    for pair in pairs:
        one, other = embed(pair, "ita_Latn").astype(np.float32).astype(np.float64)
        cosines.append(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
    golds = np.array(cosines) + 0.3 * rng.random(len(pairs))
    made = LexicalSet(
        name="made", kind="similarity", source="ita_Latn", target="ita_Latn", split="test",
        pairs=tuple(pairs), golds=tuple(golds),
    )  # fmt: skip
    assert any("two words" in pair for pair in pairs)
    (scored,) = score_lexical(embed, made)
    assert (scored.coverage, scored.counts["pearson"]) == (1, len(pairs))
    pearson, spearman = stats.pearsonr(cosines, golds).statistic, stats.spearmanr(cosines, golds).statistic
    assert scored.values["pearson"] == pytest.approx(pearson, abs=1e-5)
    assert scored.values["spearman"] == pytest.approx(spearman, abs=1e-5)
    assert scored.values["harmonic"] == pytest.approx(stats.hmean([pearson, spearman]), abs=1e-5)


def test_measures_of_words_that_are_not_covered():
    measures = {m.metric: m for m in lexical_measures(np.array([True, False, True]), np.array([1.0, 6.5]))}
    values = {name: m.value for name, m in measures.items()}
    assert values == pytest.approx(
        {"p@1": 1 / 2, "p@5": 1 / 2, "p@10": 1, "mrr": (1 + 1 / 6.5) / 2}
        | {"strict p@1": 1 / 3, "strict p@5": 1 / 3, "strict p@10": 2 / 3, "strict mrr": (1 + 1 / 6.5) / 3}
    )
    assert tuple(measures) == TASKS["bli"].metrics
    assert {m.n for m in measures.values()} == {3}


def test_bad_vectors():
    made = random_set()
    with pytest.raises(TaskError, match="retrieval is 'cosine'; choose one of csls, nn"):
        score_lexical(noisy_embed, made, methods=["cosine"])
    with pytest.raises(TaskError, match=r"60 words of eng_Latn need as many finite vectors.* \(59, 8\)"):
        score_lexical(lambda words, code: noisy_embed(words, code)[1:], made)
    with pytest.raises(TaskError, match="with numbers that are not finite"):
        score_lexical(lambda words, code: noisy_embed(words, code) * np.nan, made)
    with pytest.raises(TaskError, match="vectors of 8 and of 4 numbers are not in one space"):
        score_lexical(lambda words, code: noisy_embed(words, code)[:, : 8 if code == "eng_Latn" else 4], made)
    with pytest.raises(TaskError, match="made, eng_Latn to tur_Latn: none of the 40 source words"):
        score_vectors(WordVectors(["x"], [[1.0]]), WordVectors(["y"], [[1.0]]), made)
    alike = LexicalSet(
        name="made", kind="similarity", source="ita_Latn", target="ita_Latn", split="test",
        pairs=(("a", "b"), ("c", "d")), golds=(1, 2),
    )  # fmt: skip
    with pytest.raises(TaskError, match=r"made, ita_Latn to ita_Latn: all 2 cosines are 1, so no correlation"):
        score_lexical(lambda words, code: np.ones((len(words), 3)), alike)


def test_a_folder_of_vectors(tmp_path):
    english = WordVectors(["water", "house"], np.eye(2))
    turkish = WordVectors(["su", "ev"], np.eye(2))
    write_word2vec(tmp_path / "eng_Latn.vec", english)
    write_word2vec(tmp_path / "wiki.tr.vec", turkish)
    (tmp_path / "README.md").write_text("not vectors", encoding="utf-8")
    (tmp_path / "mapping.json").write_text("{}", encoding="utf-8")
    assert {code: path.name for code, path in vector_files(tmp_path).items()} == {
        "eng_Latn": "eng_Latn.vec",
        "tur_Latn": "wiki.tr.vec",
    }
    source, target = read_vector_pair(tmp_path, "eng_Latn", "tur_Latn")
    assert (source.words, target.words) == (english.words, turkish.words)
    one, other = read_vector_pair(tmp_path, "eng_Latn", "eng_Latn", limit=1)
    assert one is other
    assert one.words == ["water"]
    with pytest.raises(TaskError, match="no word vectors of deu_Latn; it has eng_Latn, tur_Latn"):
        read_vector_pair(tmp_path, "deu_Latn", "eng_Latn")
    write_word2vec(tmp_path / "tr.vec", turkish)
    with pytest.raises(TaskError, match="tur_Latn is there already"):
        vector_files(tmp_path)
    with pytest.raises(TaskError, match=r"no word vectors; files are called tur_Latn\.vec"):
        vector_files(tmp_path / "none")


@pytest.mark.data
def test_every_dictionary_of_the_real_data(data_folder):
    counts = {
        name: lexical_tasks(data_folder / name)
        for name in ("bli_xling", "bli_panlex", "muse_pos", "semeval17_task2")
    }  # fmt: skip
    files = {name: sorted(p for p in (data_folder / name).rglob("*") if p.is_file()) for name in counts}
    assert {name: len(found) for name, found in files.items()} == {
        "bli_xling": 18, "bli_panlex": 33, "muse_pos": 40, "semeval17_task2": 12,
    }  # fmt: skip
    assert {name: len(found) for name, found in counts.items()} == {
        "bli_xling": 6, "bli_panlex": 11, "muse_pos": 8, "semeval17_task2": 6,
    }  # fmt: skip
    for found in counts["bli_xling"]:
        # 2k test, 5k and 1k train pairs; de-tr lists some pairs twice.
        assert 1950 <= len(found.pairs) <= 2000
        assert 4600 <= len(found.others) <= 5000
    for found in counts["bli_panlex"]:
        # Up to 2k and up to 5k; Thai has about half of the test pairs.
        assert 950 <= len(found.pairs) <= 2000
        assert 2900 <= len(found.others) <= 5000
    for found in counts["muse_pos"]:
        lines = {
            tuple(line.split())
            for path in files["muse_pos"]
            if path.name.startswith(f"{found.files[0].rpartition('/')[2][:5]}.")
            for line in path.read_text("utf-8").split("\n")
            if line.strip()
        }
        assert set(found.pairs) == lines
        # MUSE: 1,500 source words of the ranks 5,000 to 6,500; two parts alone for Spanish.
        n_words = len({source for source, _ in found.pairs})
        assert n_words <= 1500
        assert n_words >= (1400 if "spa_Latn" not in (found.source, found.target) else 800)
    expected = {"eng": 500, "ita": 500, "pes": 500, "engpes": 952, "engita": 970, "itapes": 916}
    for found in counts["semeval17_task2"]:
        key = "".join(dict.fromkeys((found.source[:3], found.target[:3])))
        assert len(found.pairs) == len(found.golds) == expected[key]
        assert 0 <= min(found.golds) <= max(found.golds) <= 4
    assert [len(s.pairs) for s in lexical_tasks(data_folder / "semeval17_task2", split="dev")] == [
        18,
        36,
        36,
        18,
        36,
        18,
    ]


def test_vectors_named_by_wikipedias_codes(tmp_path):
    from xl_tasks.datasets.lexical.vector_folder import vector_files

    for name in ("cc.als.vec", "cc.sq.vec", "sq.vec", "en.vec"):
        (tmp_path / name).write_text("1 1\na 1\n", encoding="utf-8")
    files = vector_files(tmp_path, ("eng_Latn", "gsw_Latn"))
    assert (files["gsw_Latn"].name, files["eng_Latn"].name) == ("cc.als.vec", "en.vec")
    with pytest.raises(TaskError, match="als_Latn is there already"):
        vector_files(tmp_path)


def test_a_languages_own_code_wins_over_another_edition(tmp_path, caplog):
    from xl_tasks.datasets.lexical.vector_folder import vector_files

    for name in ("wiki.simple.vec", "wiki.en.vec", "cc.no.300.vec", "nb.vec", "cc.zh_yue.vec"):
        (tmp_path / name).write_text("1 1\na 1\n", encoding="utf-8")
    files = vector_files(tmp_path)
    assert {code: path.name for code, path in files.items()} == {
        "eng_Latn": "wiki.en.vec", "nob_Latn": "nb.vec", "yue_Hant": "cc.zh_yue.vec",
    }  # fmt: skip
    assert "wiki.simple.vec: passed over, eng_Latn is there already" in caplog.text
    assert "cc.no.300.vec: passed over, nob_Latn is there already" in caplog.text
