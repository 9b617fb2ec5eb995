"""The before/after page of an adopted language, from rows made by hand and by `xl`'s own tests of differences."""

import numpy as np
import pytest
from scipy.stats import binomtest

from xl_analysis import AnalysisError, Table, adopt_page, adopt_tables, is_adopted, paired_bootstrap, result_tables

N = 200
Hits = dict[tuple[str, str], np.ndarray]


def hits(seed: int, **shares: float) -> Hits:
    """(source, target) -> (N,) 0 or 1, in both directions with English."""
    random = np.random.default_rng(seed)
    found = {}
    for code, share in shares.items():
        for pair in ((code, "eng_Latn"), ("eng_Latn", code)):
            found[pair] = (random.random(N) < share).astype(float)
    return found


BEFORE = hits(0, bod_Tibt=0.1, tur_Latn=0.98, amh_Ethi=0.95)
AFTER = {**hits(1, bod_Tibt=0.9), **{pair: its for pair, its in BEFORE.items() if "bod_Tibt" not in pair}}
# Turkish loses 20 of its items in one direction, Amharic none.
AFTER["tur_Latn", "eng_Latn"] = BEFORE["tur_Latn", "eng_Latn"] * (np.arange(N) >= 20)


def score_rows(found: Hits, variant: str, seed: int = 0) -> list[dict[str, object]]:
    return [
        {"task": "retrieval", "metric": "top1", "value": float(its.mean()), "n": N, "source": source, "target": target,
         "variant": variant, "seed": seed, "data": "sib200", "model": "run"}
        for (source, target), its in found.items()
    ]  # fmt: skip


def drawn_rows() -> list[dict[str, object]]:
    """Differences as a run writes them, drawn item by item."""
    rows = []
    for row in score_rows(AFTER, "teach"):
        pair = str(row["source"]), str(row["target"])
        stats = [np.stack([its[pair], np.ones(N)], axis=1)[None] for its in (AFTER, BEFORE)]
        test = paired_bootstrap(lambda sums: sums[..., 0] / sums[..., 1], *stats)
        rows.append({**row, "value": test.value, "low": test.low, "high": test.high, "p": test.p,
                     "baseline": "variant=pretrained"})  # fmt: skip
    return rows


def new_rows() -> list[dict[str, object]]:
    return [{"task": "adopt", "metric": "new_texts", "value": 800, "source": "bod_Tibt", "target": "bod_Tibt",
             "variant": "teach"}]  # fmt: skip


def lines(table: Table) -> dict[str, dict[str, str]]:
    """First cell (or first two) of a line -> column -> cell."""
    return {" ".join(line[: table.n_labels]): dict(zip(table.header, line, strict=True)) for line in table.body}


def test_the_new_language_and_every_old_one_before_and_after() -> None:
    rows = [*score_rows(BEFORE, "pretrained"), *score_rows(AFTER, "teach"), *drawn_rows(), *new_rows()]
    tables = adopt_tables(rows)
    assert list(tables) == ["The new language", "Old languages"]
    (new,), (old,) = tables.values()
    line = lines(new)["bod_Tibt eng_Latn top-1"]
    for side, found in (("before %", BEFORE), ("after %", AFTER)):
        its = found["bod_Tibt", "eng_Latn"]
        interval = binomtest(int(its.sum()), N).proportion_ci(method="wilson")
        assert line[side] == f"{100 * its.mean():.1f} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"
    assert line["95 % interval"].endswith(" *")
    assert set(lines(new)) == {"bod_Tibt eng_Latn top-1", "eng_Latn bod_Tibt top-1"}
    by_language = lines(old)
    assert list(by_language) == ["mean", "amh", "tur"]
    lost = AFTER["tur_Latn", "eng_Latn"].mean() - BEFORE["tur_Latn", "eng_Latn"].mean()
    assert by_language["tur"]["to eng % change"] == f"{100 * lost:+.1f}"
    assert by_language["tur"]["to eng % 95 % interval"].endswith(" *")
    # Where no item is answered otherwise, the interval is that of items not seen (Clopper and Pearson).
    unseen = binomtest(0, N).proportion_ci(method="exact").high
    assert by_language["amh"]["to eng % 95 % interval"] == f"{-100 * unseen:+.1f} to {100 * unseen:+.1f}"
    means = [
        np.mean([found[code, "eng_Latn"].mean() for code in ("tur_Latn", "amh_Ethi")]) for found in (BEFORE, AFTER)
    ]
    assert by_language["mean"]["to eng % before"] == f"{100 * means[0]:.1f}"
    assert by_language["mean"]["to eng % change"] == f"{100 * (means[1] - means[0]):+.1f}"
    assert "Of 4 figures 1 are lower, 0 higher" in old.caption


