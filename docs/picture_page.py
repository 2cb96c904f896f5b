"""Picture the first screen of a run's page, as the README shows it.

Needs a Chromium on the path.  Writes OUT, a PNG.

    python docs/picture_page.py demo/results/report.html docs/page.png
    python docs/picture_page.py demo/results/report.html phone.png --width 390 --dark
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright


def main() -> None:
    """Read the arguments, open the page, picture it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--dark", action="store_true")
    args = parser.parse_args()
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        page = browser.new_page(
            viewport={"width": args.width, "height": args.height},
            color_scheme="dark" if args.dark else "light",
        )
        page.goto(args.page.resolve().as_uri())
        page.screenshot(path=args.out)
        browser.close()


if __name__ == "__main__":
    main()
