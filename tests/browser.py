"""Chromium for the tests of pages, which are skipped where none is installed.

A file of such tests has ``pytestmark = needs_browser`` and imports the fixture ``browser``.
"""
import shutil

import pytest

NAMES = ('chromium', 'chromium-browser', 'google-chrome')
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
needs_browser = pytest.mark.skipif(not CHROMIUM, reason='needs Chromium (apt-get install chromium)')


@pytest.fixture(scope='module')
def browser():
    """A browser without a screen."""
    api = pytest.importorskip('playwright.sync_api', reason='needs playwright')
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        yield browser
        browser.close()
