"""An encoder's backbone under a new head: the class that `transformers` itself has for the kind of task.

Folders written here are therefore opened by `AutoModelForSequenceClassification`, `...TokenClassification` and
`...QuestionAnswering` everywhere.
"""

import copy
import inspect
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from safetensors import safe_open
from torch import Tensor, nn

from xl_encoders.model.trainable import Trainable
from xl_encoders.whole_files import replace_whole
from xl_tasks.errors import TaskError
from xl_tasks.tuning.collate import Batch, collate
from xl_tasks.tuning.delta import adding, delta_point, mean_row_norm
from xl_tasks.tuning.problem import Feature, Problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from xl_encoders import Encoder

_log = logging.getLogger(__name__)

_CLASSES = {
    "classification": "AutoModelForSequenceClassification",
    "tagging": "AutoModelForTokenClassification",
    "answering": "AutoModelForQuestionAnswering",
}

# What sums a text up for a classifier. Encoders are opened without it: nothing but such a head reads it.
_POOLER = "pooler."


class TaskModel(Trainable):
    """A backbone and a head. Of the encoder that it was made from it shares nothing but the tokenizer.

    model: the `transformers` model. kind: "classification", "tagging" or "answering".
    """

    def __init__(self, model: "PreTrainedModel", encoder: "Encoder", kind: str) -> None:
        super().__init__()
        self.model = model
        self.kind = kind
        self.tokenizer = encoder.tokenizer
        self.pad_multiple = encoder.pad_multiple
        # A family with one type only, or none, is not asked, whatever its tokenizer gives. XLM would look them up among
        # its words.
        self._takes_types = (
            "token_type_ids" in inspect.signature(model.forward).parameters
            and getattr(model.config, "type_vocab_size", 0) > 1
        )
        self._needs_mask = model.config.model_type == "xlm"

    @classmethod
    def of(cls, encoder: "Encoder", problem: Problem, *, seed: int) -> "TaskModel":
        """The weights of `encoder` under a new head, drawn from `seed`; on the CPU, in float32.

        Raises TaskError where `transformers` has no such model for the family.
        """
        import transformers

        config = _task_config(encoder, problem)
        auto: Any = getattr(transformers, _CLASSES[problem.kind])
        if type(config) not in auto._model_mapping:
            message = (
                f"{encoder.name} is a {config.model_type} model, for which transformers has no "
                f"{_CLASSES[problem.kind]}; take another encoder, or a probe for classification and tagging."
            )
            raise TaskError(message)
        attention = getattr(encoder.model.config, "_attn_implementation", None)
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(seed)
            model = auto.from_config(config, dtype=torch.float32, attn_implementation=attention)
        _graft(model.base_model, encoder)
        return cls(model, encoder, problem.kind)

    def collate(self, features: Sequence[Feature]) -> Batch:
        """`features` as one padded batch on the CPU."""
        return collate(features, pad_id=self.tokenizer.pad_token_id, multiple=self.pad_multiple)

    def forward(self, batch: Batch, delta: Tensor | None = None, layer: int = 0) -> Float[Tensor, "batch *len outputs"]:
        """Logits: (batch, n_labels) for classification, (batch, len, n_labels) for tagging, (batch, len, 2) else.

        Those of answering are the lowest number there is at padding.

        delta: (batch, len, width), what is added to the word embeddings, or for `layer` k to the output of block k.
        """
        inputs: dict[str, Tensor] = {"input_ids": batch.ids}
        # Without padding there is nothing to hide, and attention is faster with no mask at all.
        if batch.padded or self._needs_mask:
            inputs["attention_mask"] = batch.real.long()
        if self._takes_types and batch.types is not None:
            inputs["token_type_ids"] = batch.types
        point = self.model if delta is None else delta_point(self.model, layer)
        with adding(point, delta):
            out = self.model(**inputs)
        if self.kind == "answering":
            # An answer is a choice among places, and padding is none: left in, it would shift the loss with the batch.
            logits = torch.stack([out.start_logits, out.end_logits], dim=-1)
            return logits.masked_fill(~batch.real[..., None], torch.finfo(logits.dtype).min)
        return out.logits

    def save(self, folder: Path | str) -> None:
        """Write a folder that the kind's `AutoModelFor...` and `AutoTokenizer` open: config, safetensors, tokenizer."""

        def write(aside: Path) -> None:
            self.model.save_pretrained(aside)
            self.tokenizer.save_pretrained(aside)

        replace_whole(Path(folder), write)


