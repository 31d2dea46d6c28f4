"""Makes the pictures of these pages from the models of the quickstart.

``python docs/gallery.py``, where the current folder holds ``work_dirs/quickstart`` and
``data/quickstart``. Needs playwright and Chromium for the pages.
"""
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Iterator

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).resolve().parent / 'images'
SCENE = 'data/quickstart/scenes/val/0003.png'
CLIPS = 'data/quickstart/clips/val/*/0008*.mp4'
EXPLAINED = dict(detection=(SCENE, 'relevance'), video=(CLIPS, 'rollout'))
MODELS = Path('work_dirs/quickstart')
MAX_BYTES = 100_000
PROGRAM = [sys.executable, '-m', 'mvitv2_mm']


def call(command: str, *arguments: object) -> None:
    """Run a command of this package."""
    subprocess.run([*PROGRAM, command, *map(str, arguments)], check=True)


def save(picture: Path, name: str, side: int = 1000) -> None:
    """A picture as a JPEG of at most 100 kB, as good as possible."""
    with Image.open(picture) as image:
        image = image.convert('RGB')
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    for quality in (90, 80, 70, 60, 50):
        buffer = BytesIO()
        image.save(buffer, 'JPEG', quality=quality, optimize=True)
        if buffer.tell() < MAX_BYTES:
            (IMAGES / f'{name}.jpg').write_bytes(buffer.getvalue())
            return
    raise ValueError(f'{name}.jpg is too large')


def draw_predictions(folder: Path) -> None:
    """What ``predict --draw`` and ``explain`` write for the scene and a clip."""
    call('predict', MODELS / 'detection/models/best', SCENE, '--out', folder, '--draw')
    save(next((folder / 'drawn').rglob('*.png')), 'predict_detection')
    for task, (pattern, method) in EXPLAINED.items():
        out = folder / task
        call('explain', MODELS / task / 'models/best', min(Path().glob(pattern)), '--out', out,
             '--method', method)
        save(next(out.rglob('explanation.png')), f'explain_{task}')


def copy_sheets() -> None:
    """Right and wrong predictions of all tasks, and a batch as a dry run shows it."""
    for task in ('image', 'detection', 'video'):
        save(MODELS / task / 'predictions.png', f'sheet_{task}', 1200)
    save(MODELS / 'detection/dry_run/batch_1.png', 'dry_run')


def photograph_report(browser: Browser, folder: Path) -> None:
    """A part of the report of the detector."""
    call('report', MODELS / 'detection', '--out', folder / 'report.html')
    page = browser.new_page(viewport=dict(width=1100, height=1250))
    page.goto((folder / 'report.html').as_uri())
    page.get_by_role('heading', name='Masks').evaluate('one => one.scrollIntoView()')
    page.screenshot(path=folder / 'report.png')
    save(folder / 'report.png', 'report')


def photograph_demo(browser: Browser, folder: Path) -> None:
    """The page of the demo with a scene, and why its first object was found."""
    page = browser.new_page(viewport=dict(width=1000, height=1000))
    with serving(MODELS / 'detection/models/best') as url:
        page.goto(url)
        page.set_input_files('#file', SCENE)
        page.click('#found li >> nth=0')
        page.click('#explain')
        page.wait_for_selector('#explanation:not([hidden])')
        page.wait_for_function("document.getElementById('explanation').complete")
        page.screenshot(path=folder / 'demo.png', full_page=True)
        page.goto('about:blank')
    save(folder / 'demo.png', 'demo', 1300)


@contextmanager
def serving(model: Path) -> Iterator[str]:
    """The address of a demo."""
    words = [*PROGRAM, 'demo', str(model), '--port', '0']
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        yield re.search(r'http://\S+', process.stdout.readline())[0]
        process.send_signal(signal.SIGINT)


def main() -> None:
    """Make all pictures from the files of a quickstart in the current folder."""
    copy_sheets()
    with TemporaryDirectory() as name:
        draw_predictions(Path(name))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which('chromium'), args=['--no-sandbox'])
            photograph_report(browser, Path(name))
            photograph_demo(browser, Path(name))


if __name__ == '__main__':
    main()
