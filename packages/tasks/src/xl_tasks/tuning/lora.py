"""Low-rank updates of a frozen backbone (Hu et al. 2022), by the peft library."""

import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from xl_tasks.errors import TaskError
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.task_model import TaskModel

# The attention's queries and values, as the families name them: what the paper adapts.
_ADAPTED = ("query", "value", "q_lin", "v_lin", "Wqkv", "query_proj", "value_proj")


def add_adapters(model: TaskModel, config: TuningConfig) -> Callable[[], None]:
    """Freeze the backbone of `model` and put adapters into it; the head, a pooler too, is trained in full.

    Returns a function that merges the adapters into the weights, after which the model is a plain one. The adapters'
    first values come from torch's global generator.

    Raises TaskError where peft is not installed.
    """
    try:
        import peft
    except ImportError as error:
        message = 'mode is lora, which needs the peft library; install it with: pip install "xl-tasks[lora]"'
        raise TaskError(message) from error
    base = model.model.base_model
    prefix = next(f"{name}." for name, module in model.model.named_modules() if module is base)
    head = [name for name, _ in model.model.named_parameters() if not name.startswith(prefix) or ".pooler." in name]
    linear = [
        name
        for name, module in model.model.named_modules()
        if isinstance(module, nn.Linear) and name.startswith(prefix) and ".pooler." not in name
    ]
    targets = [name for name in linear if name.rpartition(".")[2] in _ADAPTED] or linear
    options: dict[str, Any] = {}
    if "ensure_weight_tying" in inspect.signature(peft.LoraConfig).parameters:
        options["ensure_weight_tying"] = False
    settings = peft.LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,  # ty: ignore[invalid-argument-type]
        lora_dropout=config.lora_dropout,
        target_modules=targets,
        bias="none",
        **options,
    )
    tuner = peft.LoraModel(model.model, settings, "default")
    trained = set(head)
    for name, parameter in model.model.named_parameters():
        if name in trained:
            parameter.requires_grad_(True)

    def merge() -> None:
        tuner.merge_and_unload()
        for parameter in model.model.parameters():
            parameter.requires_grad_(True)

    return merge
