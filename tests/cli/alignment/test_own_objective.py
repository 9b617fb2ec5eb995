"""An objective of one's own: settings and a loss in one file, one line in the registry, and all of `xl` knows it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from tests.cli.conftest import Run
from tests.cli.made_data import WIDTH, align_toml, greek, log_of, losses_of, sentences, word, write_lines, write_vectors
from tests.thinned import thinned
from torch import Tensor
from torch.nn import functional

from xl_cli.recipe.objectives import in_words
from xl_objectives import OBJECTIVES, AlignedConfig, BitextConfig, TextConfig, WordVectorConfig, setting

SCALE = setting(1.0, "factor of the toy's loss, > 0", above=0)


@dataclass(frozen=True, kw_only=True)
class NearConfig(TextConfig):
    """A text and its romanisation lie close together."""

    name: ClassVar[str] = "near"
    title: ClassVar[str] = "distance of texts to their romanisations"
    loss: ClassVar[str] = f"{__name__}:near_loss"
    takes: ClassVar[tuple[str, ...]] = ("scale",)
    contrasts: ClassVar[bool] = True
    scale: float = SCALE


def near_loss(originals: Tensor, romanised: Tensor, *, scale: float) -> Tensor:
    return scale * (originals - romanised).square().mean()


@dataclass(frozen=True, kw_only=True)
class SmoothConfig(TextConfig):
    """Masked language modelling of the text with smoothed targets."""

    name: ClassVar[str] = "smooth"
    title: ClassVar[str] = "masked-language modelling with smoothed targets"
    loss: ClassVar[str] = f"{__name__}:smooth_loss"
    takes: ClassVar[tuple[str, ...]] = ("scale",)
    needs_head: ClassVar[bool] = True
    scale: float = SCALE

    @property
    def models(self) -> tuple[str, ...]:
        return ("original",)


def smooth_loss(logits: Tensor, targets: Tensor, *, scale: float, reduction: str) -> Tensor:
    return scale * functional.cross_entropy(logits, targets, label_smoothing=0.1, reduction=reduction)


@dataclass(frozen=True, kw_only=True)
class CosineConfig(WordVectorConfig):
    """Words encoded alone point where their static vectors do."""

    name: ClassVar[str] = "cosine"
    title: ClassVar[str] = "angle to static word vectors"
    loss: ClassVar[str] = f"{__name__}:cosine_loss"
    takes: ClassVar[tuple[str, ...]] = ("scale",)
    needs_width: ClassVar[bool] = True
    scale: float = SCALE


def cosine_loss(states: Tensor, targets: Tensor, *, scale: float) -> Tensor:
    return scale * (1 - functional.cosine_similarity(states, targets)).mean()


@dataclass(frozen=True, kw_only=True)
class MeansConfig(BitextConfig):
    """The mean word of a sentence is that of its translation."""

    name: ClassVar[str] = "means"
    title: ClassVar[str] = "distance of mean words of translations"
    loss: ClassVar[str] = f"{__name__}:means_loss"
    takes: ClassVar[tuple[str, ...]] = ("scale",)
    scale: float = SCALE


def means_loss(x: Tensor, y: Tensor, x_mask: Tensor, y_mask: Tensor, *, scale: float) -> Tensor:
    left, right = ((its * mask[..., None]).sum(1) / mask.sum(1)[:, None] for its, mask in ((x, x_mask), (y, y_mask)))
    return scale * (left - right).square().mean()


@dataclass(frozen=True, kw_only=True)
class AngleConfig(AlignedConfig):
    """Aligned words point into one direction."""

    name: ClassVar[str] = "angle"
    title: ClassVar[str] = "angle between aligned words"
    loss: ClassVar[str] = f"{__name__}:cosine_loss"
    takes: ClassVar[tuple[str, ...]] = ("scale",)
    scale: float = SCALE


TOYS = {kind.name: kind for kind in (NearConfig, SmoothConfig, CosineConfig, MeansConfig, AngleConfig)}


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Registers a toy and gives the file of a recipe that trains it."""
    lines = sentences(24, seed=3)
    write_lines(tmp_path / "text" / "ell_Grek.txt", [greek(line) for line in lines])
    write_lines(tmp_path / "a.ell", [greek(line) for line in lines])
    write_lines(tmp_path / "a.eng", lines)
    write_vectors(tmp_path / "eng_Latn.vec", [word(number) for number in range(24)], WIDTH)
    data = {
        "text": f'kind = "text"\nfiles = ["{tmp_path}/text"]\nheld_out = 0.0\ndev = 0.0',
        "bitext": f'kind = "pairs"\nfiles = ["{tmp_path}/a.ell", "{tmp_path}/a.eng"]',
        "word-vectors": f'kind = "vectors"\nfiles = ["{tmp_path}/eng_Latn.vec"]',
    }

    def make(*names: str) -> Path:
        for name in set(names) & set(TOYS):
            monkeypatch.setitem(OBJECTIVES, name, f"{__name__}:{TOYS[name].__name__}")
        objectives = "".join(f'[[objective]]\nname = "{name}"\n' for name in names)
        return align_toml(
            tmp_path,
            f'[model]\nfrom = "new"\nsize = "pico"\npieces = 90\ndropout = 0.0\nmax_len = 64\n'
            f"[[data]]\n{data[TOYS[names[0]].family]}\n{objectives}"
            f'[train]\nvariants = ["{"+".join(names)}"]\nsteps = 12\nbatch = 24\nlr = 5e-3\nlog_every = 1\n',
        )

    return make


