"""Attack app.py as a stranger would, and print what it costs: how long others wait, memory, disk, log and handles.

python -m tests.benchmarks.abuse [--seconds 20] [--only WORDS] [--tree FOLDER] [--load 10000]

--only runs the attacks whose names hold the words. --tree attacks the app.py of another checkout. While an attack runs,
GET /health and a drawn digit are asked for all the time; a row's verdict is "met" if both were answered within 2 s, and
memory came back to within 100 MB. --load ends with so many requests, good, bad and hostile in turn.
"""

import argparse
import asyncio
import http.client
import json
import multiprocessing
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from tests import ROOT
from tests.support.attacker import Attacker
from tests.support.attacks import ATTACKS, RUN, Page, drawing, run_load
from tests.support.browsing import App, run_app

MAX_MEMORY = 8000  # MB; beyond that the server is killed, before it takes the machine down
MIN_FREE = 3000  # MB that the machine keeps
MAX_WAIT = 2.0  # seconds
MAX_GAIN = 100  # MB
SETTLE = 8  # seconds that memory gets to come back
COLUMNS = (
    "attack | sent | answers | longest /health, s | longest digit, s | longest freeze, s"
    " | memory before, peak, after, MB | disk, MB | handles | threads | log | verdict"
)


@contextmanager
def run_tree(tree: Path, folder: Path) -> Iterator[App]:
    """Run the app.py of a checkout, which may not survive; everything that it writes goes into the folder."""
    (temporary := folder / "tmp").mkdir()
    with (
        suppress(subprocess.TimeoutExpired),
        # Without the tests' watch on connections, which would slow it down.
        run_app(folder, tree, PYTHONPATH="", TMPDIR=str(temporary)) as app,
    ):
        try:
            yield app
        finally:
            app.process.send_signal(signal.SIGCONT)
            with suppress(subprocess.TimeoutExpired):
                app.process.terminate()
                app.process.wait(timeout=10)
            app.process.kill()


@dataclass(frozen=True)
class State:
    """What a server holds at one moment; memory and disk in MB."""

    memory: float
    disk: float
    handles: int
    threads: int
    log_bytes: int
    log_lines: int

    @classmethod
    def of(cls, app: App) -> "State":
        process = Path(f"/proc/{app.process.pid}")
        log = app.log_file.read_bytes()
        return cls(
            memory(app), disk(app), len(list((process / "fd").iterdir())), len(list((process / "task").iterdir())),
            len(log), log.count(b"\n"),
        )  # fmt: skip


