"""Verdicts of claims: by planted effects, by what must not hold, and by rows that do not say what is meant."""

from typing import Any

import numpy as np
import pytest

from xl_analysis import AnalysisError, Judged, Part, judge, judge_together

LANGUAGES = ("tur_Latn", "ell_Grek", "heb_Hebr", "amh_Ethi", "rus_Cyrl", "hin_Deva")


def rows(
    variant: str, effect: float, *, seeds: int = 3, spread: float = 0.01, metric: str = "top1"
) -> list[dict[str, Any]]:
    """Scores into English of a system that is `effect` above 0.5, a little more or less by language and seed."""
    rng = np.random.default_rng([ord(variant), seeds])
    return [
        {"task": "retrieval", "metric": metric, "source": language, "target": "eng_Latn", "seed": seed,
         "variant": variant, "value": 0.5 + effect + float(spread * rng.normal())}
        for language in LANGUAGES for seed in range(1, seeds + 1)
    ]  # fmt: skip


def part(**fields: Any) -> Part:
    says: dict[str, Any] = {"says": "b is above a", "of": {"variant": "b"}, "against": {"variant": "a"}}
    says |= {"over": "source", "least": 0.05}
    says |= fields
    return Part(**says)


@pytest.mark.parametrize(
    ("effect", "lower", "expected"),
    [
        (0.2, False, "holds"),
        (0.2, True, "does not hold"),
        (-0.2, False, "does not hold"),
        (-0.2, True, "holds"),
        (0.0, False, "does not hold"),
        (0.02, False, "does not hold"),
    ],
)
def test_a_planted_effect_is_found_and_no_effect_is_refuted(effect: float, lower: bool, expected: str) -> None:
    judged = judge(part(lower=lower), rows("a", 0) + rows("b", effect))
    assert judged.verdict == expected
    assert judged.value is not None
    assert judged.value == pytest.approx(-effect if lower else effect, abs=0.01)
    assert (judged.n_languages, judged.n_seeds) == (6, 3)
    assert judged.low < judged.value < judged.high


def test_an_effect_that_is_drowned_is_not_decided() -> None:
    assert judge(part(), rows("a", 0, spread=0.3) + rows("b", 0.1, spread=0.3)).verdict == "not decided"
    # One language, one seed: nothing tells how sure it is.
    one = [row for row in rows("a", 0) + rows("b", 0.2) if row["seed"] == 1 and row["source"] == "ell_Grek"]
    assert judge(part(), one).verdict == "not decided"


def test_what_is_sure_and_may_be_less_than_what_matters_is_not_decided() -> None:
    ours = part(least=0.05)
    for value, p_matters, expected in ((0.04, 0.3, "not decided"), (0.05, 0.3, "holds"), (0.04, 0.04, "does not hold")):
        assert Judged(part=ours, value=value, p_none=0.001, p_matters=p_matters).verdict == expected


def test_what_was_measured_once_stands_beside_every_seed_and_one_seed_beside_its_own() -> None:
    """A group that has nothing random in it has a seed that the other has not."""
    once = [{**row, "seed": 0} for row in rows("a", 0, seeds=1)]
    assert judge(part(), once + rows("b", 0.2)).n_seeds == 3
    assert judge(part(), rows("a", 0, seeds=1) + rows("b", 0.2)).n_seeds == 1


def test_a_figure_against_a_number_and_a_share() -> None:
    found = judge(part(kind="value", against={}, than=0.4), rows("b", 0.1))
    assert (found.verdict, found.against) == ("holds", pytest.approx(0.4))
    assert found.value == pytest.approx(0.2, abs=0.01)
    # A ratio of 3 to 2, and of 2 to 3, which is a third less.
    above = judge(part(relative=True), rows("a", 0) + rows("b", 0.25))
    below = judge(part(relative=True, lower=True), rows("a", 0.25) + rows("b", 0))
    assert (above.value, below.value) == pytest.approx((0.5, 1 / 3), abs=0.03)
    assert above.verdict == below.verdict == "holds"
    assert judge(part(relative=True, lower=True, least=0.4), rows("a", 0.25) + rows("b", 0)).verdict == "does not hold"
    with pytest.raises(AnalysisError, match="figures of 0 or less"):
        judge(part(relative=True), rows("a", -0.5, spread=0) + rows("b", 0.25))


def test_groups_that_differ_in_a_language_are_matched_by_the_other() -> None:
    """From Russian against from English, for each target."""
    made = [
        {"task": "sib200", "metric": "accuracy", "source": source, "target": target, "seed": seed,
         "value": value + seed / 1e3}
        for source, value in (("rus_Cyrl", 0.7), ("eng_Latn", 0.5))
        for target in ("ukr_Cyrl", "bul_Cyrl", "srp_Cyrl")
        for seed in (1, 2, 3)
    ]  # fmt: skip
    found = judge(part(of={"source": "rus_Cyrl"}, against={"source": "eng_Latn"}, over="target"), made)
    assert (found.verdict, found.value, found.n_languages) == ("holds", pytest.approx(0.2), 3)


