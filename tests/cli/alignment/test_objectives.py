"""Every objective by `xl align` with a recipe file: its loss is that of a slow computation, its keys act, mixes run."""

import gzip
import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.cli.conftest import Run
from tests.cli.made_data import (
    WIDTH,
    about_of,
    align_toml,
    greek,
    log_of,
    losses_of,
    rows_of,
    same_weights,
    sentences,
    word,
    write_lines,
    write_vectors,
)
from tests.thinned import thinned
from torch import Tensor
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer, PreTrainedTokenizerBase

from xl_encoders import FitConfig

N_PAIRS = 12
N_WORDS = 60
TRAIN = """[train]
variants = ["{variants}"]
steps = {steps}
batch = {batch}
lr = 1e-3
log_every = 1
save_every = 0
{more}
"""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-block encoder without dropout, as `save_pretrained` leaves a trained one."""
    from xl_encoders import ModelConfig, new_encoder

    texts = sentences(200, seed=9)
    config = ModelConfig(size="tiny", pieces=90, dropout=0.0, max_len=64)
    encoder = new_encoder([*texts, *map(greek, texts)], config, seed=4)
    folder = tmp_path_factory.mktemp("tiny") / "model"
    encoder.save(folder)
    return folder


@pytest.fixture(scope="session")
def bitext(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences in made-up Greek and, word by word in another order, in Latin letters; the order as alignments."""
    folder = tmp_path_factory.mktemp("bitext")
    left, right, aligned = [], [], []
    for number, text in enumerate(sentences(N_PAIRS, seed=1)):
        words = text.split()
        order = np.random.default_rng(number).permutation(len(words)).tolist()
        left.append(greek(text))
        right.append(" ".join(words[k] for k in order))
        aligned.append(" ".join(f"{k}-{place}" for place, k in enumerate(order)))
    write_lines(folder / "a.ell", left)
    write_lines(folder / "a.eng", right)
    write_lines(folder / "a.align", aligned)
    write_lines(folder / "a.tsv", [f"{a}\t{b}" for a, b in zip(left, right, strict=True)])
    return folder


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], np.ndarray]:
    """A word2vec file of the encoder's width, its words, its vectors."""
    path = tmp_path_factory.mktemp("vectors") / "eng_Latn.vec"
    words = [word(number) for number in range(N_WORDS)]
    return path, words, write_vectors(path, words, WIDTH)


def train(variants: str, steps: int = 2, batch: int = 8, more: str = "") -> str:
    return TRAIN.format(variants=variants, steps=steps, batch=batch, more=more)


def model(folder: Path) -> str:
    return f'[model]\nfrom = "{folder}"\nmax_len = 64\n'


def new(size: str = "pico", pieces: int = 90, dropout: float = 0.0) -> str:
    return f'[model]\nfrom = "new"\nsize = "{size}"\npieces = {pieces}\ndropout = {dropout}\nmax_len = 64\n'


def run_of(xl: Run, folder: Path, text: str, *more: str, name: str = "run") -> Path:
    """Run a recipe; its run folder."""
    out = folder / name
    settings = [part for setting in more for part in ("--set", setting)]
    result = xl("align", align_toml(folder, text), *settings, "--out", out)
    assert result.returncode == 0, result.stderr
    return out


def pairs_toml(bitext: Path, files: str = '"a.ell", "a.eng"', more: str = "") -> str:
    listed = re.sub(r'"([^"]+)"', lambda found: f'"{bitext / found[1]}"', files)
    return f'[[data]]\nname = "bitext"\nkind = "pairs"\nfiles = [{listed}]\nwords = "spaces"\n{more}\n'


class Slow:
    """Word vectors by `transformers` alone: one text at a time, the last block, no batches."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModel.from_pretrained(folder).eval()

    @torch.no_grad()
    def states(self, text: str) -> tuple[Tensor, list[int | None]]:
        encoded = self.tokenizer(text.split(), is_split_into_words=True, return_tensors="pt")
        return self.model(input_ids=encoded["input_ids"]).last_hidden_state[0], encoded.word_ids(0)

    def word_alone(self, text: str) -> Tensor:
        states, numbers = self.states(text)
        return torch.stack([row for row, number in zip(states, numbers, strict=True) if number is not None]).mean(0)

    def last_pieces(self, sentence: str) -> Tensor:
        """(words, width): each word's last piece."""
        states, numbers = self.states(sentence)
        places = [max(k for k, it in enumerate(numbers) if it == number) for number in range(len(sentence.split()))]
        return states[places]


