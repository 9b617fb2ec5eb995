"""What a fine-tuned classifier says of texts: logits of any folder of `AutoModelForSequenceClassification`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from xl_encoders import load_encoder
from xl_tasks.errors import TaskError

if TYPE_CHECKING:
    from xl_encoders import Encoder

_BATCH = 32


class Classifier:
    """A sequence classifier as `xl eval --save-models` or `save_pretrained` wrote it, in float32, for single texts."""

    def __init__(self, model: Any, encoder: "Encoder") -> None:
        self.model = model
        self.encoder = encoder

    @classmethod
    def load(cls, name_or_path: str, *, revision: str = "", max_len: int | None = None, name: str = "") -> "Classifier":
        """Open a folder or a hub id; weights from safetensors only, no remote code.

        TaskError for a model whose config names no sequence classifier, or one of a single output, which is no
        distribution; EncoderError for one that cannot be opened.
        """
        from transformers import AutoModelForSequenceClassification

        encoder = load_encoder(name_or_path, revision=revision, max_len=max_len, name=name)
        config = encoder.model.config
        kinds = config.architectures or []
        if not any(kind.endswith("ForSequenceClassification") for kind in kinds):
            message = (
                f"{name_or_path} gives no logits: its config.json names {', '.join(kinds) or 'no head'}; name a "
                "fine-tuned classifier, such as xl eval TASK --save-models keeps in OUT/models."
            )
            raise TaskError(message)
        where = {} if Path(name_or_path).is_dir() else {"revision": revision or "main"}
        model: Any = AutoModelForSequenceClassification.from_pretrained(
            name_or_path, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, **where
        )
        if model.config.num_labels < 2:
            message = f"{name_or_path} has a single output; a distribution over labels needs two or more."
            raise TaskError(message)
        return cls(model.eval(), encoder)

    def probs(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(n_texts, n_labels), rows that sum to 1: the softmax of `logits`."""
        return torch.from_numpy(self.logits(texts)).softmax(dim=1).numpy()

    @torch.inference_mode()
    def logits(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(n_texts, n_labels), in the order of `texts`; texts are cut at the encoder's longest input."""
        tokenizer = self.encoder.tokenizer
        encoded = tokenizer(list(texts), truncation=True, max_length=self.encoder.max_len)
        order = np.argsort([len(ids) for ids in encoded["input_ids"]], kind="stable")
        found = np.empty((len(order), self.model.config.num_labels))
        for first in range(0, len(order), _BATCH):
            places = order[first : first + _BATCH]
            batch = tokenizer.pad(
                {key: [values[place] for place in places] for key, values in encoded.items()},
                return_tensors="pt",
                pad_to_multiple_of=self.encoder.pad_multiple,
            )
            found[places] = self.model(**batch.to(self.model.device)).logits.double().cpu().numpy()
        return found