def mean_embedding_norm(encoder: "Encoder") -> float:
    """Mean Euclidean length of the word embeddings: what a relative radius of robust training is a share of."""
    return mean_row_norm(encoder.model)


def _task_config(encoder: "Encoder", problem: Problem) -> Any:
    config = copy.deepcopy(encoder.model.config)
    config.num_labels = problem.n_outputs
    if problem.labels and problem.kind != "answering":
        config.id2label = dict(enumerate(problem.labels))
        config.label2id = {label: number for number, label in enumerate(problem.labels)}
    if problem.kind == "classification":
        config.problem_type = "single_label_classification"
    return config


def _graft(base: nn.Module, encoder: "Encoder") -> None:
    """Copy the encoder's weights into `base`; nothing stays random for which there is a pretrained value."""
    given = encoder.model.base_model.state_dict()
    own = base.state_dict()
    if any(_POOLER in name for name in own):
        given = _with_pooler(given, own, encoder)
    given = {name: tensor for name, tensor in given.items() if name in own or _POOLER not in name}
    missing = [name for name in own if name not in given and _POOLER not in name]
    unlike = [name for name in given if name not in own or given[name].shape != own[name].shape]
    if missing or unlike:
        message = (
            f"the weights of {encoder.name} do not fit {type(base).__name__} of the same config "
            f"({(missing + unlike)[0]}, ...); save it with save_pretrained and load it again."
        )
        raise TaskError(message)
    base.load_state_dict(given, strict=False)


def _with_pooler(given: Mapping[str, Tensor], own: Mapping[str, Tensor], encoder: "Encoder") -> dict[str, Tensor]:
    """`given` with the pooler that the encoder's own files hold, and without one that they do not hold.

    An encoder opened from files without a pooler has a random one, which no seed was set for.
    """
    stored = _stored(encoder, _POOLER)
    weights = dict(given)
    if stored is not None:
        ends = {name: [key for key in stored if key == name or key.endswith(f".{name}")] for name in own}
        for name in (name for name in own if _POOLER in name):
            weights.pop(name, None)
            if ends[name]:
                weights[name] = stored[ends[name][0]]
    if any(_POOLER in name and name not in weights for name in own):
        _log.info("%s has no pretrained pooler; the head begins with a random one.", encoder.name)
    return weights


def _stored(encoder: "Encoder", part: str) -> dict[str, Tensor] | None:
    """Tensors with `part` in their name in the files that the encoder was opened from; None where there are none."""
    from transformers.utils import cached_file

    source = encoder.model.name_or_path
    if not source:
        return None

    def find(name: str) -> str | None:
        return cached_file(
            source,
            name,
            local_files_only=True,
            revision=getattr(encoder.model.config, "_commit_hash", None),
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
            _raise_exceptions_for_gated_repo=False,
        )

    try:
        index = find("model.safetensors.index.json")
        names = ["model.safetensors"]
        if index:
            shards = json.loads(Path(index).read_text(encoding="utf-8"))["weight_map"]
            names = sorted({file for key, file in shards.items() if part in key})
        files = [find(name) for name in names]
    except (OSError, ValueError, LookupError, RecursionError):
        return None
    if not names:
        return {}
    stored: dict[str, Tensor] = {}
    if not all(files):
        return None
    for file in files:
        with safe_open(file, framework="pt") as tensors:
            stored |= {key: tensors.get_tensor(key) for key in tensors.keys() if part in key}  # noqa: SIM118
    return stored
