"""Nothing that is sent makes the service answer 500, hang or die: every endpoint by its description, uploads by damage.

mammoqa validate service-api [--cases 200] [--objects 3000] [--seed 2026] [--out docs/validation]

A real server answers over HTTP. schemathesis makes up requests that fit the description of the interface and requests
that do not; answers are held against the description. Objects are damaged in ways that senders, disks and attackers
do, handed in by three ways, and what was kept is read as a worker reads it, in a process of its own.
"""

import argparse
import json
import logging
import multiprocessing
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, seed, settings
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from requests.adapters import HTTPAdapter
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mammoqa.core import MammoqaError
from mammoqa.jobs.exchange import Earlier, import_into
from mammoqa.service.app import create_app
from mammoqa.service.objects import path_of
from mammoqa.service.options import Service, ServiceOptions, open_service
from mammoqa.service.small_objects import small_objects
from mammoqa.store import alerts, course, objects_list, people, programme

HANGS_S = 60.0  # an answer that takes longer, on a machine that has other work
READ_S = 120.0  # a worker's reading of a few kilobytes
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
THERE = {"unit_id": 1, "analysis_id": 1, "test_id": 1, "alert_id": 1, "limit_id": 1}  # what `_fill` has made
WRONG = (
    ("Rows", 65535), ("Rows", 1), ("Columns", 0), ("BitsAllocated", 1), ("BitsStored", 64), ("SamplesPerPixel", 3),
    ("NumberOfFrames", "2147483647"), ("PixelRepresentation", 9), ("ImagerPixelSpacing", [0, 0]),
    ("PhotometricInterpretation", "PALETTE COLOR"), ("RescaleSlope", "0"), ("WindowWidth", "-5"), ("Modality", "\\"),
)  # fmt: skip
ADDRESS_LASTS = 1500  # requests: the service takes 1,800 a minute from one address


@dataclass(slots=True)
class Found:
    """What was asked and answered, and what went wrong."""

    endpoints: int = 0
    requests: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    slowest: str = ""

    def note(self, what: str, status: int, seconds: float) -> None:
        """One answer."""
        self.requests += 1
        self.statuses[str(status)] += 1
        if seconds > self.slowest_s:
            self.slowest_s, self.slowest = round(seconds, 2), what
        if status >= 500:
            self.wrong[f"{what}: answered {status}"] += 1
        if seconds > HANGS_S:
            self.wrong[f"{what}: took longer than {HANGS_S:.0f} s"] += 1

    def plain(self) -> dict[str, object]:
        """What is kept as JSON; asdict cannot copy a Counter."""
        kept = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in kept.items()}


class Caller:
    """Sends requests over HTTP from one address of this computer after the other."""

    def __init__(self, base: str) -> None:
        self.base, self.count, self.token = base, 0, ""
        self.session = requests.Session()

    def next(self) -> requests.Session:
        """The session for one more request."""
        if self.count % ADDRESS_LASTS == 0:
            number = self.count // ADDRESS_LASTS + 2
            adapter = HTTPAdapter()
            adapter.init_poolmanager(4, 4, source_address=(f"127.0.{number // 250}.{number % 250 + 1}", 0))
            self.session = requests.Session()
            self.session.mount("http://", adapter)
        self.session.headers["authorization"] = f"Bearer {self.token}"
        self.count += 1
        return self.session


