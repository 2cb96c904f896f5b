"""The report page, opened from disk in headless Chromium."""

import json
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from certificates import always_first, certificate_of, perfect
from selfjudge.certificate.choice import choose
from selfjudge.ground.lines import read_json, write_json
from selfjudge.report.page import build_report, read_parts
from small_project import TEMPLATES, config_of, hostile_pairs, write_project

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is missing")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = pytest.mark.chromium

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()
VIEWS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1200, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1200, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}
# Each sets `ran`, or loads something, if any of it is taken for more than text.
ATTACKS = [
    "</script><script>window.ran = 1</script>",
    '"><img src=x onerror="window.ran = 1">',
    "'><svg onload=window.ran=1>",
    "<iframe srcdoc='<script>parent.ran = 1</script>'></iframe>",
    "![x](https://example.org/x.png) [x](javascript:window.ran=1)",
    "<style>body { display: none }</style><link rel=stylesheet href=//example.org/x>",
    "<meta http-equiv=refresh content='0;url=https://example.org'><base href=//e.org>",
    "{{ 7 * 7 }} ${window.ran = 1} <!-- --><![CDATA[",
    "\u202e\u2066 backwards \u202d\u200f\u061c",
    "\0\x01\x1b[2J\x7f\u0085",
    "Z\u0301\u0316" * 400 + "a" + "\u0300" * 3000,
    "W" * 20_000,
    "\n" * 3000,
    "\u05d0\u05d1\u05d2 (1) [[B]] \u0627\u0644",
    "[[A]] Verdict: [[A]]",
    "constructor __proto__ hasOwnProperty",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium of the system's."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    path = path or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on the path (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project with its page."""
    return write_page(tmp_path_factory.mktemp("page") / "project")


def write_page(project: Path, *texts: str) -> Path:
    """A project with its page; with texts, every record is made of one of them."""
    write_project(project, hostile_pairs(*texts) if texts else None)
    write_certificates(project / "results")
    page = build_report(config_of(), project, read_parts(TEMPLATES))
    (project / "results/report.html").write_bytes(page.encode())
    return project


def write_certificates(results: Path) -> None:
    """Certificates of a judge that prefers a place, and of one that has none; which."""
    base = certificate_of(always_first, 0)
    found = [certificate_of(always_first, 1, base), certificate_of(perfect, 2, base)]
    for one in found:
        folder = results / f"iter{one.iteration}" / "majority"
        write_json(folder / "certificate.json", one)
    write_json(results / "choice.json", choose(base, found))


class Opened:
    """A page in one view, and what it did that a page from disk should not."""

    def __init__(self, chromium: Any, project: Path, view: str = "light", **more: Any):
        self.page = chromium.new_context(**VIEWS[view], **more).new_page()
        self.address = (project / "results/report.html").resolve().as_uri()
        self.wrongs: list[str] = []
        self.page.on("console", lambda message: self.wrongs.append(message.text))
        self.page.on("pageerror", lambda error: self.wrongs.append(str(error)))
        self.page.on("dialog", lambda dialog: self.wrongs.append(dialog.message))
        self.page.on("request", self.note)
        self.page.goto(self.address)

    def note(self, request: Any) -> None:
        """A request is wrong unless it is of the page itself, or of inline data."""
        if not request.url.startswith(("data:", self.address)):
            self.wrongs.append(request.url)

    def count(self) -> str:
        """What the browser says of the record shown."""
        return str(self.page.inner_text("#count"))

    def record(self) -> str:
        """The id of the record shown."""
        return str(self.page.inner_text("#record h3 a"))

    def choose(self, field: str, value: str) -> None:
        """Choose a value of a field."""
        self.page.select_option(f"select[data-field={field}]", value)


@pytest.fixture
def opened(chromium: Any, project: Path) -> Iterator[Opened]:
    """The small project's page; at the end it must have done nothing wrong."""
    page = Opened(chromium, project)
    yield page
    assert page.wrongs == []
    page.page.context.close()


def records_of(project: Path) -> list[dict[str, Any]]:
    """The records in a project's page."""
    page = (project / "results/report.html").read_text()
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</', page)
    return list(json.loads(data)["records"])


def test_the_numbers_are_those_of_the_files(opened: Opened, project: Path) -> None:
    """What a reader sees is what vlrb.json holds, row by row."""
    rows = opened.page.eval_on_selector_all(
        "#all-scores tbody tr",
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))",
    )
    names = opened.page.eval_on_selector_all(
        "#all-scores thead th", "cells => cells.map(cell => cell.textContent)"
    )
    seen = {}
    for row in rows:
        cells = dict(zip(names, row, strict=True))
        for iteration in range(3):
            seen[iteration, cells["average"]] = cells[f"iteration {iteration}"]
    expected = {}
    for iteration in range(3):
        path = project / f"results/iter{iteration}/vlrb.json"
        for row in read_json(path)["rows"]:
            if row["iteration"] == iteration and row["group"] in ("overall", "macro"):
                low, high = 100 * row["low"], 100 * row["high"]
                text = f"{100 * row['accuracy']:.1f} ({low:.1f} to {high:.1f})"
                expected[iteration, row["group"]] = text
    assert seen == expected and len(seen) == 6
    assert expected[2, "overall"].split()[0] in opened.page.inner_text(".lead")


