"""What is watched over time: series of readings, limits, events, baselines, and what a watch raises.

Times are local to the unit and carry no zone, as DICOM gives them. Nothing here computes.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of a metric; `low` and `high` are its 95 % interval, `analysis_id` the stored result it came from."""

    at: datetime
    value: float
    low: float | None = None
    high: float | None = None
    analysis_id: int | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """All readings of one metric by one test of one unit, oldest first.

    `unit` tells the unit apart, `group` names what like units share (the model), `test` the phantom or protocol.
    `unit_of_measure` is "objects" for totals, "" or "1" for ratios.
    """

    unit: str
    group: str
    test: str
    metric: str
    unit_of_measure: str
    readings: tuple[Reading, ...]


class LimitKind(StrEnum):
    """How the numbers of a limit are meant."""

    ABSOLUTE = "absolute"  # in the metric's own unit
    RELATIVE = "relative"  # in per cent of the baseline: -10 and 10 allow a tenth either way
    STATISTICAL = "statistical"  # in standard deviations of the baseline: -3 and 3 are Shewhart's


class Level(StrEnum):
    """What a limit asks for: tolerance, look into it soon; action, act before the unit is used further."""

    TOLERANCE = "tolerance"
    ACTION = "action"


@dataclass(frozen=True, slots=True)
class Limit:
    """The lowest and highest allowed value of a metric; None where that side is free. `source` says who set it.

    `test` and `unit` narrow it to one test (phantom) and one unit; empty means all.
    """

    metric: str
    kind: LimitKind
    level: Level
    low: float | None
    high: float | None
    source: str
    test: str = ""
    unit: str = ""

    def applies(self, series: Series) -> bool:
        """Whether this limit is one of the series'."""
        same = self.metric == series.metric and self.test in ("", series.test)
        return same and self.unit in ("", series.unit)


class EventKind(StrEnum):
    """What happened to a unit."""

    SERVICE = "service"  # preventive maintenance
    REPAIR = "repair"
    CALIBRATION = "calibration"
    SOFTWARE = "software"
    PART = "part"  # tube, detector, grid or another part replaced
    BASELINE = "baseline"  # a person set a baseline; nothing was done to the unit
    NOTE = "note"  # starts no new baseline


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """Something that was done to a unit. `metrics` are those it may have changed; empty means all of them.

    `test` keeps it to one phantom's readings. With `mean`, in the metric's own unit, what comes after is compared with
    that and not with readings.
    """

    unit: str
    at: datetime
    kind: EventKind
    note: str = ""
    metrics: tuple[str, ...] = ()
    test: str = ""
    mean: float | None = None
    readings: int = 0  # that `mean` was taken from

    @property
    def new_baseline(self) -> bool:
        """Whether what comes after is compared with a baseline of its own."""
        return self.kind is not EventKind.NOTE

    def concerns(self, series: Series) -> bool:
        """Whether the readings of the series may have changed by it."""
        own = self.unit == series.unit and self.test in ("", series.test)
        return own and (not self.metrics or series.metric in self.metrics)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a metric is compared with from `start` on, until `end` (None: still).

    `mean` and `sigma` are in the metric's unit, from `readings` readings up to `estimated_to`; `settled` is False
    while readings are still being gathered. `why` says what started it; `step_percent` is the change of the mean
    against the baseline before, None for the first.
    """

    start: datetime
    end: datetime | None
    mean: float
    sigma: float
    readings: int
    estimated_to: datetime
    settled: bool
    why: str
    step_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """A chart's rule that was met by the reading at `at`; `size` is what the rule looks at, in its own unit.

    `since` is where the change seems to have begun; `up` tells the direction.
    """

    metric: str
    rule: str
    at: datetime
    since: datetime
    value: float
    size: float
    up: bool
    level: Level


@dataclass(frozen=True, slots=True)
class Alarm:
    """Signals of one unit that one fault may explain: near in time, over all its metrics, between two services.

    `key` stays the same while later readings join the alarm. `raised_at` is the time of the first signal, `last_at`
    that of the last, `since` the estimated onset. `signals` are the first of each metric and rule.
    """

    key: str
    unit: str
    raised_at: datetime
    last_at: datetime
    since: datetime
    level: Level
    signals: tuple[Signal, ...]
    active: bool

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that changed, in the order in which they did."""
        return tuple(dict.fromkeys(signal.metric for signal in self.signals))


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a metric will be read beyond a limit, if nothing is done.

    `earliest` to `latest` is the interval of `confidence` about `likely`; None means later than `horizon`.
    `chance` is the probability of a breach up to `horizon`. The band is the readings' own interval at `band_at`.
    """

    metric: str
    made_at: datetime
    limit: float
    upper: bool
    level: Level
    horizon: datetime
    chance: float
    earliest: datetime | None
    likely: datetime | None
    latest: datetime | None
    confidence: float
    band_at: tuple[datetime, ...]
    band_low: tuple[float, ...]
    band_middle: tuple[float, ...]
    band_high: tuple[float, ...]
