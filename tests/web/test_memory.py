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


# Leaves garbage that only Python's collector finds, of few objects.
FAIL = """
import gc
from mnist_cnn.web.memory import Trimmer, measure_memory

def fail():
    body = bytearray(10 * 2**20)
    try:
        raise ValueError
    except ValueError as error:
        kept = error

trimmer = Trimmer()
before = measure_memory()
for _ in range(5):
    fail()
gained = measure_memory() - before
trimmer.trim()
left = measure_memory() - before
fail()
trimmer.trim()
print(gained >> 20, left >> 20, (measure_memory() - before) >> 20)
"""

# Frees large blocks in an order in which a later small one keeps them from going back.
SCATTER = """
import sys
from mnist_cnn.web.memory import avoid_fragments, measure_memory

if sys.argv[1:]:
    avoid_fragments()
kept = []
before = measure_memory()
for _ in range(20):
    blocks = [bytearray(24 * 2**20) for _ in range(4)]
    kept.append(bytearray(100_000))
    del blocks
print((measure_memory() - before) >> 20)
"""

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="Only glibc keeps memory so, and only Linux tells of it.")


def run(code: str, *arguments: str) -> list[int]:
    """Return the numbers that a process prints."""
    command = [sys.executable, "-c", code, *arguments]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [int(number) for number in process.stdout.split()]


@on_linux
def test_free_memory_goes_back_to_the_system() -> None:
    kept, left = run(FREE)
    assert kept > 80
    assert left < 40


@on_linux
def test_what_failed_requests_leave_is_found_when_memory_has_grown_and_not_before() -> None:
    gained, left, left_of_one = run(FAIL)
    assert gained > 45
    assert left < 10
    assert 5 < left_of_one < 20


@on_linux
def test_large_blocks_go_back_at_once() -> None:
    (kept,), (left,) = run(SCATTER), run(SCATTER, "avoiding")
    assert left < 10
    assert kept > left + 10
