"""The pages make a site without a warning."""
import re
import subprocess
import sys
from pathlib import Path

from mvitv2_mm.compat import ON_DEMAND, ON_IMPORT

ROOT = Path(__file__).parents[1]


def test_the_site_is_built_without_a_warning(tmp_path):
    result = subprocess.run([
        sys.executable, '-m', 'sphinx', '-q', '-W', '--keep-going', 'docs',
        str(tmp_path / 'site'), '-d',
        str(tmp_path / 'trees')
    ],
                            cwd=ROOT,
                            capture_output=True,
                            text=True)
    assert result.returncode == 0, result.stderr
    pages = {path.stem for path in (ROOT / 'docs').glob('*.md')}
    assert pages == {path.stem for path in (tmp_path / 'site').glob('*.html')} & pages
    assert 'drop_path_rate' in (tmp_path / 'site' / 'api.html').read_text()


def test_every_repair_has_its_page():
    names = [*ON_IMPORT, *ON_DEMAND]
    assert {path.stem for path in (ROOT / 'docs' / 'faults').iterdir()} == set(names)
    listed = re.findall(r'^faults/(\S+)$', (ROOT / 'docs' / 'faults.md').read_text(), re.M)
    assert listed == names
    for name in names:
        page = (ROOT / 'docs' / 'faults' / f'{name}.md').read_text()
        assert page.startswith(f'# {name}\n') and f'automodule:: mvitv2_mm.compat.{name}\n' in page
