"""The garbage collector, once a process has started."""

import gc


def settle() -> None:
    """Have it leave alone what is there once everything has started."""
    gc.freeze()  # it stays: looking through it again and again would stop every call
    gc.set_threshold(50_000, 20, 20)  # and what a push leaves is gone by itself, without a look at each
