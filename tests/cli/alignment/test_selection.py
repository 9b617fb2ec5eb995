"""Scoring while training: the best state becomes the model, training may end early, a killed run finds the same."""

import json
import os
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file
from tests import warm
from tests.cli.conftest import Run, small
from tests.cli.made_data import about_of, log_of, rows_of, same_weights
from tests.cli.task_data import make_tatoeba
from tests.thinned import thinned
from tests.warm import Warm

from xl_cli.recipe.files import shipped_recipes

STEPS = ("train.variants=mlm+seq", "train.steps=6", "train.lr=5e-3", "eval.string_match=false", "train.save_every=1")


def scores_of(out: Path) -> list[tuple[int, float]]:
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(row["step"], row["selection"]) for row in rows if "selection" in row]


def best_of(scores: list[tuple[int, float]]) -> int:
    """The step of the highest score, the earlier of equal ones."""
    return max(scores, key=lambda one: (one[1], -one[0]))[0]


@pytest.mark.parametrize("task", thinned(["retrieval", "mlm"], 2))
def test_the_best_state_becomes_the_model(xl: Run, corpus: Path, tmp_path: Path, task: str) -> None:
    out = tmp_path / "run"
    chosen = ("select.every=2", f"select.task={task}", "select.metric=top1", "select.keep=2")
    result = xl(*small(corpus, *STEPS, *chosen), "--out", out)
    assert result.returncode == 0, result.stderr
    scores = scores_of(out)
    assert [step for step, _ in scores] == [2, 4, 6]
    assert all((0 <= score <= 1) if task == "retrieval" else score < 0 for _, score in scores)
    selected = about_of(out)["selected"]["mlm+seq"]
    assert selected == {"step": best_of(scores), "score": dict(scores)[best_of(scores)]}
    kept = sorted(path.name for path in (out / "selected" / "mlm_seq").iterdir() if path.is_dir())
    ranked = sorted(scores, key=lambda one: (-one[1], one[0]))[:2]
    assert kept == sorted(f"step-{step:08d}" for step, _ in ranked)
    best = load_file(out / "selected" / "mlm_seq" / f"step-{selected['step']:08d}" / "model.safetensors")
    model = load_file(out / "model" / "model.safetensors")
    assert all(model[name].equal(best[name]) for name in best)
    assert f"kept step {selected['step']}" in result.stderr
    if task == "retrieval":  # the same items, scored by the other command
        read = tuple(f"model.{key}={about_of(out)[key]}" for key in ("layer", "pooling"))
        again = (f'model.from="{out / "model"}"', *read, "eval.split=dev", "train.steps=1", "train.lr=1e-12")
        check = xl(*small(corpus, *STEPS, *again), "--out", tmp_path / "check")
        assert check.returncode == 0, check.stderr
        rows = [
            row["value"]
            for row in rows_of(tmp_path / "check")
            if (row["variant"], row["metric"]) == ("pretrained", "top1")
        ]
        assert sum(rows) / len(rows) == pytest.approx(selected["score"])


