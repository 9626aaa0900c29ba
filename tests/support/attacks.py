"""What a stranger may do to the page with small means: each attack by name, for tests and the benchmark."""

import asyncio
import base64
import io
import itertools
import json
import random
import re
import struct
import zlib
from collections.abc import Awaitable, Callable
from functools import cache

import numpy as np
from PIL import Image

from mnist_cnn.handwriting import render, sample_strokes
from tests.support.attacker import Attacker
from tests.support.damage import damage, seed_files
from tests.support.files import FILES, data_url, encode

Attack = Callable[[Attacker], Awaitable[None]]
ATTACKS: dict[str, Attack] = {}

API = "/gradio_api"
RUN = f"{API}/run/predict"
JPEG_END = b"\xff\xd9"


def attack(name: str) -> Callable[[Attack], Attack]:
    """Enter a function in ATTACKS."""

    def enter(function: Attack) -> Attack:
        ATTACKS[name] = function
        return function

    return enter


# Pictures


def blank(width: int, height: int, note: str = "") -> bytes:
    """Return a white PNG file of a few kilobytes, however large the picture; a note makes it a different file."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    text = chunk(b"tEXt", b"Note\0" + note.encode())
    pixels = chunk(b"IDAT", white_pixels(width, height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + text + pixels + chunk(b"IEND", b"")


@cache
def white_pixels(width: int, height: int) -> bytes:
    return zlib.compress((b"\0" + b"\xff" * (width // 8)) * height, 9)


@cache
def written() -> bytes:
    """Return a picture of 40 megapixels with a bar in it, which has to be found, as a file of 49 KB."""
    picture = Image.new("L", (8000, 5000), 255)
    picture.paste(0, (3000, 1000, 3400, 4000))
    return encode(picture, "PNG")


@cache
def endless_jpeg(scans: int) -> bytes:
    """Return a JPEG file of 40 megapixels that refines its picture again and again; 88 bytes take 30 to 50 ms."""
    content = encode(Image.new("L", (8000, 5000), 255), "JPEG", progressive=True)
    last_scan = content[content.rfind(b"\xff\xc4") : -2]
    return content[:-2] + last_scan * scans + JPEG_END


@cache
def noise(side: int) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 4), dtype=np.uint8)
    return encode(Image.fromarray(pixels, "RGBA"), "PNG")


@cache
def drawing() -> str:
    """Return a drawn 7 as the pad sends it."""
    return data_url(encode(render(sample_strokes(7, np.random.default_rng(0), "plain"), 280, 20), "PNG"))


# The page, as its own script calls it


class Page:
    """The ids of the page's parts and events."""

    def __init__(self, config: dict) -> None:
        self.ids = {part["props"].get("elem_id"): part["id"] for part in config["components"]}
        self.events = {event["api_name"]: event["id"] for event in config["dependencies"]}

    @classmethod
    async def load(cls, attacker: Attacker) -> "Page":
        answer = await attacker.exchange(attacker.build("GET", "/config", headers={"Accept-Encoding": "identity"}))
        attacker.outcomes.clear()
        body = answer.body
        if "chunked" in answer.headers.lower():
            body = body[body.index(b"{") : body.rindex(b"}") + 1]
        return cls(json.loads(body))

    def draw(self, session: str, url: str) -> dict:
        return {"data": {"url": url}, "component_id": self.ids["pad"], "fn_name": "read", "session_hash": session}

    def event(self, name: str, session: str, *data: object, **more: object) -> dict:
        return {"data": data, "fn_index": self.events[name], "session_hash": session, **more}


def picture(content: bytes) -> dict:
    return {"url": data_url(content)}


async def upload(attacker: Attacker, content: bytes, name: str = "7.png") -> dict:
    answer = await attacker.send_form(f"{API}/upload", {}, [("files", name, content)])
    path = json.loads(answer.body)[0] if answer.status == 200 else "/nothing"
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


# Gradio's routes


@attack("none, for comparison")
async def wait(attacker: Attacker) -> None:
    await asyncio.sleep(attacker.seconds)


