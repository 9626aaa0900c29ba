"""Memory that is free again goes back to the operating system."""

import ctypes

M_MMAP_THRESHOLD = -3  # of glibc's mallopt, from malloc.h
LARGE = 2**20  # bytes; a drawing takes less, a photo more


def return_memory() -> None:
    """Make glibc return each large block when it is freed.

    By itself it keeps more and more of them, after a few large pictures hundreds of MB. With another C library this
    does nothing.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(M_MMAP_THRESHOLD, LARGE)
