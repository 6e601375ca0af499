"""The pages in German: no text lacks its translation, dates and numbers follow, data for programs stay English."""

import gettext
import io
import json
from datetime import datetime
from html.parser import HTMLParser

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import mammoqa
from mammoqa.phantoms import PHANTOMS
from mammoqa.report import words
from mammoqa.service import spoken
from mammoqa.service.tongue import HERE, LANGUAGES, chosen, tongue
from mammoqa.store import alerts, course, fleet, people, programme
from mammoqa.trends import NoForecast
from report.samples import sample_analysis, sample_refusal, sample_stack

OTHERS = [code for code in LANGUAGES if code != "en"]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None, "say": None}
PAGES = (
    "/", "/analyses", "/alerts?state=all", "/alerts/1", "/queue", "/queue?new=1&known=2&unread=0", "/protocols",
    "/protocols/1", "/users", "/peers", "/audit?check=1", "/account", "/units/1", "/units/1/trends", "/analyses/1",
    "/analyses/2", "/analyses/3",
)  # fmt: skip


def catalogue(code):
    return read_po(io.BytesIO((HERE / "locale" / code / "LC_MESSAGES" / "mammoqa.po").read_bytes()))


def texts():
    """Every text of the sources, as `make translations` finds them."""
    found = extract_from_dir(
        HERE,
        [("**.py", "python"), ("templates/**.html", "jinja2")],
        {"templates/**.html": {"trimmed": "true"}},
        KEYWORDS,
    )
    return {message for _, _, message, _, _ in found}


@pytest.mark.parametrize("code", OTHERS)
def test_no_text_of_the_pages_lacks_its_translation(code):
    known = catalogue(code)
    wanted = texts()
    assert len(wanted) > 450
    missing = [text for text in wanted if text not in known]
    assert missing == []
    assert [m.id for m in known if m.id and (m.fuzzy or not all(m.string if m.pluralizable else [m.string]))] == []
    assert {m.id for m in known if m.id} == wanted
    assert [(m.id, errors) for m, errors in known.check() if errors] == []


@pytest.mark.parametrize("code", OTHERS)
def test_the_compiled_catalogue_is_that_of_the_texts(code):
    made = io.BytesIO()
    write_mo(made, catalogue(code))
    shipped = (HERE / "locale" / code / "LC_MESSAGES" / "mammoqa.mo").read_bytes()
    assert gettext.GNUTranslations(io.BytesIO(made.getvalue()))._catalog == (
        gettext.GNUTranslations(io.BytesIO(shipped))._catalog
    )


def test_what_other_rooms_say_is_in_the_catalogue():
    wanted = texts()
    said = [p.title for p in PHANTOMS.values()]
    said += [words.metric_title(c.name) for p in PHANTOMS.values() for c in p.criteria]
    said += [*words.ADVICE.values(), *words.VERDICTS.values(), *words.KIND_TITLES.values()]
    said += [*people.ROLES, *course.EVENT_KINDS]
    assert [text for text in said if text not in wanted] == []
    assert set(spoken.LIMIT_KINDS) == set(programme.LIMIT_KINDS)
    assert set(spoken.NO_FORECAST) == set(NoForecast)


class Read(HTMLParser):
    """The texts that a person or a screen reader meets."""

    def __init__(self):
        super().__init__()
        self.lang, self.said, self._skip = None, [], 0

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.lang = given.get("lang") if tag == "html" else self.lang
        self.said += [given[name] for name in ("aria-label", "title", "alt") if name in given]
        self._skip += tag in ("script", "code", "style")

    def handle_endtag(self, tag):
        self._skip -= tag in ("script", "code", "style")

    def handle_data(self, data):
        if not self._skip and data.strip():
            self.said.append(data.strip())


