"""Tables of divergence and distance: intervals and p beside their figures, languages apart from pairs."""

from xl_analysis import distance_tables, divergence_table, result_tables


def row(
    task: str, metric: str, value: float, source: str = "a", target: str = "b", **more: object
) -> dict[str, object]:
    return {"task": task, "metric": metric, "value": value, "source": source, "target": target, "n": 9, **more}


def test_divergence_has_its_interval_and_says_what_is_vacuous() -> None:
    pad = row("divergence", "pad_linear", 1.5, low=1.25, high=1.75)
    table = divergence_table([pad])
    assert table.header == ("source", "target", "pad linear", "linear low", "linear high", "n")
    assert table.body == (("a", "b", "1.500", "1.250", "1.750", "9"),)
    assert "vacuous" not in table.caption
    table = divergence_table([pad, row("divergence", "bound_paper", 7.5)])
    assert table.body[0][-2:] == ("7.500", "9")
    assert "A bound of 1 or more is vacuous" in table.caption


def test_distances_of_pairs_languages_and_outputs_are_tables_of_their_own() -> None:
    rows = [
        row("distance", "mmd2", 0.25, p=0.005),
        row("distance", "isotropy", 0.5, "a", "a"),
        row("distance", "sinkhorn p=2 blur=0.05", 0.125, pooling="probs"),
    ]
    pairs, languages, outputs = distance_tables(rows)
    assert (pairs.header, pairs.body) == (
        ("source", "target", "mmd2", "mmd2 p", "n"),
        (("a", "b", "0.250", "0.005", "9"),),
    )
    assert languages.body == (("a", "a", "0.500", "9"),)
    assert outputs.header[2] == "sinkhorn p=2 blur=0.05"
    assert len(distance_tables(rows[:1])) == 1


def test_the_report_shows_them_once() -> None:
    rows = [
        row("divergence", "pad_linear", 1.5),
        row("distance", "mmd2", 0.25),
        row("distance", "isotropy", 0.5, "a", "a"),
    ]
    tables = result_tables(rows)
    assert [table.header[2] for table in tables] == ["pad linear", "mmd2", "isotropy"]
