"""Heat maps of pairs of languages: how many there are, and whose figures each shows."""

from matplotlib.text import Text

from xl_analysis import pair_maps

PAIRS = [("ell_Grek", "eng_Latn"), ("ell_Grek", "tur_Latn"), ("eng_Latn", "tur_Latn")]


def of(model: str, layer: int, begin: float) -> list[dict[str, object]]:
    return [
        {"task": "cka", "metric": "cka", "value": begin + place / 100, "source": a, "target": b, "model": model}
        | {"layer": layer, "unit": "subword", "tuning": "", "seed": 0}
        for place, (a, b) in enumerate(PAIRS)
    ]


def test_the_last_layers_of_two_depths_are_two_triangles_of_one_map() -> None:
    ((name, figure),) = pair_maps([*of("deep", 12, 0.1), *of("flat", 3, 0.6)]).items()
    shown = [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text)]
    assert name == ""
    assert {"0.10", "0.11", "0.12", "0.60", "0.61", "0.62"} <= set(shown)
    assert "deep at layer 12 above, flat at layer 3 below" in shown


def test_two_models_at_two_layers_are_a_map_a_layer() -> None:
    rows = [row for layer in (0, 1) for model in ("deep", "flat") for row in of(model, layer, 0.1)]
    assert list(pair_maps(rows)) == ["layer0", "layer1"]


def test_one_model_at_two_layers_is_a_map_a_layer() -> None:
    assert list(pair_maps([*of("deep", 0, 0.1), *of("deep", 1, 0.6)])) == ["layer0", "layer1"]
