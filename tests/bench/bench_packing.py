"""One post-training step (PPA) with and without padding on real sentences: real tokens a second. Run by hand.

    OMP_NUM_THREADS=1 uv run python -m tests.bench.bench_packing --data DIR --size base --batch 8 --steps 4

DIR holds `sib200` and `tatoeba` (XL_DATA by default): news of like length, or with `--corpus tatoeba` sentences of many
lengths in all its languages but English. A step is three masked views (original, romanised, `<s> A </s> B </s>`), the
masked-LM head on the picked positions, the contrast of the mean-pooled first two, forward and backward. Plain is the
usual way: three padded passes in random order, eager attention, float32. The ways take turns; a figure is the median of
the rounds, in seconds of the process's CPU time. A real token is one that is no padding, counted over the three views.
"""

import argparse
import copy
import os
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import XLMRobertaForMaskedLM

from xl_encoders import (
    CorpusBatches,
    Encoder,
    LengthBatches,
    ModelConfig,
    Share,
    TextPart,
    backward_batch,
    encode_pairs,
    encode_rows,
    new_encoder,
)
from xl_encoders.reading.tokens import special_ids, wrap_rows
from xl_encoders.training.text_part import MaskedRows
from xl_objectives import MlmConfig, SeqConfig, TlmConfig, join_pairs, mask_tokens, mlm_loss, seq_loss
from xl_tasks import load_sib200, load_tatoeba
from xl_translit import Romanizer

LANGUAGES = (
    "rus_Cyrl", "ell_Grek", "arb_Arab", "heb_Hebr", "hin_Deva", "kor_Hang", "tha_Thai", "amh_Ethi", "tur_Latn",
    "zho_Hans",
)  # fmt: skip


class Step(NamedTuple):
    """One batch: three views of its texts, clean and masked, as id rows with specials."""

    clean: list[list[Tensor]]
    masked: list[list[Tensor]]
    n_tokens: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("XL_DATA"))
    parser.add_argument("--corpus", default="sib200", choices=("sib200", "tatoeba"))
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--pieces", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=8, help="steps of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--ways", nargs="*", help="only these")
    parser.add_argument("--profile", help="print where the time of this way goes")
    arguments = parser.parse_args()
    if not arguments.data:
        parser.error("give --data or set XL_DATA")

    encoder, corpus = prepare(arguments)
    random_order = torch.randperm(len(corpus), generator=torch.Generator().manual_seed(1)).tolist()
    batch, n_needed = arguments.batch, arguments.steps * (arguments.rounds + 1)
    by_length = LengthBatches(corpus.lengths, batch=batch, seed=1)
    shuffled = [random_order[i : i + batch] for i in range(0, batch * n_needed, batch)]
    sorted_batches = [by_length[i] for i in range(n_needed)]

    plain = XLMRobertaForMaskedLM._from_config(copy.deepcopy(encoder.model.config), attn_implementation="eager")
    plain.load_state_dict(encoder.model.state_dict())
    plain.train()
    peer = Encoder(plain, encoder.tokenizer, name="plain", max_len=encoder.max_len)

    def half() -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16)

    ways: dict[str, tuple[Callable[[Any], None], list[list[int]]]] = {
        "plain": (lambda step: padded_step(peer, step), shuffled),
        "sdpa": (lambda step: padded_step(encoder, step), shuffled),
        "bucketed": (lambda step: padded_step(encoder, step), sorted_batches),
        "bucketed, bf16": (lambda step: padded_step(encoder, step, half()), sorted_batches),
        "rows, padded": (lambda step: rows_step(encoder, step, packed=False), shuffled),
        "packed": (lambda step: rows_step(encoder, step), shuffled),
        "packed, bf16": (lambda step: rows_step(encoder, step, half()), shuffled),
        "packed 3x, bf16": (lambda step: rows_step(encoder, step, half(), together=False), shuffled),
    }
    # What `xl align` runs: the same three objectives as a part of the training loop.
    objectives = {"mlm": MlmConfig(), "seq": SeqConfig(), "tlm": TlmConfig()}
    part = TextPart(encoder, CorpusBatches(corpus, by_length), objectives)
    for name, precision in (("xl align", nullcontext), ("xl align, bf16", half)):
        ways[name] = (lambda step, precision=precision: align_step(encoder, part, step, precision), sorted_batches)
    ways = {name: way for name, way in ways.items() if not arguments.ways or name in arguments.ways}
    encoder.train()
    generator = torch.Generator().manual_seed(1)
    steps: dict[str, list[Any]] = {
        name: [
            part.draw(number) if name.startswith("xl") else make_step(encoder, corpus.batch(members), generator)
            for number, members in enumerate(batches)
        ]
        for name, (_, batches) in ways.items()
    }
    if arguments.profile:
        profile(ways[arguments.profile][0], steps[arguments.profile][: arguments.steps])
        return

    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(arguments.rounds + 1):
        for name, (run, _) in ways.items():
            turn = steps[name][number * arguments.steps : (number + 1) * arguments.steps]
            started = time.process_time()
            for step in turn:
                run(step)
                encoder.zero_grad()
                peer.zero_grad()
            speed = sum(count_tokens(step) for step in turn) / (time.process_time() - started)
            if number:  # the first round warms up
                speeds[name].append(speed)
    print(
        f"{arguments.corpus}, {arguments.size}, {len(encoder.tokenizer)} pieces, {batch} texts a batch, "
        f"dropout {arguments.dropout}, "
        f"{torch.get_num_threads()} threads, {arguments.rounds} rounds of {arguments.steps} steps"
    )
    base = statistics.median(speeds.get("plain", [float("nan")]))
    for name, values in speeds.items():
        speed = statistics.median(values)
        print(f"{name:16} {speed:8.0f} tokens/s  {speed / base:5.2f}  [{min(values):.0f}, {max(values):.0f}]")


