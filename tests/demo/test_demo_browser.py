"""The page in a real browser; skipped where none is installed."""
import base64
import json
from pathlib import Path

import pytest
from browser import browser, needs_browser
from test_demo_server import make_video

__all__ = ['browser']
api = pytest.importorskip('playwright.sync_api', reason='needs playwright')
pytestmark = needs_browser
DROP = '''([name, type, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], name, {type}));
  document.dispatchEvent(new DragEvent('drop', {dataTransfer: data, cancelable: true}));
}'''


@pytest.fixture
def open_page(browser):
    """Function that opens a page in a window of its own; nothing may go wrong there."""
    said, contexts = [], []

    def start(server):
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.on('console', lambda message: said.append(message.text))
        page.on('pageerror', lambda error: said.append(str(error)))
        page.on(
            'request',
            lambda request: request.url.startswith(server.url + '/') or said.append(request.url))
        page.goto(server.url)
        return page

    yield start
    for context in contexts:
        context.close()
    assert said == []


def download(page):
    with page.expect_download() as found:
        page.click('#download')
    return found.value.suggested_filename, Path(found.value.path()).read_bytes()


def test_a_picture_with_objects(serve, open_page):
    with serve('detection') as server:
        page = open_page(server)
        page.set_input_files('#file', server.files[0])
        page.wait_for_selector('#boxes .box')
        name, content = download(page)
        record = json.loads(content)
        assert (name, record['input']) == ('1.png.jsonl', '1.png')
        assert page.locator('#found li').count() == len(record['objects']) > 0
        place = page.locator('#picture').bounding_box()
        assert place['width'] / place['height'] == pytest.approx(128 / 120, rel=0.01)
        left, top, right, bottom = record['objects'][0]['box']
        drawn = page.locator('#boxes .box').first.bounding_box()
        scale = place['width'] / record['width']
        expected = dict(
            x=place['x'] + scale * left,
            y=place['y'] + scale * top,
            width=scale * (right - left),
            height=scale * (bottom - top))
        assert drawn == pytest.approx(expected, abs=1)
        page.focus('#found button')
        assert page.locator('.box.on').count() == page.locator('.tag.on').count() == 1
        tags = [tag.bounding_box() for tag in page.locator('.tag:not(.covered)').all()]
        assert not any(overlap(a, b) for i, a in enumerate(tags) for b in tags[:i])
        assert painted(page, record['objects'][0]) == 1.
        best = record['objects'][0]
        line = page.get_by_role('listitem').get_by_role('button', pressed=False).first
        assert line.inner_text().split() == [best['name'], f'{best["score"]:.3f}']
        assert page.get_by_role('status').first.inner_text() == 'done'
        assert fits_a_phone(page)


def fits_a_phone(page):
    """Whether nothing is wider than the screen of a small one."""
    page.set_viewport_size(dict(width=360, height=640))
    return page.evaluate('document.documentElement.scrollWidth') <= 360


def overlap(a, b):
    return all(
        min(a[x] + a[size], b[x] + b[size]) - max(a[x], b[x]) > 0.5
        for x, size in (('x', 'width'), ('y', 'height')))


def painted(page, one):
    """Share of the pixels of the canvas that are as the mask of the chosen object says."""
    from pycocotools.mask import decode
    alpha = page.evaluate('''() => {
      const canvas = document.getElementById('masks');
      const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      return Array.from(pixels).filter((_, i) => i % 4 === 3).map(value => value > 0);
    }''')
    mask = decode(dict(one['mask'], counts=one['mask']['counts'].encode())).astype(bool)
    return (mask.ravel() == alpha).mean()


def test_people_and_what_they_do(serve_people, open_page, tmp_path):
    video = make_video(tmp_path / 'people.mp4', 150)
    with serve_people() as server:
        page = open_page(server)
        page.set_input_files('#file', video)
        page.wait_for_selector('#boxes .box')
        record = json.loads(download(page)[1].splitlines()[0])
        assert page.inner_text('#found-title') == '2 people'
        best = record['objects'][1]['actions'][0]
        line = f'{best["name"]} {best["score"]:.2f}'
        assert page.inner_text('.tag[data-number="1"]').split('\n')[0] == line
        assert page.locator('.bar').count() >= 2
        page.focus('#found button >> nth=1')
        page.keyboard.press('Enter')  # this person is to be explained
        page.click('#explain')
        page.wait_for_selector('#explanation:not([hidden])')
        assert page.get_attribute('#explanation', 'alt').endswith(f' {best["name"]}')
        page.focus('#scrub')
        page.keyboard.press('End')
        api.expect(page.locator('#found-title')).to_have_text('1 person')
        assert page.locator('#explanation').is_hidden()