@pytest.mark.parametrize("name", thinned(TOYS, 3))
def test_a_toy_trains_and_is_known_everywhere(xl: Run, recipe: Callable[..., Path], tmp_path: Path, name: str) -> None:
    path, title = recipe(name), TOYS[name].title
    plan = xl("align", path, "--dry-run")
    assert plan.returncode == 0, plan.stderr
    assert f'name = "{name}"' in plan.stdout
    assert f"# items a step: {name} 24" in plan.stdout
    assert "# about tokens read: unknown" not in plan.stdout

    run = xl("align", path, "--out", tmp_path / "run")
    assert run.returncode == 0, run.stderr
    losses = losses_of(tmp_path / "run", name)
    assert len(losses) == 12
    assert losses[-1] < 0.9 * losses[0]
    card = (tmp_path / "run" / "model" / "README.md").read_text(encoding="utf-8")
    assert f"with {name} ({title}), so that" in card
    assert f"- {name}\n" in card  # a tag
    assert in_words(name, short=True) == f"{name} ({title})"  # under a table

    # What the loss takes of the settings arrives there.
    scaled = xl("align", path, "--set", f"objective.{name}.scale=4.0", "--out", tmp_path / "scaled")
    assert scaled.returncode == 0, scaled.stderr
    assert losses_of(tmp_path / "scaled", name)[0] == pytest.approx(4 * losses[0], rel=1e-5)

    assert f"{name} " in xl("ls", "objectives").stdout
    assert str(TOYS[name].__doc__) in " ".join(xl("ls", "objectives").stdout.split())
    assert f"objective.{name}.scale " in xl("ls", "keys").stdout
    wrong = xl("align", path, "--set", f"objective.{name}.scale=0.0", "--dry-run")
    assert wrong.returncode == 2
    assert wrong.stderr == f"xl: objective.{name}.scale is 0.0; give a number above 0.\n"


@pytest.mark.slow
def test_toys_and_others_share_the_passes_of_a_batch(xl: Run, recipe: Callable[..., Path], tmp_path: Path) -> None:
    """Two that model one view by other losses, and two contrasts that pool otherwise: each gets what is its own."""
    names = ("near", "smooth", "mlm", "seq")
    mixes = {"near": "near", "smooth": "near+smooth", "mlm": "mlm", "seq": "seq"}  # of the same masked rows
    pooled = ("--set", "objective.seq.pooling=first", "--set", "objective.seq.layer=0")
    mixed = xl("align", recipe(*names), *pooled, "--out", tmp_path / "mixed")
    assert mixed.returncode == 0, mixed.stderr
    (first, *_) = log_of(tmp_path / "mixed")
    assert set(first["losses"]) == set(names)
    for name in names:
        again = ("--set", f"train.variants={mixes[name]}", *(pooled if name == "seq" else ()))
        alone = xl("align", recipe(*names), *again, "--out", tmp_path / name)
        assert alone.returncode == 0, alone.stderr
        assert losses_of(tmp_path / name, name)[0] == pytest.approx(first["losses"][name], rel=1e-4), name
