"""The service as people use it: DCMTK sends, a headless Chromium sees, overrides, signs, and gets the PDF."""

import shutil
import subprocess

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from e2e.browsing import browsing, complaints, grey_levels, wait
from e2e.serving import PASSWORD, PATIENCE_S, serving
from mammoqa.jobs.simulate import write_image
from mammoqa.phantoms import PHANTOMS
from mammoqa.simulate import Exposure, expose

PROGRAMS = ("storescu", "chromium", "chromedriver")
ABSENT = [program for program in PROGRAMS if shutil.which(program) is None]
pytestmark = pytest.mark.skipif(
    bool(ABSENT), reason=f"needs {', '.join(ABSENT)} (Debian: dcmtk, chromium, chromium-driver)"
)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    exposure = Exposure(field_mm=(150.0, 140.0), station="ROOM-1", device_serial="77")
    write_image(expose(PHANTOMS["acr156"], exposure, np.random.default_rng(5)), folder / "one.dcm")
    return sorted(folder.glob("*.dcm"))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium():
    with browsing() as driver:
        yield driver


def test_send_see_override_sign_pdf(served, images, chromium, tmp_path):
    address = served.address
    send = ["storescu", "-aec", "MAMMOQA", "127.0.0.1", str(served.dicom_port), *map(str, images)]
    assert subprocess.run(send, check=False, timeout=PATIENCE_S).returncode == 0

    chromium.get(served.setup)  # the first administrator
    for name, text in (("name", "ada"), ("full_name", "Ada Physicist"), ("password", PASSWORD)):
        chromium.find_element(By.NAME, name).send_keys(text)
    chromium.find_element(By.CSS_SELECTOR, "form button.main").click()

    def result(driver):
        driver.get(f"{address}/analyses")
        return driver.find_elements(By.CSS_SELECTOR, "tbody td.n a")

    wait(chromium, result)[0].click()  # see
    assert grey_levels(chromium) > 50  # grey levels: an image and no black box

    row = chromium.find_element(By.XPATH, "//tr[td[1]='Fibre 1']")  # override
    row.find_element(By.TAG_NAME, "summary").click()
    Select(row.find_element(By.NAME, "score")).select_by_visible_text("0.5")
    row.find_element(By.NAME, "reason").send_keys("half of it is seen")
    row.find_element(By.TAG_NAME, "button").click()
    wait(chromium, lambda d: "half of it is seen" in d.find_element(By.ID, "decisions").text)

    sign = chromium.find_element(By.CSS_SELECTOR, "form[action$='sign-offs']")
    sign.find_element(By.NAME, "comment").send_keys("seen and agreed")
    sign.find_element(By.TAG_NAME, "button").click()
    wait(chromium, lambda d: "Signed by Ada Physicist" in d.find_element(By.ID, "decisions").text)

    pdf = chromium.execute_async_script(
        "const done = arguments[0]; fetch(location.pathname + '.pdf').then(a => a.arrayBuffer())"
        ".then(b => done(Array.from(new Uint8Array(b))))"
    )
    sheet = tmp_path / "sheet.pdf"
    sheet.write_bytes(bytes(pdf))
    assert sheet.read_bytes().startswith(b"%PDF")
    if shutil.which("pdftotext"):
        words = subprocess.run(["pdftotext", str(sheet), "-"], check=True, capture_output=True, text=True).stdout
        assert "Ada Physicist" in words
        assert "half of it is seen" in " ".join(words.split())
    assert complaints(chromium) == []
