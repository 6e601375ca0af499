"""The web application: pages, REST and DICOMweb behind one guard."""

from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import DatabaseError, IntegrityError

import mammoqa
from mammoqa.core import ConfigurationError, NotStoredError, ReasonCode, RefusalError, StoreError
from mammoqa.service import dicomweb, metrics, oidc, rest, spoken
from mammoqa.service.access import SignInNeeded, is_program, signed_in
from mammoqa.service.guard import Guard
from mammoqa.service.options import Service
from mammoqa.service.pages import ROUTERS
from mammoqa.service.rendering import page, tongue_of
from mammoqa.service.tongue import HERE

_UPLOAD_PARTS = 4  # objects of the greatest size in one request


def create_app(service: Service) -> FastAPI:
    """The application for an open service."""
    app = FastAPI(
        title="mammoqa",
        version=mammoqa.__version__,
        description="Image quality assurance: results, trends and decisions.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.service = service
    oidc.roles_of(service.options.oidc_roles)  # a misspelt role is told at the start, not to whoever signs in first
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
    rest.include(app)
    for router in (dicomweb.ROUTER, metrics.ROUTER, oidc.ROUTER):
        app.include_router(router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    secure = service.options.public_url.startswith("https://")
    app.add_middleware(Guard, max_upload=service.options.max_bytes * _UPLOAD_PARTS, secure=secure)
    _answers(app)
    return app


def _answers(app: FastAPI) -> None:
    """What is answered where a request cannot be."""

    @app.exception_handler(SignInNeeded)
    async def sign_in(request: Request, _error: SignInNeeded) -> Response:
        if request.headers.get("hx-request"):
            return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
        target = request.url.path if request.method == "GET" else "/"
        return RedirectResponse(f"/sign-in?next={target}", 303)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        return answer(request, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(404)
    async def absent(request: Request, error: HTTPException) -> Response:
        return answer(request, 404, str(getattr(error, "detail", "there is no such page")))

    @app.exception_handler(StoreError)
    async def store(request: Request, error: StoreError) -> Response:
        if isinstance(error, NotStoredError):
            return answer(request, 404, str(error))
        cause = error.__cause__  # IntegrityError: the database is well, and what was asked does not fit what it holds
        if isinstance(cause, DatabaseError) and not isinstance(cause, IntegrityError):
            return answer(request, 503, "the database cannot be reached: try again in a moment", {"Retry-After": "5"})
        return answer(request, 422, str(error))

    @app.exception_handler(RefusalError)
    async def refusal(request: Request, error: RefusalError) -> Response:
        return answer(request, 413 if error.code is ReasonCode.TOO_LARGE else 422, error.reason)

    @app.exception_handler(ConfigurationError)
    async def wrong(request: Request, error: ConfigurationError) -> Response:
        return answer(request, 422, str(error))

    @app.exception_handler(OSError)
    async def disk(request: Request, error: OSError) -> Response:
        return answer(request, 507, f"the service cannot write now ({error.strerror}): nothing was accepted")

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        found = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
        return answer(request, 422, found)


def answer(request: Request, status: int, text: str, headers: Any = None) -> Response:
    """A message: JSON for programs, a line for htmx, a page for people."""
    if is_program(request):
        return JSONResponse({"detail": text}, status, headers)
    who = signed_in(request, request.app.state.service) if status != 503 else None
    said = spoken.problem(tongue_of(request, who), text)
    if request.headers.get("hx-request"):
        return page(request, "message.html", who, status, text=said)
    return page(request, "error.html", who, status, text=said, code=status)
