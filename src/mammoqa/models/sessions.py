"""Opening the files of an artefact: graphs whose bytes are those that the card names."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mammoqa.core import ModelError


def described_as(folder: Path, form: str) -> bool:
    """Whether the card in a folder says that it holds an artefact of this format."""
    try:
        data = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(data, dict) and data.get("format") == form


def checked(path: Path, sha256: str | None) -> bytes:
    """The bytes of a file; ModelError where it is missing, or is not the file that the card describes."""
    if not path.is_file():
        raise ModelError(f"{path} is missing; reinstall mammoqa or train the model again")
    raw = path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise ModelError(f"{path} is not the file that its card describes; reinstall mammoqa or train the model again")
    return raw


def open_session(folder: Path, graph: str, files: Mapping[str, str], threads: int, *beside: str) -> Any:
    """An onnxruntime session for a graph of an artefact on the processor.

    Args:
        folder: of the artefact.
        graph: name of the graph's file.
        files: SHA-256 by name, from the card.
        threads: that compute one answer.
        beside: further files that the graph reads by itself, to be checked too.

    Raises:
        ModelError: a file is missing or has been changed.
    """
    import onnxruntime

    raw = checked(folder / graph, files.get(graph))
    for name in beside:
        checked(folder / name, files.get(name))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # warnings of the optimiser say nothing to a user
    # a graph with weights beside it finds them by its own path
    return onnxruntime.InferenceSession(
        str(folder / graph) if beside else raw, options, providers=["CPUExecutionProvider"]
    )