@attack("icons of any size")
async def ask_for_icons(attacker: Attacker) -> None:
    sizes = itertools.cycle([14_000, 8_000, 3_000, 512, -1, 10**9])
    await attacker.flood(lambda _: attacker.get(f"/pwa_icon/{next(sizes)}"), 1)


@attack("pages, 100 at once")
async def ask_for_pages(attacker: Attacker) -> None:
    paths = ["/", "/config", f"{API}/info", f"{API}/openapi.json", f"{API}/mcp/schema", "/manifest.json"]
    await attacker.flood(lambda n: attacker.get(paths[n % len(paths)] + f"?{n}", Accept_Encoding="br"), 100)


@attack("assets, 100 at once")
async def ask_for_assets(attacker: Attacker) -> None:
    names = await find_assets(attacker)
    await attacker.flood(lambda n: attacker.get(names[n % len(names)], Accept_Encoding="br"), 100)


async def find_assets(attacker: Attacker) -> list[str]:
    """Return the largest of the scripts that the page loads."""
    page = await attacker.get("/")
    names = sorted({f"/{name.decode()}" for name in re.findall(rb"assets/[\w.-]+\.(?:js|css)", page.body)})
    sizes = {name: len((await attacker.get(name)).body) for name in names[:40]}
    return sorted(sizes, key=lambda name: -sizes[name])[:5]


@attack("routes that the page doesn't use")
async def try_routes(attacker: Attacker) -> None:
    paths = [
        "/monitoring",
        "/monitoring/summary",
        f"{API}/proxy=https://huggingface.co/",
        f"{API}/file=https://huggingface.co/",
        f"{API}/file=/etc/passwd",
        f"{API}/custom_component/x/server/component/__init__.py",
        f"{API}/custom_component/x/client/component/../../../app.py",
        f"{API}/dev/reload",
        f"{API}/vibe-code",
        f"{API}/deep_link?session_hash=x",
        f"{API}/stream/x/1/1/playlist.m3u8",
        f"{API}/run-history/buckets",
        "/svelte/index.js",
        "/static/../../../app.py",
        "/docs",
        "/openapi.json",
        "/login",
    ]

    async def visit(number: int) -> None:
        await attacker.exchange(attacker.build("GET", paths[number % len(paths)]), wait=5)

    await attacker.flood(visit, 8)


# Drawings


async def send_blob(
    attacker: Attacker, page: Page, number: int, index: str, content: bytes, kind: str = "layer"
) -> None:
    fields = {"type": kind, "index": index, "id": f"id{number}", "fn_name": "accept_blobs"}
    fields |= {"session_hash": f"s{number}", "component_id": str(page.ids["sketchpad"])}
    await attacker.send_form(f"{API}/component_server", fields, [("file", "blob", content)])


@attack("a layer at index 200,000,000")
async def send_layers(attacker: Attacker) -> None:
    page = await Page.load(attacker)
    await attacker.flood(lambda n: send_blob(attacker, page, n, "200000000", b"7"), 1)


@attack("drawings of 9 MB in many sessions")
async def send_drawings(attacker: Attacker) -> None:
    page, content = await Page.load(attacker), bytes(9 * 2**20)
    await attacker.flood(lambda n: send_blob(attacker, page, n, "null", content, "composite"), 8)


@attack("a sketch of 100 layers")
async def send_sketches(attacker: Attacker) -> None:
    page = await Page.load(attacker)
    file = await upload(attacker, written())

    async def send(number: int) -> None:
        sketch = {"background": file, "layers": [file] * 100, "composite": file}
        await attacker.post(RUN, page.event("read_sketch", f"s{number}", sketch))

    await attacker.flood(send, 4)


@attack("a sketch of 170 megapixels")
async def send_large_sketches(attacker: Attacker) -> None:
    page = await Page.load(attacker)
    file = await upload(attacker, blank(16_000, 10_600))

    async def send(number: int) -> None:
        await attacker.post(RUN, page.event("read_sketch", f"s{number}", {"background": file, "composite": file}))

    await attacker.flood(send, 4)


# Pictures that take long