def test_a_video_and_an_explanation_by_keyboard(serve, open_page, tmp_path):
    video = make_video(tmp_path / '<img src=x onerror=alert(1)>.mp4', 70)
    with serve('video') as server:
        page = open_page(server)
        page.set_input_files('#file', video)
        page.wait_for_selector('.bar')
        assert page.inner_text('#input') == Path(video).name
        records = [json.loads(line) for line in download(page)[1].splitlines()]
        assert len(records) == 2
        page.focus('#scrub')
        page.keyboard.press('End')
        window = records[1]['window']
        expected = 'Best classes, {start:.2f} s to {end:.2f} s'.format(**window)
        assert page.inner_text('#found-title') == expected
        assert page.inner_text('#found li .name >> nth=0') == records[1]['classes'][0]['name']
        page.focus('.bar >> nth=0')
        page.keyboard.press('Enter')
        start, end = records[0]['window']['start'], records[0]['window']['end']
        assert start < float(page.inner_text('#time').split()[0]) < end
        page.focus('.row:last-child .bar')
        bars = page.locator('.row:last-child .bar').count()
        for _ in range(bars):  # along the row, and no farther
            page.keyboard.press('ArrowRight')
        assert is_focused(page.locator('.row:last-child .bar').last)
        page.keyboard.press('Tab')
        assert is_focused(page.locator('#download'))
        page.focus('#explain')
        page.keyboard.press('Enter')
        page.wait_for_selector('#explanation:not([hidden])')
        assert is_focused(page.locator('#explain'))
        api.expect(page.locator('#explanation')).to_have_js_property('complete', True)
        assert page.evaluate("document.getElementById('explanation').naturalWidth") > 300
        page.uncheck('#parts')  # predicts the same file again
        page.wait_for_selector('#command:visible:not(:has-text("stride"))')
        assert page.locator('#explanation').is_hidden()
        assert page.locator('.bar').count() == 1
        assert fits_a_phone(page)


def is_focused(one):
    return one.evaluate('one => one === document.activeElement')


def test_two_users_one_of_whom_cancels(serve, open_page, tmp_path):
    video = make_video(tmp_path / 'long.mp4', 400)
    with serve('detection') as server:
        one, two = open_page(server), open_page(server)
        one.fill('#every', '1')
        one.set_input_files('#file', video)
        one.wait_for_selector('#progress[value^="0."]')
        two.set_input_files('#file', server.files[0])
        two.wait_for_selector('#status:has-text("1 file is before this one")')
        one.focus('#cancel')
        one.keyboard.press('Enter')
        two.wait_for_selector('#boxes .box')
        assert one.inner_text('#error') == 'cancelled' and one.locator('#cancel').is_hidden()
        assert is_focused(one.locator('#file'))
        one.set_input_files('#file', server.files[1])
        one.wait_for_selector('#boxes .box')
        assert one.inner_text('#input') == '2.png' and two.inner_text('#input') == '1.png'
        one.close()
        two.close()


def test_what_is_dropped_and_what_is_wrong(serve, open_page):
    with serve('image') as server:
        page = open_page(server)
        page.evaluate(DROP, ['words.txt', 'text/plain', base64.b64encode(b'some words').decode()])
        page.wait_for_selector('#error:not([hidden])')
        assert page.inner_text('#error') == (
            'words.txt: is neither a picture nor a video that can be read')
        content = Path(server.files[0]).read_bytes()
        page.evaluate(DROP, ['a.png', 'image/png', base64.b64encode(content).decode()])
        page.wait_for_selector('#found li')
        assert page.locator('#error').is_hidden()
        assert page.locator('#found li').count() == 5
        assert page.get_attribute('#picture', 'alt').count(',') == 4
