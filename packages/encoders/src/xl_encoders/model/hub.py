"""Whether the hub can be reached, asked once: its own client tries each file six times, which takes 23 seconds."""

from collections.abc import Generator
from contextlib import contextmanager


def unreachable() -> str:
    """Why the hub gives no answer, as a part of a sentence; "" where it answers, whatever the answer is.

    One request to the hub's address (HF_ENDPOINT), which waits HF_HUB_ETAG_TIMEOUT seconds at most (10 by default).
    """
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE forbids to ask the hub"
    try:
        get_session().head(constants.ENDPOINT, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    # The client's errors share no base class: the library below it has changed between releases of the hub's client.
    except Exception as error:
        lines = str(error).strip().splitlines()
        return f"{constants.ENDPOINT} could not be reached: {lines[0].rstrip('.') if lines else type(error).__name__}"
    return ""


@contextmanager
def asked_once() -> Generator[str]:
    """Let the hub's client read its cache alone for as long as this is open, where the hub gives no answer.

    Gives why, as `unreachable` does; "" too where HF_HUB_OFFLINE says it already.
    """
    from huggingface_hub import constants

    before, reason = constants.HF_HUB_OFFLINE, unreachable()
    constants.HF_HUB_OFFLINE = bool(reason)
    try:
        yield "" if before else reason
    finally:
        constants.HF_HUB_OFFLINE = before
