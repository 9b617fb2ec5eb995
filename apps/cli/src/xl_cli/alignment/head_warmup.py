"""A masked-LM head that had to be made, trained alone before all else: its noise is not to reach a trained encoder."""

from dataclasses import replace

from xl_cli.alignment.parts import Sources, build_parts
from xl_cli.folder.run_folder import RunFolder
from xl_cli.launch.progress import Progress, say
from xl_encoders import Encoder, StepRecord, fit

# Peak rate: of a head of random weights, not of what is already trained.
_LR = 1e-3


def warm_head(sources: Sources, encoder: Encoder, layer: int, folder: RunFolder) -> None:
    """Train the head of `encoder` for `model.head_warmup` steps on the objectives that read it, all else frozen.

    The token embeddings that it is tied to stay as they are. Every process of a distributed run calls this.
    """
    recipe = sources.recipe
    objectives = {name: its for name, its in recipe.objectives.items() if its.needs_head}
    n_steps = recipe.model.head_warmup
    parts = build_parts(sources, "+".join(objectives), encoder, layer)
    table = encoder.model.get_input_embeddings().weight
    encoder.requires_grad_(requires_grad=False)
    for weight in encoder.head.parameters():
        weight.requires_grad_(weight is not table)
    n_trained = sum(weight.numel() for weight in encoder.parameters() if weight.requires_grad)
    say(
        f"note: {encoder.name} has no masked-LM head, so one is made, tied to its token embeddings; its {n_trained:,} "
        f"weights are trained alone for {n_steps} steps first (model.head_warmup)."
    )
    # The whole recipe's weights belong to its own course; here each loss counts alike from the first step on.
    settings = {
        name: replace(its, weight=1.0, begin=0.0, end=1.0, warmup=0.0, every=1) for name, its in objectives.items()
    }
    config = replace(
        recipe.train, steps=n_steps, lr=_LR, warmup=0.0, schedule="linear", norms_every=0, save_every=0, trackers=()
    )
    with Progress("head", n_steps, "steps") as progress:

        def on_step(record: StepRecord) -> None:
            progress.advance(record.step, "  ".join(f"{name} {value:.3f}" for name, value in record.losses.items()))
            if record.step % recipe.train.log_every == 0 or record.step in (1, n_steps):
                folder.log({"variant": "head", "step": record.step, "losses": dict(record.losses), "lr": record.lr})

        fit(encoder, parts, settings, n_steps=n_steps, config=config, on_step=on_step)
    encoder.requires_grad_(requires_grad=True)