def test_the_result_stands_on_the_first_screen(opened: Opened) -> None:
    """Headline, sentence, curve and small table end within 900 pixels, and would with
    the demo's five filters.
    """
    ends = opened.page.eval_on_selector_all(
        "#result > h2, #result > .lead, #result > figure svg, #result > .scroll table",
        "all => all.map(one => one.getBoundingClientRect().bottom)",
    )
    small = opened.page.locator("#result > .scroll table")
    rows = small.locator("tbody tr")
    height = rows.nth(0).bounding_box()["height"]  # type: ignore[index]
    assert len(ends) == 4 and max(ends) + (5 - rows.count()) * height < 900
    last = small.locator("tbody tr td").all_inner_texts()[-1]
    assert last.split()[0] in opened.page.inner_text(".lead")
    assert opened.page.title().startswith(opened.page.inner_text("h1").split(":")[0])
    assert opened.page.inner_text("#result > h2") in opened.page.title()


def test_a_link_opens_its_section(opened: Opened) -> None:
    """Sections are folded; what leads to one unfolds it."""
    place = opened.page.locator("#cost")
    assert not place.is_visible()
    opened.page.click("nav a[href='#cost']")
    place.wait_for(state="visible")


def test_a_table_wider_than_the_screen_says_so(chromium: Any, project: Path) -> None:
    phone = Opened(chromium, project, "phone")
    said = phone.page.evaluate(
        """() => [...document.querySelectorAll('.scroll')].map(box => [
            box.scrollWidth > box.clientWidth + 1,
            getComputedStyle(box, '::before').content.includes('Wider'),
        ])"""
    )
    assert any(wide for wide, _ in said) and all(wide == told for wide, told in said)


def test_the_chosen_judge_is_certified_on_the_page(opened: Opened) -> None:
    """What it can do in words, every figure beside the base's, and the other judges."""
    section = opened.page.locator("#certificate")
    told = section.inner_text()
    assert "Use the judge of iteration 2, majority" in told
    assert "It looks: with a grey picture it is right on 50 %" in told
    assert "It is led" not in told.partition("Its figures")[0]
    opened.page.evaluate(
        "document.querySelectorAll('details').forEach(d => d.open = true)"
    )
    cells = section.locator("table").nth(0).locator("tbody tr").nth(0).inner_text()
    assert cells.split("\t")[1:4] == ["all pairs", "40", "100.0"]
    assert section.locator("table").nth(2).locator("tbody tr").count() == 2


def test_choices_narrow_the_records(opened: Opened, project: Path) -> None:
    """Each choice shows exactly the records that have the value."""
    records = records_of(project)
    for field in ("iteration", "filter", "outcome", "kind", "category"):
        for value in {str(record[field]) for record in records}:
            opened.choose(field, value)
            number = sum(str(record[field]) == value for record in records)
            assert f"; {number} of {len(records)} records match." in opened.count()
            shown = {record["id"]: record for record in records}[opened.record()]
            assert str(shown[field]) == value
        opened.choose(field, "")
    opened.choose("outcome", "unparsed")
    opened.choose("iteration", "2")
    assert opened.count() == f"Record 1 of 2; 2 of {len(records)} records match."
    assert "? unparsed" in opened.page.inner_text("#record")


