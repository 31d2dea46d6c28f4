"""The pages make a site without a warning, and a browser can use it."""
import re
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from browser import browser, needs_browser

from mvitv2_mm.compat import ON_DEMAND, ON_IMPORT

__all__ = ['browser']
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """The folder of the site, and what Sphinx said."""
    folder = tmp_path_factory.mktemp('site')
    command = [sys.executable, '-m', 'sphinx', '-q', '-W', '--keep-going', 'docs']
    result = subprocess.run([*command, str(folder / 'html'), '-d',
                             str(folder / 'trees')],
                            cwd=ROOT,
                            capture_output=True,
                            text=True)
    return folder / 'html', result


def test_the_site_is_built_without_a_warning(site):
    folder, result = site
    assert result.returncode == 0, result.stderr
    pages = {path.stem for path in (ROOT / 'docs').glob('*.md')}
    assert pages == {path.stem for path in folder.glob('*.html')} & pages
    assert 'drop_path_rate' in (folder / 'api.html').read_text()


class Handler(SimpleHTTPRequestHandler):

    def log_message(self, *args):
        pass


@pytest.fixture(scope='module')
def address(site):
    """Where the site is served."""
    handler = partial(Handler, directory=site[0])
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


@pytest.fixture
def phone(browser, address):
    """A page of the width of a phone, which may ask for no foreign file and has no errors."""
    page = browser.new_page(base_url=address, viewport=dict(width=390, height=800))
    troubles = []
    page.on('pageerror', lambda error: troubles.append(str(error)))
    page.on('request', lambda asked: asked.url.startswith(address) or troubles.append(asked.url))
    yield page
    page.close()
    assert troubles == []


@needs_browser
def test_the_model_zoo_filters(phone):
    phone.goto('/model_zoo.html')
    rows = phone.locator('article table').first.locator('tbody tr')
    fields = phone.get_by_label('Filter the table below')
    total = rows.count()
    assert fields.count() >= 3 and total > 15
    fields.first.fill('huge 512')
    shown = [row for row in rows.all() if row.is_visible()]
    assert 0 < len(shown) < total and all('512 x 512' in row.inner_text() for row in shown)
    fields.first.fill('')
    assert all(row.is_visible() for row in rows.all())


@needs_browser
def test_the_search_finds(phone):
    phone.goto('/search.html?q=from_pretrained')
    phone.locator('#search-results a', has_text='Share models').first.wait_for()


@needs_browser
@pytest.mark.parametrize('name', ['index', 'model_zoo', 'get_started', 'api', 'faults'])
def test_a_phone_shows_the_whole_width(phone, name):
    phone.goto(f'/{name}.html')
    width = phone.evaluate('document.documentElement.scrollWidth')
    assert width <= 390


def test_every_repair_has_its_page():
    names = [*ON_IMPORT, *ON_DEMAND]
    assert {path.stem for path in (ROOT / 'docs' / 'faults').iterdir()} == set(names)
    listed = re.findall(r'^faults/(\S+)$', (ROOT / 'docs' / 'faults.md').read_text(), re.M)
    assert listed == names
    for name in names:
        page = (ROOT / 'docs' / 'faults' / f'{name}.md').read_text()
        assert page.startswith(f'# {name}\n') and f'automodule:: mvitv2_mm.compat.{name}\n' in page
