"""XLA's flags belong to a process, so each case runs in one of its own."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

COMPILE = """
import jax, jax.numpy as jnp
{import_training}
function = jax.jit(lambda matrix: jnp.maximum(matrix @ matrix, 0) @ matrix)
print("ynn_fusion" in function.lower(jnp.ones((256, 256))).compile().as_text())
"""


@pytest.mark.parametrize(("import_training", "uses_kernels"), [("", "True"), ("import mnist_cnn.training", "False")])
def test_training_compiles_without_xlas_slow_cpu_kernels(import_training: str, uses_kernels: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    command = [sys.executable, "-c", COMPILE.format(import_training=import_training)]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert process.stdout.strip() == uses_kernels


def test_flags_that_are_set_already_stay() -> None:
    command = [sys.executable, "-c", "import os, mnist_cnn.training; print(os.environ['XLA_FLAGS'])"]
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "--xla_force_host_platform_device_count=2"
