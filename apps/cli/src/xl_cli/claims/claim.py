"""Claims of papers: what is said, the commands that test it at each scale, and the rule that decides; a TOML file each.

To add a claim, put NAME.toml into `shipped`; `xl reproduce` knows it from then on, and a file of one's own is read the
same way. At the top stand the fields of `Claim`, below `[mini]` and the other SCALES those of `Scale`, each with
`[[mini.step]]`, a command of xl (several with `for`), `[[mini.part]]`, what has to be seen in the rows, and
`[[mini.control]]`, what must not be.
"""

import dataclasses
import itertools
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from xl_cli.errors import UsageError
from xl_encoders.registry import unknown_name

if TYPE_CHECKING:
    from xl_analysis import Part

SCALES = ("mini", "real", "middle", "paper")
_FOLDER = Path(__file__).with_name("shipped")
_PLACE = re.compile(r"\{([a-z]+)(?::([^{}]+))?\}")
_PLACES = ("data", "seed", "out", "model", "step")
# Types of fields that a file may get wrong, as they are written and as `type` gives them.
_KINDS: dict[str, tuple[type, str]] = {
    f"{before}{kind.__name__}{after}": (kind, told)
    for kind, told in ((str, "a text"), (float, "a number"), (bool, "true or false"))
    for before, after in (("", ""), ("<class '", "'>"))
}
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of xl.

    Its words may hold `{data}` and `{model}`, as the user gave them, `{seed}`, which makes it run once a seed, `{out}`,
    where it writes, and `{step:NAME}`, where an earlier step of the same seed did.
    """

    name: str
    command: str
    """Without `xl`, split as a shell splits words."""
    tokens: float = 0.0
    """Tokens that training reads, each as often as it is read, in millions; of a scale too large to be tried."""
    weights: float = 0.0
    """Weights that are trained, tables of embeddings left out, in millions."""

    @property
    def words(self) -> list[str]:
        """The words of the command, places and all."""
        return shlex.split(self.command)

    @property
    def operations(self) -> float:
        """Of training: a product and a sum for each weight and token, forwards once and backwards twice."""
        return 6e12 * self.tokens * self.weights

    @property
    def each_seed(self) -> bool:
        """Whether it runs once a seed."""
        return any(name == "seed" for name, _ in _PLACE.findall(self.command))

    @property
    def needs(self) -> list[str]:
        """Names of the steps whose folders it reads."""
        return list(dict.fromkeys(step for name, step in _PLACE.findall(self.command) if name == "step"))


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How one scale tests the claim."""

    decides: str
    """What this scale can say of the claim, and what it cannot."""
    seeds: tuple[int, ...] = (1, 2, 3)
    hours: float = 0.0
    """How long all steps of all seeds took on `on`, one after another; 0 for not measured."""
    on: str = "two processor cores"
    steps: tuple[Step, ...]
    parts: "tuple[Part, ...]"
    controls: "tuple[Part, ...]" = ()
    """What must not come out as holding: the same with shuffled pairs, for instance."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim with all its scales."""

    name: str
    title: str
    """What is claimed, in a line."""
    by: str = ""
    """One of `xl_cli.published.rows.PAPERS`; empty for a question of our own."""
    where: str = ""
    """Tables or sections of the paper."""
    printed: str = ""
    """What the paper prints, in a sentence."""
    scales: Mapping[str, Scale] = field(default_factory=dict)

    def scale(self, name: str) -> Scale:
        """UsageError where the claim has no such scale."""
        if name not in self.scales:
            message = f"claim {self.name} has no scale {name}; it has {', '.join(self.scales)}."
            raise UsageError(message)
        return self.scales[name]


def shipped_claims() -> dict[str, Path]:
    """Name -> file of the claims that come with `xl`, in the order of the papers."""
    claims = {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}
    order = (_FOLDER / "ORDER").read_text(encoding="utf-8").split()
    return {name: claims[name] for name in order}


