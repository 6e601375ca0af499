"""A trial of durability: many small objects are sent while parts are killed, the database restarts, the disk fills.

Used by `mammoqa validate durability`. What is counted: objects that a sender was told are stored, and that are not;
that were analysed more than once, or not at all.
"""

import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from mammoqa.core import StoreError
from mammoqa.service.objects import path_of
from mammoqa.service.options import Service
from mammoqa.service.parts import Child, children, supervise
from mammoqa.service.small_objects import SmallObject
from mammoqa.store import intake, processes
from mammoqa.store.tables import AnalysisRow, InputRow
from mammoqa.store.tables_intake import InstanceRow

_WAIT_S = 1800.0


@dataclass(slots=True)
class Sent:
    """What the senders were told."""

    stored: set[str] = field(default_factory=set)
    statuses: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, uid: str, status: str) -> None:
        """One answer, or none."""
        with self.lock:
            self.statuses[status] += 1
            if status == "0x0000":
                self.stored.add(uid)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something done to the service while objects are sent."""

    name: str
    every_s: float
    act: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of a trial."""

    objects: int
    seconds: float
    statuses: dict[str, int]
    faults: dict[str, int]
    told_stored: int
    lost: int
    analysed_once: int
    analysed_more: int
    never_analysed: int
    failed_jobs: int
    retried: int


def run_trial(
    service: Service,
    environment: dict[str, str],
    objects: Sequence[SmallObject],
    workers: int,
    faults: Callable[[Sequence[Child]], Sequence[Fault]],
    seed: int,
    say: Callable[[str], None] = lambda _line: None,
) -> Finding:
    """Run the receiver and workers, send every object until it is told stored, do the faults meanwhile, and count."""
    started, stop, calm = time.monotonic(), threading.Event(), threading.Event()
    crew = children(workers, ("receiver", "worker"))
    keeper = threading.Thread(target=supervise, args=(crew, environment, stop))
    keeper.start()
    done: Counter[str] = Counter()
    try:
        _await_port(service.options.dicom_port)
        dice = random.Random(seed)
        trouble = [threading.Thread(target=_trouble, args=(f, calm, done, dice, say)) for f in faults(crew)]
        sent = Sent()
        halves = [objects[k::2] for k in range(2)]
        senders = [
            threading.Thread(target=_send, args=(service, half, sent, f"SENDER{k}")) for k, half in enumerate(halves)
        ]
        for thread in (*trouble, *senders):
            thread.start()
        for thread in senders:
            thread.join()
        say(f"all sent after {time.monotonic() - started:.0f} s: {dict(sent.statuses)}")
        _await_work(service, len(objects) // 3, say)
        calm.set()
        for thread in trouble:
            thread.join()
        _await_work(service, 0, say)
        for job in intake.jobs_in(service.store, "failed", limit=100_000):  # as a person would
            intake.try_again(service.store, job.id)
        _await_work(service, 0, say)
    finally:
        calm.set()
        stop.set()
        keeper.join()
    return _count(service, objects, sent, done, time.monotonic() - started)


def _trouble(
    fault: Fault, calm: threading.Event, done: Counter[str], dice: random.Random, say: Callable[[str], None]
) -> None:
    while not calm.wait(fault.every_s * dice.uniform(0.6, 1.4)):
        said = fault.act()
        if said:
            done[fault.name] += 1
            say(said)


def killer(service: Service, crew: Sequence[Child], part: str, dice: random.Random) -> Callable[[], str]:
    """A fault that kills one process of a part that is at work, without a word (SIGKILL)."""

    def act() -> str:
        try:
            seen = {p.name: p.seen_at for p in processes.all_processes(service.store)}
        except StoreError:
            return ""
        running = [
            c
            for c in crew
            if c.part == part
            and c.process is not None
            and c.process.poll() is None
            and c.started is not None
            and c.name in seen
            and seen[c.name] > c.started
        ]
        if not running:
            return ""
        child = dice.choice(running)
        if child.process is None:
            return ""
        os.kill(child.process.pid, signal.SIGKILL)
        return f"{child.name} killed"

    return act


def disk_filler(folder: Path, seconds: float) -> Callable[[], str]:
    """A fault that fills the disk of a folder for a while."""

    def act() -> str:
        ballast = folder / "ballast"
        try:
            with ballast.open("wb") as file:
                while True:
                    file.write(b"\0" * 2**16)
        except OSError:
            time.sleep(seconds)
        finally:
            ballast.unlink(missing_ok=True)
        return f"disk full for {seconds:.0f} s"

    return act


def _await_port(port: int) -> None:
    until = time.monotonic() + 240
    while time.monotonic() < until:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.3)
    raise StoreError("the receiver did not start")


