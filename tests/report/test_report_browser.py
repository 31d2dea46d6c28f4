"""The page in a real browser; skipped where none is installed."""
import json

import numpy as np
import pytest
import report_data as data
from browser import browser, needs_browser

from mvitv2_mm.report import write_report
from mvitv2_mm.report.dump import read_dump
from mvitv2_mm.report.results.single import SingleLabelResult

__all__ = ['browser']
pytestmark = needs_browser


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp('report')
    run = data.make_run(root / 'run', 'image', strength=1.)
    write_report(run, root / 'report.html')
    return run, root / 'report.html'


def open_page(browser, path, **options):
    """The page, what it complains about, and what it asks for."""
    page = browser.new_page(**options)
    said, asked = [], []
    page.on('console', lambda message: said.append(message.text))
    page.on('pageerror', lambda error: said.append(str(error)))
    page.on('request', lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    return page, said, [url for url in asked if not url.startswith('data:')]


def cells(page, table, row):
    return page.locator(f'{table} tbody tr').nth(row).locator('td').all_inner_texts()


def test_slider_and_tables(browser, run):
    page, said, asked = open_page(browser, run[1])
    assert said == [] and asked == [run[1].as_uri()]
    result = SingleLabelResult(read_dump(run[0] / 'test_predictions.pkl'), data.CLASSES)
    page.locator('input[type=range]').fill('12')
    assert set(page.locator('.at').all_inner_texts()) == {'0.60'}
    rates = np.stack([part[:, 12] for part in result.counts.rates()], 1)
    for i, row in enumerate(rates):
        shown = cells(page, '.classes', i)[-3:]
        assert shown == ['' if np.isnan(value) else f'{value:.3f}' for value in row]
    numbers = [[int(text or 0) for text in cells(page, '.matrix', i)] for i in range(4)]
    for (truth, prediction), count in result.counts.matrix[12].items():
        assert numbers[truth][prediction] == count
    assert np.sum(numbers) == len(result.keys)
    for _ in range(2):  # the second click turns the order around
        page.locator('.classes th button').first.click()
    names = [cells(page, '.classes', i)[0] for i in range(4)]
    assert names == sorted(data.CLASSES, reverse=True)
    assert said == []


def test_script_and_python_count_alike(browser, run):
    """What the page shows before and after the script has run."""
    texts = []
    for scripts in (False, True):
        page, said, _ = open_page(browser, run[1], java_script_enabled=scripts)
        texts.append([
            page.locator(f'.{name} tbody').inner_text() for name in ('total', 'classes', 'matrix')
        ])
        assert page.locator('input[type=range]').is_visible() == scripts and said == []
    assert texts[0] == texts[1] and '0.' in texts[0][0]


def test_detections_and_print(browser, tmp_path):
    run = data.make_run(tmp_path / 'run', 'detection')
    write_report(run, tmp_path / 'report.html')
    page, said, _ = open_page(browser, tmp_path / 'report.html')
    before = page.locator('.total tbody').first.inner_text()
    page.locator('input[type=range]').first.fill('3')
    assert page.locator('.total tbody').first.inner_text() != before
    page.emulate_media(media='print')
    page.set_viewport_size(dict(width=718, height=1000))  # of a sheet of paper
    widths = page.locator('.wide').evaluate_all('all => all.map(one => one.scrollWidth)')
    assert max(widths) <= 718
    assert not page.locator('input[type=range]').first.is_visible()
    assert page.locator('.at').first.inner_text() == '0.15'  # what is printed is what was set
    assert said == []
    assert json.loads(
        page.locator('.result script').first.text_content())['thresholds'][3] == '0.15'
