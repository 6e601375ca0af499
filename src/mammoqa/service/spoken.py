"""What other rooms say in English and pages show in the reader's language: titles, states, reasons, refusals.

The lists below are what the catalogue has beside the templates. What is not on them, such as a metric that a later
phantom brings, a name, or a stored reason, is shown as it stands.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from mammoqa.core import Forecast
from mammoqa.phantoms import PHANTOMS
from mammoqa.report import words
from mammoqa.service.tongue import N_, Tongue
from mammoqa.trends import NoForecast

OUTCOMES: Mapping[str, str] = MappingProxyType(
    {"pass": N_("Pass"), "fail": N_("Fail"), "measured": N_("Measured"), "refused": N_("Not analysed")}
)
STATES: Mapping[str, str] = MappingProxyType(
    {"fail": N_("beyond a limit"), "refused": N_("drifting"), "pass": N_("steady")}
)
ROLES = (N_("viewer"), N_("technologist"), N_("physicist"), N_("administrator"))
EVENTS = (
    N_("service"), N_("repair"), N_("tube replaced"), N_("detector replaced"), N_("detector calibrated"),
    N_("software update"), N_("moved"), N_("note"), N_("calibration"), N_("software"), N_("part"), N_("baseline"),
)  # fmt: skip
LIMIT_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "absolute": N_("absolute"),
        "relative": N_("per cent of the baseline"),
        "statistical": N_("standard deviations from the baseline"),
    }
)
THINGS = (N_("Fibre"), N_("Speck group"), N_("Mass"))
PHANTOM_TITLES = (
    N_("ACR mammography accreditation phantom (156 type)"), N_("ACR CT accreditation phantom (464)"),
    N_("ACR Digital Mammography phantom"), N_("ACR large MRI accreditation phantom"),
    N_("CDMAM 3.4 contrast-detail phantom"), N_("Mammography flat field"),
)  # fmt: skip
METRICS = (
    N_("Fibres"), N_("Speck groups"), N_("Masses"), N_("Probability of passing"), N_("Tube load"),
    N_("CT number water"), N_("CT number air"), N_("CT number polyethylene"), N_("CT number acrylic"),
    N_("CT number bone"), N_("CT number centre"), N_("Slice width error"), N_("Low contrast CNR"),
    N_("Uniformity 12 o'clock"), N_("Uniformity 3 o'clock"), N_("Uniformity 6 o'clock"), N_("Uniformity 9 o'clock"),
    N_("High contrast resolution"), N_("SNR"), N_("CNR"), N_("SDNR"), N_("Artefact deviation"), N_("Artefact spots"),
    N_("Diameter"), N_("Slice thickness"), N_("Slice position"), N_("Percent image uniformity"),
    N_("Percent signal ghosting"), N_("Low contrast spokes"), N_("Threshold 2.00 mm"), N_("Threshold 1.00 mm"),
    N_("Threshold 0.50 mm"), N_("Threshold 0.25 mm"), N_("Threshold 0.10 mm"), N_("Image quality figure (IQF)"),
    N_("Psychometric slope"), N_("Images"), N_("Uniformity mean"), N_("Uniformity SNR"), N_("Uniformity"),
    N_("MGD"), N_("Glandular dose"), N_("Dead pixels"), N_("Pixel value"), N_("Half value layer"),
    N_("MTF at one half"),
)  # fmt: skip
REFUSAL_ADVICE = (
    N_("Check the path, and that this computer may read the folder."),
    N_("Export the image from the unit or the archive as DICOM and analyse that file."),
    N_("Send the image again from the unit or the archive; this copy is incomplete."),
    N_("Choose the image objects of the study; reports and plans hold no pixels."),
    N_("Export the image uncompressed (Explicit VR Little Endian) and try again."),
    N_("mammoqa reads mammography, radiography, CT and MR images only."),
    N_("Use the grey-scale original, not a screenshot or a colour secondary capture."),
    N_("Export single images or one series at a time."),
    N_("Use the original image of the unit, which states its pixel spacing."),
    N_("Choose the image of a test phantom."),
    N_("Choose an image of a phantom from the list that `mammoqa analyse --help` gives."),
    N_("Repeat the image in the view that the phantom's protocol asks for."),
    N_("Send the whole series; every slice is needed."),
    N_("Repeat the image with the phantom flat, whole and centred at the chest-wall edge."),
    N_("Repeat the image with the whole phantom inside the field."),
    N_("Repeat with a lower dose or without saturation; check the exposure control."),
    N_("Export the image FOR PROCESSING (raw) instead of FOR PRESENTATION."),
    N_("Nothing to do: the same image is answered under its other file."),
    N_("Look at the image: repeat it, and check the exposure and the detector."),
)
FACTS = (
    N_("Unit"), N_("Station, serial"), N_("Detector"), N_("Acquired"), N_("Image"), N_("Tube voltage"),
    N_("Target / filter"), N_("Organ dose"), N_("Entrance dose"), N_("Thickness"), N_("Compression"),
    N_("Field strength"), N_("TE / TR"), N_("Pixel bandwidth"), N_("Phase encoding"), N_("File"), N_("SHA-256"),
    N_("SOP instance UID"), N_("Series UID"), N_("Software"), N_("Phantom data"), N_("Model"), N_("Analysed"),
)  # fmt: skip
DETAILS: Mapping[str, str] = MappingProxyType(
    {
        "metrics": N_("Metrics"), "signals": N_("Signals"), "since": N_("Since"), "last": N_("Last"),
        "reason": N_("Reason"), "test": N_("Test"), "due": N_("Due"),
    }
)  # fmt: skip
RULES = (
    N_("CUSUM"),
    N_("EWMA"),
    N_("2 of 3 beyond 3σ"),
    N_("beyond a limit (action)"),
    N_("beyond a limit (tolerance)"),
)
LITTLE = (
    N_("to"), N_("yes"), N_("no"), N_("none"), N_("pass"), N_("fail"), N_("measured"), N_("first readings"),
    N_("Every criterion is met."), N_("No criterion applies."), N_("date not given"), N_("Image without a result"),
)  # fmt: skip
NO_FORECAST: Mapping[NoForecast, str] = MappingProxyType(
    {
        NoForecast.BEYOND: N_("the last reading is beyond the limit already"),
        NoForecast.FAR: N_("it will probably not be breached within half a year"),
        NoForecast.RECENT: N_("the change began too few readings ago to tell a slope from a step"),
        NoForecast.FEW: N_("too few readings since the last service"),
        NoForecast.AWAY: N_("readings do not move towards the limit"),
        NoForecast.STEADY: N_("nothing changes"),
        NoForecast.NO_LIMIT: N_("no limit is set for it"),
    }
)
PROBLEMS = (
    N_("there is no such page"), N_("there is no unit %(n)s"), N_("there is no test %(n)s"),
    N_("there is no alert %(n)s"), N_("there is no account %(n)s"), N_("there is no analysis %(n)s in this store"),
    N_("there is no job %(n)s in this store"), N_("there is no token %(n)s of yours"),
    N_("this form is too old, or came from elsewhere: load the page again"), N_("this form came from elsewhere"),
    N_("this needs the role technologist"), N_("this needs the role physicist"),
    N_("this needs the role administrator"), N_("too many attempts: wait a minute"),
    N_("the database cannot be reached: try again in a moment"), N_("a score is 0, 0.5 or 1"),
    N_("a score of your own needs the reason"), N_("a rejection needs a comment that says why"),
    N_("a rejected result is not signed: review it again, or repeat the image"), N_("a test needs a name"),
    N_("a limit needs a metric and the source it was taken from"),
    N_("levels go from the lower action level up to the upper one; give at least one"),
    N_("a test is done every 1 to 3660 days, with 0 to 366 days of grace"), N_("say what was found"),
    N_("say to whom"), N_("one active administrator has to stay"), N_("only a resolved alert is opened again"),
    N_("an AE title has 1 to 16 characters and no backslash"), N_("an AE title has at most 16 characters"),
    N_("an account needs a name of 1 to 100 printable characters"), N_("a baseline needs the reason"),
    N_("there are no readings of this metric in that time"), N_("there are no readings in that month"),
    N_("the database holds no measurements yet; analyse some images with --store first"),
    N_("begin at the sign-in page again"), N_("this account is closed"),
    N_("there are reports under way already: try again in a moment"), N_("a unit that is out of use has no report"),
)  # fmt: skip


def metric(own: Tongue, name: str) -> str:
    """The title of a metric."""
    return own.say(words.metric_title(name))


def phantom(own: Tongue, name: str) -> str:
    """The title of a phantom; its name where it is not known here."""
    known = PHANTOMS.get(name)
    return own.say(known.title) if known else name


def thing(own: Tongue, name: str) -> str:
    """The name of a test object: "Speck group 3"."""
    kind, _, number = words.object_title(name).rpartition(" ")
    return f"{own.say(kind)} {number}" if kind else own.say(number)


def outcome(own: Tongue, value: str) -> str:
    """The word of an outcome."""
    return own.say(OUTCOMES.get(value, value))


def problem(own: Tongue, text: str) -> str:
    """Why something was not done; one number in it may be any."""
    numbers = re.findall(r"\d+", text)
    if len(numbers) == 1 and (template := text.replace(numbers[0], "%(n)s")) in PROBLEMS:
        return own.say(template, n=numbers[0])
    return own.say(text)


def why(own: Tongue, text: str) -> str:
    """What started a baseline; the part that people wrote stays."""
    kind, colon, rest = text.partition(": ")
    by = N_("set by")
    said = own.say(by) + rest.removeprefix(by) if rest.startswith(by) else rest
    return own.say(kind) + colon + said


def detail(own: Tongue, name: str) -> str:
    """What a line of an alert is about."""
    return own.say(DETAILS.get(name, words.metric_title(name)))


def prospect(own: Tongue, made: Forecast | NoForecast) -> str:
    """When a limit will be breached, with its interval, or why no date is given."""
    if isinstance(made, NoForecast):
        return own.say("No date: %(reason)s.", reason=own.say(NO_FORECAST[made]))
    if made.likely is None:
        return own.say("No date: %(reason)s.", reason=own.say(NO_FORECAST[NoForecast.FAR]))
    first, likely = own.day(made.earliest or made.made_at), own.day(made.likely)
    share, limit = f"{100 * made.confidence:.0f}", own.local(f"{made.limit:.4g}".replace("-", "−"))
    if made.latest is None:
        text = N_("Limit %(limit)s probably breached on %(likely)s (%(share)s %% interval: %(first)s or later).")
        return own.say(text, limit=limit, likely=likely, share=share, first=first)
    text = N_("Limit %(limit)s probably breached on %(likely)s (%(share)s %% interval: %(first)s to %(last)s).")
    return own.say(text, limit=limit, likely=likely, share=share, first=first, last=own.day(made.latest))