def memory(app: App) -> float:
    """Return the resident memory of a server and the processes that it started, in MB."""
    total, pids = 0.0, [app.process.pid]
    for pid in pids:
        with suppress(OSError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
            for task in Path(f"/proc/{pid}/task").iterdir():
                pids += map(int, (task / "children").read_text().split())
    return total


def disk(app: App) -> float:
    """Return the size of what a server has written besides its log, in MB."""
    total = 0
    for path in app.log_file.parent.rglob("*"):
        with suppress(OSError):
            if path != app.log_file and path.is_file():
                total += path.stat().st_size
    return total / 2**20


def free_memory() -> float:
    (line,) = (line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    return int(line.split()[1]) / 1024


@dataclass
class Probe:
    """Asks for one thing five times a second, and remembers the longest wait and how often there was no answer."""

    ask: Callable[[], object]
    longest: float = 0.0
    lost: int = 0
    reason: str = ""
    waiting_since: float | None = field(default=None, init=False)

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.waiting_since = started = time.monotonic()
            try:
                self.ask()
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self.lost += 1
                self.reason = f"{type(error).__name__} {error}"[:60]
            waited = time.monotonic() - started
            self.longest = max(self.longest, waited)
            stop.wait(max(0.0, 0.2 - waited))

    def __str__(self) -> str:
        return f"{self.longest:.1f}" + (f" ({self.lost} lost: {self.reason})" if self.lost else "")


class Watch:
    """Watches a server: asks it all the time, samples its memory and disk, and kills it if it grows too large."""

    def __init__(self, app: App, page: Page) -> None:
        self._app, self._page = app, page
        self._stop = threading.Event()
        self._turn = 0
        address = urlsplit(app.url)
        self._address = (str(address.hostname), int(address.port or 80))
        self.health = Probe(lambda: self._ask("GET", "/health"))
        self.digit = Probe(self._ask_digit)
        self.nothing = Probe(lambda: self._ask("GET", "/nothing", expected=404))
        self.peak = self.disk = 0.0
        self.killed = ""
        jobs = [probe.run for probe in (self.health, self.digit, self.nothing)]
        self._threads = [threading.Thread(target=job, args=[self._stop]) for job in (*jobs, self._guard)]

    def __enter__(self) -> "Watch":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, method: str, path: str, body: object = None, expected: int = 200) -> bytes:
        connection = http.client.HTTPConnection(*self._address, timeout=30)
        try:
            content = json.dumps(body) if body else None
            connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            received = answer.read()
            if answer.status != expected:
                raise ValueError(f"{answer.status} {received.decode()[:50]}")
            return received
        finally:
            connection.close()

    def _ask_digit(self) -> None:
        """Ask for a drawn 7, through the endpoint and through the pad in turn."""
        self._turn += 1
        if self._turn % 2:
            answer = json.loads(self._ask("POST", RUN, {"data": [{"url": drawing()}]}))["data"][0]
        else:
            body = self._page.draw("probe", drawing())
            answer = json.loads(self._ask("POST", "/gradio_api/component_server", body))["label"]
        if answer["label"] != "7":
            raise ValueError("another digit")

    def _guard(self, stop: threading.Event) -> None:
        samples = 0
        while not stop.is_set():
            self.peak = max(self.peak, memory(self._app))
            if not self.killed and (self.peak > MAX_MEMORY or free_memory() < MIN_FREE):
                self.killed = f"killed at {self.peak / 1000:.1f} GB"
                self._app.process.kill()
            samples += 1
            if samples % 10 == 0:
                self.disk = max(self.disk, disk(self._app))
            stop.wait(0.1)


def attack(name: str, url: str, seconds: float) -> Counter[str]:
    """Run one attack, in this process."""
    attacker = Attacker(url, seconds)

    async def run() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * seconds + 30):
                await ATTACKS[name](attacker)

    asyncio.run(run())
    return attacker.outcomes


def load(url: str, begin: int, end: int) -> Counter[str]:
    attacker = Attacker(url, 3600)
    asyncio.run(run_load(attacker, begin, end))
    return attacker.outcomes


def load_page(url: str) -> Page:
    return asyncio.run(Page.load(Attacker(url, 10)))


def warm_up(app: App, page: Page) -> None:
    """Have every way of reading used once, so that later memory isn't that of first use."""
    for _ in range(20):
        httpx2.post(app.url + RUN, json={"data": [{"url": drawing()}]}, timeout=60).raise_for_status()
        httpx2.post(f"{app.url}/gradio_api/component_server", json=page.draw("probe", drawing()), timeout=60)
        for path in ("/", "/config", "/health", "/gradio_api/info"):
            httpx2.get(app.url + path, timeout=60)


def settle(app: App, before: State) -> State | None:
    """Wait until a server is as small as before, at most some seconds; return what it holds then, None if it died."""
    deadline = time.monotonic() + SETTLE
    while app.process.poll() is None:
        state = State.of(app)
        if state.memory > MAX_MEMORY:
            app.process.kill()
            return None
        is_small = state.memory < before.memory + MAX_GAIN / 2 and state.handles < before.handles + 5
        if is_small or time.monotonic() > deadline:
            return state
        time.sleep(0.5)
    return None