def prepare(arguments: argparse.Namespace):
    folder = Path(arguments.data) / arguments.corpus
    if arguments.corpus == "sib200":
        found, n_each = load_sib200(folder, LANGUAGES).texts, 400
    else:
        found, n_each = load_tatoeba(folder).texts, 100
    texts = [text for code, its in found.items() if code != "eng_Latn" for text in list(its.values())[:n_each]]
    romaniser = Romanizer()
    romanised = romaniser.batch(texts)
    config = ModelConfig(size=arguments.size, pieces=arguments.pieces, max_len=256, dropout=arguments.dropout)
    encoder = new_encoder([*texts, *romanised], config, seed=1)
    return encoder, encode_pairs(texts, romanised, encoder.tokenizer, 128)


def make_step(encoder: Encoder, pairs, generator: torch.Generator) -> Step:
    tokenizer = encoder.tokenizer
    joined = join_pairs(
        pairs.original,
        pairs.romanised,
        bos_id=tokenizer.cls_token_id,
        eos_id=tokenizer.sep_token_id,
        max_len=encoder.max_len,
        generator=generator,
    ).rows
    clean = [wrap_rows(pairs.original, tokenizer), wrap_rows(pairs.romanised, tokenizer), joined]
    masked = []
    for rows in clean:
        batch = encoder.pad(rows)
        ids = mask_tokens(
            batch.ids,
            batch.content,
            mask_id=tokenizer.mask_token_id,
            vocabulary_size=len(tokenizer),
            generator=generator,
        ).ids
        masked.append([row[: len(kept)] for row, kept in zip(ids, rows, strict=True)])
    return Step(clean, masked, sum(len(row) for rows in clean for row in rows))


def padded_step(encoder: Encoder, step: Step, precision=None) -> None:
    """One padded pass a view, as the batch comes."""
    total, pooled = torch.zeros(()), []
    with precision or nullcontext():
        for clean_rows, masked_rows in zip(step.clean, step.masked, strict=True):
            clean, masked = encoder.pad(clean_rows), encoder.pad(masked_rows)
            states = encoder.model.base_model(
                input_ids=masked.ids, attention_mask=clean.real.long(), output_hidden_states=True
            ).hidden_states
            picked = clean.ids != masked.ids
            total = total + mlm_loss(encoder.head(states[-1][picked]).float(), clean.ids[picked])
            keep = clean.content.float()[..., None]
            pooled.append((states[-1].float() * keep).sum(1) / keep.sum(1).clamp(min=1))
        total = total + seq_loss(pooled[0].float(), pooled[1].float())
    total.backward()


def rows_step(
    encoder: Encoder, step: Step, precision=None, *, packed: bool | None = None, together: bool = True
) -> None:
    """All rows of the three views by `encode_rows`, together or view by view."""
    last = encoder.n_layers
    with precision or nullcontext():
        groups = [[0, 1, 2]] if together else [[0], [1], [2]]
        parts = []
        for views in groups:
            read = encode_rows(encoder, [row for v in views for row in step.masked[v]], [last], packed=packed)
            parts += read.layers[last].split([sum(len(row) for row in step.masked[v]) for v in views])
        total, pooled = torch.zeros(()), []
        clean = [torch.cat(rows) for rows in step.clean]
        picked = [ids != torch.cat(rows) for ids, rows in zip(clean, step.masked, strict=True)]
        scores = encoder.head(torch.cat([part[picks] for part, picks in zip(parts, picked, strict=True)]))
        for own, ids, picks in zip(scores.split([int(p.sum()) for p in picked]), clean, picked, strict=True):
            total = total + mlm_loss(own.float(), ids[picks])
        for part, ids, rows in zip(parts[:2], clean, step.clean, strict=False):
            pooled.append(mean_rows(part.float(), content(encoder, ids), [len(row) for row in rows]))
        total = total + seq_loss(pooled[0], pooled[1])
    total.backward()


def count_tokens(step: Step | MaskedRows) -> int:
    return step.n_tokens if isinstance(step, Step) else sum(len(row) for row in step.rows)


def align_step(encoder: Encoder, part: TextPart, batch: MaskedRows, precision) -> None:
    """One batch through the loop's own backward pass."""
    backward_batch(
        part,
        batch,
        {"mlm": 1.0, "seq": 1.0, "tlm": 1.0},
        share=Share(),
        seed=1,
        cached=False,
        backward=lambda loss: loss.backward(),
        autocast=precision,
        width=encoder.width,
        device=torch.device("cpu"),
    )


def content(encoder: Encoder, ids: Tensor) -> Tensor:
    return ~torch.isin(ids, special_ids(encoder.tokenizer))


def mean_rows(states: Tensor, keep: Tensor, row_lens: Sequence[int]) -> Tensor:
    weights = torch.block_diag(*[k.float()[None] / k.sum().clamp(min=1) for k in keep.split(list(row_lens))])
    return weights @ states


def profile(run: Callable[[Step], None], steps: list[Step]) -> None:
    run(steps[0])
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as recorded:
        for step in steps[1:]:
            run(step)
    print(recorded.key_averages().table(sort_by="self_cpu_time_total", row_limit=40, max_name_column_width=50))


if __name__ == "__main__":
    main()
