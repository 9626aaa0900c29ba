import json
import os
import socket
import subprocess
import sys
from typing import Any

import jax
import numpy as np
import pytest

from mnist_cnn.errors import ConfigError, HostError
from mnist_cnn.training.distribution import (
    BATCH_AXIS,
    check_batch_size,
    is_first_process,
    join_hosts,
    make_mesh,
    place,
    share,
)

# A process of a run on two hosts with two devices each. It writes what it sees into a file, as JSON: to its output, the
# library of the exchange between hosts writes as well, within the same line at times.
HOST = """
import json, sys
from pathlib import Path
import jax, numpy as np
from mnist_cnn.training import distribution as d
number = int(sys.argv[2])
d.join_hosts(sys.argv[1], 2, number)
mesh = d.make_mesh()
rows = np.arange(8).reshape(4, 2)
split, whole = d.place(mesh, rows, d.BATCH_AXIS), d.place(mesh, {"a": rows})["a"]
def parts(array):
    return [np.asarray(shard.data).tolist() for shard in array.addressable_shards]
Path(sys.argv[3]).write_text(json.dumps({
    "first": d.is_first_process(),
    "devices": mesh.size,
    "split": parts(split),
    "whole": parts(whole),
    "shared": [int(value[0]) for value in d.share([np.array([number + 7]), np.array([number + 5])])],
}))
"""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    files = [tmp_path_factory.mktemp("host") / "seen.json" for _ in range(2)]
    with socket.create_server(("localhost", 0)) as server:
        address = f"localhost:{server.getsockname()[1]}"
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HOST, address, str(number), str(file)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, file in enumerate(files)
    ]
    try:
        outputs = [process.communicate(timeout=120) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], outputs
    return [json.loads(file.read_text()) for file in files]


def test_one_of_two_processes_is_the_first(hosts: list[dict[str, Any]]) -> None:
    assert [host["first"] for host in hosts] == [True, False]


def test_the_mesh_holds_all_devices_of_all_hosts(hosts: list[dict[str, Any]]) -> None:
    assert [host["devices"] for host in hosts] == [4, 4]


def test_each_device_gets_its_part_of_a_batch(hosts: list[dict[str, Any]]) -> None:
    assert [host["split"] for host in hosts] == [[[[0, 1]], [[2, 3]]], [[[4, 5]], [[6, 7]]]]


def test_what_is_not_split_is_whole_on_every_device(hosts: list[dict[str, Any]]) -> None:
    whole = [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert [host["whole"] for host in hosts] == [[whole, whole]] * 2


def test_every_process_gets_the_values_of_the_first(hosts: list[dict[str, Any]]) -> None:
    assert [host["shared"] for host in hosts] == [[7, 5]] * 2


def test_a_process_alone_is_the_first_and_shares_with_nobody() -> None:
    values = [np.arange(3)]
    assert is_first_process()
    assert share(values) is values


def test_a_mesh_has_one_axis_for_the_batch() -> None:
    mesh = make_mesh()
    assert mesh.axis_names == (BATCH_AXIS,)
    assert mesh.devices.tolist() == jax.devices()


@pytest.mark.parametrize("axes", [(), (BATCH_AXIS,), (None, BATCH_AXIS)])
def test_placed_arrays_keep_their_values_and_their_tree(axes: tuple[str | None, ...]) -> None:
    tree: dict[str, Any] = {"a": np.arange(6).reshape(2, 3), "b": [np.ones((2, 2), np.float32)]}
    placed = place(make_mesh(), tree, *axes)
    assert isinstance(placed["a"], jax.Array)
    np.testing.assert_array_equal(placed["a"], tree["a"])
    np.testing.assert_array_equal(placed["b"][0], tree["b"][0])


def test_a_batch_that_cannot_be_split_evenly_is_refused() -> None:
    check_batch_size(63, 3)
    with pytest.raises(ConfigError, match="A batch of 64 images can't be split evenly over 3 devices"):
        check_batch_size(64, 3)


@pytest.mark.parametrize("arguments", [("localhost:1", None, None), ("localhost:1", 2, None), (None, 2, 0)])
def test_an_argument_that_is_missing_is_refused(arguments: tuple[str | None, int | None, int | None]) -> None:
    with pytest.raises(HostError, match="--coordinator, --num-processes and --process-id are needed together"):
        join_hosts(*arguments)
