"""What a run would cost, said before it starts."""

from xl_cli.alignment import pretrained
from xl_cli.recipe import Recipe
from xl_cli.run_data import RunData, romanise
from xl_encoders import EncoderError, count_parameters, count_steps, encode_pairs, train_tokenizer
from xl_translit import Romanizer

# Texts that are read to say how long the whole corpus will be in tokens.
_SAMPLE = 2000


def plan(recipe: Recipe, data: RunData) -> dict[str, object]:
    """What a run would do, without doing it: parameters, steps, tokens, disk. Figures named `about` are estimates."""
    sample = data.training[:: max(1, len(data.training) // _SAMPLE)]
    romanised = romanise(sample, Romanizer())
    n_parameters: int | str
    try:
        if recipe.model.from_ == "new":
            tokenizer = train_tokenizer(
                [*sample, *romanised], n_pieces=recipe.model.pieces, lower_case=recipe.model.lower_case
            )
            n_parameters = count_parameters(recipe.model, len(tokenizer))
        else:
            encoder = pretrained(recipe)
            tokenizer = encoder.tokenizer
            n_parameters = sum(parameter.numel() for parameter in encoder.parameters())
    except EncoderError as error:
        if recipe.model.from_ == "new":
            raise
        return {"model": f"not at hand: {error}", "training texts": len(data.training)}
    corpus = encode_pairs(sample, romanised, tokenizer, recipe.model.max_len)
    n_per_epoch = -(-len(data.training) // recipe.train.batch)
    n_steps = count_steps(n_per_epoch, recipe.train)
    n_texts_read = n_steps * recipe.train.accumulate * recipe.train.batch
    # Original and romanised pass carry two specials each, the joined one three.
    per_text = float(corpus.lengths.mean())
    tokens = {
        variant: round(
            n_texts_read * ((per_text + 4) * _has(variant, "mlm", "seq") + (per_text + 3) * _has(variant, "tlm"))
        )
        for variant in recipe.train.variants
    }
    # float32 weights; a checkpoint adds AdamW's two moments; a new model's start is kept as well.
    weights = 4 * n_parameters
    return {
        "training texts": len(data.training),
        "scored items": {corpus.name: len(keys) for corpus, keys in data.scored} or "none; give eval.data",
        "parameters": n_parameters,
        "steps for each variant": n_steps,
        "batches for each epoch": n_per_epoch,
        "about tokens read": tokens,
        "about disk in bytes": weights * (1 + 3 + (recipe.model.from_ == "new")),
    }


def _has(variant: str, *names: str) -> bool:
    return any(name in variant.split("+") for name in names)