def tokenizer_of(folder: Path) -> PreTrainedTokenizerBase:
    """As `transformers` alone opens it."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert isinstance(tokenizer, PreTrainedTokenizerBase)
    return tokenizer


def pairs_of(bitext: Path) -> list[tuple[str, str, list[tuple[int, int]]]]:
    lines = [(bitext / name).read_text(encoding="utf-8").splitlines() for name in ("a.ell", "a.eng", "a.align")]

    def places(line: str) -> list[tuple[int, int]]:
        return [(int(i), int(j)) for i, _, j in (pair.partition("-") for pair in line.split())]

    return [(a, b, places(c)) for a, b, c in zip(*lines, strict=True)]


# The first loss of a run, before any weight has moved, on all items at once: any order gives the same.


@pytest.mark.parametrize("scale", thinned(["unit", "match_norm"], 2))
def test_mse_is_the_mean_squared_distance(
    xl: Run, tiny: Path, vectors: tuple[Path, list[str], np.ndarray], tmp_path: Path, scale: str
) -> None:
    path, words, matrix = vectors
    text = (
        model(tiny)
        + f'[[data]]\nkind = "vectors"\nfiles = ["{path}"]\n[[objective]]\nname = "mse"\nscale = "{scale}"\n'
    )
    out = run_of(xl, tmp_path, text + train("mse", steps=4, batch=N_WORDS))
    slow = Slow(tiny)
    own = torch.stack([slow.word_alone(one) for one in words])
    target = torch.nn.functional.normalize(torch.from_numpy(matrix), dim=1)
    target = target * (own.norm(dim=1).mean() if scale == "match_norm" else 1)
    found = losses_of(out, "mse")
    assert found[0] == pytest.approx(float((own - target).square().mean()), rel=1e-4)
    assert found[-1] < found[0]


def test_dcca_is_minus_the_sum_of_cosines_between_subspaces(
    xl: Run, tiny: Path, vectors: tuple[Path, list[str], np.ndarray], tmp_path: Path
) -> None:
    path, words, matrix = vectors
    text = model(tiny) + f'[[data]]\nkind = "vectors"\nfiles = ["{path}"]\n[[objective]]\nname = "dcca"\nk = 4\n'
    out = run_of(xl, tmp_path, text + train("dcca", steps=4, batch=N_WORDS))
    slow = Slow(tiny)
    own = torch.stack([slow.word_alone(one) for one in words]).double().numpy()
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    bases = [np.linalg.svd(view - view.mean(0), full_matrices=False)[0][:, :4] for view in (own, unit.astype(float))]
    cosines = np.linalg.svd(bases[0].T @ bases[1])[1]
    found = losses_of(out, "dcca")
    assert found[0] == pytest.approx(-float(np.sqrt(1 + cosines).sum()), abs=2e-3)
    assert found[-1] < found[0]


@pytest.mark.parametrize("scope", thinned(["batch", "sentence"], 2))
def test_ot_is_the_transport_that_pot_finds(xl: Run, tiny: Path, bitext: Path, tmp_path: Path, scope: str) -> None:
    ot = pytest.importorskip("ot")
    text = model(tiny) + pairs_toml(bitext) + f'[[objective]]\nname = "ot"\nscope = "{scope}"\n'
    out = run_of(xl, tmp_path, text + train("ot", steps=4, batch=N_PAIRS))
    slow = Slow(tiny)
    sides = [(slow.last_pieces(a).double(), slow.last_pieces(b).double()) for a, b, _ in pairs_of(bitext)]
    if scope == "batch":
        sides = [tuple(map(torch.cat, zip(*sides, strict=True)))]
    costs = [ot.emd2([], [], (torch.cdist(x, y).square() / 2).numpy()) for x, y in sides]
    found = losses_of(out, "ot")
    assert found[0] == pytest.approx(float(np.mean(costs)), rel=1e-3)
    assert found[-1] < found[0]
    # The words have not moved before the first step, and have after it.
    assert losses_of(out, "ot-drift")[0] == pytest.approx(0, abs=1e-6)
    assert losses_of(out, "ot-drift")[-1] > 1e-4


@pytest.mark.parametrize("reduction", thinned(["mean", "sum"], 2))
def test_l2_is_the_squared_distance_of_aligned_words(
    xl: Run, tiny: Path, bitext: Path, tmp_path: Path, reduction: str
) -> None:
    files = f'alignments = ["{bitext / "a.align"}"]'
    objective = f'[[objective]]\nname = "l2"\nreduction = "{reduction}"\n'
    out = run_of(xl, tmp_path, model(tiny) + pairs_toml(bitext, more=files) + objective + train("l2", 4, N_PAIRS))
    slow = Slow(tiny)
    distances = [
        float((slow.last_pieces(a)[i] - slow.last_pieces(b)[j]).square().sum())
        for a, b, pairs in pairs_of(bitext)
        for i, j in pairs
    ]
    expected = sum(distances) / (len(distances) if reduction == "mean" else 1)
    found = losses_of(out, "l2")
    assert found[0] == pytest.approx(expected, rel=1e-4)
    assert found[-1] < found[0]


def test_word_nce_is_the_cross_entropy_of_partners(xl: Run, tiny: Path, bitext: Path, tmp_path: Path) -> None:
    files = f'alignments = ["{bitext / "a.align"}"]'
    objective = '[[objective]]\nname = "word-nce"\ntemperature = 0.5\nfalse_negatives = true\n'
    out = run_of(xl, tmp_path, model(tiny) + pairs_toml(bitext, more=files) + objective + train("word-nce", 4, N_PAIRS))
    slow = Slow(tiny)
    left, right = [], []
    for a, b, pairs in pairs_of(bitext):
        left += [slow.last_pieces(a)[i] for i, _ in pairs]
        right += [slow.last_pieces(b)[j] for _, j in pairs]
    x, y = (torch.nn.functional.normalize(torch.stack(side), dim=1) for side in (left, right))
    scores = x @ y.T / 0.5
    partner = torch.arange(len(scores))
    both = [torch.nn.functional.cross_entropy(one, partner) for one in (scores, scores.T)]
    found = losses_of(out, "word-nce")
    assert found[0] == pytest.approx(float(sum(both)) / 2, rel=1e-4)
    assert found[-1] < found[0]


@pytest.mark.slow
def test_two_files_a_tsv_and_gz_are_the_same_pairs(xl: Run, tiny: Path, bitext: Path, tmp_path: Path) -> None:
    folder = tmp_path / "packed"
    shutil.copytree(bitext, folder)
    for name in ("a.ell", "a.tsv"):
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
    found = []
    for number, files in enumerate(('"a.ell", "a.eng"', '"a.tsv"', '"a.ell.gz", "a.eng"', '"a.tsv.gz"')):
        text = model(tiny) + pairs_toml(folder, files) + '[[objective]]\nname = "ot"\n' + train("ot")
        found.append(losses_of(run_of(xl, tmp_path, text, name=f"run{number}"), "ot"))
    assert all(one == found[0] for one in found)


@pytest.mark.slow
def test_parallel_data_gives_pairs_with_its_pivot(xl: Run, tiny: Path, corpus: Path, tmp_path: Path) -> None:
    text = model(tiny) + (
        f'[[data]]\nkind = "parallel"\nfiles = ["{corpus}"]\nlimit = 20\n'
        '[[objective]]\nname = "l2"\n[eval]\nstring_match = false\n'
    )
    out = run_of(xl, tmp_path, text + train("l2", batch=20))
    assert {path.name.split(".")[0] for path in (out / "alignments").iterdir()} == {
        "ell_Grek-eng_Latn", "tur_Latn-eng_Latn",
    }  # fmt: skip
    out = run_of(xl, tmp_path, text + train("l2", batch=20), 'data.pivot="el"', name="greek")
    assert {path.name.split(".")[0] for path in (out / "alignments").iterdir()} == {
        "eng_Latn-ell_Grek", "tur_Latn-ell_Grek",
    }  # fmt: skip
    for path in (out / "alignments").iterdir():
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) == 20
        assert all(re.fullmatch(r"(\d+-\d+)?( \d+-\d+)*", line) for line in lines)
    scored = {(row["source"], row["target"]) for row in rows_of(out)}
    assert len(scored) == 6


@pytest.mark.slow
def test_what_our_aligner_found_trains_as_a_file_of_alignments_does(
    xl: Run, tiny: Path, bitext: Path, tmp_path: Path
) -> None:
    objective = '[[objective]]\nname = "l2"\nalign_layer = 1\n'
    ours = run_of(xl, tmp_path, model(tiny) + pairs_toml(bitext) + objective + train("l2"), name="ours")
    (kept,) = (ours / "alignments").iterdir()
    assert "layer1" in kept.name
    given = pairs_toml(bitext, more=f'alignments = ["{kept}"]')
    theirs = run_of(xl, tmp_path, model(tiny) + given + objective + train("l2"), name="theirs")
    assert losses_of(ours, "l2") == losses_of(theirs, "l2")
    assert same_weights(ours, theirs)


@pytest.mark.slow
def test_bitexts_of_one_name_are_each_aligned_for_themselves(xl: Run, tiny: Path, bitext: Path, tmp_path: Path) -> None:
    """Of as many sentences as long, so that alignments of the one would fit the other as well."""
    other = tmp_path / "other"
    for side in ("a.ell", "a.eng"):
        lines = (bitext / side).read_text(encoding="utf-8").splitlines()
        write_lines(other / side, [" ".join(reversed(line.split())) if side == "a.ell" else line for line in lines])
    objective = '[[objective]]\nname = "l2"\nalign_layer = 1\n'
    found = {}
    for name, data in (
        ("both", pairs_toml(bitext) + pairs_toml(other).replace('"bitext"', '"other"')),
        ("first", pairs_toml(bitext)),
        ("second", pairs_toml(other)),
    ):
        out = run_of(xl, tmp_path, model(tiny) + data + objective + train("l2", 1), "eval.limit=1", name=name)
        found[name] = [path.read_text(encoding="utf-8") for path in sorted((out / "alignments").iterdir())]
    assert sorted(found["both"]) == sorted(found["first"] + found["second"])
    assert found["first"] != found["second"]


def everything(tiny: Path, corpus: Path, bitext: Path, vectors: Path) -> str:
    """A recipe that describes six objectives on three data."""
    return (
        model(tiny)
        + f'[[data]]\nname = "text"\nkind = "parallel"\nfiles = ["{corpus}"]\n'
        + pairs_toml(bitext)
        + f'[[data]]\nname = "words"\nkind = "vectors"\nfiles = ["{vectors}"]\n'
        + "".join(f'[[objective]]\nname = "{name}"\n' for name in ("mlm", "seq", "tlm", "mse"))
        + '[[objective]]\nname = "dcca"\nk = 3\n'
        + '[[objective]]\nname = "ot"\nbatch = 4\n[eval]\nstring_match = false\n'
    )


def test_a_mix_logs_each_loss_weight_and_gradient(
    xl: Run, tiny: Path, corpus: Path, bitext: Path, vectors: tuple, tmp_path: Path
) -> None:
    text = everything(tiny, corpus, bitext, vectors[0]) + train("mlm+seq+tlm+ot", 5, more="norms_every = 2")
    out = run_of(xl, tmp_path, text, "objective.seq.weight=0.25", "objective.ot.drift=0.5")
    log = log_of(out)
    assert [row["step"] for row in log] == [1, 2, 3, 4, 5]
    weights = {"mlm": 1.0, "seq": 0.25, "tlm": 1.0, "ot": 1.0, "ot-drift": 0.5}
    for row in log:
        assert set(row["losses"]) == set(weights)
        assert row["weights"] == weights
        assert all(math.isfinite(value) for value in row["losses"].values())
        assert row["loss"] == pytest.approx(sum(weights[name] * value for name, value in row["losses"].items()))
        assert set(row["grad_norms"]) == ({"mlm", "seq", "tlm", "ot"} if row["step"] % 2 else set())
        if row["grad_norms"]:  # triangle inequality: the parts' gradients add up to the whole
            norms = list(row["grad_norms"].values())
            assert max(norms) - (sum(norms) - max(norms)) <= row["grad_norm"] * 1.001
            assert row["grad_norm"] <= sum(norms) * 1.001
    # Measuring the norms takes the same step as not measuring them.
    plain = run_of(
        xl, tmp_path, text, "objective.seq.weight=0.25", "objective.ot.drift=0.5", "train.norms_every=0", name="plain"
    )
    for row, other in zip(log, log_of(plain), strict=True):
        assert other["losses"] == pytest.approx(row["losses"], rel=1e-3, abs=1e-6)
        assert not other["grad_norms"]


@pytest.mark.slow
def test_variants_of_one_recipe_mix_other_objectives(
    xl: Run, tiny: Path, corpus: Path, bitext: Path, vectors: tuple, tmp_path: Path
) -> None:
    text = everything(tiny, corpus, bitext, vectors[0]) + train("mlm")
    out = run_of(xl, tmp_path, text, 'train.variants=["mlm", "mlm+dcca", "dcca+mse"]')
    for variant in ("mlm", "mlm+dcca", "dcca+mse"):
        assert {frozenset(row["losses"]) for row in log_of(out, variant)} == {frozenset(variant.split("+"))}
    assert {row["variant"] for row in rows_of(out)} == {"pretrained", "mlm", "mlm+dcca", "dcca+mse"}


def test_schedules_act_step_by_step(
    xl: Run, tiny: Path, corpus: Path, bitext: Path, vectors: tuple, tmp_path: Path
) -> None:
    settings = {
        "objective.ot.begin": "0.5", "objective.mse.every": "3", "objective.dcca.end": "0.25",
        "objective.seq.warmup": "0.5", "objective.seq.weight": "2.0",
    }  # fmt: skip
    text = everything(tiny, corpus, bitext, vectors[0]) + train("mlm+seq+dcca+mse+ot", 8)
    out = run_of(xl, tmp_path, text, *(f"{key}={value}" for key, value in settings.items()))
    names = [set(row["losses"]) for row in log_of(out)]
    assert [step for step in range(8) if "ot" in names[step]] == [4, 5, 6, 7]
    assert [step for step in range(8) if "mse" in names[step]] == [0, 3, 6]
    assert [step for step in range(8) if "dcca" in names[step]] == [0, 1]
    assert all("mlm" in its for its in names)
    climbed = [row["weights"]["seq"] for row in log_of(out)]
    assert climbed == pytest.approx([2 * k / 5 for k in (1, 2, 3, 4)] + [2.0] * 4)


@pytest.mark.parametrize(("own", "n"), [(0, 16), (5, 5)])
def test_the_batch_is_the_pool_of_negatives(
    xl: Run, tiny: Path, corpus: Path, tmp_path: Path, own: int, n: int
) -> None:
    """At a temperature where all similarities are 0, each of 2n texts picks among 2n - 1: log(2n - 1) nats."""
    text = model(tiny) + (
        f'[[data]]\nkind = "text"\nfiles = ["{corpus}/ell_Grek.txt"]\nheld_out = 0.0\ndev = 0.0\n'
        f'[[objective]]\nname = "seq"\ntemperature = 1e9\nbatch = {own}\nfactor = 0.75\nfalse_negatives = true\n'
    )
    out = run_of(xl, tmp_path, text + train("seq", batch=16))
    assert losses_of(out, "seq")[0] == pytest.approx(0.75 * math.log(2 * n - 1), rel=1e-5)


def test_objectives_read_the_data_that_they_name(
    xl: Run, tiny: Path, vectors: tuple[Path, list[str], np.ndarray], tmp_path: Path
) -> None:
    narrow = tmp_path / "tur_Latn.vec"
    write_vectors(narrow, vectors[1], 7, seed=3)
    text = model(tiny) + (
        f'[[data]]\nname = "wide"\nkind = "vectors"\nfiles = ["{vectors[0]}"]\n'
        f'[[data]]\nname = "narrow"\nkind = "vectors"\nfiles = ["nowhere.vec"]\n'
        '[[objective]]\nname = "mse"\ndata = ["wide"]\n[[objective]]\nname = "dcca"\nk = 3\ndata = ["narrow"]\n'
    )
    out = run_of(xl, tmp_path, text + train("mse+dcca"), f'data.narrow.files="{narrow}"')
    assert set(log_of(out)[0]["losses"]) == {"mse", "dcca"}
    # MSE needs the encoder's width, so it can only have read "wide"; DCCA of 7 columns has at most 3 sqrt(2).
    assert -3 * math.sqrt(2) - 1e-6 <= losses_of(out, "dcca")[0] <= -3 + 1e-6
    assert {Path(entry["name"]).name for entry in about_of(out)["data"]} == {"eng_Latn.vec", "tur_Latn.vec"}
    result = xl("align", tmp_path / "mine.toml", "--set", f'data.narrow.files="{narrow}"', "--set",
                'objective.dcca.data=["wide","narrow"]', "--out", tmp_path / "r")  # fmt: skip
    assert result.returncode == 2
    assert "objective dcca reads vectors of 7 and 128 dimensions" in result.stderr


def test_several_texts_train_together(xl: Run, corpus: Path, tmp_path: Path) -> None:
    import tomllib

    text = new() + "".join(
        f'[[data]]\nname = "{name}"\nkind = "text"\nfiles = ["{corpus}/{file}"]\nheld_out = 0.0\ndev = 0.0\n'
        for name, file in (("greek", "ell_Grek.txt"), ("turkish", "tr.txt"))
    )
    text += '[[objective]]\nname = "mlm"\n' + train("mlm")
    recipe = align_toml(tmp_path, text)

    def n_texts(*settings: str) -> int:
        result = xl("align", recipe, *(part for one in settings for part in ("--set", one)), "--dry-run")
        assert result.returncode == 0, result.stderr
        assert tomllib.loads(result.stdout)
        return int(re.findall(r"# training texts: ([\d,]+)", result.stdout)[0].replace(",", ""))

    assert n_texts() == 240
    assert n_texts("data.turkish.limit=7") == 127
    assert n_texts('objective.mlm.data=["greek"]') == 120
    assert n_texts(f'data.turkish.files="{corpus}/ell_Grek.txt"') == 120  # the same texts again count once
    assert n_texts(f'data.turkish.files="{corpus}/ell_Grek.txt"', "data.turkish.deduplicate=false") == 240


def test_temperature_draws_rare_languages_more_often(tiny: Path, corpus: Path, tmp_path: Path) -> None:
    from xl_cli.alignment.parts import Sources, build_parts
    from xl_cli.data.run_data import load_data
    from xl_cli.recipe.recipe import load_recipe
    from xl_encoders import load_encoder

    write_lines(tmp_path / "d" / "ell_Grek.txt", (corpus / "ell_Grek.txt").read_text(encoding="utf-8").splitlines())
    write_lines(tmp_path / "d" / "tur_Latn.txt", sentences(12, seed=2))
    text = model(tiny) + (
        f'[[data]]\nkind = "text"\nfiles = ["{tmp_path}/d"]\nheld_out = 0.0\ndev = 0.0\n[[objective]]\nname = "mlm"\n'
        'text = "original"\n'
    )
    path = align_toml(tmp_path, text + train("mlm", batch=33))
    encoder = load_encoder(str(tiny))
    shares = {}
    for temperature in ("1.0", "inf"):
        recipe = load_recipe(str(path), [f"data.temperature={temperature}"])
        (part,) = build_parts(Sources(recipe=recipe, data=load_data(recipe), folder=tmp_path), "mlm", encoder, layer=2)
        drawn = [
            str(encoder.tokenizer.decode(row)) for number in range(part.n_per_epoch) for row in part.draw(number).clean
        ]
        shares[temperature] = sum(" " in text.strip("</s>").strip() for text in drawn) / len(drawn)
    assert shares["1.0"] == pytest.approx(12 / 132)
    assert shares["inf"] == pytest.approx(0.5, abs=0.02)


def test_texts_are_paired_with_their_phonemes(xl: Run, tmp_path: Path) -> None:
    lines = ["people think about the water", "a thing that nobody measures", "she sees the young church", "they go"] * 3
    write_lines(tmp_path / "eng_Latn.txt", [f"{line} {word(k)}" for k, line in enumerate(lines)])
    text = new(pieces=120) + (
        f'[[data]]\nkind = "text"\nfiles = ["{tmp_path}/eng_Latn.txt"]\nheld_out = 0.0\ndev = 0.0\nto = "latn"\n'
        '[[objective]]\nname = "seq"\n[[objective]]\nname = "tlm"\n'
    )
    pieces = {}
    for to in ("latn", "ipa", "phonemes"):
        out = run_of(xl, tmp_path, text + train("seq+tlm"), f'data.to="{to}"', name=to)
        pieces[to] = set("".join(tokenizer_of(out / "model").get_vocab()))
    for to in ("ipa", "phonemes"):
        assert {"θ", "ʃ"} & pieces[to], to
    assert not {"θ", "ʃ"} & pieces["latn"]


@pytest.fixture(scope="module")
def hellenic(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder whose vocabulary has Greek pieces and single Latin letters."""
    from xl_encoders import ModelConfig, new_encoder

    texts = (corpus / "ell_Grek.txt").read_text(encoding="utf-8").splitlines()
    config = ModelConfig(size="pico", pieces=90, max_len=64)
    folder = tmp_path_factory.mktemp("hellenic") / "model"
    new_encoder([*texts, *"abcdefghijklmnoprstuvy"], config, seed=4).save(folder)
    return folder


