"""What the fuzzer came upon: for each reader the shortest input that led to each of its answers, read again.

`fuzzed.json` holds them, kind -> inputs in base64; `fuzzing.py` made them from the small files of the readers' tests.
"""

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.trust.fuzzing import kinds, prepared

FUZZED = json.loads((Path(__file__).parent / "fuzzed.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("kind", FUZZED)
def test_it_is_read_or_refused_in_one_sentence(kind: str, tmp_path: Path) -> None:
    _, read, errors = prepared(kinds()[kind], tmp_path)
    said = []
    for each in FUZZED[kind]:
        try:
            read(base64.b64decode(each))
        except errors as error:
            said += str(error).split("\n")
    assert all(line.isprintable() for line in said)
