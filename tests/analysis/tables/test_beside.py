"""Our figures beside published ones: which cells, which systems, on which scale."""

from xl_analysis.tables.beside import beside_tables


def ours(target: str, value: float, **more: object) -> dict[str, object]:
    return {"task": "sib200", "metric": "macro_f1", "value": value, "source": "eng_Latn", "target": target,
            "variant": "mlm", "protocol": "zero-shot", "split": "test", **more}  # fmt: skip


def theirs(target: str, value: float, **more: object) -> dict[str, object]:
    return {**ours(target, value), "variant": "", "model": "Glot500", "paper": "ppa", "table": "2", **more}


def test_a_line_a_cell_ours_then_theirs() -> None:
    rows = [
        ours("tur_Latn", 0.5, seed=1), ours("tur_Latn", 0.6, seed=2), ours("ell_Grek", 0.4, seed=1),
        ours("tur_Latn", 0.9, split="dev", seed=1), ours("tur_Latn", 0.1, baseline="model=x"),
        ours("hin_Deva", 0.4, seed=1), theirs("tur_Latn", 0.8), ours("tur_Latn", 0.2, variant="mlm+seq"),
    ]  # fmt: skip
    printed = [theirs("tur_Latn", 0.814), theirs("ell_Grek", 0.744), theirs("tur_Latn", 0.9, variant="mlm", table="7"),
               theirs("mlt_Latn", 0.7)]  # fmt: skip
    (table,) = beside_tables(rows, printed, {"ppa": "Xhelili <et al.>"})
    assert table.header == ("source", "target", "mlm", "mlm+seq", "ppa 2: Glot500", "ppa 7: Glot500 mlm")
    assert table.body == (
        ("eng_Latn", "tur_Latn", "55.0", "20.0", "81.4", "90.0"),
        ("eng_Latn", "ell_Grek", "40.0", "-", "74.4", "-"),
    )
    assert "ppa: Xhelili <et al.>" in table.caption


def test_none_where_nothing_is_common() -> None:
    assert beside_tables([ours("tur_Latn", 0.5)], [], {}) == []
    assert beside_tables([ours("tur_Latn", 0.5)], [theirs("ell_Grek", 0.5)], {}) == []
    assert beside_tables([ours("tur_Latn", 0.5, split="dev")], [theirs("tur_Latn", 0.5)], {}) == []