@pytest.mark.parametrize("how", thinned(["max", "min", "mean"], 3))
def test_a_vocabulary_grows_by_romanised_pieces(
    xl: Run, hellenic: Path, corpus: Path, tmp_path: Path, how: str
) -> None:
    text = model(hellenic) + (
        f'[[data]]\nkind = "parallel"\nfiles = ["{corpus}"]\nlanguages = ["ell", "eng"]\n'
        '[[objective]]\nname = "mlm"\n[eval]\nstring_match = false\n'
    )
    out = run_of(xl, tmp_path, text + train("mlm", 1), f'model.extend_vocabulary="{how}"')
    assert list(dict.fromkeys(row["variant"] for row in rows_of(out))) == [
        "pretrained", "extended", "mlm",
    ]  # fmt: skip
    before, after = tokenizer_of(hellenic), tokenizer_of(out / "model")
    assert len(after) > len(before)
    loaded = AutoModelForMaskedLM.from_pretrained(out / "model")
    assert len(loaded.get_input_embeddings().weight) >= len(after)
    romanised = Path(corpus / "eng_Latn.txt").read_text(encoding="utf-8").splitlines()
    assert sum(len(after.tokenize(text)) for text in romanised) < sum(len(before.tokenize(text)) for text in romanised)


@pytest.mark.slow
def test_ways_of_computing_give_one_result(
    xl: Run, tiny: Path, corpus: Path, bitext: Path, vectors: tuple, tmp_path: Path
) -> None:
    """A gradient cache, activations computed again, and chunks of another size change rounding and nothing else."""
    dropped = tmp_path / "dropped"
    shutil.copytree(tiny, dropped)
    config = json.loads((dropped / "config.json").read_text(encoding="utf-8"))
    config |= {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}
    (dropped / "config.json").write_text(json.dumps(config), encoding="utf-8")
    text = everything(dropped, corpus, bitext, vectors[0]) + train(
        "mlm+seq+dcca+ot", 3, 12, more="tokens = 100\nnorms_every = 0"
    )
    plain = log_of(run_of(xl, tmp_path, text, "eval.limit=1", name="plain"))
    for setting in ("train.gradient_cache=true", "train.checkpointing=true"):
        again = log_of(run_of(xl, tmp_path, text, "eval.limit=1", setting, name=setting))
        for row, other in zip(plain, again, strict=True):
            assert other["losses"] == pytest.approx(row["losses"], rel=2e-3, abs=1e-5), setting
            assert other["grad_norm"] == pytest.approx(row["grad_norm"], rel=2e-3), setting


