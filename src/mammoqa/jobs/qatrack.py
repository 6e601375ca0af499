"""Earlier results from QATrack+: JSON of its REST interface, one file or a folder of pages.

Needed are the pages of `testlistinstances`, `unittestinfos`, `tests` and `units` under /api/qa and /api/units, as the
interface gives them ("results" of a page, or a plain list); `testlists` gives tests their names. Objects refer to each
other by address, of which the last two parts (such as unittestinfos/12) are taken.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mammoqa.core import ConfigurationError
from mammoqa.jobs.exchange import Earlier, moment_of

_PLACE = re.compile(r"/([a-z]+)/(\d+)/?$")
_NEEDED = ("testlistinstances", "unittestinfos", "tests", "units")
Things = Mapping[tuple[str, str], Mapping[str, Any]]


def read_qatrack(path: Path) -> Iterator[Earlier]:
    """Every number that was measured, skipped ones and texts left out; ConfigurationError where pages are missing."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    things = {_place(item["url"]): item for file in files for item in _items(file)}
    kinds = {kind for kind, _ in things}
    missing = [kind for kind in _NEEDED if kind not in kinds]
    if missing:
        raise ConfigurationError(f"{path}: the export lacks {', '.join(missing)}; save those pages of the API as well")
    for (kind, number), session in things.items():
        if kind == "testlistinstances" and not session.get("in_progress"):
            yield from _of_session(things, session, f"{path}, test list instance {number}")


def _items(file: Path) -> list[Mapping[str, Any]]:
    """The objects of a page, of a list, or of a mapping of either by name."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is no JSON: {error}") from error
    if isinstance(found, dict):
        parts = [found["results"]] if isinstance(found.get("results"), list) else list(found.values())
    else:
        parts = [found]
    lists = [p.get("results", []) if isinstance(p, dict) else p for p in parts]
    flat = [item for part in lists if isinstance(part, list) for item in part]
    return [item for item in flat if isinstance(item, dict) and _PLACE.search(str(item.get("url", "")))]


def _place(address: str) -> tuple[str, str]:
    found = _PLACE.search(address)
    return (found[1], found[2]) if found else ("", "")


def _of_session(things: Things, session: Mapping[str, Any], where: str) -> Iterator[Earlier]:
    at = moment_of(str(session.get("work_completed", "")).replace("Z", "+00:00"), where)
    listed = things.get(_place(str(session.get("test_list", ""))), {})
    for instance in session.get("test_instances", ()):
        info = things.get(_place(str(instance.get("unit_test_info", ""))), {})
        test = things.get(_place(str(info.get("test", ""))), {})
        unit = things.get(_place(str(info.get("unit", ""))), {})
        value = instance.get("value")
        if instance.get("skipped") or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if not test or not unit:
            raise ConfigurationError(f"{where}: a result refers to a test or unit that the export lacks")
        yield Earlier(
            station=str(unit.get("name", ""))[:200],
            model="",
            manufacturer="",
            serial=str(unit.get("serial_number") or "")[:200],
            acquired_at=at,
            test=str(listed.get("slug") or listed.get("name") or "qatrack")[:64],
            metric=str(test.get("slug") or test.get("name", ""))[:100],
            value=float(value),
            unit="",
            total=False,
        )
