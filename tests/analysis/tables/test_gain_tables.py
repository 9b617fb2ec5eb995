"""Tables of differences: signs, stars and what tells lines apart."""

import pytest

from xl_analysis import AnalysisError, gain_table

ROW = {
    "task": "xnli", "metric": "accuracy", "value": 0.021, "n": 1002, "source": "eng_Latn", "target": "tur_Latn",
    "variant": "mlm", "protocol": "zero-shot", "robust": "at", "baseline": "robust=none", "low": 0.005, "high": 0.037,
    "p": 0.0119,
}  # fmt: skip


def test_points_interval_and_star():
    table = gain_table(
        [
            ROW,
            ROW | {"target": "ell_Grek", "value": -0.02, "low": -0.03, "high": -0.0101, "p": 0.004, "seed": 3},
            ROW | {"target": "zho_Hans", "value": 0.001, "low": -0.01, "high": 0.012, "p": 0.8},
            ROW | {"target": "swh_Latn", "low": None, "high": None, "p": None, "n": 0},
        ]
    )
    assert table.header[5:] == ("gain", "95 % interval", "p", "n")
    assert [line[4:] for line in table.body] == [
        ("tur_Latn", "+2.1", "+0.5 to +3.7 *", "0.012", "1002"),
        ("ell_Grek", "-2.0", "-3.0 to -1.0 *", "0.004", "1002"),
        ("zho_Hans", "+0.1", "-1.0 to +1.2", "0.800", "1002"),
        ("swh_Latn", "+2.1", "-", "-", "-"),
    ]
    assert table.body[0][:4] == ("xnli", "accuracy", "mlm", "robust=none")
    assert "* marks an interval that excludes 0" in table.caption
    assert "robust at" in table.caption
    assert "n = " not in table.caption
    assert "Coverage is 50.0 % or more." in gain_table([ROW | {"coverage": 0.5}]).caption


def test_systems_and_baselines_are_told_apart():
    table = gain_table(
        [ROW, ROW | {"baseline": "noise=none", "noise": "typos=0.1", "value": 0.5}, ROW | {"robust": "rs-rp"}]
    )
    assert [line[2] for line in table.body] == ["mlm (robust at)", "mlm (robust at, typos=0.1)", "mlm (robust rs-rp)"]


def test_rows_that_are_no_difference():
    assert len(gain_table([ROW, ROW | {"baseline": ""}]).body) == 1
    with pytest.raises(AnalysisError, match="no row with a baseline"):
        gain_table([ROW | {"baseline": ""}])
    with pytest.raises(AnalysisError, match="two rows say accuracy of 'mlm'"):
        gain_table([ROW, ROW | {"value": 0.5}])


def test_a_corrected_p_decides_the_star():
    table = gain_table([ROW | {"p_holm": 0.06}, ROW | {"target": "ell_Grek", "p": 0.00004, "p_holm": 0.00008}])
    assert table.header[7:] == ("p", "p Holm", "n")
    assert [line[6:] for line in table.body] == [
        ("+0.5 to +3.7", "0.012", "0.060", "1002"),
        ("+0.5 to +3.7 *", "4e-05", "8e-05", "1002"),
    ]
    assert "* marks p Holm below 0.05" in table.caption
