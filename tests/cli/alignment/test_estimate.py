"""The tokens that a plan says a run reads, against those that go through the encoder, counted at its door."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.cli.made_data import greek, sentences, write_lines
from tests.thinned import thinned

from xl_cli.alignment.estimate import estimate
from xl_cli.alignment.parts import Sources, build_parts
from xl_cli.alignment.run import start_encoder
from xl_cli.data.run_data import load_data
from xl_cli.folder.run_folder import RunFolder
from xl_cli.recipe.recipe import load_recipe
from xl_encoders import ModelConfig, Share, new_encoder

N = 24
OBJECTIVES = [
    *("mlm", "seq", "tlm", 'tlm form = "native"', 'tlm positions = "reset"', 'tlm form = "native" positions = "reset"'),
    *("ot", 'ot drift_side = "both"', "l2 drift = 0.0", "word-nce", "ot-pairs", "sentence-nce", "bitext-tlm", "weam"),
    "attention",
]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder of 40 tokens, in which long sentences lose their end, and texts of unequal length."""
    folder = tmp_path_factory.mktemp("start")
    lines = [f"{line} {line}"[: 6 + 5 * number] for number, line in enumerate(sentences(N, seed=5))]
    write_lines(folder / "a.eng", lines)
    write_lines(folder / "a.ell", [greek(line) for line in lines])
    write_lines(folder / "b.eng", lines[: N // 2])
    write_lines(folder / "b.tur", [line.upper() for line in lines[: N // 2]])
    write_lines(folder / "text" / "eng.txt", lines)
    write_lines(folder / "text" / "ell.txt", [greek(line) for line in lines])
    write_lines(folder / "more" / "tur.txt", [line[:9] for line in lines])
    new_encoder([*lines, *map(greek, lines)], ModelConfig(size="pico", pieces=90, max_len=40), seed=2).save(
        folder / "m"
    )
    return folder


@pytest.mark.parametrize("objective", thinned(OBJECTIVES, 5))
def test_tokens_are_those_that_the_encoder_reads(start: Path, tmp_path: Path, objective: str) -> None:
    name, *settings = objective.replace(" = ", "=").split(" ")
    on_texts = name in ("mlm", "seq", "tlm")
    files = [[str(start / f"{stem}") for stem in ("a.ell", "a.eng", "b.tur", "b.eng")]]
    if on_texts:
        files = [[str(start / "text")], [str(start / "more")]]
    kind = "text" if on_texts else "pairs"
    whole = "held_out = 0.0\ndev = 0.0\ndeduplicate = false\n" if on_texts else ""
    table = [
        f'[[data]]\nname = "{number}"\nkind = "{kind}"\nfiles = {json.dumps(its)}\n{whole}'
        for number, its in enumerate(files)
    ]
    path = tmp_path / "mine.toml"
    path.write_text(
        "\n".join([
            f'[model]\nfrom = "{start / "m"}"\nmax_len = 40\nlayer = 1', *table, f'[[objective]]\nname = "{name}"',
            *settings, f'[train]\nvariants = ["{name}"]\nbatch = 1\nepochs = 1.0', "[eval]\nstring_match = false",
        ]),
        encoding="utf-8",
    )  # fmt: skip
    recipe = load_recipe(str(path))
    data = load_data(recipe)
    plan: dict[str, Any] = estimate(recipe, data)

    folder = RunFolder(tmp_path)
    folder.describe(status="planned")
    sources = Sources(recipe=recipe, data=data, folder=folder.checkpoints)
    encoder = start_encoder(recipe, sources, folder)
    read: list[int] = []
    encoder.model.base_model.register_forward_pre_hook(
        lambda module, arguments, inputs: read.append(inputs["input_ids"].numel()), with_kwargs=True
    )
    (part,) = build_parts(sources, name, encoder, 1)
    read.clear()  # words that were aligned
    terms = set(part.terms)
    with torch.no_grad():
        for number in range(part.n_per_epoch):
            batch = part.draw(number)
            for chunk in part.chunks(batch, Share(), terms):
                part.encode(batch, chunk, Share(), terms)
    assert plan["batches for each epoch"] == part.n_per_epoch
    assert plan["about tokens read"][name] == pytest.approx(sum(read), abs=1)
