"""The environment in which every test runs, and every process that a test starts."""

import atexit
import os
import shutil
import socket
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOME = Path(tempfile.mkdtemp(prefix="mnist-cnn-tests-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    HUB_PORT = free.getsockname()[1]
# Set before anything imports huggingface_hub: this is the only Hub that a test, or a process of a test, can reach.
os.environ |= {
    "HF_ENDPOINT": f"http://127.0.0.1:{HUB_PORT}",
    "HF_HOME": str(HOME / "huggingface"),
    "HF_HUB_DISABLE_XET": "1",  # the Hub on loopback stores files as git and LFS do
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
}
# What one process has compiled, however soon, all others reuse: xdist's workers inherit the folder of the first.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(HOME / "jax"))
