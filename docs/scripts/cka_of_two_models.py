"""Likeness of two Hugging Face models' layers: python cka_of_two_models.py MODEL MODEL TEXT (needs xl-analysis).

MODEL: a folder or hub id. TEXT: a sentence a line. Prints a line a layer of the first, its CKA with each of the second.
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer

from xl_analysis import cka_matrix

*names, file = sys.argv[1:]
texts = Path(file).read_text(encoding="utf-8").splitlines()


def means(name: str) -> list[torch.Tensor]:
    """Of each layer the mean states of the sentences, (sentences, width)."""
    tokenizer, model = AutoTokenizer.from_pretrained(name), AutoModel.from_pretrained(name).eval()
    batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        states = model(**batch, output_hidden_states=True).hidden_states
    mask = batch["attention_mask"].unsqueeze(-1)
    return [(layer * mask).sum(1) / mask.sum(1) for layer in states]


first, second = map(means, names)
views = {str(place): layer.double().numpy() for place, layer in enumerate((*first, *second))}
_, likeness = cka_matrix(views, debiased=True)
for number, row in enumerate(likeness[: len(first), len(first) :]):
    print(number, *(f"{value:.3f}" for value in row))