def test_scripts_and_differences_from_a_baseline() -> None:
    made = rows("a", 0) + rows("b", 0.2)
    baseline = [{**row, "baseline": "a", "value": 9.0} for row in made]
    apart = judge(part(of={"variant": "b", "scripts": "other"}), made + baseline)
    assert (apart.n_languages, judge(part(of={"variant": "b", "scripts": "same"}), made).n_languages) == (5, 1)


@pytest.mark.parametrize(("turned", "expected"), [(1, "holds"), (-1, "does not hold")])
def test_a_correlation_over_languages(turned: int, expected: str) -> None:
    languages = [f"l{number:02}_Latn" for number in range(30)]
    made = [
        {"task": "gap", "metric": metric, "source": "eng_Latn", "target": language, "seed": seed,
         "value": value + seed / 100}
        for number, language in enumerate(languages)
        for metric, value in (("gap", float(number)), ("cka", turned * number + 3.0 * (number % 3)))
        for seed in (1, 2)
    ]  # fmt: skip
    found = judge(
        part(kind="correlation", of={"metric": "gap"}, against={"metric": "cka"}, over="target", least=0.3), made
    )
    assert (found.verdict, found.n_languages) == (expected, 30)
    # By hand: the ranks of 30 points, of which every three are moved by 0, 3 and 6.
    from scipy.stats import spearmanr

    numbers = np.arange(30)
    assert found.value == pytest.approx(spearmanr(numbers, turned * numbers + 3.0 * (numbers % 3)).statistic)
    few = judge(part(kind="correlation", of={"metric": "gap"}, against={"metric": "cka"}, over="target"), made[:12])
    assert few.verdict == "not decided"


def test_a_correlation_over_seeds_within_pairs_of_languages() -> None:
    """Two pairs that lie far apart: pooled they go together, within each they do not, or the other way round."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(2, 15))

    def made(slope: float) -> list[dict[str, Any]]:
        return [
            {"task": "gap", "metric": metric, "source": "eng_Latn", "target": target, "seed": seed,
             "value": 10.0 * place + by * noise[place, seed]}
            for place, target in enumerate(("swh_Latn", "hin_Deva"))
            for metric, by in (("gap", 1.0), ("cka", slope)) for seed in range(15)
        ]  # fmt: skip

    ours = part(kind="correlation", of={"metric": "gap"}, against={"metric": "cka"}, over="seed", least=0.3)
    assert [judge(ours, made(slope)).verdict for slope in (1.0, -1.0)] == ["holds", "does not hold"]
    # By hand: ranks of all 30, less the mean of each pair.
    from scipy.stats import pearsonr, rankdata

    mixed = [{**row, "value": row["value"] + (row["metric"] == "cka") * rng.normal()} for row in made(0.3)]
    ranks = [rankdata([row["value"] for row in mixed if row["metric"] == metric]) for metric in ("cka", "gap")]
    less = [side - np.repeat([side[:15].mean(), side[15:].mean()], 15) for side in ranks]
    found, by_hand = judge(ours, mixed), float(pearsonr(*less).statistic)
    assert found.value == pytest.approx(by_hand)
    # Bonett and Wright 2000, with a degree of freedom less for each pair's mean but the first: 30 - 3 - 1.
    half = 1.959964 * np.sqrt((1 + by_hand**2 / 2) / 26)
    assert (found.low, found.high) == pytest.approx(np.tanh(np.arctanh(by_hand) + np.array([-half, half])))
    with pytest.raises(AnalysisError, match="over is 'seed', which is for correlations"):
        part(over="seed")


def test_a_gain_against_a_figure_of_the_languages() -> None:
    """Plain scores rise with the figure, trained ones do not: the gain falls."""
    languages = [f"l{number:02}_Latn" for number in range(12)]
    made = [
        {"task": "sib200", "metric": "accuracy", "source": "eng_Latn", "target": language, "seed": seed,
         "variant": variant, "value": 0.3 + (variant == "") * 0.02 * number + (variant == "at") * 0.2 + 0.001 * seed}
        for number, language in enumerate(languages) for variant in ("", "at") for seed in (1, 2)
    ]  # fmt: skip
    made += [
        {"task": "likeness", "metric": "jaccard", "source": "eng_Latn", "target": language, "seed": 0, "variant": "",
         "value": float(number)}
        for number, language in enumerate(languages)
    ]  # fmt: skip
    ours = part(
        of={"task": "sib200", "variant": "at"}, less={"variant": ""},
        against={"task": "likeness", "variant": ""}, kind="correlation", over="target", lower=True,
    )  # fmt: skip
    assert judge(ours, made).value == pytest.approx(1)
    gain = judge(part(of={"task": "sib200", "variant": "at"}, less={"variant": ""}, against={}, kind="value"), made)
    assert gain.value == pytest.approx(np.mean([0.2 - 0.02 * number for number in range(12)]))
    nothing = judge(
        part(of={"task": "sib200", "variant": "at"}, less={"variant": "no"}, against={}, kind="value"), made
    )
    assert nothing.missing == "no rows of the first group"


def test_a_printed_coefficient_stands_for_itself() -> None:
    ours = part(
        kind="correlation", of={"metric": "gap"}, against={"metric": "cka"}, over="seed", lower=True,
        printed={"metric": "spearman"},
    )  # fmt: skip
    printed = ours.in_print
    assert printed is not None
    row = {"task": "correlate", "metric": "spearman", "source": "gap", "target": "cka", "seed": 0, "value": -0.782}
    assert judge(printed, [row]).value == pytest.approx(0.782)


def test_what_is_missing_is_told_and_what_is_meant_twice_refused() -> None:
    for there in (rows("a", 0), rows("b", 0)):
        judged = judge(part(), there)
        assert (judged.verdict, judged.value) == ("not decided", None)
        assert "no rows of the" in judged.missing
    apart = judge(part(), rows("a", 0, seeds=1) + [{**row, "seed": 9} for row in rows("b", 0, seeds=1)])
    assert apart.missing == "no language that both groups have with every seed"
    twice = rows("a", 0) + rows("b", 0) + [{**row, "model": "other"} for row in rows("b", 0.1)]
    with pytest.raises(AnalysisError, match="two rows answer it, which differ in model; say which"):
        judge(part(), twice)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"kind": "ratio"}, "kind is 'ratio'"),
        ({"over": "seed"}, "over is 'seed'"),
        ({"least": 0.0}, "a number above 0"),
        ({"against": {}}, "against is missing"),
    ],
)
def test_a_part_that_says_nothing_is_refused(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(AnalysisError, match=fault):
        part(**fields)


def test_random_figures_hold_no_more_often_than_the_level_says() -> None:
    """Both groups drawn alike, a thousand times: one in forty holds, of the one in twenty that p of 0.05 lets pass."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(1000):
        made = [{**row, "value": float(rng.normal())} for row in rows("a", 0) + rows("b", 0)]
        held += judge(part(least=1e-9), made).verdict == "holds"
    assert held <= 40