def _send(service: Service, objects: Sequence[SmallObject], sent: Sent, title: str) -> None:
    """Send each object until it is told stored, as units and archives do; a new association where one breaks."""
    from pynetdicom import AE

    entity = AE(ae_title=title)
    entity.add_requested_context(objects[0].sop_class_uid, objects[0].transfer_syntax_uid)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 60
    assoc = None
    for one in objects:
        while True:
            if assoc is None or not assoc.is_established:
                assoc = entity.associate("127.0.0.1", service.options.dicom_port, ae_title=service.options.ae_title)
            if not assoc.is_established:
                sent.note(one.uid, "no association")
                time.sleep(0.5)
                continue
            try:
                status = assoc.send_c_store(one.dataset)
            except (RuntimeError, ValueError, OSError):
                sent.note(one.uid, "connection lost")
                continue
            word = f"{status.Status:#06x}" if "Status" in status else "connection lost"
            sent.note(one.uid, word)
            if word == "0x0000":
                break
            time.sleep(0.5)
    if assoc is not None and assoc.is_established:
        assoc.release()


def _await_work(service: Service, most_left: int, say: Callable[[str], None]) -> None:
    """Wait until at most so many objects are not analysed yet."""
    until, told = time.monotonic() + _WAIT_S, 0.0
    while time.monotonic() < until:
        try:
            left = _left(service)
        except StoreError:
            left = -1
        if 0 <= left <= most_left:
            return
        if time.monotonic() - told > 20:
            told = time.monotonic()
            say(f"{left} objects to go")
        time.sleep(1)


def _left(service: Service) -> int:
    """Objects whose job is not finished."""
    resting = intake.resting(service.store)
    open_jobs = [job.id for job in intake.jobs_in(service.store, *intake.OPEN_STATES, limit=100_000)]
    if not open_jobs:
        return resting
    with service.store.session() as session:
        query = select(func.count()).where(InstanceRow.job_id.in_(open_jobs))
        return resting + (session.scalar(query) or 0)


def _count(
    service: Service, objects: Sequence[SmallObject], sent: Sent, faults: Counter[str], seconds: float
) -> Finding:
    store = service.store
    with store.session() as session:
        readable = select(InstanceRow.sop_instance_uid, InstanceRow.sha256).where(InstanceRow.reason.is_(None))
        kept = {uid: sha256 for uid, sha256 in session.execute(readable) if uid}
        named = select(InputRow.sop_instance_uid).join(AnalysisRow, AnalysisRow.input_id == InputRow.id)
        analysed = Counter(session.scalars(named).all())
    lost = [uid for uid in sent.stored if uid not in kept or not path_of(service.objects, kept[uid]).is_file()]
    uids = [one.uid for one in objects]
    jobs = intake.jobs_in(store, limit=100_000)
    return Finding(
        objects=len(objects),
        seconds=seconds,
        statuses=dict(sent.statuses),
        faults=dict(faults),
        told_stored=len(sent.stored),
        lost=len(lost),
        analysed_once=sum(analysed[uid] == 1 for uid in uids),
        analysed_more=sum(analysed[uid] > 1 for uid in uids),
        never_analysed=sum(analysed[uid] == 0 for uid in uids),
        failed_jobs=sum(job.state == "failed" for job in jobs),
        retried=sum(job.attempt > 1 for job in jobs),
    )