def read_claim(name_or_path: str) -> Claim:
    """A shipped claim by its name, or one in a file of one's own that ends in .toml; UsageError for any fault in it."""
    shipped = shipped_claims()
    path = shipped.get(name_or_path, Path(name_or_path))
    if not path.is_file():
        if path.suffix == ".toml":
            message = f"{path}: no such file."
            raise UsageError(message)
        raise UsageError(unknown_name("claim", name_or_path, shipped))
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # also of a number of too many digits
        message = f"{path.name}: not valid TOML: {error}."
        raise UsageError(message) from error
    scales = {name: _scale(content.pop(name), path.name, name) for name in SCALES if name in content}
    return _made(Claim, content, path.name, name=path.stem, scales=scales)


def _scale(content: Any, file: str, name: str) -> Scale:
    from xl_analysis import Part

    where = f"{file}: [{name}]"
    steps = [
        _made(Step, each, f"{where} step") for entry in content.pop("step", []) for each in _repeated(entry, where)
    ]
    parts, controls = (
        tuple(_made(Part, each, f"{where} {kind}") for each in content.pop(kind, [])) for kind in ("part", "control")
    )
    made = _made(Scale, content, where, steps=tuple(steps), parts=parts, controls=controls)
    if not (steps and parts) or len({step.name for step in steps}) < len(steps):
        message = f"{where} needs steps, each with a name of its own, and parts."
        raise UsageError(message)
    names: list[str] = []
    for step in steps:
        if not re.fullmatch(r"\w[\w.+-]{0,99}", step.name):  # it becomes the name of a folder
            message = f"{where}: a step is called {step.name[:60]!r}; letters, digits, -, _, + and dots make a name."
            raise UsageError(message)
        for place, of in _PLACE.findall(step.command):
            if place not in _PLACES or (place == "step" and of not in names):
                message = f"{where} step {step.name}: {{{place}{of and ':' + of}}} is no place" + (
                    f"; there are {', '.join(_PLACES)}." if place not in _PLACES else " of an earlier step."
                )
                raise UsageError(message)
        names.append(step.name)
    return made


def _repeated(entry: dict[str, Any], where: str) -> list[dict[str, Any]]:
    """A step for each combination of what its `for` lists: `for = { pair = ["en-ru", "en-fr"] }` fills `{pair}`.

    Texts of one list that hold several words, `"en ru"`, fill `{pair.1}` and `{pair.2}` too.
    """
    lists = entry.pop("for", {})
    if not isinstance(lists, dict) or lists.keys() & {*_PLACES}:
        message = f"{where}: for is {lists!r}; it takes lists by names that are none of {', '.join(_PLACES)}."
        raise UsageError(message)
    made = []
    for chosen in itertools.product(*lists.values()):
        values = {}
        for name, text in zip(lists, map(str, chosen), strict=True):
            values |= {f"{{{name}}}": text.replace(" ", "-")}
            values |= {f"{{{name}.{number}}}": word for number, word in enumerate(text.split(), start=1)}
        step = dict(entry)
        for place, text in values.items():
            step |= {key: value.replace(place, text) for key, value in step.items() if isinstance(value, str)}
        made.append(step)
    return made


def _made(kind: type[_T], content: Mapping[str, Any], where: str, **made: object) -> _T:
    """`kind(**content, **made)`; UsageError with `where` for keys that a file has not, and values that are refused."""
    from xl_analysis import AnalysisError

    every = dataclasses.fields(cast("Any", kind))
    fields = {each.name: each for each in every if each.name not in made}
    for name in content.keys() - fields.keys():
        message = f"{where}: {unknown_name('key', name, list(fields))}"
        raise UsageError(message)
    for name, each in fields.items():
        missing = each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
        if missing and name not in content:
            message = f"{where}: {name} is missing."
            raise UsageError(message)
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}
    for name, value in values.items():
        told = _KINDS.get(str(fields[name].type).strip('"'))
        if told and (type(value) is int and told[0] is float) + (type(value) is told[0]) == 0:
            message = f"{where}: {name} is {value!r}; give {told[1]}."
            raise UsageError(message)
    try:
        return kind(**values, **made)
    except AnalysisError as error:
        message = f"{where}: {error}"
        raise UsageError(message) from None


def filled(word: str, values: Mapping[str, str]) -> str:
    """A word of a command with its places filled: "data" -> ..., "step:NAME" -> ..."""
    return _PLACE.sub(lambda match: values[":".join(filter(None, match.groups()))], word)