def test_search_looks_into_every_text(opened: Opened) -> None:
    """Question, responses and judgments; case does not matter."""
    opened.page.fill("#search", "GREEN FIELD")
    assert "8 of 16 records match" in opened.count()
    opened.page.fill("#search", "describe the scene. (3)")
    assert "2 of 16 records match" in opened.count()
    opened.page.fill("#search", "no such words")
    assert opened.count() == "No record matches."
    opened.page.fill("#search", "")
    assert "16 of 16 records match" in opened.count()


def test_keys_step_through_the_records(opened: Opened, project: Path) -> None:
    """n, p, the arrows and the slash; not while a person types."""
    ids = [record["id"] for record in records_of(project)]
    press = opened.page.keyboard.press
    assert opened.record() == ids[0]
    for key, place in (("n", 1), ("ArrowRight", 2), ("p", 1), ("ArrowLeft", 0)):
        press(key)
        assert opened.record() == ids[place]
    press("p")  # nothing before the first
    assert opened.record() == ids[0]
    press("/")
    opened.page.keyboard.type("n")
    assert opened.page.input_value("#search") == "n"
    press("Escape")
    opened.page.fill("#search", "")
    opened.page.locator("#search").blur()
    press("n")
    assert opened.record() == ids[1]
    assert opened.page.url.endswith(f"#{ids[1]}")


def test_buttons_reach_every_record(opened: Opened, project: Path) -> None:
    """Next leads to the last record, and stops there."""
    ids = [record["id"] for record in records_of(project)]
    seen = [opened.record()]
    while not opened.page.is_disabled("#next"):
        opened.page.click("#next")
        seen.append(opened.record())
    assert seen == ids
    opened.page.click("#previous")
    assert opened.record() == ids[-2]


def test_a_link_leads_to_its_record(opened: Opened, project: Path) -> None:
    """Whatever was chosen before, and in a fresh window too."""
    wanted = records_of(project)[-1]
    opened.choose("iteration", "1")
    opened.page.evaluate("id => { location.hash = id }", wanted["id"])
    opened.page.wait_for_function(
        "document.querySelector('#choices select').value === ''"
    )
    assert opened.record() == wanted["id"]
    opened.page.goto("about:blank")
    opened.page.goto(f"{opened.address}#{wanted['id']}")
    assert opened.record() == wanted["id"]
    opened.page.goto("about:blank")
    opened.page.goto(f"{opened.address}#%zz")
    assert "Record 1 of" in opened.count()


def test_the_list_leads_to_its_records(opened: Opened, project: Path) -> None:
    """The list holds the matching records, as links."""
    opened.choose("outcome", "accepted")
    opened.page.click("#list summary")
    links = opened.page.locator("#matches a")
    accepted = [r["id"] for r in records_of(project) if r["outcome"] == "accepted"]
    assert links.all_inner_texts() == accepted
    links.nth(2).click()
    opened.page.wait_for_function("id => location.hash === `#${id}`", arg=accepted[2])
    assert opened.record() == accepted[2]


def test_a_record_shows_its_ids(opened: Opened, project: Path) -> None:
    """Prompt, pair and judgments, and the search finds each of them."""
    record = records_of(project)[-1]
    judgments = [judgment["id"] for judgment in record["judgments"]]
    for wanted in (record["prompt_id"], record["pair_id"], *judgments):
        opened.page.fill("#search", wanted)
        shown = opened.page.locator("#record .ids code").all_inner_texts()
        assert wanted in shown and len(shown) == 2 + len(judgments)


def test_a_record_shows_all_that_was_said(opened: Opened) -> None:
    """Image, marked error, both judgments with verdict and outcome."""
    opened.choose("outcome", "not_in_both_orders")
    opened.choose("kind", "open")
    text = opened.page.inner_text("#record")
    assert "\u2713 prefers chosen (verdict A): not in both orders" in text
    assert "\u2717 prefers rejected (verdict A): wrong verdict" in text
    marks = opened.page.locator("#record mark").all_inner_texts()
    assert marks == ["Two", "Three"]
    picture = opened.page.locator("#record img")
    assert picture.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [
        256,
        192,
    ]


