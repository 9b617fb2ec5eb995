"""Readers of what lies beside other files: models and runs in their folders, links, tables, pairs and text columns.

Each reads a file that is edited; what belongs beside it is written as it should be.
"""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from safetensors.numpy import save
from tests.workspace.reader import Reader

from xl_analysis import AnalysisError, parse_gold, read_layout
from xl_cli import CliError
from xl_cli.alignment.vocabulary import read_entries
from xl_cli.data.bitexts import read_couple
from xl_cli.data.columns import read_columns
from xl_cli.folder.at_hand import run_model
from xl_cli.folder.result_files import csv_rows
from xl_cli.folder.run_folder import RunFolder
from xl_cli.mining.known import read_known
from xl_cli.mining.sentences import Sentences
from xl_cli.words.bible_links import read_bible_links
from xl_cli.words.confidence import read_calibration
from xl_cli.words.config import AlignWordsConfig
from xl_encoders import EncoderError, load_transform, read_model_files, read_sentence_form
from xl_encoders.streams.text_index import Columns, index_texts
from xl_staticemb import StaticembError, read_feedback
from xl_tasks import TaskError
from xl_translit import TranslitError, hash_file, read_lines, written_pairs

WRITTEN = "text\tromanized\na\tb\n"


def beside(path: Path, **files: str) -> Path:
    """The folder of `path`, with further files in it: name, with `__` for a dot, and content."""
    for name, content in files.items():
        path.with_name(name.replace("__", ".")).write_text(content, encoding="utf-8")
    return path.parent


def streamed(path: Path) -> None:
    """What `xl align` draws from columns of text: rows that are kept, empty or repeated make up all of them."""
    columns = Columns(original="text", romanised=None, language=None)
    index = index_texts([path], columns, file_languages=["tur_Latn"], deduplicate=True, limit=None, cache=None)
    n_kept = sum(len(index.rows(chunk)) for chunk in range(index.n_chunks))
    assert n_kept + index.n_empty + index.n_duplicates == index.n_rows
    assert len(read_columns(path, ["text"])) == index.n_rows


def paired(path: Path) -> None:
    """Pairs that `xl translit` wrote, whose manifest tells what lies there now."""
    output = {"sha256": hash_file(path), "format": path.suffix[1:], "columns": ["text", "romanized"]}
    manifest = {"output": output, "inputs": [], "options": {"to": "latn", "lang": None}}
    beside(path, **{f"{path.name}.manifest.json".replace(".", "__"): json.dumps(manifest)})
    for pairs in written_pairs([path]):
        assert all(isinstance(text, str) and isinstance(result, str) for text, result in pairs)


def manifested(path: Path) -> None:
    beside(path, p__tsv=WRITTEN)
    for pairs in written_pairs([path.with_name("p.tsv")]):
        list(pairs)


def judged(path: Path) -> None:
    beside(path, one="su\nev\n", other="water\nhouse\n")
    read_known(path, *(Sentences(path.with_name(name), ids=False) for name in ("one", "other")))


def linked(path: Path) -> None:
    for side, words in (("sources/a", ("su", "ev")), ("targets/b/x_b", ("water", "house"))):
        table = path.parent / f"{side}.tsv"
        table.parent.mkdir(parents=True, exist_ok=True)
        rows = (f"{number + 1:012d}\t{word}" for number, word in enumerate(words))
        table.write_text("\n".join(["id\ttext", *rows]), encoding="utf-8")
    read_bible_links(path)


def calibrated(path: Path) -> None:
    read_calibration(AlignWordsConfig(model="m", text=("a", "b"), calibration=str(path)), "m", 1)([0.5])


def modelled(path: Path) -> None:
    """What is said of a model before its library is loaded; what is not there is written, small."""
    for name, content in MODEL.items():
        if not path.with_name(name).exists():
            path.with_name(name).write_bytes(content)
    files = read_model_files(str(path.parent))
    files.faults(with_head=True, max_len=8)
    assert files.n_embedded >= 0
    assert [files.n_layers, files.width, files.n_parameters]