@pytest.fixture
def german(service, browser):
    for made in (sample_analysis(), sample_stack(), sample_refusal()):
        service.store.save(made)
    unit = fleet.unit(service.store, 1)
    number = programme.put_test(service.store, None, name="Wochentest", phantom="acr156", every_days=7)
    programme.assign(service.store, number, [unit.id], datetime(2026, 1, 1).date())
    programme.put_limit(service.store, number, programme.Limit(0, "fibres", "absolute", 4.5, None, 4.0, None, "ACR"))
    alerts.sound(service.store, unit.id, "k", "warning", "Fasern", {"signals": "CUSUM"})
    course.add_event(service.store, unit.id, datetime(2026, 3, 18, 10), "tube replaced", "", True, "ada")
    client = browser("administrator")
    client.headers["accept-language"] = "de-AT,de;q=0.9,en;q=0.5"
    return client


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_german_throughout(german, path):
    answer = german.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-language"] == "de"
    page = Read()
    page.feed(answer.text)
    assert page.lang == ("de" if answer.text.startswith("<!doctype") else None)
    known = catalogue("de")
    english = {m.id for m in known if isinstance(m.id, str) and m.id and m.string != m.id} - {
        "administrator"
    }  # who is signed in
    assert [text for text in page.said if text in english] == []


def test_what_became_of_a_message_is_said_in_german(german, service):
    alerts.note(service.store, 1, "not sent", "mail, attempt 1")
    page = german.get("/alerts/1").text
    assert "nicht gesendet: mail" in page
    assert "not sent" not in page


def test_dates_and_numbers_are_written_as_in_germany(german):
    unit, result = german.get("/units/1").text, german.get("/analyses/1").text
    assert "18.03.2026, 10:00" in unit
    assert "Röhre getauscht" in unit
    assert "Sollwert" not in unit  # what a unit is compared with is its Bezugswert
    assert "0,5</option>" in result
    own = tongue("de")
    assert (own.number(1234.5678, 6), own.number(None), own.local("188 to 192.5")) == ("1234,57", "–", "188 bis 192,5")
    assert (own.size(1_500_000), tongue("en").size(1_500_000)) == ("1,5 MB", "1.5 MB")
    assert (own.month(datetime(2026, 3, 1)), tongue("en").month(datetime(2026, 3, 1))) == ("März 2026", "March 2026")


def test_programs_get_the_same_in_every_language(german):
    for path in ("/api/v1/units", "/api/v1/analyses", "/api/v1/units/1/prospects", "/analyses/1.json"):
        english = german.get(path, headers={"accept-language": "en"})
        assert german.get(path).content == english.content
    answer = german.get("/api/v1/units/99")
    assert answer.json()["detail"] == "there is no unit 99"
    assert "Es gibt kein Gerät 99." in german.get("/units/99").text
    assert json.loads(german.get("/api/v1/openapi.json").text)["info"]["version"] == mammoqa.__version__


@pytest.mark.parametrize(
    ("wanted", "accept", "code"),
    [
        ("", "", "en"),
        ("", "de", "de"),
        ("", "de-CH", "de"),
        ("", "fr, de;q=0.4", "de"),
        ("", "en;q=0.3, de;q=0.8", "de"),
        ("", "de;q=0, en", "en"),
        ("", "xx;q=9,,;;q=,*", "en"),
        ("", "fr", "en"),
        ("en", "de", "en"),
        ("de", "en", "de"),
        ("xx", "de", "de"),
    ],
)
def test_the_persons_choice_comes_before_the_browsers(wanted, accept, code):
    assert chosen(wanted, accept).code == code


def test_a_person_chooses_a_language(service, browser):
    client = browser("viewer")
    assert '<html lang="en">' in client.get("/").text
    assert client.post("/account/language", data={"language": "de"}).status_code == 303
    assert '<html lang="de">' in client.get("/", headers={"accept-language": "en"}).text
    assert "Sprache der Seiten" in client.get("/account").text
    client.post("/account/language", data={"language": "tlh"})
    assert people.accounts(service.store)[0].language == ""
    assert '<html lang="en">' in client.get("/").text


def test_signing_in_is_german_for_a_german_browser(browser):
    client = browser("")
    client.headers["accept-language"] = "de"
    assert "Anmelden" in client.get("/sign-in").text
    assert (
        "Der Name oder das Passwort ist falsch."
        in client.post("/sign-in", data={"name": "niemand", "password": "falsch"}).text
    )
