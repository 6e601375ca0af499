"""What stands before every request: headers, size limits and rate limits, as one ASGI layer."""

import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
_SMALL_BODY = 2**20  # of everything but uploads
_UPLOADS = ("/upload", "/api/v1/objects", "/dicomweb/studies")
_PER_MINUTE = 1800  # requests of one address: a page asks for a dozen things at once (a choice)


class RateLimit:
    """At most so many events a minute by key; old keys are dropped."""

    def __init__(self, per_minute: int, keys: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._keys = keys
        self._clock = clock
        self._times: dict[str, deque[float]] = defaultdict(deque)

    def allows(self, key: str) -> bool:
        """Whether one more is allowed now; counts it."""
        now = self._clock()
        if len(self._times) > self._keys:
            self._times = defaultdict(deque, {k: v for k, v in self._times.items() if v and now - v[-1] < 60})
        times = self._times[key]
        while times and now - times[0] > 60:
            times.popleft()
        if len(times) >= self._per_minute:
            return False
        times.append(now)
        return True


class TooLargeError(Exception):
    """A body above the limit."""


class Guard:
    """Adds the headers to every answer; refuses bodies above the limit and too many requests of one address."""

    def __init__(self, app: Any, max_upload: int, secure: bool = False, per_minute: int = _PER_MINUTE) -> None:
        self._app = app
        self._max_upload = max_upload
        self._headers: tuple[tuple[bytes, bytes], ...] = HEADERS
        if secure:
            self._headers = (*HEADERS, (b"strict-transport-security", b"max-age=31536000"))
        self._limit = RateLimit(per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = scope.get("client") or ("", 0)
        if not self._limit.allows(client[0]):
            await self._answer(send, 429, b"too many requests: wait a minute")
            return
        limit = self._max_upload if scope["path"].startswith(_UPLOADS) else _SMALL_BODY
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > limit:
            await self._answer(send, 413, b"the body is above the limit")
            return
        await self._pass_on(scope, receive, send, limit)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        taken, started = 0, False

        async def counted() -> MutableMapping[str, Any]:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise TooLargeError
            return message

        async def headed(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(h for h in self._headers if h[0] not in present)]
                if b"cache-control" not in present:
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        try:
            await self._app(scope, counted, headed)
        except TooLargeError:
            if not started:
                await self._answer(send, 413, b"the body is above the limit")

    async def _answer(self, send: Send, status: int, text: bytes) -> None:
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"), *self._headers]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text})