def test_claims_of_one_part_are_corrected_as_holm_says() -> None:
    """Three with p1 < p2 < p3 and one that was not tested: 4 p1, 3 p2 and 2 p3, none below one before."""
    planted = ((0.2, 0.01), (0.1, 0.1), (0.0, 0.01))
    parts = [judge(part(), rows("a", 0) + rows("b", effect, spread=spread)) for effect, spread in planted]
    p = [min(each.p_none, each.p_matters) for each in parts]
    together = [its[0] for its in judge_together([[each] for each in parts], 4)]
    expected = 0.0
    for place, each in enumerate(sorted(range(3), key=p.__getitem__)):
        expected = min(1, max(expected, p[each] * (4 - place)))
        assert min(together[each].p_none, together[each].p_matters) == pytest.approx(expected)
    assert parts[0].verdict == together[0].verdict == "holds"
    assert parts[2].verdict == together[2].verdict == "does not hold"


def figure(p_none: float, p_matters: float = 1.0) -> Judged:
    return Judged(part=part(), value=0.1, p_none=p_none, p_matters=p_matters)


def test_a_claim_has_the_p_of_its_weakest_part() -> None:
    """Two claims: the first holds by 0.02, not 0.001; one of the second's three parts refutes it, by three times 0.01.

    By Holm the smaller is doubled, and the larger is as it is but for being no less than that.
    """
    first, second = judge_together([[figure(0.001), figure(0.02)], [figure(0.004), figure(1.0, 0.01), figure(0.3)]])
    assert [each.p_none for each in first] == pytest.approx([0.002, 0.04])
    assert [each.verdict for each in first] == ["holds", "holds"]
    # As the second claim's only one that counts 0.004 would be the smallest of the two.
    assert [each.p_none for each in second] == pytest.approx([0.008, 1.0, 0.3])
    assert [each.p_matters for each in second] == pytest.approx([1.0, 0.04, 1.0])
    assert [each.verdict for each in second] == ["holds", "does not hold", "not decided"]
    # A claim without parts that were tested, and ten that were not run, only count.
    assert judge_together([[figure(0.001)], []], 12)[0][0].p_none == pytest.approx(0.012)


@pytest.mark.parametrize("which", ["holds", "does not hold"])
def test_one_wrong_verdict_in_any_of_many_claims_is_rare(which: str) -> None:
    """The worst case of each kind: all parts but one sure, and that one nothing; all parts just as large as matters."""
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(1000):
        drawn = rng.uniform(size=(5, 3))
        claims = (
            [[figure(1e-9), figure(1e-9), figure(p)] for p in drawn[:, 0]]
            if which == "holds"
            else [[figure(1.0, p) for p in three] for three in drawn]
        )
        together = judge_together(claims)
        wrong += (
            any(all(each.verdict == "holds" for each in its) for its in together)
            if which == "holds"
            else any(each.verdict == which for its in together for each in its)
        )
    # 50 are expected; 70 is three standard deviations above.
    assert 25 < wrong < 70
