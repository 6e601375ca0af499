"""One way in for every object: from the network, the web, a folder. Durable before anyone is told so."""

from collections.abc import Iterable
from dataclasses import dataclass

from mammoqa.core import DicomError
from mammoqa.dicom.header import read_header
from mammoqa.service.objects import Spool, path_of
from mammoqa.service.options import Service
from mammoqa.store import intake
from mammoqa.store.intake import Instance, Recorded


@dataclass(frozen=True, slots=True)
class Origin:
    """How an object came: the route (dimse, stow, upload, folder), who sent it, and from which address."""

    route: str
    sender: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an object that was handed in; `reason` says why it cannot be analysed, where that is so."""

    recorded: Recorded
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    reason: str | None


def take(service: Service, chunks: Iterable[bytes], origin: Origin, max_bytes: int | None = None) -> Taken:
    """Keep an object: when this returns, file and row outlive a power cut.

    What cannot be read is kept too, with the reason. Raises RefusalError for an object above the limit, OSError where
    the disk is full, StoreError where the database cannot be written; nothing was accepted then.
    """
    with Spool(service.incoming, max_bytes or service.options.max_bytes) as spool:
        for chunk in chunks:
            spool.write(chunk)
        return finish(service, spool, origin)


def finish(service: Service, spool: Spool, origin: Origin) -> Taken:
    """Keep an object that is spooled as a whole; as `take`."""
    instance = _instance(spool, origin)
    if not path_of(service.objects, instance.sha256).exists():
        spool.keep(service.objects)
    recorded = intake.record(service.store, instance)
    return Taken(
        recorded, instance.sop_class_uid, instance.sop_instance_uid, instance.study_instance_uid, instance.reason
    )


def _instance(spool: Spool, origin: Origin) -> Instance:
    facts, sha256, size = (origin.route, origin.sender, origin.address), spool.sha256, spool.size
    try:
        header = read_header(bytes(spool.head))
    except DicomError as error:
        return Instance("", sha256, size, route=facts[0], sender=facts[1], address=facts[2], reason=error.reason)
    return Instance(
        sop_instance_uid=header.sop_instance_uid,
        sha256=sha256,
        size_bytes=size,
        sop_class_uid=header.sop_class_uid,
        transfer_syntax_uid=header.transfer_syntax_uid,
        series_instance_uid=header.series_instance_uid or header.sop_instance_uid,
        study_instance_uid=header.study_instance_uid or header.series_instance_uid or header.sop_instance_uid,
        modality=header.modality,
        station=header.station,
        expected=header.expected,
        route=facts[0],
        sender=facts[1],
        address=facts[2],
    )