def formed(path: Path) -> None:
    beside(path, config_sentence_transformers__json='{"prompts": {"query": "q: "}, "default_prompt_name": "query"}')
    for folder, config in (("1_Pooling", {"pooling_mode": "mean"}), ("2_Dense", {"in_features": 2, "out_features": 2})):
        (path.parent / folder).mkdir(exist_ok=True)
        (path.parent / folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    read_sentence_form(str(path.parent))


def run_of(path: Path) -> None:
    (path.parent / "model").mkdir(exist_ok=True)
    run_model(str(path.parent))


def resumed(path: Path) -> None:
    run = RunFolder(path.parent)
    run.about()
    run.logged()


def logged(path: Path) -> None:
    RunFolder(path.parent).drop_log_after("mlm", 3)


def columnar(write: Callable[[pa.Table, io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    write(pa.table({"text": ["su", None, "ev", "su"]}), stream)
    return stream.getvalue()


def arrow(table: pa.Table, stream: io.BytesIO) -> None:
    with pa.ipc.new_file(stream, table.schema) as writer:
        writer.write_table(table)


def arrow_stream(table: pa.Table, stream: io.BytesIO) -> None:
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


MODEL = {
    "config.json": as_json({"model_type": "bert", "vocab_size": 3, "hidden_size": 2, "num_hidden_layers": 1,
                            "max_position_embeddings": 8, "architectures": ["BertForMaskedLM"]}),
    "tokenizer.json": as_json({"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": [{"content": "c"}]}),
    "tokenizer_config.json": as_json({"tokenizer_class": "PreTrainedTokenizerFast", "mask_token": "c"}),
    "model.safetensors": save({"embeddings.word_embeddings.weight": np.zeros((8, 2), np.float32)}),
}  # fmt: skip
SHARDED = as_json({"weight_map": {"a": "model.safetensors", "b": "gone.safetensors"}})
MODULES = as_json(
    [{"type": f"x.{kind}", "path": path} for kind, path in
     (("Transformer", ""), ("Pooling", "1_Pooling"), ("Dense", "2_Dense"), ("Normalize", "3_Normalize"))]
)  # fmt: skip
LINKS = as_json(
    {
        "documents": [{"docid": "a"}, {"docid": "b"}],
        "records": [{"source": ["000000000001"], "target": ["000000000002"]}],
    }
)
CURVE = as_json(
    {"method": "isotonic", "knots": [[0.0, 0.1], [1.0, 0.9]], "slope": 0, "shift": 0, "n": 2, "links": "mutual"}
)
PLATT = as_json({"method": "platt", "knots": [], "slope": 2.5, "shift": -1, "n": 2, "links": "mutual"})
LAYOUT = (
    b'paper = "p"\ntitle = "t"\n[languages]\nall = ["tur_Latn"]\n[[score]]\nname = "F1"\ntask = "panx"\nmetric = "f1"\n'
    b'[[table]]\nnumber = "1"\ntitle = "t"\nscores = ["F1"]\ndown = ["system"]\nacross = ["language"]\n'
)
ABOUT = as_json({"recipe_name": "a", "status": "finished", "variant": "mlm", "model": {"name": "m"}})
LOG = b'{"variant": "mlm", "step": 3}\n{"variant": "a", "step": 4}\n'
DIGEST = hashlib.sha256(WRITTEN.encode()).hexdigest()
PAIRS = as_json(
    {
        "output": {"sha256": DIGEST, "format": "tsv", "columns": ["text", "romanized"]},
        "inputs": [],
        "options": {"to": "latn", "lang": None},
    }
)
TRANSFORM = save({"0.mean": np.zeros(2, np.float32)}, {"xl_transforms": json.dumps(["center"])})
TABLE = [b"language,top1,top5\ntur_Latn,0.5,0.75\neng_Latn,-,1\n", b"model,tur_Latn,eng_Latn\na,1,2\n",
         b"task,metric,value,source,target\nbli,p@1,0.5,tr,en\n"]  # fmt: skip

CLI, ENCODER, COLUMN = (CliError, TranslitError), (EncoderError,), (EncoderError, CliError)
TRANSLIT = (TranslitError,)
FOLDER_READERS = {
    "text column of JSON lines": Reader("t.jsonl", [b'{"text": "su"}\n{"text": "ev", "n": 1}\n'], streamed,
                                        COLUMN, False),
    "text column of Parquet": Reader("t.parquet", [columnar(parquet.write_table)], streamed, COLUMN, False),
    "text column of Arrow": Reader("t.arrow", [columnar(arrow), columnar(arrow_stream)], streamed, COLUMN, False),
    "romanised pairs, TSV": Reader("p.tsv", [b"text\tromanized\na\tb\n\tc\n"], paired, TRANSLIT, False),
    "romanised pairs, JSON lines": Reader("p.jsonl", [b'{"text": "a", "romanized": "b"}\n'], paired, TRANSLIT, False),
    "manifest of pairs": Reader("p.tsv.manifest.json", [PAIRS], manifested, TRANSLIT, False, False),
    "bitext in columns": Reader("b.tsv", [b"su\twater\nev\thouse\tx\n"], lambda path: read_couple(path, None), CLI),
    "words of a vocabulary": Reader("w.tsv", [b"su\twater\n\nev\thouse\n"], lambda path: read_entries(str(path)), CLI),
    "known pairs": Reader("k.tsv", [b"su\twater\t1\n1\t2\t0\n2\tx\n"], judged, CLI),
    "feedback": Reader("f.tsv", [b"1\tsu\tev\talike\n2\tsu\tat\tunlike\n", b"su\tev\talike\n"], read_feedback,
                       (StaticembError,), False),
    "gold links": Reader("g.txt", [b"0-0 1?2\n1p1\n"],
                         lambda path: list(parse_gold(read_lines(path), lens=[(2, 3), (2, 2)], name=str(path))),
                         (AnalysisError, TranslitError)),
    "links of a Bible": Reader("l.json", [LINKS], linked, CLI, False),
    "calibration": Reader("c.json", [CURVE, PLATT], calibrated, (CliError, AnalysisError), False),
    "layout of tables": Reader("l.toml", [LAYOUT], read_layout, (AnalysisError,), False),
    "results in CSV": Reader("r.csv", TABLE, csv_rows, (*CLI, TaskError), False),
    "results in TSV": Reader("r.tsv", [table.replace(b",", b"\t") for table in TABLE], csv_rows, (*CLI, TaskError)),
    "a run's model": Reader("run.json", [ABOUT], run_of, CLI, False, False),
    "a run": Reader("run.json", [ABOUT], resumed, CLI, False),
    "log of a run": Reader("log.jsonl", [LOG], logged, CLI, False),
    **{f"model, {name}": Reader(name, [content], modelled, ENCODER, False) for name, content in MODEL.items()},
    "model, its shards": Reader("model.safetensors.index.json", [SHARDED], modelled, ENCODER, False),
    "modules of a sentence encoder": Reader("modules.json", [MODULES], formed, ENCODER, False),
    "transform": Reader("t.safetensors", [TRANSFORM], load_transform, ENCODER, False),
}  # fmt: skip
