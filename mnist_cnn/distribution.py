"""Data parallelism over all devices of all hosts: each takes its part of every batch, and all hold the same weights."""

import os
import sys
import threading
from typing import Any, NoReturn

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

BATCH_AXIS = "batch"
START_SECONDS = 45  # to wait for the others, before the run is given up
SILENCE_SECONDS = 30  # after which JAX counts a host that says nothing as lost, and aborts the process


class HostError(ValueError):
    """Hosts that can't find each other; the message says what to do."""


def join_hosts(coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
    """Wait for the run's other processes. What is None is taken from the cluster's environment, where JAX knows it.

    If they don't all come within `START_SECONDS`, the process ends with an error.

    Args:
        coordinator: host:port of process 0.

    Raises:
        HostError: if an argument is missing or makes no sense.
    """
    # JAX's own limit would abort the process with a stack trace of C++.
    waiting = threading.Timer(
        START_SECONDS,
        abandon,
        [f"The other hosts didn't come within {START_SECONDS} seconds: start all of them with the same --coordinator."],
    )
    waiting.start()
    try:
        jax.distributed.initialize(
            coordinator,
            num_processes,
            process_id,
            initialization_timeout=2 * START_SECONDS,
            heartbeat_timeout_seconds=SILENCE_SECONDS,
        )
    except (RuntimeError, ValueError) as error:
        raise HostError(
            f"--coordinator, --num-processes and --process-id go together, where no cluster tells them: {error}"
        ) from error
    finally:
        waiting.cancel()


def abandon(message: str) -> NoReturn:
    """End the process with an error, without JAX's way out, which waits for all the others."""
    print(message, file=sys.stderr, flush=True)
    os._exit(1)


def is_first_process() -> bool:
    """Whether this process is the one that writes, pushes and shows the progress."""
    return jax.process_index() == 0


def make_mesh() -> Mesh:
    """All devices of all hosts, in a row."""
    return Mesh(np.array(jax.devices()), (BATCH_AXIS,))


def place(mesh: Mesh, values: Any, *axes: str | None) -> Any:
    """Put arrays, the same on all hosts, on the devices: split along the axes that are named, else whole on each."""
    sharding = NamedSharding(mesh, PartitionSpec(*axes))

    def put(value: Any) -> jax.Array:
        value = np.asarray(value)
        return jax.make_array_from_callback(value.shape, sharding, lambda index: value[index])

    return jax.tree.map(put, values)


def share(values: Any) -> Any:
    """Return process 0's values on all processes; the others pass values of the same shapes."""
    return multihost_utils.broadcast_one_to_all(values) if jax.process_count() > 1 else values
