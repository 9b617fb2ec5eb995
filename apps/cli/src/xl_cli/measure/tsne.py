"""Vectors of several languages on a plane: a picture, or a page that tells the text of each point."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.cluster.spread import Spread
from xl_cli.errors import UsageError
from xl_cli.launch.progress import say
from xl_cli.measure.pictures import FORMATS, drawn, write_bytes
from xl_cli.measure.readings import OF_SPACE, Reading, SpaceConfig, by_reading
from xl_cli.measure.registry import Measure
from xl_cli.measure.views import Space, open_space
from xl_cli.unread_options import ReadWhere
from xl_cli.vectors.word_files import check_new
from xl_objectives import setting

if TYPE_CHECKING:
    from xl_tasks import Row


@dataclasses.dataclass(frozen=True, kw_only=True)
class TsneConfig(SpaceConfig):
    """Which model is drawn on what, and how."""

    plot: str = dataclasses.field(
        metadata={"help": "file to write: .html (a page with the texts) or a picture, .png, .svg, .pdf; must be new"}
    )
    method: str = setting(
        "tsne", "tsne (scikit-learn) | opentsne (the extra of that name) | pca", choices=("tsne", "opentsne", "pca")
    )
    perplexity: float = setting(30.0, "of t-SNE: about how many neighbours a text has", above=0)
    seed: int = setting(0, "of t-SNE's random start")

    def __post_init__(self) -> None:
        super().__post_init__()
        if Path(self.plot).suffix.lower() not in (".html", *(f".{form}" for form in FORMATS)):
            message = f"--plot {self.plot}: name a file that ends in .html, .{', .'.join(FORMATS)}."
            raise UsageError(message)
        check_new(self.plot, "--plot")


def tsne_rows(config: TsneConfig, spread: Spread) -> "list[Row]":
    """Texts of several languages as points on a plane, by t-SNE or principal axes: a picture, or a page with the texts.

    Example: xl analyze tsne --model runs/names --data sib200 --source eng_Latn --target tur_Latn --plot space.html
    """
    rows = []
    for pictures in by_reading(config, spread, _of_reading):
        for row, name, content in pictures:
            write_bytes(name, content)
            say(f"wrote {name}")
            rows.append(row)
    return rows


def _of_reading(config: TsneConfig, reading: Reading) -> "list[tuple[Row, str, bytes]]":
    """Of each layer how well its picture can be trusted, the picture's name and content."""
    space = open_space(config, reading)
    path, several = Path(config.plot), len(config.readings) > 1
    found = []
    for layer in space.layers:
        stem = f"{path.stem}-{reading.number}" if several else path.stem
        if several or len(space.layers) > 1:
            stem += f"-layer{layer}"
        name = str(path.with_stem(stem))
        found.append((*_drawn(space, layer, config, name), name))
    return [(row, name, content) for row, content, name in found]


def _drawn(space: Space, layer: int, config: TsneConfig, path: str) -> "tuple[Row, bytes]":
    """How well the picture of a layer can be trusted, and what stands in the picture or page called `path`."""
    import numpy as np

    from xl_analysis import picture_note, points_page, project, scatter
    from xl_cli.launch.progress import Progress

    how: dict[str, Any] = {"method": config.method}
    with Progress(f"{config.method} of layer {layer}", quiet=True):
        found = project(space.views(layer), perplexity=config.perplexity, seed=config.seed, **how)
    row = space.row("tsne", f"trustworthiness_{config.method}", found.trustworthiness, "all", "all", layer)
    plane = np.concatenate(list(found.points.values()))
    groups = [language for language, points in found.points.items() for _ in points]
    texts = [text for language in found.points for text in space.texts[language]]
    name = {"tsne": "t-SNE", "opentsne": "t-SNE", "pca": "PCA"}[config.method]
    title = f"{name} of {row.model}, layer {layer}, {row.data}"
    is_page = path.lower().endswith(".html")
    look: dict[str, Any] = {"title": "" if is_page else title, "axes_ticks": config.method == "pca"}
    figure = scatter(plane[:, 0], plane[:, 1], groups=groups, texts=texts, **look)
    if not is_page:
        return row, drawn(path, figure)
    if note := picture_note(figure):
        say(f"note: {note}")
    about = (
        f"{len(space.keys)} texts in {len(found.points)} languages, pooling {row.pooling}; trustworthiness "
        f"{found.trustworthiness:.2f} of 1."
    )
    return row, points_page(figure, title=title, about=about).encode()


TSNE = Measure(
    settings=TsneConfig,
    rows=tsne_rows,
    table="xl_analysis:pair_table",
    read_where=(
        ReadWhere(("perplexity", "seed"), lambda call: call.method != "pca", "with --method pca, which has neither"),
        *OF_SPACE,
    ),
)
