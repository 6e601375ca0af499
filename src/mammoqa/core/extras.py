"""What the extras of the package bring, so that a missing part is asked for by the command that installs it."""

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType

from mammoqa.core.errors import MissingExtraError

# The modules that an extra of pyproject.toml brings.
EXTRAS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "service": (
            "argon2",
            "authlib",
            "babel",
            "dbos",
            "fastapi",
            "highdicom",
            "httpx",
            "prometheus_client",
            "psycopg",
            "pyarrow",
            "pynetdicom",
            "python_multipart",
            "ruptures",
            "statsmodels",
            "uvicorn",
        ),
        "train": ("torch", "torchvision", "onnx", "onnxscript"),
        "cluster": ("dask", "distributed"),
    }
)


def require(extra: str, what: str) -> None:
    """MissingExtraError where a module of the extra is not installed; `what` needs it. Imports nothing."""
    missing = [name for name in EXTRAS[extra] if find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"{what} needs {', '.join(missing)}: {install(extra)}")


def extra_of(module: str) -> str | None:
    """The extra that brings a module, or the package that it is in; None where it is none of them."""
    package = module.partition(".")[0]
    return next((extra for extra, modules in EXTRAS.items() if package in modules), None)


def install(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'mammoqa[{extra}]'"