def test_seeds_are_averaged_and_their_spread_counts() -> None:
    rows = []
    for seed in (0, 1, 2):
        other = {pair: np.roll(its, seed) * (np.arange(N) != seed) for pair, its in AFTER.items()}
        rows += [*score_rows(BEFORE, "pretrained", seed), *score_rows(other, "teach", seed)]
    (new,), (old,) = adopt_tables([*rows, *new_rows()]).values()
    values = [float(r["value"]) for r in rows if (r["variant"], r["source"]) == ("teach", "bod_Tibt")]
    shown = lines(new)["bod_Tibt eng_Latn top-1"]["after %"]
    assert shown == f"{100 * np.mean(values):.1f} ±{100 * np.std(values, ddof=1):.1f}"
    assert "Means of 3 seeds" in old.caption


def test_vocabulary_tasks_rounds_and_the_means_of_a_run_have_parts_of_their_own() -> None:
    more: list[dict[str, object]] = [
        {"task": "vocabulary", "metric": metric, "value": value, "source": code, "target": code, "variant": variant}
        for code, values in (("bod_Tibt", (0.4, 0.0, 0.0)), ("tur_Latn", (0.0, 0.0, 1.0)))
        for metric, variant, value in zip(
            ("unknown_pieces", "unknown_pieces", "cut_as_before"), ("before", "after", "after"), values, strict=True
        )
    ]
    more += [
        {"task": "sib200", "metric": "macro_f1", "value": value, "n": 204, "source": "eng_Latn", "target": "bod_Tibt",
         "variant": variant, "protocol": "zero-shot", "split": "test", "tuning": "probe"}
        for variant, value in (("pretrained", 0.2), ("teach", 0.7))
    ]  # fmt: skip
    more += [
        {"task": "adopt", "metric": metric, "value": value, "source": "bod_Tibt", "target": "eng_Latn",
         "variant": "round 1"}
        for metric, value in (("mined_pairs", 312), ("mined_threshold", 1.0625), ("mined_precision", 0.875))
    ]  # fmt: skip
    more += [
        {"task": "adopt", "metric": "top1", "value": value, "source": "mean", "target": "eng_Latn", "n": N,
         "variant": variant}
        for variant, value in (("pretrained", 0.9375), ("teach", 0.875))
    ]  # fmt: skip
    rows = [*score_rows(BEFORE, "pretrained"), *score_rows(AFTER, "teach"), *more]
    tables = adopt_tables(rows)
    assert list(tables) == ["The new language", "Old languages", "Tasks", "Coverage of the vocabulary", "Mined pairs"]
    # No row names the new language: it is the one whose texts are cut otherwise.
    assert "bod_Tibt eng_Latn top-1" in lines(tables["The new language"][0])
    assert lines(tables["Old languages"][0])["mean"]["to eng % before"] == "93.8"
    assert lines(tables["Tasks"][0])["sib200 macro_f1 eng_Latn bod_Tibt"]["change"] == "+50.0"
    mined = lines(tables["Mined pairs"][0])["round 1 bod_Tibt eng_Latn"]
    assert [mined[name] for name in ("pairs", "threshold", "right, expected %")] == ["312", "1.062", "87.5"]
    assert is_adopted(rows)
    # Reports that compare nothing show these rows too.
    shown = "\n".join(table.render() for table in result_tables(rows))
    assert "1.062" in shown
    assert "93.8" in shown


def test_a_page_stands_alone_and_escapes_what_rows_say() -> None:
    rows = [*score_rows(BEFORE, "pretrained"), *score_rows(AFTER, "<b>teach"), *new_rows()]
    page = adopt_page(rows, "A language", names={"bod_Tibt": "Tibetan"})
    assert "<b>teach" not in page
    assert "Tibetan" in page
    assert page.count("<svg") == 1
    assert "default-src 'none'" in page


@pytest.mark.parametrize("left", ["pretrained", "teach"])
def test_rows_of_one_side_alone_are_refused(left: str) -> None:
    with pytest.raises(AnalysisError, match="before training"):
        adopt_tables(score_rows(BEFORE, left))
    assert not is_adopted([*score_rows(BEFORE, left), *new_rows()])
