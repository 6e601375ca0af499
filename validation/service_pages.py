"""Pictures of every page of the service, dark, light and on a tablet, and what axe says about their accessibility.

mammoqa validate service-pages IMAGES [--out docs/images] [--axe axe.min.js]
"""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
from selenium import webdriver
from selenium.webdriver.common.by import By

PASSWORD = "pictures-of-pages"
PAGES = {
    "fleet": "/", "unit": "/units/1?period=all", "analysis": "/analyses/1", "analyses": "/analyses",
    "alerts": "/alerts", "alert": "/alerts/1", "queue": "/queue", "protocols": "/protocols", "protocol": "/protocols/1",
    "trends": "/units/3?period=1y#trends", "baselines": "/units/3#baselines", "reports": "/#reports",
    "users": "/users", "peers": "/peers", "audit": "/audit?check=1", "account": "/account",
}  # fmt: skip
LOOKS = {"": ("light", 1280, 860), "_dark": ("dark", 1280, 860), "_tablet": ("light", 820, 1100)}
WITH_ALL_LOOKS = ("fleet", "unit", "trends", "analysis", "queue")
IN_GERMAN = ("fleet", "trends", "analysis", "protocol")


def main() -> int:
    """Start a service, send the images, decide something, take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, help="a folder of DICOM files, such as demo-output/images")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--axe", type=Path, help="axe-core's axe.min.js (MPL-2.0; not part of mammoqa)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mammoqa-pages-") as name:
        process, address, dicom_port, key = _start(Path(name))
        try:
            _fill(address, dicom_port, key, sorted(given.images.glob("*.dcm")), Path(name))
            found = _pictures(address, given.out, given.axe.read_text("utf-8") if given.axe else "")
        finally:
            process.terminate()
            process.wait(60)
    print(json.dumps(found, indent=1))
    return 1 if any(found.values()) else 0


def _start(folder: Path) -> tuple[subprocess.Popen[str], str, int, str]:
    port, dicom_port = _free_port(), _free_port()
    command = [
        sys.executable,
        "-m",
        "mammoqa",
        "serve",
        "--store",
        str(folder / "m.db"),
        "--data",
        str(folder / "data"),
    ]
    command += ["--port", str(port), "--dicom-port", str(dicom_port), "--quiet", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert process.stdout
    key = next(found[1] for line in process.stdout if (found := re.search(r"key=(\S+)", line)))
    until = time.monotonic() + 300
    for wanted in (port, dicom_port):
        while time.monotonic() < until and socket.socket().connect_ex(("127.0.0.1", wanted)):
            time.sleep(0.3)
    return process, f"http://127.0.0.1:{port}", dicom_port, key


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _earlier(folder: Path) -> None:
    """Half a year of earlier results of a third unit, whose SNR falls towards its limit."""
    dice, start = np.random.default_rng(5), datetime(2025, 9, 1, 7, 40)
    rows = ["station,model,serial,acquired_at,test,kind,metric,value"]
    for week in range(30):
        at = (start + timedelta(weeks=week)).isoformat()
        values = {"snr": 60 - max(0, week - 12) * 0.75, "cnr": 3.2, "artefact_deviation": 4.0}
        rows += [
            f"Unit C,Simulator,1003,{at},acr_dm,measurement,{metric},{value * (1 + 0.01 * dice.standard_normal()):.4f}"
            for metric, value in values.items()
        ]
        rows.append(f"Unit C,Simulator,1003,{at},acr_dm,total,fibres,{4.5 - 0.5 * (dice.random() < 0.2)}")
    table = folder / "earlier.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "mammoqa", "db", "import", str(table), "--store", str(folder / "m.db")]
    subprocess.run(command, check=True, stdout=sys.stderr)


def _fill(address: str, dicom_port: int, key: str, images: list[Path], folder: Path) -> None:
    """Images, a protocol, an event, decisions: something to see on every page."""
    subprocess.run(["storescu", "-aec", "MAMMOQA", "127.0.0.1", str(dicom_port), *map(str, images)], check=True)
    with httpx.Client(base_url=address, timeout=300, follow_redirects=True) as client:
        first = {"key": key, "name": "ada", "full_name": "Ada Physicist", "password": PASSWORD}
        page = client.post("/setup", data=first).text
        csrf = re.search(r'name="csrf" value="([^"]+)"', page)
        client.headers["x-csrf-token"] = csrf[1] if csrf else ""
        until = time.monotonic() + 600
        while len(client.get("/api/v1/analyses").json()["items"]) < len(images) and time.monotonic() < until:
            time.sleep(2)
        _earlier(folder)
        client.post("/upload", files={"files": ("notes.txt", b"no DICOM, only words " * 20)})
        test = {"name": "Weekly phantom", "phantom": "acr156", "every_days": 7, "grace_days": 2, "source": "ACR 1999"}
        client.post("/protocols", data=test)
        client.post("/protocols/1/units", data={"units": [1, 2]})
        limit = {
            "metric": "fibres",
            "kind": "absolute",
            "tolerance_low": "4.5",
            "action_low": "4",
            "source": "ACR 1999",
        }
        client.post("/protocols/1/limits", data=limit)
        client.post("/units/1", data={"name": "Room 1", "site": "North clinic", "ae_title": "ROOM1"})
        client.post("/units/2", data={"name": "Room 2", "site": "North clinic", "ae_title": "ROOM2"})
        event = {"at": "2026-03-18T10:00", "kind": "service", "note": "yearly maintenance", "new_baseline": "true"}
        client.post("/units/1/events", data=event)
        client.post("/units/3", data={"name": "Room 3", "site": "South clinic"})
        client.post("/units/3/events", data=event | {"at": "2025-10-06T12:00", "new_baseline": ""})
        baseline = {"phantom": "acr_dm", "metric": "cnr", "last": 6, "note": "accepted with the new grid"}
        client.post("/units/3/baselines", data=baseline)
        client.post("/peers", data={"ae_title": "PACS", "host": "pacs.example", "port": 104, "may_send": "true"})
        score = {"object_name": "fibre-5", "score": 0.5, "reason": "only half of it is seen"}
        client.post("/analyses/1/overrides", data=score)
        client.post("/analyses/1/reviews", data={"decision": "accepted", "comment": "as in the weeks before"})
        client.post("/analyses/1/sign-offs", data={"comment": "agreed"})
        client.post("/alerts/1", data={"kind": "comment", "text": "the engineer has been called"})


def _pictures(address: str, out: Path, axe: str) -> dict[str, list[str]]:
    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    options.binary_location = shutil.which("chromium") or "chromium"
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_script_timeout(300)
    found: dict[str, list[str]] = {}
    try:
        driver.get(f"{address}/sign-in")
        found["sign_in"] = _axe(driver, axe)
        driver.save_screenshot(str(out / "service_sign_in.png"))
        for name, text in (("name", "ada"), ("password", PASSWORD)):
            driver.find_element(By.NAME, name).send_keys(text)
        driver.find_element(By.CSS_SELECTOR, "button.main").click()
        for suffix, (theme, width, height) in LOOKS.items():
            driver.execute_script("localStorage.setItem('theme', arguments[0])", theme)
            driver.set_window_size(width, height)
            for name, path in PAGES.items():
                if suffix and name not in WITH_ALL_LOOKS and suffix != "_dark":
                    continue
                _settled(driver, address + path)
                found[name + suffix] = _axe(driver, axe)
                if not suffix or name in WITH_ALL_LOOKS:
                    driver.save_screenshot(str(out / f"service_{name}{suffix}.png"))
        found |= _german(driver, address, out, axe)
    finally:
        driver.quit()
    return found


def _german(driver: webdriver.Chrome, address: str, out: Path, axe: str) -> dict[str, list[str]]:
    """The same in the other language, chosen as a person chooses it."""
    driver.execute_script("localStorage.setItem('theme', 'light')")
    driver.set_window_size(*LOOKS[""][1:])
    _settled(driver, f"{address}/account")
    driver.find_element(By.CSS_SELECTOR, "select[name=language] option[value=de]").click()
    driver.find_element(By.CSS_SELECTOR, "form[action='/account/language'] button").click()
    found = {}
    for name, path in PAGES.items():
        _settled(driver, address + path)
        found[f"{name}_german"] = _axe(driver, axe)
        if name in IN_GERMAN:
            driver.save_screenshot(str(out / f"service_{name}_german.png"))
    return found


def _settled(driver: webdriver.Chrome, address: str) -> None:
    driver.get(address)
    ready = (
        "return [...document.querySelectorAll('[data-viewer]')].every(v => v.dataset.ready)"
        " && !document.querySelector('#trends [role=status]')"
    )
    until = time.monotonic() + 90
    while time.monotonic() < until and not driver.execute_script(ready):
        time.sleep(0.3)
    if "#" in address:  # what is loaded later has moved the place
        driver.execute_script("document.querySelector(location.hash).scrollIntoView()")
    time.sleep(4 if "/units" in address else 1)


def _axe(driver: webdriver.Chrome, axe: str) -> list[str]:
    """Violations of WCAG 2 A and AA."""
    if not axe:
        return []
    driver.execute_script(axe)
    answer = driver.execute_async_script(
        "const done = arguments[0]; axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}).then(r => done("
        "r.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target.join(' ')).join(' | '))))"
    )
    return list(answer)


if __name__ == "__main__":
    raise SystemExit(main())