@attack("a batch of one picture of 40 megapixels, 256 times, nobody waits")
async def send_repeated_batches(attacker: Attacker) -> None:
    file = await upload(attacker, blank(8000, 5000))
    request = attacker.build("POST", f"{API}/run/predict_batch", json.dumps({"data": [[file] * 256]}).encode())
    await attacker.flood(lambda _: abandon_soon(attacker, request), 4)


async def abandon_soon(attacker: Attacker, request: bytes) -> None:
    await attacker.exchange(request, wait=1)


@attack("a batch of 256 pictures of 40 megapixels")
async def send_large_batches(attacker: Attacker) -> None:
    batch = {"data": [[picture(blank(8000, 5000, str(number))) for number in range(256)]]}
    await attacker.flood(lambda _: attacker.post(f"{API}/run/predict_batch", batch), 4)


@attack("pictures of 40 megapixels, 40 at once")
async def send_large_pictures(attacker: Attacker) -> None:
    body = json.dumps({"data": [picture(written())]}).encode()
    await attacker.flood(lambda _: attacker.post(RUN, body), 40)


@attack("JPEG files of 2,000 scans")
async def send_endless_jpegs(attacker: Attacker) -> None:
    request = attacker.build("POST", RUN, json.dumps({"data": [picture(endless_jpeg(2000))]}).encode())
    await attacker.flood(lambda _: abandon_soon(attacker, request), 4)


@attack("JPEG 2000 files of 40 megapixels")
async def send_jpeg2000(attacker: Attacker) -> None:
    content = encode(Image.open(io.BytesIO(written())), "JPEG2000")
    request = attacker.build("POST", RUN, json.dumps({"data": [picture(content)]}).encode())
    await attacker.flood(lambda _: abandon_soon(attacker, request), 4)


@attack("small drawings, 100 at once")
async def send_drawn_digits(attacker: Attacker) -> None:
    page = await Page.load(attacker)
    await attacker.flood(lambda n: attacker.post(f"{API}/component_server", page.draw(f"s{n % 100}", drawing())), 100)


@attack("pictures of noise, readings kept")
async def fill_readings(attacker: Attacker) -> None:
    page = await Page.load(attacker)
    url = data_url(noise(1024))
    await attacker.flood(lambda n: attacker.post(f"{API}/component_server", page.draw(f"s{n % 100}", url)), 8)


# Slow clients


def start_of_body(attacker: Attacker, path: str = RUN, length: int = 1000) -> bytes:
    return attacker.build("POST", path, headers={"Content-Length": str(length)}) + b'{"data": ["'


@attack("100 bodies, a byte every 5 s")
async def drip_100(attacker: Attacker) -> None:
    await attacker.hold([start_of_body(attacker)] * 100, b"7", 5)


@attack("400 bodies, a byte a second")
async def drip_400(attacker: Attacker) -> None:
    await attacker.hold([start_of_body(attacker)] * 400, b"7", 1)


@attack("400 half-sent headers")
async def drip_headers(attacker: Attacker) -> None:
    await attacker.hold([b"GET / HTTP/1.1\r\nHost: a\r\n"] * 400, b"X-A: b\r\n", 1)


@attack("2,000 connections that say nothing")
async def stay_silent(attacker: Attacker) -> None:
    await attacker.hold([b""] * 2000, every=5)


@attack("100 bodies of 60 MB at 10 KB/s")
async def trickle(attacker: Attacker) -> None:
    await attacker.hold([start_of_body(attacker, length=60 * 2**20)] * 100, b"7" * 10_000, 1)


@attack("60 bodies of 60 MB at full speed")
async def send_large_bodies(attacker: Attacker) -> None:
    await flood_with_long_urls(attacker, 60)


async def flood_with_long_urls(attacker: Attacker, at_once: int) -> None:
    body = b'{"data": [{"url": "data:image/png;base64,' + b"A" * (60 * 2**20) + b'"}]}'
    await attacker.flood(lambda _: attacker.post(RUN, body), at_once)


@attack("40 bodies of 60 MB whose last byte never comes")
async def withhold(attacker: Attacker) -> None:
    head = attacker.build("POST", RUN, headers={"Content-Length": str(60 * 2**20)})
    await attacker.hold([head + b"7" * (60 * 2**20 - 1)] * 40, every=5)


