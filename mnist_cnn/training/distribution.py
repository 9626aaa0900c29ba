"""Data parallelism over all devices of all hosts: each takes a part of every batch, and all hold the same weights."""

import os
import sys
import threading
from typing import NoReturn, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from numpy.typing import ArrayLike

from mnist_cnn.errors import ConfigError, HostError

Tree = TypeVar("Tree")  # a tree of arrays

BATCH_AXIS = "batch"
START_SECONDS = 45  # how long to wait for the other hosts to join
SILENCE_SECONDS = 30  # without a heartbeat; then JAX counts a host as lost and aborts the process


def join_hosts(coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
    """Wait until all processes of the run have joined.

    JAX takes an argument that is None from the environment of the cluster, where it knows the kind of cluster. If the
    others don't join within `START_SECONDS`, the process exits with an error.

    Args:
        coordinator: host:port of process 0.
        num_processes: number of processes.
        process_id: of this process, from 0.

    Raises:
        HostError: if an argument is missing or makes no sense.
    """
    # JAX's own timeout would abort the process with a C++ stack trace.
    timer = threading.Timer(
        START_SECONDS,
        abandon,
        [f"The other hosts didn't join within {START_SECONDS} seconds: start all of them with the same --coordinator."],
    )
    timer.start()
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
            f"--coordinator, --num-processes and --process-id are needed together, except on a cluster that provides "
            f"them: {error}"
        ) from error
    finally:
        timer.cancel()


def abandon(message: str) -> NoReturn:
    """Exit with an error at once; JAX's normal exit would wait for all other processes."""
    print(message, file=sys.stderr, flush=True)
    os._exit(1)


def is_first_process() -> bool:
    """Return whether this is the process that writes files, pushes the model and shows the progress."""
    return jax.process_index() == 0


def make_mesh() -> Mesh:
    """Return a mesh with one axis, `BATCH_AXIS`, over all devices of all hosts."""
    return Mesh(np.array(jax.devices()), (BATCH_AXIS,))


def check_batch_size(batch_size: int, num_devices: int) -> None:
    """Refuse a batch size that leaves some devices with more images than others.

    Raises:
        ConfigError: if the number of devices doesn't divide it.
    """
    if batch_size % num_devices:
        raise ConfigError(f"A batch of {batch_size} images can't be split evenly over {num_devices} devices.")


def place(mesh: Mesh, values: Tree, *axes: str | None) -> Tree:
    """Return arrays on the devices of a mesh.

    Args:
        mesh: of all devices.
        values: a tree of arrays, the same on all hosts.
        axes: for each array axis, the mesh axis to split it along, or None. Arrays are copied whole to each device
            along all other axes.
    """
    sharding = NamedSharding(mesh, PartitionSpec(*axes))

    def put(value: ArrayLike) -> jax.Array:
        array = np.asarray(value)
        return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

    placed: Tree = jax.tree.map(put, values)
    return placed


def share(values: Tree) -> Tree:
    """Return process 0's values on every process.

    Args:
        values: a tree of arrays; the shapes must be the same on all processes.
    """
    if jax.process_count() == 1:
        return values
    shared: Tree = multihost_utils.broadcast_one_to_all(values)
    return shared
