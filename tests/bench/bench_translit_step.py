"""One post-training step, ours against the plain way, on real names: texts a second and their ratio. Run by hand.

    uv run python -m tests.bench.bench_translit_step

Plain is what the released code of the transliteration paper does, on the same model: batches in random order, three
padded passes (original, romanised, joined), eager attention, the library's own masked-LM loss on masked positions.
"""

import argparse
import copy
import time

import torch
from transformers import XLMRobertaForMaskedLM

from xl_encoders import LengthBatches, ModelConfig, encode_pairs, new_encoder, translit_losses
from xl_objectives import MlmConfig, SeqConfig, TlmConfig, join_pairs, mask_tokens, mlm_loss, seq_loss
from xl_tasks import hold_out, load_names, training_texts
from xl_translit import Romanizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=30)
    arguments = parser.parse_args()

    names = load_names()
    texts = sorted({t for side in training_texts(names, hold_out(names)).values() for t in side})
    romaniser = Romanizer()
    romanised = [romaniser(text) or text for text in texts]
    config = ModelConfig(size=arguments.size, pieces=500, lower_case=True, max_len=64, dropout=0.0)
    encoder = new_encoder([*texts, *romanised], config, seed=1)
    corpus = encode_pairs(texts, romanised, encoder.tokenizer, 64)
    batches = LengthBatches(corpus.lengths, batch=arguments.batch, seed=1)
    order = torch.randperm(len(texts), generator=torch.Generator().manual_seed(1)).tolist()
    random_batches = [order[i : i + arguments.batch] for i in range(0, len(order) - arguments.batch, arguments.batch)]

    plain = XLMRobertaForMaskedLM._from_config(copy.deepcopy(encoder.model.config), attn_implementation="eager")
    plain.load_state_dict(encoder.model.state_dict())
    objectives = {"mlm": MlmConfig(), "seq": SeqConfig(), "tlm": TlmConfig()}
    generator = torch.Generator().manual_seed(1)

    def ours(step: int) -> None:
        batch = corpus.batch(batches[step])
        losses = translit_losses(encoder, batch, objectives, layer=encoder.n_layers, generator=generator)
        torch.stack(list(losses.values())).sum().backward()
        encoder.zero_grad()

    def published(step: int) -> None:
        batch = corpus.batch(random_batches[step % len(random_batches)])
        joined = join_pairs(batch.original, batch.romanised, bos_id=0, eos_id=2, max_len=64, generator=generator)
        sides = [[torch.tensor([0, *row, 2]) for row in side] for side in (batch.original, batch.romanised)]
        total, pooled = torch.zeros(()), []
        for rows in (*sides, joined):
            padded = encoder.pad(rows)
            masked, picked = mask_tokens(
                padded.ids, padded.content, mask_id=4, vocabulary_size=500, generator=generator
            )
            states = plain.roberta(input_ids=masked, attention_mask=padded.real.long(), output_hidden_states=True)
            total = total + mlm_loss(plain.lm_head(states.last_hidden_state[picked]), padded.ids[picked])
            keep = padded.content.float()[..., None]
            pooled.append((states.hidden_states[-1] * keep).sum(1) / keep.sum(1).clamp(min=1))
        (total + seq_loss(pooled[0], pooled[1])).backward()
        plain.zero_grad()

    speeds = {}
    for name, step in (("plain", published), ("ours", ours), ("plain", published), ("ours", ours)):
        for warm_up in range(3):
            step(warm_up)
        started = time.perf_counter()
        for number in range(arguments.steps):
            step(number)
        speed = arguments.steps * arguments.batch / (time.perf_counter() - started)
        speeds[name] = max(speed, speeds.get(name, 0.0))
    print(f"{arguments.size}, {arguments.batch} names a batch, {torch.get_num_threads()} threads, best of two rounds")

    for name, speed in speeds.items():
        print(f"{name:6} {speed:8.0f} texts/s")
    print(f"ratio  {speeds['ours'] / speeds['plain']:8.2f}")


if __name__ == "__main__":
    main()
