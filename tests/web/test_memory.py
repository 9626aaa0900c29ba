"""What large pictures took is given back."""

import subprocess
import sys

import pytest

from tests import ROOT

# Frees blocks in the order in which a server does: a late small one keeps those before it from going back.
FREE = """
import sys
from mnist_cnn.web.memory import return_memory

def measure():
    fields = open("/proc/self/statm").read().split()
    return int(fields[1]) * 4096 >> 20

if sys.argv[1] == "returning":
    return_memory()
kept = []
before = measure()
for _ in range(20):
    blocks = [bytearray(24 * 2**20) for _ in range(4)]
    kept.append(bytearray(100_000))
    del blocks
print(measure() - before)
"""


def measure(how: str) -> int:
    """Return how many MB a process gained."""
    process = subprocess.run([sys.executable, "-c", FREE, how], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(process.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="Only glibc has this setting.")
def test_large_blocks_go_back_to_the_system() -> None:
    kept, returned = measure("keeping"), measure("returning")
    assert returned < 10
    assert kept > returned + 10
