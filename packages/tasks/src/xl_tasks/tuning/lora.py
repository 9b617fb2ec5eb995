"""Low-rank updates of a frozen backbone (Hu et al. 2022), by the peft library."""

from collections.abc import Callable

from xl_encoders import EncoderError, add_low_rank
from xl_tasks.errors import TaskError
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.task_model import TaskModel


def add_adapters(model: TaskModel, config: TuningConfig) -> Callable[[], None]:
    """Freeze the backbone of `model` and put adapters into it; the head, a pooler too, is trained in full.

    Returns a function that merges the adapters into the weights, after which the model is a plain one. The adapters'
    first values come from torch's global generator.

    Raises TaskError where peft is not installed.
    """
    base = model.model.base_model
    prefix = next(f"{name}." for name, module in model.model.named_modules() if module is base)
    head = [name for name, _ in model.model.named_parameters() if not name.startswith(prefix) or ".pooler." in name]
    try:
        tuner = add_low_rank(model.model, rank=config.lora_rank, alpha=config.lora_alpha, dropout=config.lora_dropout)
    except EncoderError as error:
        message = 'mode is lora, which needs the peft library; install it with: pip install "xl-tasks[lora]"'
        raise TaskError(message) from error
    trained = set(head)
    for name, parameter in model.model.named_parameters():
        if name in trained:
            parameter.requires_grad_(True)

    def merge() -> None:
        tuner.merge_and_unload()
        for parameter in model.model.parameters():
            parameter.requires_grad_(True)

    return merge
