"""Speed of question answering around the model: windows and answers of XQuAD, against the plain way.

    XL_DATA=shared/data python -m tests.bench.bench_answering [LANGUAGE]

The plain way is that of the example scripts of `transformers`, written anew: the tokenizer's own overflowing windows
of each question, and loops over the best starts and ends. Both read the same tokenizer, learnt on the contexts, and the
same random logits. Seconds are those of the processor, the best of five runs.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from xl_encoders import train_tokenizer
from xl_tasks.datasets.answering.question_sets import load_xquad
from xl_tasks.problems.answering.problem import AnsweringProblem
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.units.unit import AsWritten

_CONFIG = TuningConfig(max_len=384, window_step=128, query_len=64, answer_len=30, n_best=20)


def main() -> None:
    language = sys.argv[1] if len(sys.argv) > 1 else "el"
    examples = load_xquad(Path(os.environ["XL_DATA"]) / "xquad", [language])
    asked = examples.split(language, "test")
    tokenizer = train_tokenizer(sorted({q.context for q in asked}), n_pieces=4000)
    problem = AnsweringProblem(tokenizer, unit=AsWritten(), config=_CONFIG)
    features, again = _timed(lambda: problem.features(asked, language, training=False))
    _, ours = _timed(
        lambda: AnsweringProblem(tokenizer, unit=AsWritten(), config=_CONFIG).features(asked, language, training=False)
    )
    plain_features, plain = _timed(lambda: [_plain_windows(tokenizer, q) for q in asked])
    print(f"{len(asked)} questions, {len(features)} windows")
    print(f"windows: {ours:.3f} s, tokenised before {again:.3f} s; plain {plain:.3f} s; ratio {plain / ours:.1f}")
    generator = np.random.default_rng(0)
    logits = [generator.normal(size=(len(f.ids), 2)).astype(np.float32) for f in features]
    by_example: list[list[Any]] = [[] for _ in asked]
    for feature, values in zip(features, logits, strict=True):
        by_example[feature.example].append(values)
    _, ours = _timed(lambda: problem.decode(asked, features, logits))
    _, plain = _timed(
        lambda: [
            _plain_answer(q.context, windows, values)
            for q, windows, values in zip(asked, plain_features, by_example, strict=True)
        ]
    )
    print(f"answers: {ours:.3f} s; plain {plain:.3f} s; ratio {plain / ours:.1f}")


def _plain_windows(tokenizer: Any, question: Any) -> Any:
    room = _CONFIG.max_len - tokenizer.num_special_tokens_to_add(pair=True) - len(tokenizer.tokenize(question.question))
    return tokenizer(
        question.question, question.context, truncation="only_second", max_length=_CONFIG.max_len,
        stride=max(0, room - _CONFIG.window_step), return_overflowing_tokens=True, return_offsets_mapping=True,
    )  # fmt: skip


def _plain_answer(context: str, windows: Any, logits: list[Any]) -> str:
    best = (-np.inf, "")
    for number, values in enumerate(logits):
        offsets, sequence = windows["offset_mapping"][number], windows.sequence_ids(number)
        starts, ends = (np.argsort(values[:, side])[-1 : -_CONFIG.n_best - 1 : -1].tolist() for side in (0, 1))
        for start in starts:
            for end in ends:
                if sequence[start] != 1 or sequence[end] != 1 or not start <= end < start + _CONFIG.answer_len:
                    continue
                score = values[start, 0] + values[end, 1]
                if score > best[0]:
                    best = (score, context[offsets[start][0] : offsets[end][1]])
    return best[1]


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    seconds = []
    for _ in range(5):
        start = time.process_time()
        result = work()
        seconds.append(time.process_time() - start)
    return result, min(seconds)


if __name__ == "__main__":
    main()
