"""`xl align adopt`: a language that an encoder cannot write goes to where the encoder itself has its translations."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.cli.conftest import Run
from tests.cli.made_data import about_of, log_of, losses_of, rows_of, same_weights, write_lines
from tests.encoders.vocabulary.unigram import LATIN, SYLLABLES, unigram_encoder

from xl_cli.evaluation.opened import open_model
from xl_cli.folder.run_folder import RunFolder
from xl_encoders import FitConfig, ModelConfig, load_encoder, new_encoder
from xl_objectives import retain_loss, teach_loss

WORDS = sorted({word.strip(",") for line in LATIN for word in line.split()})
N = 24
PROMPT = "ba: "


def sentences(n: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, random.integers(3, 8), replace=False)) for _ in range(n)]


def tibetan(line: str) -> str:
    """Two syllables a word, a tsheg behind each, no spaces."""
    places = [divmod(WORDS.index(word), len(SYLLABLES)) for word in line.split()]
    return "".join(f"{SYLLABLES[a]}་{SYLLABLES[b]}་" for a, b in places)


LINES = sentences(N, seed=5)
SAID = [tibetan(line) for line in LINES]


def start(folder: Path, seed: int = 2) -> Path:
    """An encoder that writes Latin letters alone, without dropout."""
    encoder = unigram_encoder(seed)
    config = encoder.model.config
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    encoder.save(folder)
    return folder


class Adopt:
    """Runs the recipe on a Tibetan bitext, text of either language, or several; gives the folder of the run."""

    def __init__(self, xl: Run, folder: Path) -> None:
        self._xl, self._folder = xl, folder
        self.code, self.said = 0, ""

    def __call__(
        self, *settings: str, reads: str = "bitext", out: str = "run", fails: bool = False, dry: bool = False
    ) -> Path:
        files = {"bitext": "data.bitext.files", "known": "data.known.files", "text": "data.files"}
        given = [f'{files[name]}="{self._folder / name}{".tsv" if name == "bitext" else ""}"' for name in reads.split()]
        start = self._folder / "start"
        plain = [f'model.from="{start}"', "model.layer=-1", "model.pooling=mean-all", "model.max_len=64"]
        small = [
            "vocabulary.budget=40",
            "train.steps=4",
            "train.log_every=1",
            "train.precision=no",
            "model.head_warmup=2",
        ]
        sets = [part for one in (*given, *plain, *small, *settings) for part in ("--set", one)]
        result = self._xl("align", "adopt", *sets, *(["--dry-run"] if dry else ["--out", self._folder / out]))
        self.code, self.said = result.returncode, result.stdout + result.stderr
        assert fails == bool(self.code), self.said
        return self._folder / out


@pytest.fixture
def adopt(xl: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Adopt:
    """Folders of runs are left whole."""
    monkeypatch.setattr(RunFolder, "keep_selected", lambda folder, keep: None)
    start(tmp_path / "start")
    write_lines(tmp_path / "bitext.tsv", [f"{new}\t{line}" for new, line in zip(SAID, LINES, strict=True)])
    write_lines(tmp_path / "text" / "bod_Tibt.txt", [tibetan(line) for line in sentences(20, seed=7)])
    write_lines(tmp_path / "known" / "eng_Latn.txt", sentences(20, seed=8))
    return Adopt(xl, tmp_path)


def vectors(folder: Path, texts: list[str]) -> torch.Tensor:
    encoder = load_encoder(folder, max_len=64)
    encoder.prompt = PROMPT
    return torch.tensor(encoder.embed(texts, layer=-1, pooling="mean-all"))


def test_the_first_loss_is_that_of_the_encoder_against_itself(adopt: Adopt, tmp_path: Path) -> None:
    """All pairs in a batch: teach and retain by the pure functions on what `embed` gives, prompt included."""
    prompt, pairs = f'model.prompt="{PROMPT}"', 'data.bitext.languages=["bo", "en"]'
    out = adopt(
        prompt, pairs, f"objective.teach.batch={N}", "objective.teach.pivot=1", "objective.teach.temperature=0.05",
        "objective.retain.batch=20", "objective.retain.weight=1", reads="bitext known",
    )  # fmt: skip
    grown = vectors(out / "checkpoints" / "start", SAID)
    own = vectors(tmp_path / "start", LINES)
    np.testing.assert_allclose(np.load(out / "checkpoints" / "teacher" / "teach.npy"), own, atol=1e-6)
    numbers = torch.arange(N)
    expected = teach_loss(
        grown, own, bank=own, own=numbers, text_ids=torch.stack([numbers, numbers]), pivots=own, temperature=0.05
    )
    (first, *_, last) = losses_of(out, "teach")
    assert first == pytest.approx(float(expected), rel=1e-4)
    assert last < first
    # English is where it was as training starts: new pieces change nothing of it.
    assert losses_of(out, "retain")[0] == pytest.approx(0, abs=1e-6)
    assert log_of(out)[0]["weights"]["retain"] == 1
    about = about_of(out)
    assert about["vocabulary"]["learnt_from"] == ["bod_Tibt"]
    assert about["prompt"] == PROMPT
    assert open_model(str(out)).encoder.prompt == PROMPT
    assert about["vocabulary"]["n_added"] > 0


@pytest.mark.slow
def test_it_learns_and_the_old_language_stays(adopt: Adopt, tmp_path: Path) -> None:
    """Tibetan finds its translation among all after training, by a student that is no copy of its start."""
    folder = tmp_path / "scored"
    write_lines(folder / "bod_Tibt.txt", SAID)
    write_lines(folder / "eng_Latn.txt", LINES)
    out = adopt(
        "train.steps=60",
        "train.embedding_lr=1e-2",
        "train.lr=1e-3",
        f"objective.teach.batch={N}",
        f'eval.data="{folder}"',
        "eval.string_match=false",
    )
    top1 = {(row["variant"], row["source"]): row["value"] for row in rows_of(out) if row["metric"] == "top1"}
    assert set(top1) == {(v, s) for v in ("pretrained", "extended", "teach") for s in ("bod_Tibt", "eng_Latn")}
    for source in ("bod_Tibt", "eng_Latn"):
        assert top1["teach", source] > 0.4 > 0.2 > top1["pretrained", source]  # of 24, by 16 numbers
    moved = retain_loss(vectors(out / "model", LINES), vectors(tmp_path / "start", LINES))
    assert float(moved) < 0.2


@pytest.mark.parametrize(
    ("reads", "variant", "left_out"),
    [
        ("bitext", "teach", "retain (data.known.files), seq (data.files), mlm (data.files)"),
        ("text", "seq+mlm", "teach (data.bitext.files), retain (data.known.files)"),
        ("bitext text known", "teach+retain+seq+mlm", ""),
    ],
)
def test_objectives_without_their_optional_data_are_left_out(
    adopt: Adopt, reads: str, variant: str, left_out: str
) -> None:
    adopt(reads=reads, dry=True)
    assert f'variants = [\n    "{variant}",\n]' in adopt.said
    assert ("note: left out for want of data: " in adopt.said) == bool(left_out)
    assert left_out in adopt.said
    assert "# about tokens read: unknown" not in adopt.said


def test_nothing_at_all_is_told_and_a_plan_shows_everything(xl: Run, tmp_path: Path) -> None:
    model = ("--set", f'model.from="{start(tmp_path / "start")}"', "--set", "model.max_len=64")
    result = xl("align", "adopt", *model, "--out", tmp_path / "run")
    assert result.returncode == 2
    for key in ("data.files", "data.bitext.files", "data.known.files"):
        assert f"but {key} is empty" in result.stderr
    result = xl("align", "adopt", *model, "--dry-run")
    assert result.returncode == 0, result.stderr
    assert '"teach+retain+seq+mlm"' in result.stdout


def test_new_pieces_alone(adopt: Adopt) -> None:
    """Old rows and all other weights stay bit for bit, whatever the decay; new rows move."""
    out = adopt("train.only=new", "train.embedding_lr=0.0", "train.weight_decay=0.5", "train.lr=1e-2")
    before = load_file(out / "checkpoints" / "start" / "model.safetensors")
    after = load_file(out / "model" / "model.safetensors")
    (name,) = (name for name, weight in before.items() if not weight.equal(after[name]))
    assert "word_embeddings" in name
    first = about_of(out)["vocabulary"]["first_id"]
    assert before[name][:first].equal(after[name][:first])
    assert len(after[name]) > first
    card = (out / "model" / "README.md").read_text(encoding="utf-8")
    assert "The embeddings of its new pieces were trained alone" in " ".join(card.split())
    changed = (before[name] != after[name]).any(dim=1)
    assert changed[first:].sum() > 5


@pytest.mark.slow
def test_embeddings_beside_low_rank_updates(adopt: Adopt) -> None:
    out = adopt("train.only=embeddings", "train.lora_rank=2", "train.lr=1e-2", "train.embedding_lr=1e-3")
    before = load_file(out / "checkpoints" / "start" / "model.safetensors")
    after = load_file(out / "model" / "model.safetensors")
    changed = {name for name, weight in before.items() if not weight.equal(after[name])}
    (table,) = (name for name in changed if "word_embeddings" in name)
    assert changed > {table}
    for name in changed - {table}:
        assert ".attention.self." in name
        assert torch.linalg.matrix_rank(after[name].double() - before[name].double(), rtol=1e-4) <= 2
    # AdamW's first step is as long as the rate, so four steps are at most four times that.
    assert 1e-3 < float((after[table] - before[table]).abs().max()) < 4.1e-3


@pytest.mark.slow
def test_a_run_cut_short_goes_on_without_asking_the_teacher_again(
    xl: Run, adopt: Adopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xl_encoders.training import fit as fit_loop

    settings = ("train.save_every=1", "objective.teach.bank=4", "objective.teach.mined=2", "objective.teach.together=3")
    whole = adopt(*settings, reads="bitext text known", out="whole")
    right = fit_loop.learning_rate

    def stop(step: int, n_steps: int, config: FitConfig) -> float:
        if step == 2:
            raise RuntimeError
        return right(step, n_steps, config)

    with monkeypatch.context() as patch:
        patch.setattr(fit_loop, "learning_rate", stop)
        with pytest.raises(RuntimeError):
            adopt(*settings, reads="bitext text known", out="cut")
    cut = whole.with_name("cut")
    kept = cut / "checkpoints" / "teacher" / "teach.npy"
    stamp = kept.stat().st_mtime_ns
    result = xl("align", "--resume", "--out", cut)
    assert result.returncode == 0, result.stderr
    assert "gives the vectors of" not in result.stderr
    assert kept.stat().st_mtime_ns == stamp
    assert same_weights(whole, cut)
    assert [row["losses"] for row in log_of(whole)] == [row["losses"] for row in log_of(cut)]


@pytest.mark.slow
def test_another_teacher(adopt: Adopt, tmp_path: Path) -> None:
    """Read as the student is where nothing says how, with a prompt of its own; of another width it is refused early."""
    other = start(tmp_path / "other", seed=9)
    out = adopt(f'model.teacher="{other}"', f'model.teacher_prompt="{PROMPT}"', "train.steps=1")
    assert "other gives the vectors of 24 texts (layer 2, mean-all)" in adopt.said
    kept = np.load(out / "checkpoints" / "teacher" / "teach.npy")
    np.testing.assert_allclose(kept, vectors(other, LINES), atol=1e-6)
    wide = tmp_path / "wide"
    new_encoder(LINES, ModelConfig(size="pico", pieces=90, max_len=64), seed=1).save(wide)
    adopt(f'model.teacher="{wide}"', out="no", fails=True)
    assert "have 128 dimensions" in adopt.said
    assert not (tmp_path / "no").exists()
    adopt('model.teacher_prompt="x"', out="no", fails=True)
    assert "model.teacher_prompt is given, but model.teacher is not" in adopt.said


def test_tokens_of_a_plan_are_those_that_are_read(adopt: Adopt, tmp_path: Path) -> None:
    adopt(
        "vocabulary.budget=0", "train.steps=3", f'model.prompt="{PROMPT}"', f"objective.teach.batch={N}",
        "objective.teach.pivot=1", dry=True,
    )  # fmt: skip
    encoder = load_encoder(tmp_path / "start", max_len=64)
    texts = [PROMPT + text for pair in zip(SAID, LINES, strict=True) for text in pair]
    n_tokens = sum(len(row) for row in encoder.tokenizer(texts)["input_ids"])
    (line,) = (line for line in adopt.said.splitlines() if "about tokens read" in line)
    assert int(line.rpartition(" ")[2].replace(",", "")) == pytest.approx(3 * n_tokens, rel=0.02)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("train.only=new vocabulary.budget=0", "train.only is new, but vocabulary.budget is 0"),
        ("train.only=new model.from=new", "train.only is new, but model.from is new"),
        ("model.from=new vocabulary.budget=0", "objective teach needs a teacher, and model.from is new"),
        ("train.lora_rank=2", "or train them beside it: --set train.only=embeddings"),
        ('data.bitext.languages=["bo"]', "data.languages has 1 entries for 1 bitexts"),
        ("data.bitext.held_out=0.1", "data of kind pairs does not read it"),
    ],
)
def test_what_makes_no_sense_is_refused(adopt: Adopt, setting: str, told: str) -> None:
    adopt(*setting.split(), dry=True, fails=True)
    assert adopt.code == 2
    assert told in adopt.said


def test_a_plan_counts_what_the_teacher_reads(adopt: Adopt) -> None:
    """The different translations, and the text that is to stay."""
    adopt(reads="bitext known", dry=True)
    (said,) = [line for line in adopt.said.splitlines() if "that the teacher reads" in line]
    assert int(said.split()[-1]) == len(set(LINES)) + 20
    adopt(reads="text", dry=True)
    assert "that the teacher reads" not in adopt.said
