"""What large pictures took is given back."""

import subprocess
import sys

import pytest

from tests import ROOT

# Frees all blocks but a few in between, as a server does. These keep the others from going back.
FREE = """
import asyncio, sys
from mnist_cnn.web import memory

def measure():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20

async def serve():
    async with memory.keep_trimming():
        await asyncio.sleep(1)

before = measure()
blocks = [bytearray(50_000) for _ in range(2000)]
kept = blocks[::20]
del blocks
gained = measure() - before
memory.TRIM_EVERY = 0.1
asyncio.run(serve())
print(gained, measure() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Only glibc keeps memory so.")
def test_free_memory_goes_back_to_the_system() -> None:
    process = subprocess.run([sys.executable, "-c", FREE], cwd=ROOT, capture_output=True, text=True, check=True)
    kept, left = map(int, process.stdout.split())
    assert kept > 80
    assert left < 40