@attack("400 answers that nobody reads")
async def leave_answers(attacker: Attacker) -> None:
    paths = ["/config", "/", *(await find_assets(attacker))]
    requests = [attacker.build("GET", paths[n % len(paths)], headers={"Accept-Encoding": "br"}) for n in range(400)]
    await attacker.hold(requests, every=5, read=False)


@attack("400 answers to pipelined requests that nobody reads")
async def leave_pipelined_answers(attacker: Attacker) -> None:
    (path, *_) = await find_assets(attacker)
    request = attacker.build("GET", path, headers={"Connection": "keep-alive"}) * 20
    await attacker.hold([request] * 400, every=5, read=False)


@attack("400 answers to requests of digits that nobody reads")
async def leave_pictures(attacker: Attacker) -> None:
    page = await Page.load(attacker)
    body = json.dumps(page.event("read_picture", "s", await upload(attacker, noise(1024)))).encode()
    await attacker.hold([attacker.build("POST", RUN, body)] * 400, every=5, read=False)


@attack("400 heartbeats")
async def open_heartbeats(attacker: Attacker) -> None:
    await attacker.hold([attacker.build("GET", f"{API}/heartbeat/s{n}") for n in range(400)], every=5)


@attack("400 event streams of jobs")
async def open_event_streams(attacker: Attacker) -> None:
    page = await Page.load(attacker)
    for number in range(400):
        await attacker.post(f"{API}/queue/join", page.event("model", f"s{number}"))
    await attacker.hold([attacker.build("GET", f"{API}/queue/data?session_hash=s{n}") for n in range(400)], every=5)


# Corrections


@attack("corrections with noise, 16 at once")
async def correct(attacker: Attacker) -> None:
    page = await Page.load(attacker)
    rng = np.random.default_rng(0)

    async def visit(number: int) -> None:
        session = f"s{number}"
        pixels = rng.integers(0, 256, (200, 200, 3), dtype=np.uint8)
        url = data_url(encode(Image.fromarray(pixels), "PNG"))
        answer = await attacker.post(f"{API}/component_server", page.draw(session, url))
        if answer.status == 200 and (reading := json.loads(answer.body).get("reading")):
            digit: object = [7, None, {}, True, 7.0, "7", -1, 10**40][number % 8]
            for _ in range(3):
                await attacker.post(RUN, page.event("correct", session, reading, {"text": str(digit)}))

    await attacker.flood(visit, 16)


# Addresses, errors and malformed requests


@attack("addresses of files")
async def name_addresses(attacker: Attacker) -> None:
    page = await Page.load(attacker)
    meta = {"meta": {"_type": "gradio.FileData"}}
    files = [
        {"path": address, "url": address, **meta}
        for address in ("https://192.0.2.1/7.png", "http://127.0.0.1:1/", "https://example.com/7.png")
    ]

    async def send(number: int) -> None:
        file = files[number % len(files)]
        bodies = [
            (RUN, {"data": [file]}),
            (f"{API}/run/predict_batch", {"data": [[file]]}),
            (RUN, page.event("read_picture", "s", file)),
            (RUN, page.event("read_sketch", "s", {"composite": file, "background": file, "layers": [file]})),
            (f"{API}/call/predict", {"data": [file]}),
            (f"{API}/call/v2/predict", {"image": file}),
            (f"{API}/queue/join", page.event("predict", f"s{number % 50}", file)),
        ]
        path, body = bodies[number % len(bodies)]
        await attacker.post(path, body)
        await attacker.exchange(attacker.build("GET", f"{API}/file={file['path']}"), wait=5)

    await attacker.flood(send, 16)


