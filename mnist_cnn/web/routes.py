"""Which of Gradio's routes are open. Whatever isn't listed as used or harmless answers 404, in a new Gradio too."""

import re
from enum import Enum


class Access(Enum):
    """What is decided about a route."""

    USED = "by the page, its clients or MCP"
    HARMLESS = "nobody here needs it, and it costs next to nothing"
    CLOSED = "nobody here needs it, and it can be abused or tells too much"


# The sizes that manifest.json names. Gradio resizes the icon to any size, on the event loop.
ICON_SIZES = (192, 512)

# As Gradio declares them, without a slash at the end.
ROUTES: dict[str, Access] = {
    "/": Access.USED,
    "/config": Access.USED,
    "/assets/{path:path}": Access.USED,
    "/static/{path:path}": Access.USED,
    "/theme.css": Access.USED,
    "/favicon.ico": Access.USED,
    "/manifest.json": Access.USED,
    "/pwa_icon": Access.USED,
    "/pwa_icon/{size}": Access.USED,
    "/robots.txt": Access.HARMLESS,
    "/svelte/{path:path}": Access.CLOSED,
    "/openapi.json": Access.CLOSED,
    "/login": Access.CLOSED,
    "/logout": Access.CLOSED,
    "/monitoring": Access.CLOSED,
    "/monitoring/summary": Access.CLOSED,
    "/monitoring/{key}": Access.CLOSED,
    "/gradio_api/info": Access.USED,
    "/gradio_api/openapi.json": Access.USED,
    "/gradio_api/startup-events": Access.USED,
    "/gradio_api/theme.css": Access.USED,
    "/gradio_api/app_id": Access.USED,
    "/gradio_api/heartbeat/{session_hash}": Access.USED,
    "/gradio_api/upload": Access.USED,
    "/gradio_api/upload_progress": Access.USED,
    "/gradio_api/file={path_or_url:path}": Access.USED,
    "/gradio_api/component_server": Access.USED,
    "/gradio_api/queue/join": Access.USED,
    "/gradio_api/queue/data": Access.USED,
    "/gradio_api/cancel": Access.USED,
    "/gradio_api/reset": Access.USED,
    "/gradio_api/run/{api_name}": Access.USED,
    "/gradio_api/api/{api_name}": Access.USED,
    "/gradio_api/call/v2/{api_name}": Access.USED,
    "/gradio_api/call/v2/{api_name}/{event_id}": Access.USED,
    "/gradio_api/call/{api_name}": Access.USED,
    "/gradio_api/call/{api_name}/{event_id}": Access.USED,
    "/gradio_api/mcp": Access.USED,
    "/gradio_api/mcp/schema": Access.USED,
    "/gradio_api/mcp/sse": Access.USED,
    "/gradio_api/mcp/messages": Access.USED,
    "/gradio_api/login_check": Access.HARMLESS,
    "/gradio_api/queue/status": Access.HARMLESS,
    "/gradio_api/user": Access.CLOSED,
    "/gradio_api/token": Access.CLOSED,
    "/gradio_api/deep_link": Access.CLOSED,
    "/gradio_api/dev/reload": Access.CLOSED,
    "/gradio_api/runs": Access.CLOSED,
    "/gradio_api/run-history/connect": Access.CLOSED,
    "/gradio_api/run-history/buckets": Access.CLOSED,
    "/gradio_api/run-history/records": Access.CLOSED,
    "/gradio_api/run-history/records/{endpoint}/{record_id}/assets/{asset_id}": Access.CLOSED,
    "/gradio_api/custom_component/{id}/{environment}/{type}/{file_name}": Access.CLOSED,
    "/gradio_api/proxy={url_path:path}": Access.CLOSED,
    "/gradio_api/file/{path:path}": Access.CLOSED,
    "/gradio_api/stream/{event_id}": Access.CLOSED,
    "/gradio_api/stream/{event_id}/close": Access.CLOSED,
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8": Access.CLOSED,
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}": Access.CLOSED,
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file": Access.CLOSED,
    "/gradio_api/process_recording": Access.CLOSED,
    "/gradio_api/vibe-edit": Access.CLOSED,
    "/gradio_api/undo-vibe-edit": Access.CLOSED,
    "/gradio_api/vibe-code": Access.CLOSED,
    "/gradio_api/vibe-starter-queries": Access.CLOSED,
}

# Every other parameter is anything without a slash. A file is none of another host, which Gradio would fetch.
_PARAMETERS = {"size": "|".join(map(str, ICON_SIZES)), "path_or_url": "(?!(?i:https?:)).*"}


def find_route(path: str) -> str | None:
    """Return the open route, as Gradio declares it, that a request's path leads to; None if there is none."""
    return next((route for route, pattern in _OPEN.items() if pattern.fullmatch(path)), None)


def _build_pattern(route: str) -> re.Pattern[str]:
    """Return the regular expression of a route's paths."""

    def parameter(match: re.Match[str]) -> str:
        name, _, kind = match[1].partition(":")
        return f"(?:{_PARAMETERS.get(name, '.*' if kind == 'path' else '[^/]+')})"

    # Escaping leaves the names of parameters alone, but for their braces and colons.
    escaped = re.escape(route).replace(r"\{", "{").replace(r"\}", "}")
    return re.compile(re.sub(r"\{(.+?)\}", parameter, escaped) + ("" if route == "/" else "/?"), re.DOTALL)


_OPEN = {route: _build_pattern(route) for route, access in ROUTES.items() if access is not Access.CLOSED}