@pytest.mark.parametrize("view", VIEWS)
def test_the_page_is_accessible_and_holds_its_width(
    chromium: Any, project: Path, view: str, tmp_path: Path
) -> None:
    """Axe finds nothing, nothing hangs over the side; the picture is kept."""
    opened = Opened(chromium, project, view)
    opened.page.click("#list summary")
    opened.page.evaluate(
        "document.querySelectorAll('details').forEach(d => d.open = true)"
    )
    found = axe.Axe().run(opened.page)
    assert found.violations_count == 0, found.generate_report()
    assert found.response["passes"]
    width, inner = opened.page.evaluate(
        "[document.documentElement.scrollWidth, innerWidth]"
    )
    assert width <= inner
    opened.page.screenshot(path=tmp_path / f"{view}.png", full_page=True)
    ground = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    red, green, blue = map(int, re.findall(r"\d+", ground))
    assert (red + green + blue < 3 * 64) == (view == "dark")
    assert opened.wrongs == []


def test_headings_are_in_order(opened: Opened) -> None:
    """No level is skipped, one title, and every image says what it is."""
    levels = opened.page.eval_on_selector_all(
        "h1, h2, h3, h4, h5, h6", "all => all.map(one => Number(one.tagName[1]))"
    )
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert opened.page.locator("img:not([alt]), img[alt='']").count() == 0


@pytest.mark.parametrize("view", ["light", "phone"])
def test_hostile_text_has_no_effect(chromium: Any, tmp_path: Path, view: str) -> None:
    """Nothing runs, nothing loads, nothing hangs over, the text is there."""
    project = write_page(tmp_path / "project", *ATTACKS)
    opened = Opened(chromium, project, view)
    opened.page.click("#list summary")
    title = opened.page.title()
    ids = {record["id"] for record in records_of(project)}
    assert len(ids) == 2 * len(ATTACKS)
    seen = set()
    while True:
        seen.add(opened.record())
        assert opened.page.evaluate(
            """() => [
                document.documentElement.scrollWidth <= innerWidth,
                [...document.querySelectorAll('.said *')].every(e => e.matches('mark')),
                document.querySelectorAll('iframe, object, [rel=stylesheet]').length,
                document.querySelectorAll('script').length,
                document.querySelectorAll('style').length,
                document.getElementById('record').offsetHeight < 5000,
                typeof window.ran,
            ]"""
        ) == [True, True, 0, 2, 1, True, "undefined"]
        if opened.page.is_disabled("#next"):
            break
        opened.page.keyboard.press("n")
    assert seen == ids
    found = axe.Axe().run(opened.page)
    assert found.violations_count == 0, found.generate_report()
    opened.page.fill("#search", ATTACKS[0])
    assert "2 of" in opened.count()
    assert ATTACKS[0] in opened.page.inner_text("#record")
    assert opened.page.title() == title and opened.wrongs == []


def test_the_policy_would_stop_a_foreign_script(opened: Opened) -> None:
    """Were a text ever taken for markup, the policy stands behind."""
    opened.page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.ran = 1';
            document.body.append(script);
            const image = new Image();
            image.src = 'https://example.org/x.png';
            document.body.append(image);
        }"""
    )
    opened.page.wait_for_timeout(200)
    assert opened.page.evaluate("typeof window.ran") == "undefined"
    refused = [text for text in opened.wrongs if "Content Security Policy" in text]
    assert len(refused) == 2
    opened.wrongs.clear()


def test_without_scripts_the_page_says_what_is_missing(
    chromium: Any, project: Path
) -> None:
    """Everything but the records is there."""
    opened = Opened(chromium, project, java_script_enabled=False)
    text = opened.page.inner_text("body")
    assert "Missing here: the records themselves." in text
    assert "Accuracy by iteration" in text and not opened.page.is_visible("#browser")
    assert opened.wrongs == []


def test_print_has_the_tables_and_no_controls(opened: Opened) -> None:
    """On paper, closed details are open, and there is nothing to click."""
    opened.page.emulate_media(media="print")
    assert not opened.page.is_visible("#choices") and not opened.page.is_visible("nav")
    table = opened.page.locator("#accuracy details table")
    assert table.bounding_box() is not None
    assert opened.page.pdf(format="A4").startswith(b"%PDF-")
