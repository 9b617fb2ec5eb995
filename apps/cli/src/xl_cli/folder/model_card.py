"""The README.md of a model: what it is, how it came about, what it scores and how to use it, from a run's files alone.

The front matter is what model hubs read: https://huggingface.co/docs/hub/model-cards.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xl_analysis import AnalysisError, metric_table, retrieval_table
from xl_cli.folder.json_files import read_object
from xl_cli.folder.run_folder import RunFolder
from xl_cli.recipe.objectives import in_words
from xl_tasks import DATASETS, Row

FILE = "README.md"

# Licences of data sets as the hub spells them. A data set under several, or under terms of its own, has none.
_HUB_LICENCES = {"CC-BY-SA-4.0": "cc-by-sa-4.0", "CC-BY-2.0-FR": "cc-by-2.0", "CC-BY-4.0": "cc-by-4.0"}

_LICENCE_NOTE = (
    "**Licence: to be filled in by whoever publishes this model.** {why} Add a line `license: ...` to the head of this "
    "file."
)

_PLAIN_USE = """\
import torch
from transformers import AutoModel, AutoTokenizer

name = "{name}"  # a folder, or the id under which the model is published
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModel.from_pretrained(name).eval().float()

texts = ["Ankara", "Άγκυρα", "አንካራ"]
batch = tokenizer(texts, padding=True, truncation=True, max_length={max_len}, return_tensors="pt")
with torch.inference_mode():
    states = {states}
{pool}
"""

_POOL = {
    "first": "vectors = states[:, 0]",
    "last": """\
last = batch["attention_mask"].sum(dim=1) - 1
vectors = states[torch.arange(len(states)), last]""",
    "max": """\
keep = batch["attention_mask"].bool().unsqueeze(-1)
vectors = states.masked_fill(~keep, -torch.inf).amax(dim=1)""",
    "mean-weighted": """\
keep = batch["attention_mask"] * torch.arange(1, states.shape[1] + 1)  # the weight of a token is its place
vectors = (states * keep.unsqueeze(-1)).sum(dim=1) / keep.sum(dim=1, keepdim=True)""",
    "mean-sqrt": """\
keep = batch["attention_mask"].unsqueeze(-1)
vectors = (states * keep).sum(dim=1) / keep.sum(dim=1).sqrt()""",
    "mean-all": """\
keep = batch["attention_mask"].unsqueeze(-1)
vectors = (states * keep).sum(dim=1) / keep.sum(dim=1)""",
    "mean-content": """\