def report(name: str, outcomes: Counter[str], watch: Watch, before: State, after: State | None) -> None:
    """Print a row."""
    answers = ", ".join(f"{outcome}: {count}" for outcome, count in outcomes.most_common(6))
    memories, disks = f"{before.memory:.0f}, {watch.peak:.0f}", f"{watch.disk - before.disk:.0f} peak"
    handles = threads = log = "-"
    if after:
        memories, disks = f"{memories}, {after.memory:.0f}", f"{disks}, {after.disk - before.disk:.0f} left"
        handles, threads = f"{before.handles} to {after.handles}", f"{before.threads} to {after.threads}"
        log = f"{after.log_lines - before.log_lines:,} lines, {(after.log_bytes - before.log_bytes) / 1e6:.1f} MB"
    waits = [str(watch.health), str(watch.digit), f"{watch.nothing.longest:.1f}"]
    faults = ", ".join(find_faults(watch, before, after))
    cells = [name, str(sum(outcomes.values())), answers, *waits, memories, disks, handles, threads, log]
    print("| " + " | ".join([*cells, f"**{faults}**" if faults else "met"]) + " |", flush=True)


def find_faults(watch: Watch, before: State, after: State | None) -> Iterator[str]:
    if after is None:
        yield watch.killed or "died"
    elif after.memory > before.memory + MAX_GAIN:
        yield f"{after.memory - before.memory:.0f} MB kept"
    if watch.health.longest > MAX_WAIT or watch.health.lost:
        yield "health"
    if watch.digit.longest > MAX_WAIT or watch.digit.lost:
        yield "digit"


def run_attacks(names: list[str], tree: Path, seconds: float, pool: Executor) -> None:
    """Attack the same server as long as it survives, then a fresh one."""
    names = list(names)
    while names:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, run_tree(tree, Path(folder)) as app:
            page = load_page(app.url)
            warm_up(app, page)
            fit = True
            while names and fit:
                fit = run_attack(names.pop(0), app, page, seconds, pool)


def run_attack(name: str, app: App, page: Page, seconds: float, pool: Executor) -> bool:
    """Run an attack and print its row; return whether the server can take another one."""
    before = State.of(app)
    with Watch(app, page) as watch:
        outcomes = pool.submit(attack, name, app.url, seconds).result()
    after = settle(app, before)
    report(name, outcomes, watch, before, after)
    return after is not None and after.memory < before.memory + MAX_GAIN / 2 and after.handles < before.handles + 20


def run_whole_load(tree: Path, requests: int, pool: Executor) -> None:
    """Send requests of all kinds; print what the server holds after the first fifth and after each further one."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        run_tree(tree, Path(folder)) as app,
    ):
        page = load_page(app.url)
        warm_up(app, page)
        states = []
        for begin in range(0, requests, requests // 5):
            with Watch(app, page) as watch:
                outcomes = pool.submit(load, app.url, begin, begin + requests // 5).result()
            if app.process.poll() is not None:
                print(f"{watch.killed or 'died'} after {begin} requests")
                return
            time.sleep(8)
            states.append(State.of(app))
            print(f"{begin + requests // 5} requests: {states[-1]}; {dict(outcomes)}; ", end="")
            print(f"longest health {watch.health} s, digit {watch.digit} s", flush=True)
        first, last = states[0], states[-1]
        print(
            f"from request {requests // 5} to {requests}: memory {last.memory - first.memory:+.0f} MB,"
            f" handles {last.handles - first.handles:+d}, threads {last.threads - first.threads:+d}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="that each attack lasts")
    parser.add_argument("--only", nargs="*", default=[""], metavar="WORDS", help="attacks whose names hold these words")
    parser.add_argument("--tree", type=Path, default=ROOT, metavar="FOLDER", help="checkout whose app.py is attacked")
    parser.add_argument(
        "--load", type=int, default=0, metavar="N", help="requests of all kinds that are sent at the end"
    )
    arguments = parser.parse_args()
    names = [name for name in ATTACKS if any(words in name for words in arguments.only)]
    # A process of its own: the attacker must not take time from the questions whose answers are timed.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        if names:
            print(f"| {COLUMNS} |\n|{' --- |' * (COLUMNS.count('|') + 1)}", flush=True)
            run_attacks(names, arguments.tree, arguments.seconds, pool)
        if arguments.load:
            run_whole_load(arguments.tree, arguments.load, pool)


if __name__ == "__main__":
    main()