def main() -> int:
    """Run both parts, print what was found and keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=200, help="requests of each endpoint")
    parser.add_argument("--objects", type=int, default=3000, help="damaged objects")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", type=Path, default=Path("docs/validation"))
    given_args = parser.parse_args()
    logging.getLogger("mammoqa").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="mammoqa-api-") as name:
        folder = Path(name)
        options = ServiceOptions(f"sqlite:///{folder / 'm.db'}", folder / "data", port=0, max_bytes=2**20)
        service = open_service(options)
        _fill(service)
        server, base = _start(service)
        began = time.monotonic()
        try:
            interface = _interface(service, Caller(base), given_args.cases, given_args.seed)
            uploads, kept = _uploads(service, Caller(base), given_args.objects, given_args.seed)
        finally:
            server.should_exit = True
        read = _read_all([path_of(service.objects, sha256) for sha256 in kept])
    told = {
        "cases": given_args.cases,
        "objects": given_args.objects,
        "seed": given_args.seed,
        "seconds": round(time.monotonic() - began),
        "interface": interface.plain(),
        "uploads": uploads.plain(),
        "read": dict(read),
    }
    print(json.dumps(told, indent=1))
    (given_args.out / "service_api.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    ended = read["died"] + read["hung"] + sum(n for what, n in read.items() if what.startswith("error"))
    return 1 if interface.wrong or uploads.wrong or ended else 0


def _fill(service: Service) -> None:
    """A unit that drifts, with a test, an event, a baseline and an alert: something behind the first number of each."""
    store, dice = service.store, np.random.default_rng(1)
    start = datetime(2026, 1, 5, 8)
    lines = [
        Earlier("Room 1", "M", "Maker", "1", start + timedelta(weeks=k), "acr_dm", metric, float(value), "", total)
        for k in range(30)
        for metric, value, total in (
            ("snr", 60 - max(0, k - 12) * 0.8 + dice.normal(0, 0.5), False),
            ("fibres", 4.5, True),
        )
    ]
    import_into(store, lines, "made")
    number = programme.put_test(store, None, name="Weekly", phantom="acr_dm", every_days=7)
    programme.assign(store, number, [1], date(2026, 1, 1))
    programme.put_limit(store, number, programme.Limit(0, "snr", "absolute", 45.0, None, 40.0, None, "made"))
    course.add_event(store, 1, start, "service", "", True, "made")
    alerts.sound(store, 1, "k", "warning", "made", {"since": "2026-01-05"})


def _start(service: Service) -> tuple[uvicorn.Server, str]:
    server = uvicorn.Server(uvicorn.Config(create_app(service), port=0, log_level="critical", access_log=False))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    return server, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"


def _token(service: Service, name: str) -> str:
    """An administrator of their own: what is tried out may close accounts and end tokens."""
    account = people.add_account(service.store, name, "", "administrator", None)
    people.add_token(service.store, account, "trial", "administrator", f"secret of {name}", 1)
    return f"secret of {name}"


def _interface(service: Service, caller: Caller, cases: int, number: int) -> Found:
    """Requests of every endpoint: within its description, the same about what is there, and outside of it."""
    found = Found()
    caller.token = _token(service, "first")
    description = caller.next().get(f"{caller.base}/api/v1/openapi.json", timeout=60).json()
    schema = schemathesis.openapi.from_dict(description).exclude(method="POST", path="/api/v1/objects")
    for place, result in enumerate(schema.get_all_operations()):
        operation = result.ok()
        found.endpoints += 1
        print(f"{operation.method.upper()} {operation.path}", flush=True)
        for mode, known in (
            (GenerationMode.POSITIVE, False),
            (GenerationMode.POSITIVE, True),
            (GenerationMode.NEGATIVE, False),
        ):
            caller.token = _token(service, f"{place} {mode.value} {known}")
            there = {name: value for name, value in THERE.items() if f"{{{name}}}" in operation.path} if known else {}
            if there or not known:
                strategy = operation.as_strategy(generation_mode=mode, path_parameters=there or None)
                _ask(service, caller, operation, strategy, cases // 3, number, found)
    return found


def _ask(
    service: Service, caller: Caller, operation: object, strategy: object, count: int, number: int, found: Found
) -> None:
    name = f"{operation.method.upper()} {operation.path}"

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def ask(case: schemathesis.Case) -> None:
        start = time.monotonic()
        try:
            answer = case.call(base_url=caller.base, session=caller.next(), timeout=3 * HANGS_S)
        except requests.RequestException as error:
            found.note(name, 0, time.monotonic() - start)
            if isinstance(error, requests.Timeout | requests.ConnectionError):
                found.wrong[f"{name}: {type(error).__name__}"] += 1
            return
        found.note(name, answer.status_code, time.monotonic() - start)
        if answer.status_code == 401:  # it has closed its own account
            caller.token = _token(service, f"again {caller.count}")
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                found.wrong[f"{name}: {type(failure).__name__} {answer.status_code}"] += 1

    try:
        ask()
    except Exception as error:
        if "Unsatisfiable" not in type(error).__name__:
            raise
        print("  nothing to vary")


def originals(dice: np.random.Generator) -> list[bytes]:
    """Sound objects of a few kilobytes in several encodings, one with nested sequences."""
    made = []
    for one, syntax in zip(
        small_objects(4, 1, 32, dice),
        (None, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless),
        strict=True,
    ):
        dataset = one.dataset
        inner, outer = Dataset(), Dataset()
        inner.CodeValue, inner.CodeMeaning = "111", "made"
        outer.ConceptNameCodeSequence = Items([inner, inner])
        dataset.AcquisitionContextSequence = Items([outer, outer])
        if syntax is RLELossless:
            dataset.compress(RLELossless)
        elif syntax is not None:
            dataset.file_meta.TransferSyntaxUID = syntax
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        made.append(buffer.getvalue())
    return made


def damages() -> dict[str, Callable[[bytearray, np.random.Generator], bytes]]:
    """Ways in which an object comes to harm."""

    def bytes_changed(data: bytearray, dice: np.random.Generator) -> bytes:
        for at in dice.integers(0, len(data), dice.integers(1, 16)):
            data[at] = dice.integers(0, 256)
        return bytes(data)

    def cut(data: bytearray, dice: np.random.Generator) -> bytes:
        return bytes(data[: dice.integers(0, len(data))])

    def head_changed(data: bytearray, dice: np.random.Generator) -> bytes:
        for at in dice.integers(128, min(len(data), 900), dice.integers(1, 6)):
            data[at] = dice.choice([0, 1, 0x7F, 0x80, 0xFF])
        return bytes(data)

    def length_changed(data: bytearray, dice: np.random.Generator) -> bytes:
        at = int(dice.integers(132, len(data) - 4))
        data[at : at + 4] = int(dice.choice([0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, 0x80000000, 0, 1])).to_bytes(
            4, "little"
        )
        return bytes(data)

    def part_lost(data: bytearray, dice: np.random.Generator) -> bytes:
        first, last = sorted(dice.integers(0, len(data), 2))
        return bytes(data[:first] + data[last:])

    def part_twice(data: bytearray, dice: np.random.Generator) -> bytes:
        first, last = sorted(dice.integers(0, len(data), 2))
        return bytes(data[:last] + data[first:])

    def attribute_wrong(data: bytearray, dice: np.random.Generator) -> bytes:
        dataset = dcmread(BytesIO(bytes(data)))
        name, value = WRONG[int(dice.integers(0, len(WRONG)))]
        setattr(dataset, name, value)
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()

    def noise(data: bytearray, dice: np.random.Generator) -> bytes:
        return bytes(data[:132]) * int(dice.integers(0, 2)) + dice.bytes(int(dice.integers(1, 4000)))

    ways = (bytes_changed, cut, head_changed, length_changed, part_lost, part_twice, attribute_wrong, noise)
    return {way.__name__: way for way in ways}


def _damaged(count: int, dice: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    sound, ways = originals(dice), list(damages().items())
    for k in range(count):
        name, way = ways[k % len(ways)]
        yield name, way(bytearray(sound[int(dice.integers(len(sound)))]), dice)


def _uploads(service: Service, caller: Caller, count: int, number: int) -> tuple[Found, tuple[str, ...]]:
    """Damaged objects over REST, STOW-RS and the form of the page in turn; and the hashes of what was kept."""
    found, dice = Found(endpoints=3), np.random.default_rng(number)
    caller.token = _token(service, "sender")
    for k, (damage, data) in enumerate(_damaged(count, dice)):
        way = ("REST", "STOW", "form")[k % 3]
        start = time.monotonic()
        answer = _sent(caller, way, data, dice)
        found.note(f"{way}, {damage}", answer, time.monotonic() - start)
    return found, tuple(objects_list.all_hashes(service.store))


def _sent(caller: Caller, way: str, data: bytes, dice: np.random.Generator) -> int:
    session, base = caller.next(), caller.base
    try:
        if way == "REST":
            headers = {"content-type": "application/dicom"}
            return session.post(f"{base}/api/v1/objects", data=data, headers=headers, timeout=60).status_code
        if way == "STOW":
            end = (b"--", b"", b"\r\n", b"--\r\n")[int(dice.integers(4))]
            body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n--x" + end
            headers = {"content-type": 'multipart/related; type="application/dicom"; boundary=x'}
            return session.post(f"{base}/dicomweb/studies", data=body, headers=headers, timeout=60).status_code
        files = {"files": ("a.dcm", data)}
        return session.post(f"{base}/upload", files=files, timeout=60, allow_redirects=False).status_code
    except requests.RequestException:
        return 599


def read_one(path: Path) -> str:
    """How a worker's reading of one object ends."""
    from mammoqa.dicom import read_file

    try:
        images = read_file(path)
        for image in images[:3]:
            np.asarray(image.pixels).sum()
    except MammoqaError as error:
        return f"refused: {getattr(error, 'code', type(error).__name__)}"
    except Exception as error:  # noqa: BLE001 - what is looked for
        return f"error: {type(error).__name__}: {error}"[:160]
    return "read"


def _read_all(paths: list[Path]) -> Counter[str]:
    """Read every kept object in a process of its own kind; `died` and `hung` count what took that process with it."""
    ends: Counter[str] = Counter()
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(1, mp_context=context)
    for path in paths:
        try:
            ends[pool.submit(read_one, path).result(READ_S)] += 1
        except (BrokenProcessPool, TimeoutError) as error:
            ends["hung" if isinstance(error, TimeoutError) else "died"] += 1
            for process in list(pool._processes.values()):
                process.kill()
            pool = ProcessPoolExecutor(1, mp_context=context)
    pool.shutdown()
    return ends


if __name__ == "__main__":
    raise SystemExit(main())
