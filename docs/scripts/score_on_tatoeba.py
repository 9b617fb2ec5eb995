"""Any sentence-transformers model on Tatoeba: python score_on_tatoeba.py MODEL FOLDER (needs xl-tasks).

FOLDER: tatoeba.XXX-eng.XXX and tatoeba.XXX-eng.eng. Prints accuracy into English and back, as XTREME has it.
"""

import sys

import numpy as np
from sentence_transformers import SentenceTransformer

from xl_tasks import load_tatoeba

name, folder = sys.argv[1:]
model = SentenceTransformer(name, device="cpu")
data = load_tatoeba(folder)
for language in data.texts:
    if language == "eng_Latn":
        continue
    keys = [key for key in data.texts[language] if key in data.texts["eng_Latn"]]
    vectors = [
        model.encode([data.texts[code][key] for key in keys], normalize_embeddings=True, show_progress_bar=False)
        for code in (language, "eng_Latn")
    ]
    cosines = vectors[0] @ vectors[1].T
    right = np.arange(len(keys))
    into, back = (np.mean(cosines.argmax(axis) == right) for axis in (1, 0))
    print(f"{language}: {into:.3f} into English, {back:.3f} back, {len(keys)} pairs")