@attack("the same error again and again")
async def repeat_errors(attacker: Attacker) -> None:
    bodies = [{"data": ["seven"]}, {"data": [picture(b"7")]}, {"data": [], "fn_index": 99}, {"data": 7}]
    await attacker.flood(lambda n: attacker.post(RUN, bodies[n // 100 % len(bodies)]), 16)


@attack("errors that are all different, with control characters")
async def vary_errors(attacker: Attacker) -> None:
    page = await Page.load(attacker)

    async def send(number: int) -> None:
        text = f"\x1b[31m\n\r{number}\u2028" + "x" * 10_000
        await attacker.post(RUN, {"data": [text]})
        await attacker.post(f"{API}/run/{number}%0a%1b", {"data": [text]})
        await attacker.post(f"{API}/component_server", {**page.draw(text, text), "fn_name": text})

    await attacker.flood(send, 16)


@attack("event streams of unknown sessions")
async def ask_unknown_sessions(attacker: Attacker) -> None:
    await attacker.flood(lambda n: attacker.get(f"{API}/queue/data?session_hash=unknown{n}"), 32)


MALFORMED = [
    b"",
    b"{",
    b"\xff\xfe" * 100,
    b'{"data": [NaN]}',
    b'{"data": [1e999]}',
    b'{"data": {"a": 1}}',
    b'{"data": [], "session_hash": {}}',
    b'{"data": [], "fn_index": -1}',
    b'{"data": [], "fn_index": 1e300}',
    b'{"data": [null], "event_data": {"digit": {"a": []}}, "trigger_id": "x", "batched": true}',
    b'{"data": [' + b"[" * 10_000 + b"]" * 10_000 + b"]}",
    b'{"data": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
    b'{"data": [' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"]}",
    b'{"data": [' + b"9" * 1_000_000 + b"]}",
]


@attack("malformed bodies")
async def send_malformed(attacker: Attacker) -> None:
    paths = [
        "run/predict",
        "run/nothing",
        "component_server",
        "queue/join",
        "call/predict",
        "call/v2/predict",
        "cancel",
    ]
    paths += ["upload", "reset", "mcp/", "api/model"]
    types = ["application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=b", ""]

    async def send(number: int) -> None:
        body = MALFORMED[number % len(MALFORMED)]
        headers = {"Content-Type": types[number // 7 % len(types)]}
        await attacker.exchange(attacker.build("POST", f"{API}/{paths[number % len(paths)]}", body, headers))

    await attacker.flood(send, 8)


@attack("60 MB of JSON: 20 million lists")
async def send_many_lists(attacker: Attacker) -> None:
    body = b'{"data":[' + b"[]," * (20 * 2**20) + b"0]}"
    await attacker.flood(lambda _: attacker.post(RUN, body), 1)


@attack("5 MB of JSON: 100,000 objects, 8 at once")
async def send_many_objects(attacker: Attacker) -> None:
    file = b'{"path":"a","meta":{"_type":"gradio.FileData"}}'
    body = b'{"data":[[' + file + (b"," + file) * 100_000 + b"]]}"
    await attacker.flood(lambda _: attacker.post(f"{API}/run/predict_batch", body), 8)


@attack("60 MB as a data URL")
async def send_long_url(attacker: Attacker) -> None:
    await flood_with_long_urls(attacker, 2)


@attack("60 MB in a field of a form")
async def send_long_field(attacker: Attacker) -> None:
    fields = {"data": "7" * (60 * 2**20), "fn_name": "read", "session_hash": "s", "component_id": "1"}
    await attacker.flood(lambda _: attacker.send_form(f"{API}/component_server", fields), 2)


# Uploads


@attack("HTML and SVG as uploads")
async def upload_pages(attacker: Attacker) -> None:
    script = b"<script>alert(1)</script>"
    names = ["a.html", "a.svg", "a.xhtml", "a.xml", "a.js", "a.png"]

    async def send(number: int) -> None:
        name = names[number % len(names)]
        file = await upload(attacker, b"<svg xmlns='http://www.w3.org/2000/svg'>" + script + b"</svg>", name)
        answer = await attacker.get(f"{API}/file={file['path']}")
        headers = answer.headers.lower()
        if answer.status == 200 and "attachment" not in headers and "sandbox" not in headers:
            attacker.outcomes[f"{name} shown in place"] += 1

    await attacker.flood(send, 4)


@attack("uploads of 10 MB")
async def upload_large_files(attacker: Attacker) -> None:
    rng = np.random.default_rng(0)
    base = rng.bytes(10 * 2**20 - 16)

    async def send(number: int) -> None:
        await upload(attacker, number.to_bytes(8) + base)

    await attacker.flood(send, 8)


@attack("uploads of 1,000 files of a byte")
async def upload_many_files(attacker: Attacker) -> None:
    async def send(number: int) -> None:
        files = [("files", f"{n}.png", f"{number} {n}".encode()) for n in range(1000)]
        await attacker.send_form(f"{API}/upload", {}, files)

    await attacker.flood(send, 4)


@attack("40 uploads of 1,000 files, never finished")
async def withhold_files(attacker: Attacker) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="files"; filename="7.png"\r\n\r\n7\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": "100000"}
    head = attacker.build("POST", f"{API}/upload", headers=headers)
    await attacker.hold([head + part * 1000] * 40, b"7", 1)


@attack("uploads broken off after 9 MB")
async def break_uploads(attacker: Attacker) -> None:
    content = bytes(9 * 2**20)
    await attacker.flood(lambda _: attacker.send_form(f"{API}/upload", {}, [("files", "7.png", content)], cut=100), 8)


@attack("drawings broken off after 9 MB")
async def break_drawings(attacker: Attacker) -> None:
    content = bytes(9 * 2**20)
    await attacker.flood(lambda _: attacker.send_form(f"{API}/component_server", {}, [("f", "b", content)], cut=100), 8)


@attack("names of uploads of 60 KB, never asked for")
async def name_uploads(attacker: Attacker) -> None:
    async def send(number: int) -> None:
        path = f"{API}/upload?upload_id={number}{'x' * 60_000}"
        await attacker.send_form(path, {}, [("files", "7.png", b"7")])

    await attacker.flood(send, 16)


@attack("200 progress streams of unknown uploads")
async def ask_progress(attacker: Attacker) -> None:
    await attacker.flood(lambda n: attacker.get(f"{API}/upload_progress?upload_id={n}{'x' * 60_000}"), 200)


@attack("200 progress streams of one upload")
async def hold_progress(attacker: Attacker) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="files"; filename="7.png"\r\n\r\n7'
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": "1000"}
    uploads = [attacker.build("POST", f"{API}/upload?upload_id=u", headers=headers) + body]
    streams = [attacker.build("GET", f"{API}/upload_progress?upload_id=u")] * 200
    await attacker.hold([*uploads, *streams], b"7", 1)


@attack("odd ranges of an upload")
async def ask_for_ranges(attacker: Attacker) -> None:
    file = await upload(attacker, FILES["seven.png"])
    ranges = ["0-0", "1-2-3", "9" * 5000 + "-1", "0-" + "9" * 4000, "\xb2-\xb2", "0-,-1," * 500 + "1-1", "5-1"]
    await attacker.flood(
        lambda n: attacker.get(f"{API}/file={file['path']}", Range=f"bytes={ranges[n % len(ranges)]}"), 16
    )


# Sessions, jobs and MCP


@attack("MCP: 200 event streams")
async def open_mcp_streams(attacker: Attacker) -> None:
    await attacker.hold([attacker.build("GET", f"{API}/mcp/sse")] * 200, every=5)


async def call_mcp(attacker: Attacker, method: str, parameters: dict) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
    headers = {"Accept": "application/json, text/event-stream"}
    await attacker.exchange(attacker.build("POST", f"{API}/mcp/", body, headers))


@attack("MCP: sessions without end")
async def open_mcp_sessions(attacker: Attacker) -> None:
    parameters = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
    await attacker.flood(lambda _: call_mcp(attacker, "initialize", parameters), 16)


@attack("MCP: pictures of 9 MB")
async def send_mcp_pictures(attacker: Attacker) -> None:
    rest = bytes(9 * 2**20)

    async def send(number: int) -> None:
        image = data_url(number.to_bytes(8) + rest)
        await call_mcp(attacker, "tools/call", {"name": "predict", "arguments": {"image": image}})

    await attacker.flood(send, 4)


@attack("jobs whose results nobody fetches")
async def leave_jobs(attacker: Attacker) -> None:
    body = {"data": [picture(base64.b64decode(drawing().partition(",")[2]))]}
    await attacker.flood(lambda _: attacker.post(f"{API}/call/predict", body), 32)


@attack("jobs of 40 MB, 100 waiting")
async def leave_large_jobs(attacker: Attacker) -> None:
    body = json.dumps({"data": [[picture(endless_jpeg(500)), {"url": "A" * (40 * 2**20)}]]}).encode()
    await attacker.flood(lambda _: attacker.post(f"{API}/call/predict_batch", body), 4)


@attack("a session for every drawing")
async def open_sessions(attacker: Attacker) -> None:
    page = await Page.load(attacker)
    await attacker.flood(lambda n: attacker.post(f"{API}/component_server", page.draw(f"s{n}", "")), 32)


@attack("names of sessions of 1 MB")
async def name_sessions(attacker: Attacker) -> None:
    page = await Page.load(attacker)

    async def send(number: int) -> None:
        session = f"{number}" + "x" * 2**20
        await attacker.post(f"{API}/component_server", page.draw(session, ""))
        await attacker.post(f"{API}/queue/join", page.event("model", session))

    await attacker.flood(send, 8)


@attack("9 MB of input in every session")
async def leave_inputs(attacker: Attacker) -> None:
    body = json.dumps({"data": [{"url": "data:image/png;base64," + "A" * (9 * 2**20)}], "session_hash": "@"})

    async def send(number: int) -> None:
        await attacker.post(RUN, body.replace("@", f"s{number}").encode())

    await attacker.flood(send, 8)


# Everything in turn


class Load:
    """Requests of every kind, each by a number."""

    def __init__(self, attacker: Attacker, page: Page) -> None:
        self._attacker, self._page = attacker, page
        self._seven = picture(base64.b64decode(drawing().partition(",")[2]))
        rng = random.Random(0)
        self._damaged = [picture(damage(content, rng)) for content in seed_files() * 20]

    async def send(self, number: int) -> None:
        send = (self._send_good, self._send_bad, self._send_hostile)[number % 3]
        await send(number // 3)

    async def _send_good(self, number: int) -> None:
        attacker = self._attacker
        match number % 4:
            case 0:
                await attacker.post(RUN, {"data": [await upload(attacker, FILES["seven.png"])]})
            case 1:
                await attacker.post(RUN, {"data": [self._seven], "session_hash": f"s{number}"})
            case 2:
                await attacker.post(f"{API}/component_server", self._page.draw(f"s{number}", drawing()))
            case _:
                answer = await attacker.post(f"{API}/call/predict", {"data": [self._seven]})
                if answer.status == 200:
                    await attacker.get(f"{API}/call/predict/{json.loads(answer.body)['event_id']}")

    async def _send_bad(self, number: int) -> None:
        match number % 3:
            case 0:
                await self._attacker.post(RUN, {"data": [self._damaged[number % len(self._damaged)]]})
            case 1:
                await self._attacker.post(f"{API}/run/predict_batch", {"data": [[None, {"path": "/etc/passwd"}]]})
            case _:
                await self._attacker.post(RUN, MALFORMED[number % len(MALFORMED)])

    async def _send_hostile(self, number: int) -> None:
        attacker, page = self._attacker, self._page
        match number % 8:
            case 0:
                await attacker.get(f"/pwa_icon/{600 + number % 100}")
            case 1:
                await send_blob(attacker, page, number, "200000", b"7")
            case 2:
                await send_blob(attacker, page, number, "null", bytes(100_000), "composite")
            case 3:
                await attacker.send_form(f"{API}/upload", {}, [("files", "7.png", bytes(100_000))], cut=100)
            case 4:
                await attacker.get(f"{API}/queue/data?session_hash=unknown{number}")
            case 5:
                await attacker.post(f"{API}/component_server", page.draw(f"{number}" + "x" * 10_000, ""))
            case 6:
                await attacker.post(f"{API}/call/predict", {"data": [self._seven]})
            case _:
                await attacker.post(RUN, {"data": [picture(blank(4000, 4000))]})


async def run_load(attacker: Attacker, begin: int, end: int) -> None:
    """Send requests, good, bad and hostile in turn, 16 at once, numbered from `begin` to `end`."""
    load = Load(attacker, await Page.load(attacker))
    numbers = iter(range(begin, end))

    async def work() -> None:
        for number in numbers:
            await load.send(number)

    await asyncio.gather(*(work() for _ in range(16)))