named = ("bos", "eos", "cls", "sep", "pad")  # the mean is over the tokens of the text itself
specials = {getattr(tokenizer, f"{token}_token_id") for token in named} - {None}
keep = (batch["attention_mask"].bool() & ~torch.isin(batch["input_ids"], torch.tensor(sorted(specials)))).unsqueeze(-1)
vectors = (states * keep).sum(dim=1) / keep.sum(dim=1).clamp(min=1)""",
}

_LIBRARY_USE = """\
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{name}")  # a folder, or the id under which the model is published
vectors = model.encode(["Ankara", "Άγκυρα", "አንካራ"])
"""


def model_card(about: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """README.md of a run's `model/`: front matter, recipe, data, results, use, versions.

    about: content of run.json, of a run in any state: what it does not say yet is left out of the card.
    rows: its result rows; none is fine.
    """
    recipe = about.get("recipe", {})
    layer = about.get("layer")
    use = [
        "## Use",
        _vectors_are_read(layer, about),
        _code(_plain_use(_pooling(about), max_len=_max_len(about), layer=-1 if layer is None else layer), "python"),
        "The masked-LM head opens with `AutoModelForMaskedLM`. A folder for `sentence-transformers` is made by "
        "`xl export RUN --out FOLDER`.",
    ]
    metadata = _metadata(
        about, library="transformers", pipeline="feature-extraction", tags=["cross-lingual", "transliteration"]
    )
    title = f"# {_name(about, rows)}"
    parts = [title, *_what(about), *use, *_origin(about, rows, recipe)]
    return _card(metadata, parts, about)


def export_card(
    about: Mapping[str, Any],
    rows: Sequence[Row],
    *,
    name: str,
    source: str,
    form: str,
    layer: int,
    pooling: str,
    max_len: int,
    prompt: str = "",
    where: str = ".",
) -> str:
    """README.md of an exported folder.

    about, rows: of the run that the model is from; both empty where it is from none.
    name: heading. source: hub id or folder that was exported. form: "sentence-transformers" or "transformers".
    layer, pooling, max_len, prompt: what the folder gives. where: what the example opens.
    """
    if form == "sentence-transformers":
        tags = ["sentence-transformers", "sentence-similarity", "feature-extraction", "cross-lingual"]
        metadata = _metadata(about, library=form, pipeline="sentence-similarity", tags=tags, source=source)
        use = [
            _code(_LIBRARY_USE.format(name=where), "python"),
            "The folder has no pooler, which some models carry for other uses: a notice that one is newly initialised "
            "does not concern these vectors.",
        ]
    else:
        metadata = _metadata(about, library=form, pipeline="feature-extraction", tags=["cross-lingual"], source=source)
        use = [_code(_plain_use(pooling, max_len=max_len, layer=None, name=where), "python")]
    is_from = (
        f"What comes out is hidden state {layer} (0: embeddings) of the model it was made from; blocks that are not "
        f"needed for it are left out, and so is a masked-LM head. Vectors of texts: {_pooling_words(pooling)}. "
        f"Texts are cut after {max_len} tokens."
    )
    if prompt and form == "sentence-transformers":
        is_from += f" `{prompt}` is put in front of every text (`default_prompt_name`)."
    origin = _origin(about, rows, about.get("recipe", {})) if about else []
    return _card(metadata, [f"# {name}", is_from, *_what(about), "## Use", *use, *origin], about)


def write_model_card(folder: RunFolder) -> None:
    """Write the card of a run into its `model/`, replaced whole; nothing where the run has no model yet."""
    from xl_translit import replacing

    if folder.model.is_dir():
        with replacing(folder.model / FILE) as file:
            file.write(model_card(folder.about(), folder.rows()))


def language_tag(code: str) -> str:
    """The tag by which the hub lists a language: two letters where ISO 639-1 has them, else ISO 639-3.

    A member of a macrolanguage that stands for it goes by the macrolanguage: "fa" for `pes_Arab`, "tr" for `tur_Latn`.
    """
    from langcodes import standardize_tag

    return standardize_tag(code.partition("_")[0], macro=True)


_POOLING_WORDS = {
    "mean-content": "the mean over the tokens of the text, without special tokens",
    "mean-all": "the mean over all tokens, special ones too",
    "mean-weighted": "the mean over all tokens, each weighted by its place",
    "mean-sqrt": "the sum over all tokens, divided by the square root of their number",
    "max": "the largest number of each dimension over all tokens",
    "first": "the state of the first token",
    "last": "the state of the last token",
}


def _pooling_words(pooling: str) -> str:
    return ", and behind it ".join(_POOLING_WORDS[name] for name in pooling.split(","))


def _card(metadata: dict[str, Any], parts: Iterable[str], about: Mapping[str, Any]) -> str:
    from huggingface_hub import ModelCardData

    head = ModelCardData(**metadata).to_yaml(line_break="\n")
    if "license" not in metadata:
        if not about:
            why = "What this model was made from is not recorded in its folder."
        elif about.get("recipe", {}).get("model", {}).get("from", "new") != "new":
            why = "The terms of the model that it started from apply, and those of the data."
        else:
            why = "No single licence that the hub has a name for follows from the data listed below."
        title, *rest = parts
        parts = [title, _LICENCE_NOTE.format(why=why), *rest]
    return f"---\n{head}\n---\n\n" + "\n\n".join(part for part in parts if part) + "\n"


def _metadata(
    about: Mapping[str, Any], *, library: str, pipeline: str, tags: list[str], source: str = ""
) -> dict[str, Any]:
    languages = sorted({language_tag(code) for corpus in about.get("data", []) for code in corpus["languages"]})
    objectives = [entry["name"] for entry in about.get("recipe", {}).get("objective", [])]
    base = _base_model(about) or ("" if about else _hub_id(source))
    metadata = {
        "language": languages,
        "license": "" if base or not about else _licence(about),
        "library_name": library,
        "pipeline_tag": pipeline,
        "tags": [*tags, *objectives],
        "base_model": base,
    }
    return {key: value for key, value in metadata.items() if value}


def _licence(about: Mapping[str, Any]) -> str:
    """The licence of a new model whose data all have one and the same; "" where that is not so."""
    names = [corpus["name"] for corpus in about.get("data", [])]
    licences = {_HUB_LICENCES.get(DATASETS[name].licence, "") if name in DATASETS else "" for name in names}
    return licences.pop() if len(licences) == 1 else ""


def _base_model(about: Mapping[str, Any]) -> str:
    return _hub_id(about.get("recipe", {}).get("model", {}).get("from", "new"))


def _hub_id(name: str) -> str:
    """`name` where it can be a hub id; a folder of this machine means nothing to a reader of the card."""
    is_local = Path(name).exists() or Path(name).is_absolute() or name.startswith((".", "~")) or name.count("/") > 1
    return "" if is_local or name == "new" else name


def _name(about: Mapping[str, Any], rows: Sequence[Row]) -> str:
    given = about.get("recipe", {}).get("model", {}).get("name")
    return given or next((row.model for row in rows if row.model), "") or str(about.get("recipe_name", "model"))


def _what(about: Mapping[str, Any]) -> list[str]:
    """What the model is, in a few sentences."""
    if not about:
        return []
    model = about.get("recipe", {}).get("model", {})
    kept = about.get("model", {})
    start = model.get("from", "new")
    if start == "new":
        origin = f"A new encoder ({model.get('size', '')}) trained from random weights"
    else:
        revision = f" at revision {model['revision']}" if model.get("revision") else ""
        origin = f"An encoder post-trained from `{_hub_id(start) or Path(start).name}`{revision}"
    variant = kept.get("variant", "")
    if variant:
        origin += f" with {in_words(variant)}"
    sentences = [f"{origin}, so that texts of different languages and scripts that mean the same lie close together."]
    if about.get("n_parameters"):
        sentences.append(f"It has {about['n_parameters']:,} parameters.")
    if rank := about.get("recipe", {}).get("train", {}).get("lora_rank"):
        sentences.append(f"Low-rank updates of rank {rank} were trained and added to its weights.")
    trained = {"embeddings": "Its token embeddings", "new": "The embeddings of its new pieces"}
    if which := trained.get(about.get("recipe", {}).get("train", {}).get("only", "all")):
        sentences.append(
            f"{which} were trained{' beside these' if rank else ' alone; all other weights are as before'}."
        )
    if about.get("prompt"):
        sentences.append(f"It reads texts with `{about['prompt']}` in front of them.")
    for entry in about.get("recipe", {}).get("objective", []):
        if entry.get("projector") and entry["name"] in variant.split("+"):
            sentences.append(
                f"While it was trained, {entry['name']} compared its vectors behind a learned projection to "
                f"{entry['projector']} dimensions, which is no part of this model."
            )
    text = [" ".join(sentences)]
    if about.get("status") != "finished":
        step = f" after step {kept['step']} of {variant}" if "step" in kept else ""
        text.append(f"**The run is not finished**: this is its state{step}.")
    return text


def _vectors_are_read(layer: int | None, about: Mapping[str, Any]) -> str:
    place = f"hidden state {layer} (0: embeddings)" if layer is not None else "the last hidden state"
    return f"Vectors of texts are read at {place}: {_pooling_words(_pooling(about))}."


def _pooling(about: Mapping[str, Any]) -> str:
    pooling = about.get("pooling") or about.get("recipe", {}).get("model", {}).get("pooling")
    return pooling or "mean-content"


def _max_len(about: Mapping[str, Any]) -> int:
    return int(about.get("recipe", {}).get("model", {}).get("max_len", 128))


def _plain_use(pooling: str, *, max_len: int, layer: int | None, name: str = ".") -> str:
    """Code that gives the vectors of three texts; layer None reads the last state of a model that was cut."""
    states = (
        "model(**batch).last_hidden_state"
        if layer is None
        else f"model(**batch, output_hidden_states=True).hidden_states[{layer}]"
    )
    names = pooling.split(",")
    pool = _POOL[pooling] if len(names) == 1 else "\n".join(_part(name, n) for n, name in enumerate(names, 1))
    if len(names) > 1:
        pool += f"\nvectors = torch.cat([{', '.join(f'part_{n}' for n in range(1, len(names) + 1))}], dim=1)"
    return _PLAIN_USE.format(name=name, max_len=max_len, states=states, pool=pool)


def _part(name: str, number: int) -> str:
    """Code for one pooling of several."""
    return _POOL[name].replace("vectors = ", f"part_{number} = ")


def _origin(about: Mapping[str, Any], rows: Sequence[Row], recipe: Mapping[str, Any]) -> list[str]:
    """Results, data, recipe, versions."""
    return [*_results(about, rows), *_data(about), *_recipe(recipe), *_versions(about)]


def _results(about: Mapping[str, Any], rows: Sequence[Row]) -> list[str]:
    if not rows:
        return ["## Results", "Nothing was scored in this run."]
    config = about.get("recipe", {}).get("eval", {})
    measured = f"Measured on `{Path(config['data']).name}`" if config.get("data") else "Measured on items held out"
    variant = about.get("model", {}).get("variant")
    this = f" This model is the line `{variant}`." if variant in {row.variant for row in rows} else ""
    intro = f"{measured}; each figure is a row of the run's `results.jsonl`.{this}"
    return ["## Results", intro, *_tables([asdict(row) for row in rows])]


def _tables(rows: list[dict[str, object]]) -> list[str]:
    """Retrieval as its own table where there is some, and means of everything else."""
    retrieval = [row for row in rows if row["task"] == "retrieval"]
    others = [row for row in rows if row["task"] != "retrieval"]
    tables = []
    if retrieval:
        try:
            tables.append(retrieval_table(retrieval).render("md"))
        except AnalysisError:  # rows of other metrics, or added by hand without scripts
            others = rows
    if others:
        try:
            tables.append(metric_table(others).render("md"))
        except AnalysisError as error:
            tables.append(f"The rows make no table: {error}")
    return tables


def _data(about: Mapping[str, Any]) -> list[str]:
    if not about.get("data"):
        return []
    lines = ["| data | languages | licence | source | SHA-256 |", "| --- | --- | --- | --- | --- |"]
    for corpus in about["data"]:
        entry = DATASETS.get(corpus["name"])
        licence, source = (entry.licence, entry.source) if entry else ("not known here", "not known here")
        cells = [corpus["name"], " ".join(corpus["languages"]), licence, source, f"`{corpus['fingerprint']}`"]
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    n_texts = about.get("n_training_texts")
    parts = ["## Training data", "\n".join(lines), f"{n_texts:,} distinct training texts." if n_texts else ""]
    texts: Mapping[str, Any] = about.get("texts", {})
    for name, counts in texts.items():
        each = [
            f"{code} {its['taken']:,}" + (f" of {its['of']:,}" if its["of"] != its["taken"] else "")
            for code, its in counts.items()
        ]
        parts.append(f"Texts of each language{f' ({name})' if len(texts) > 1 else ''}: {', '.join(each)}.")
    return parts


def _recipe(recipe: Mapping[str, Any]) -> list[str]:
    if not recipe:
        return []
    import tomli_w

    return [
        "## Recipe",
        "Every key as it was used. To run it again, save it as `recipe.toml`: `xl align recipe.toml --out FOLDER`.",
        _code(tomli_w.dumps(_without_none(recipe)).rstrip() + "\n", "toml"),
    ]


def _without_none(value: Any) -> Any:
    """`value` without keys whose value is None: TOML has no word for them, and a key left out means the same."""
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, (list, tuple)) else value


def _versions(about: Mapping[str, Any]) -> list[str]:
    if not about.get("versions"):
        return []
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    facts = [f"Device: {about.get('device', 'not recorded')}", f"seed {about.get('seed', 'not recorded')}"]
    if about.get("wall_seconds") is not None:
        facts.append(f"{about['wall_seconds']:,.0f} s")
    return ["## Versions", f"{', '.join(facts)}. {versions}."]


def _code(text: str, language: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"


def read_about(path: Path) -> dict[str, Any]:
    """Content of the run.json in `path`; empty where it is no run."""
    file = path / "run.json"
    return read_object(file) if file.is_file() else {}