def test_accumulated_batches_are_a_mean(xl: Run, tiny: Path, vectors: tuple, tmp_path: Path) -> None:
    text = model(tiny) + f'[[data]]\nkind = "vectors"\nfiles = ["{vectors[0]}"]\n[[objective]]\nname = "mse"\n'
    whole = run_of(xl, tmp_path, text + train("mse", 1, N_WORDS), name="whole")
    parts = run_of(xl, tmp_path, text + train("mse", 1, N_WORDS // 4), "train.accumulate=4", name="parts")
    (row,), (other,) = log_of(whole), log_of(parts)
    assert other["losses"]["mse"] == pytest.approx(row["losses"]["mse"], rel=1e-5)
    assert other["grad_norm"] == pytest.approx(row["grad_norm"], rel=1e-4)


@pytest.mark.slow
def test_bf16_stays_near_float32(
    xl: Run, tiny: Path, corpus: Path, bitext: Path, vectors: tuple, tmp_path: Path
) -> None:
    text = everything(tiny, corpus, bitext, vectors[0]) + train("mlm+seq+dcca+mse+ot", 2)
    rows = [
        log_of(run_of(xl, tmp_path, text, "eval.limit=1", f"train.precision={how}", name=how))[0]
        for how in ("no", "bf16")
    ]
    assert rows[1]["losses"] == pytest.approx(rows[0]["losses"], rel=0.05, abs=0.02)
    assert rows[1]["losses"] != rows[0]["losses"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # Dynamo's own, while it traces
@pytest.mark.skipif(not (shutil.which("c++") or shutil.which("g++")), reason="torch.compile needs a C++ compiler")
def test_a_compiled_encoder_gives_the_same_losses(xl: Run, tiny: Path, vectors: tuple, tmp_path: Path) -> None:
    text = model(tiny) + f'[[data]]\nkind = "vectors"\nfiles = ["{vectors[0]}"]\n[[objective]]\nname = "mse"\n'
    plain = run_of(xl, tmp_path, text + train("mse", 3), name="plain")
    compiled = run_of(xl, tmp_path, text + train("mse", 3), "train.compile=true", name="compiled")
    assert losses_of(compiled, "mse") == pytest.approx(losses_of(plain, "mse"), rel=1e-3)
    AutoModel.from_pretrained(compiled / "model")


@pytest.fixture
def parquet(xl: Run, tmp_path: Path) -> Callable[..., Path]:
    """Texts with their transliterations as `xl translit` writes them."""

    def make(lines: list[str], language: str = "ell_Grek", name: str = "x.parquet") -> Path:
        source = write_lines(tmp_path / f"{language}.txt", lines)
        result = xl("translit", source, "--pairs", "--out", tmp_path / name)  # no language, as xl align romanises
        assert result.returncode == 0, result.stderr
        return tmp_path / name

    return make


@pytest.mark.slow
def test_a_stream_trains_as_the_same_texts_in_memory(
    xl: Run, tiny: Path, parquet: Callable[..., Path], tmp_path: Path
) -> None:
    """One batch of all texts, nothing masked: the contrast cannot depend on the order, so only the reader differs."""
    lines = [greek(text) for text in sentences(20, seed=5)]
    streamed = parquet(lines)
    objectives = '[[objective]]\nname = "mlm"\nmask_prob = 1e-9\n[[objective]]\nname = "seq"\nsimilarity = "cosine"\n'
    found = []
    for file in (streamed, tmp_path / "ell_Grek.txt"):
        data = f'[[data]]\nkind = "text"\nfiles = ["{file}"]\nheld_out = 0.0\ndev = 0.0\n'
        out = run_of(xl, tmp_path, model(tiny) + data + objectives + train("mlm+seq", 3, 20), name=file.suffix[1:])
        found.append(losses_of(out, "seq"))
    assert found[0] == pytest.approx(found[1], rel=1e-4)
    assert found[0][-1] < found[0][0]


@pytest.mark.slow
def test_a_stream_goes_on_to_the_same_weights(
    xl: Run, parquet: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped by an error in the middle of step 4, resumed from the checkpoint of step 3."""
    from xl_encoders.training import fit as fit_loop

    streamed = parquet([greek(text) for text in sentences(50, seed=6)])
    text = new(dropout=0.1) + (
        f'[[data]]\nkind = "text"\nfiles = ["{streamed}"]\nbuffer = 16\n'
        '[[objective]]\nname = "mlm"\n[[objective]]\nname = "seq"\n[[objective]]\nname = "tlm"\n'
    )
    text += train("mlm+seq+tlm", 6).replace("save_every = 0", "save_every = 1")
    whole = run_of(xl, tmp_path, text, name="whole")
    right = fit_loop.learning_rate

    def stop(step: int, n_steps: int, config: FitConfig) -> float:
        if step == 3:
            raise RuntimeError
        return right(step, n_steps, config)

    with monkeypatch.context() as patch:
        patch.setattr(fit_loop, "learning_rate", stop)
        with pytest.raises(RuntimeError):
            xl("align", tmp_path / "mine.toml", "--out", tmp_path / "cut")
    result = xl("align", "--resume", "--out", tmp_path / "cut")
    assert result.returncode == 0, result.stderr
    assert "going on from step 3" in result.stderr
    assert same_weights(whole, tmp_path / "cut")
    assert [row["losses"] for row in log_of(whole)] == [row["losses"] for row in log_of(tmp_path / "cut")]


def test_a_streams_languages_decide_its_phonemes(xl: Run, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet as files

    lines = ["people think", "nobody measures", "she sees", "young church"] * 3
    texts = [f"{line} {word(k)}" for k, line in enumerate(lines)]
    table = pa.table({"text": texts, "lang": ["eng_Latn", "tur_Latn"] * 6})
    files.write_table(table, tmp_path / "x.parquet")
    text = new(pieces=120) + (
        f'[[data]]\nkind = "text"\nfiles = ["{tmp_path}/x.parquet"]\nto = "ipa"\nlanguage_column = "lang"\n'
        '[[objective]]\nname = "seq"\n'
    )
    out = run_of(xl, tmp_path, text + train("seq"))
    assert {"θ", "ʃ"} & set("".join(tokenizer_of(out / "model").get_vocab()))
    plan = xl("align", tmp_path / "mine.toml", "--dry-run")
    assert plan.returncode == 0, plan.stderr
    assert "# training texts: 12" in plan.stdout
    missing = xl("align", tmp_path / "mine.toml", "--set", 'data.language_column=""', "--out", tmp_path / "r")
    assert missing.returncode == 2
    assert "needs the language of each text" in missing.stderr


@pytest.mark.slow
def test_an_objective_of_few_steps_is_in_every_row(xl: Run, tiny: Path, tmp_path: Path) -> None:
    """Rows at even steps (and the first), the objective at odd ones: each row has its latest loss since the last."""
    lines = sentences(24, seed=8)
    write_lines(tmp_path / "text" / "ell_Grek.txt", [greek(text) for text in lines])
    text = model(tiny) + f'[[data]]\nkind = "text"\nfiles = ["{tmp_path}/text"]\nheld_out = 0.0\ndev = 0.0\n'
    text += '[[objective]]\nname = "mlm"\n[[objective]]\nname = "tlm"\nevery = 2\n'
    out = run_of(xl, tmp_path, text + train("mlm+tlm", 6, 8), "train.log_every=2", "train.norms_every=0")
    seen = {row["step"]: (set(row["losses"]), set(row["weights"])) for row in log_of(out)}
    both = ({"mlm", "tlm"}, {"mlm", "tlm"})
    assert seen == {1: both, 2: ({"mlm"}, {"mlm"}), 4: both, 6: both}


@pytest.mark.slow
def test_a_run_may_start_from_another_run(xl: Run, tiny: Path, tmp_path: Path) -> None:
    """The run's folder is as good as the model's folder in it."""
    write_lines(tmp_path / "text" / "ell_Grek.txt", [greek(text) for text in sentences(24, seed=8)])
    data = f'[[data]]\nkind = "text"\nfiles = ["{tmp_path}/text"]\nheld_out = 0.0\ndev = 0.0\n'
    rest = data + '[[objective]]\nname = "mlm"\n' + train("mlm", 2, 8)
    first = run_of(xl, tmp_path, model(tiny) + rest, name="first")
    losses = [
        losses_of(run_of(xl, tmp_path, model(start) + rest, name=name), "mlm")
        for name, start in (("a", first), ("b", first / "model"), ("c", tiny))
    ]
    assert losses[0] == losses[1] != losses[2]
