"""Gains by script and resources, against sums by hand; what is compared with what."""

import pytest

from xl_analysis import gains, group_tables
from xl_analysis.statistics.pretraining import RESOURCES, resources


def row(variant: str, source: str, target: str, value: float, **more: object) -> dict[str, object]:
    return {"task": "retrieval", "metric": "top10", "value": value, "source": source, "target": target,
            "variant": variant, "layer": 8, "model": "m", **more}  # fmt: skip


def test_gains_are_means_over_seeds_then_sources_then_languages() -> None:
    rows = [
        row("untrained", "eng_Latn", "tur_Latn", 0.1), row("untrained", "ell_Grek", "tur_Latn", 0.2),
        row("untrained", "tur_Latn", "ell_Grek", 0.3), row("untrained", "tur_Latn", "mlt_Latn", 0.5),
        row("mlm", "eng_Latn", "tur_Latn", 0.4, seed=1), row("mlm", "eng_Latn", "tur_Latn", 0.6, seed=2),
        row("mlm", "ell_Grek", "tur_Latn", 0.3), row("mlm", "tur_Latn", "ell_Grek", 0.2),
        row("mlm", "tur_Latn", "mlt_Latn", 0.5), row("mlm", "tur_Latn", "amh_Ethi", 0.9),
        row("string-match", "eng_Latn", "tur_Latn", 1.0, model="none"),
    ]  # fmt: skip
    # Turkish: (0.5 - 0.1 and 0.3 - 0.2) / 2 = 0.25; Maltese 0; Greek -0.1. Amharic has no start to compare with.
    by_script, by_size = group_tables(gains(rows))
    assert by_script.header == ("task", "metric", "system", "over", "all", "Grek (1)", "Latn (2)")
    assert by_script.body == (("retrieval", "top10", "mlm", "untrained", "+5.0", "-10.0", "+12.5"),)
    assert by_size.header[5:] == ("10 GiB or more (2)", "none named (1)")
    assert by_size.body == (("retrieval", "top10", "mlm", "untrained", "+5.0", "+7.5", "+0.0"),)
    assert group_tables(gains(rows[:1])) == []


def test_of_several_starts_the_one_of_the_same_layer_counts() -> None:
    rows = [
        row("pretrained", "a_Latn", "b_Grek", 0.1, layer=8), row("pretrained", "a_Latn", "b_Grek", 0.2, layer=12),
        row("mlm", "a_Latn", "b_Grek", 0.5, layer=12), row("mlm", "a_Latn", "b_Grek", 0.6, layer=3),
    ]  # fmt: skip
    (gain,) = gains(rows)
    assert (gain.before, gain.after) == (0.2, 0.5)


def test_without_a_start_models_as_they_are_take_its_place() -> None:
    hub, other = ({"variant": "", "model": name} for name in ("e5", "xlmr"))
    mine = row("mlm", "a_Latn", "b_Grek", 0.5)
    (gain,) = gains([{**mine, **hub, "value": 0.2}, mine])
    assert (gain.start, gain.value) == ("e5", pytest.approx(0.3))
    # Which of two is meant nobody can tell.
    assert gains([{**mine, **hub, "value": 0.2}, {**mine, **other, "value": 0.3}, mine]) == []
    assert gains([{**mine, **hub}, {**mine, **other}]) == []


@pytest.mark.parametrize(
    ("language", "place"),
    [("eng_Latn", 0), ("ces_Latn", 0), ("tam_Taml", 0), ("fas_Arab", 0), ("kat_Geor", 1), ("swh_Latn", 1),
     ("swa_Latn", 1), ("amh_Ethi", 2), ("mlt_Latn", 3), ("bod_Tibt", 3)],
)  # fmt: skip
def test_resources_of_languages(language: str, place: int) -> None:
    assert resources(language) == RESOURCES[place]
