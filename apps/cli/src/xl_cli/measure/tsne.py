"""Vectors of several languages on a plane: a picture, or a page that tells the text of each point."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.errors import UsageError
from xl_cli.measure.pictures import FORMATS, write_picture
from xl_cli.measure.registry import Measure
from xl_cli.measure.views import REVISION, Space, SpaceConfig, open_spaces
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


def tsne_rows(config: TsneConfig) -> "list[Row]":
    """Texts of several languages as points on a plane, by t-SNE or principal axes: a picture, or a page with the texts.

    Example: xl analyze tsne --model runs/names --data sib200 --source eng_Latn --target tur_Latn --plot space.html
    """
    rows = []
    spaces = list(open_spaces(config))
    several = sum(len(space.layers) for space in spaces) > 1
    for number, space in enumerate(spaces, start=1):
        for layer in space.layers:
            path = Path(config.plot)
            stem = f"{path.stem}-{number}" if len(spaces) > 1 else path.stem
            rows.append(_drawn(space, layer, config, path.with_stem(f"{stem}-layer{layer}" if several else stem)))
    return rows


def _drawn(space: Space, layer: int, config: TsneConfig, path: Path) -> "Row":
    """The figure or page of a layer at `path`, and how well it can be trusted."""
    import numpy as np

    from xl_analysis import picture_note, points_page, project, scatter
    from xl_cli.launch.progress import Progress, say
    from xl_translit import replacing

    how: dict[str, Any] = {"method": config.method}
    with Progress(f"{config.method} of layer {layer}", quiet=True):
        found = project(space.views(layer), perplexity=config.perplexity, seed=config.seed, **how)
    row = space.row("tsne", f"trustworthiness_{config.method}", found.trustworthiness, "all", "all", layer)
    plane = np.concatenate(list(found.points.values()))
    groups = [language for language, points in found.points.items() for _ in points]
    texts = [text for language in found.points for text in space.texts[language]]
    name = {"tsne": "t-SNE", "opentsne": "t-SNE", "pca": "PCA"}[config.method]
    title = f"{name} of {row.model}, layer {layer}, {row.data}"
    is_page = path.suffix.lower() == ".html"
    look: dict[str, Any] = {"title": "" if is_page else title, "axes_ticks": config.method == "pca"}
    figure = scatter(plane[:, 0], plane[:, 1], groups=groups, texts=texts, **look)
    if not is_page:
        write_picture(str(path), figure)
    else:
        if note := picture_note(figure):
            say(f"note: {note}")
        about = (
            f"{len(space.keys)} texts in {len(found.points)} languages, pooling {row.pooling}; trustworthiness "
            f"{found.trustworthiness:.2f} of 1."
        )
        with replacing(path) as file:
            file.write(points_page(figure, title=title, about=about))
    say(f"wrote {path}")
    return row


TSNE = Measure(
    settings=TsneConfig,
    rows=tsne_rows,
    table="xl_analysis:pair_table",
    read_where=(
        ReadWhere(("perplexity", "seed"), lambda call: call.method != "pca", "with --method pca, which has neither"),
        REVISION,
    ),
)
