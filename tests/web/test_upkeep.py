"""Upkeep goes on until the server stops."""

import asyncio

import pytest

from mnist_cnn.web.upkeep import repeat
from tests.support.asynchronous import run


def test_upkeep_goes_on_after_a_failure_and_ends_with_the_block(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    async def act() -> None:
        done.append(len(done))
        if len(done) == 1:
            raise RuntimeError("not yet")

    async def serve() -> int:
        async with repeat(act, 0.01):
            while len(done) < 3:
                await asyncio.sleep(0.01)
        count = len(done)
        await asyncio.sleep(0.05)
        return len(done) - count

    assert run(asyncio.wait_for(serve(), 20)) == 0
    assert [record.getMessage() for record in caplog.records] == ["Upkeep failed, and is tried again"]