@pytest.mark.slow
def test_other_parallel_data_can_choose(xl: Run, corpus: Path, tmp_path: Path) -> None:
    other = tmp_path / "dev"
    other.mkdir()
    for name in ("eng_Latn.txt", "ell_Grek.txt"):
        lines = (corpus / name).read_text(encoding="utf-8").splitlines()[:20]
        (other / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = ('data.kind="text"', f'data.files="{corpus}/tr.txt"', f'eval.data="{corpus}"')
    settings = small(corpus, *STEPS, *text, "select.every=3", f'select.data="{other}"', "select.metric=top1")
    result = xl(*settings, "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    scores = scores_of(tmp_path / "run")
    assert [step for step, _ in scores] == [3, 6]
    assert all((score * 40) == pytest.approx(round(score * 40)) for _, score in scores)  # 2 directions of 20 items
    assert not (tmp_path / "run" / "selected").exists()  # keep = 1: the model is the one that is kept


PPA = (
    "align", "ppa", *(part for setting in (
        "model.from=new", "model.size=pico", "model.pieces=120", "train.steps=2", "train.batch=4", "train.accumulate=1",
        "eval.string_match=false",
    ) for part in ("--set", setting)),
)  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, corpus: Path) -> Path:
    """A folder to work in: Turkish, Greek and Maltese text, and the bitexts of Turkish and Greek that Tatoeba has."""
    make_tatoeba(tmp_path, n=20)
    (tmp_path / "texts").mkdir()
    for name, code in (("tr.txt", "tr"), ("ell_Grek.txt", "el"), ("eng_Latn.txt", "mt")):
        text = (corpus / name).read_text(encoding="utf-8")
        (tmp_path / "texts" / f"{code}.txt").write_text(text, encoding="utf-8")
    return tmp_path


def test_post_training_keeps_the_best_by_tatoeba_as_published(xl: Run, place: Path) -> None:
    """English asks for its translation in every language of the text that Tatoeba has."""
    from xl_encoders import load_encoder
    from xl_tasks import load_tatoeba, retrieval_rows

    result = xl(*PPA, "--set", "data.files=texts", "--set", "select.data=tatoeba", "--out", "run", cwd=place)
    assert result.returncode == 0, result.stderr
    ((step, score),) = scores_of(place / "run")
    assert (step, about_of(place / "run")["selected"]["mlm+seq+tlm"]) == (2, {"step": 2, "score": score})
    tatoeba = load_tatoeba(place / "tatoeba")
    rows = retrieval_rows(
        load_encoder(place / "run" / "model"), tatoeba, tatoeba.keys, pooling=about_of(place / "run")["pooling"],
        pairs=[("eng_Latn", "ell_Grek"), ("eng_Latn", "tur_Latn")], layer=about_of(place / "run")["layer"],
    )  # fmt: skip
    assert score == pytest.approx(sum(row.value for row in rows if row.metric == "top10") / 2)


@pytest.mark.parametrize("at_hand", [True, False])
def test_post_training_without_tatoeba_keeps_the_last_and_says_so(xl: Run, place: Path, at_hand: bool) -> None:
    if not at_hand:
        (place / "tatoeba").rename(place / "elsewhere")
    result = xl(*PPA, "--set", "data.files=texts", "--out", "run", cwd=place)
    assert result.returncode == 0, result.stderr
    assert ("selected" in about_of(place / "run")) == at_hand
    assert ("no folder tatoeba to choose" in result.stderr and "the last one is kept" in result.stderr) != at_hand


@pytest.mark.slow
@pytest.mark.parametrize("tatoeba", [True, False])
def test_every_state_stays_on_request_and_the_best_of_them_is_the_model(xl: Run, place: Path, tatoeba: bool) -> None:
    """Chosen again from the folders that stay, by cosines counted out one by one; without Tatoeba the last one."""
    if not tatoeba:
        (place / "tatoeba").rename(place / "elsewhere")
    keep = ("select.keep=0", "train.steps=5", "train.lr=5e-3", "model.pooling=mean-all")
    settings = (*keep, "select.every=2") if tatoeba else keep
    call = [part for setting in ("data.files=texts", *settings) for part in ("--set", setting)]
    if not tatoeba:  # as published: every 2,000 steps, which is the last one alone here
        recipe = shipped_recipes()["ppa"].read_text(encoding="utf-8").replace("every = 2000", "every = 2")
        (place / "own.toml").write_text(recipe, encoding="utf-8")
    result = xl("align", "ppa" if tatoeba else "own.toml", *PPA[2:], *call, "--out", "run", cwd=place)
    assert result.returncode == 0, result.stderr
    kept = {int(path.name[5:]): path for path in (place / "run" / "selected" / "mlm_seq_tlm").glob("step-*")}
    assert sorted(kept) == [2, 4, 5]
    if tatoeba:
        scores = dict(scores_of(place / "run"))
        for step, path in kept.items():
            least, most = _top10(path, place, about_of(place / "run")["layer"])
            assert least - 1e-9 <= scores[step] <= most + 1e-9
            assert most - least < 0.2
        chosen = min(scores, key=lambda step: (-scores[step], step))
        assert about_of(place / "run")["selected"]["mlm+seq+tlm"]["step"] == chosen
    else:
        chosen = 5
        assert not scores_of(place / "run")
        assert "selected" not in about_of(place / "run")
        assert "the last one is kept" in result.stderr
    model, best = (load_file(path / "model.safetensors") for path in (place / "run" / "model", kept[chosen]))
    assert all(model[name].equal(best[name]) for name in best)


def _top10(model: Path, place: Path, layer: int) -> tuple[float, float]:
    """Mean over Greek and Turkish of the share of English sentences with their translation among the ten nearest.

    At least and at most: what differs from the translation's cosine by rounding alone may stand on either side of it.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    encoder, tokenizer = AutoModel.from_pretrained(model).eval(), AutoTokenizer.from_pretrained(model)
    assert tokenizer is not None

    def vectors(texts: list[str]) -> dict[str, torch.Tensor]:  # equal texts are one candidate
        distinct = list(dict.fromkeys(texts))
        batch = tokenizer(distinct, padding=True, return_tensors="pt")
        with torch.inference_mode():
            states = encoder(**batch, output_hidden_states=True).hidden_states[layer].double()
        kept = batch["attention_mask"][:, :, None]
        means = (states * kept).sum(dim=1) / kept.sum(dim=1)
        return dict(zip(distinct, means / means.norm(dim=1, keepdim=True), strict=True))

    shares = []
    for short in ("ell", "tur"):
        english, other = (
            (place / "tatoeba" / f"tatoeba.{short}-eng.{side}").read_text("utf-8").split("\n")[:-1]
            for side in ("eng", short)
        )
        queries, candidates = vectors(english), vectors(other)
        for margin in (-1e-5, 1e-5):
            hits = 0
            for text, translation in zip(english, other, strict=True):
                own = float(queries[text] @ candidates[translation])
                others = [float(queries[text] @ its) for name, its in candidates.items() if name != translation]
                hits += sum(cosine > own + margin for cosine in others) < 10
            shares.append(hits / len(english))
    return (shares[0] + shares[2]) / 2, (shares[1] + shares[3]) / 2


def test_post_training_on_languages_that_tatoeba_lacks_keeps_the_last_and_says_so(xl: Run, place: Path) -> None:
    result = xl(*PPA, "--set", "data.files=texts/mt.txt", "--out", "run", cwd=place)
    assert result.returncode == 0, result.stderr
    assert "none of the languages that are trained on (mlt_Latn)" in result.stderr
    assert "the last state is kept" in result.stderr
    assert not scores_of(place / "run")


def test_a_selection_by_masked_text_does_not_look_for_other_data(xl: Run, place: Path) -> None:
    (place / "tatoeba").rename(place / "elsewhere")
    settings = ("data.files=texts", "select.task=mlm", "select.every=2", "data.dev=0.2")
    result = xl(*PPA, *(part for setting in settings for part in ("--set", setting)), "--out", "run", cwd=place)
    assert result.returncode == 0, result.stderr
    assert [step for step, _ in scores_of(place / "run")] == [2]


@pytest.mark.parametrize(
    ("files", "settings", "words"),
    [
        ("texts", ["select.data=nowhere"], "nowhere: no such file or folder"),
        ("texts", ["select.metric=top1"], "elsewhere: no such file or folder"),
        ("texts/mt.txt", ["select.data=tatoeba"], "none of the languages that are trained on (mlt_Latn)"),
    ],
)
def test_what_is_asked_of_a_selection_is_not_dropped(
    xl: Run, place: Path, files: str, settings: list[str], words: str
) -> None:
    if "elsewhere" in words:
        recipe = (place / "own.toml").write_text
        recipe(shipped_recipes()["ppa"].read_text(encoding="utf-8").replace('"tatoeba"', '"elsewhere"'))
    call = ["align", "own.toml" if "elsewhere" in words else "ppa", *PPA[2:], "--set", f"data.files={files}"]
    result = xl(*call, *(part for setting in settings for part in ("--set", setting)), "--out", "run", cwd=place)
    assert result.returncode in (1, 2)
    assert words in result.stderr


@pytest.mark.slow
def test_training_ends_when_nothing_gets_better(xl: Run, corpus: Path, tmp_path: Path) -> None:
    still = ("train.lr=1e-12", "select.every=1", "select.patience=2")
    result = xl(*small(corpus, *STEPS, *still), "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert [step for step, _ in scores_of(tmp_path / "run")] == [1, 2, 3]
    assert log_of(tmp_path / "run")[-1]["step"] == 3
    about = about_of(tmp_path / "run")
    assert about["status"] == "finished"
    assert about["selected"]["mlm+seq"]["step"] == 1


def test_scores_of_masked_text_take_every_language(corpus: Path) -> None:
    from xl_cli.alignment.reading import dev_texts
    from xl_cli.data.run_data import load_data
    from xl_cli.recipe.recipe import load_recipe
    from xl_tasks import hold_out
    from xl_tasks.drawing import first_by_hash

    recipe = load_recipe("names", small(corpus, "select.every=2", "select.task=mlm")[2::2])
    data = load_data(recipe)
    texts = dev_texts(recipe, data)
    splits = hold_out(data.corpora[0], test=0.2, dev=0.1)
    dev = {its[key] for its in data.corpora[0].texts.values() for key in its if splits[key] == "dev"}
    assert set(texts) == dev
    assert not set(texts) & set(data.training)
    few = first_by_hash(texts, 12)
    assert any(text.endswith("lar") for text in few)
    assert any(text > "α" for text in few)


@pytest.mark.slow
def test_a_killed_run_chooses_the_same_state(xl: Run, corpus: Path, tmp_path: Path) -> None:
    settings = (*STEPS, "select.every=2", "select.metric=top1", "train.steps=8", "select.keep=2")
    whole = tmp_path / "whole"
    assert xl(*small(corpus, *settings), "--out", whole).returncode == 0
    cut = tmp_path / "cut"
    n_killed = 0
    for attempt in range(10):
        arguments = (
            ["align", "--resume", "--out", str(cut)] if attempt else [*small(corpus, *settings), "--out", str(cut)]
        )
        process = Warm("-m", "xl_cli", *arguments)
        before, deadline = log_len(cut), time.monotonic() + 120
        while process.returncode is None and log_len(cut) < before + 4 and time.monotonic() < deadline:
            time.sleep(0.002)
        if process.returncode is None:
            process.kill()
            n_killed += 1
        _, stderr = process.communicate()
        if process.returncode == 0:
            break
    assert process.returncode == 0, stderr
    assert n_killed >= 1
    assert scores_of(cut) == scores_of(whole)
    assert about_of(cut)["selected"] == about_of(whole)["selected"]
    assert same_weights(cut, whole)
    assert [row["value"] for row in rows_of(cut)] == [row["value"] for row in rows_of(whole)]
    assert [row["losses"] for row in log_of(cut)] == [row["losses"] for row in log_of(whole)]


def log_len(out: Path) -> int:
    path = out / "log.jsonl"
    return path.read_bytes().count(b"\n") if path.is_file() else 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["select.task=retreival"], r"select\.task is 'retreival'; choose one of retrieval, mlm"),
        (["select.metric=top3"], r"select\.metric is 'top3'; choose one of top1, top5, top10"),
        (["select.patience=2"], r"select\.patience is 2, but select\.every is 0"),
        (
            ["select.every=2", "data.dev=0.0"],
            r"select\.task is retrieval, but .* give select\.data .* data\.dev above 0",
        ),
        (["select.every=2", "data.dev=0.0", "select.task=mlm"], r"select\.task is mlm, but no texts are kept"),
        (["select.every=2", 'select.data="nowhere"'], r"nowhere: no such file or folder"),
        (
            ["train.trackers=tensorbord"],
            r"unknown tracker in train\.trackers: 'tensorbord'; did you mean 'tensorboard'",
        ),
    ],
)
def test_a_selection_that_cannot_work_is_one_sentence(
    xl: Run, corpus: Path, tmp_path: Path, settings: list[str], words: str
) -> None:
    import re

    result = xl(*small(corpus, *settings), "--out", tmp_path / "run")
    assert result.returncode in (1, 2)
    (line,) = result.stderr.strip().splitlines()
    assert re.search(words, line), line
    assert not (tmp_path / "run").exists()


def test_a_tracker_that_is_not_installed_is_named_before_any_work(
    xl: Run, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xl_cli.recipe.trackers.find_spec", lambda name: None)
    result = xl(*small(corpus, 'train.trackers=["tensorboard"]'), "--out", tmp_path / "run")
    assert result.returncode == 2
    assert "train.trackers names tensorboard, which is not installed: pip install tensorboard" in result.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_tensorboard_gets_what_the_log_gets(xl_forked: Run, corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    out = tmp_path / "run"
    result = xl_forked(*small(corpus, *STEPS, 'train.trackers=["tensorboard"]'), "--out", out)
    assert result.returncode == 0, result.stderr
    (folder,) = {path.parent for path in (out / "trackers").rglob("events.out.tfevents.*")}
    code = (
        "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator as E; import json, sys\n"
        f"found = E({os.fspath(folder)!r}); found.Reload()\n"
        "print(json.dumps([[e.step, e.value] for e in found.Scalars('loss/mlm')]))"
    )
    read = warm.run("-c", code)
    assert read.returncode == 0, read.stderr
    drawn = json.loads(read.stdout.splitlines()[-1])
    assert [step for step, _ in drawn] == [row["step"] for row in log_of(out)]
    assert [value for _, value in drawn] == pytest.approx([row["losses"]["mlm"] for row in log_of(out)], rel=1e-5)
