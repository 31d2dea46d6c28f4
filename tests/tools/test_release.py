"""A release that would be wrong is refused before anything is built."""
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = {
    'mvitv2_mm/version.py': "__version__ = '1.2.3'\n",
    'docs/changelog.md': '# Changelog\n\n## 1.2.3\n\nNew.\n',
    'CITATION.cff': 'title: x\nversion: 1.2.3\n',
}


def git(folder, *args):
    config = ['-c', 'user.name=a', '-c', 'user.email=a@b.c']
    subprocess.run(['git', *config, *args], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize('file, text, reason', [
    ('docs/changelog.md', '# Changelog\n', 'has no entry "## 1.2.3"'),
    ('CITATION.cff', 'version: 1.2.2\n', 'does not say "version: 1.2.3"'),
    ('mvitv2_mm/version.py', "__version__ = '1.0.0'\n", 'v1.0.0 is tagged already'),
    ('new.py', '', 'not committed'),
])
def test_a_wrong_release_is_refused(tmp_path, file, text, reason):
    (tmp_path / 'tools').mkdir()
    shutil.copy(ROOT / 'tools' / 'release.py', tmp_path / 'tools')
    for name, content in {**FILES, **({} if file == 'new.py' else {file: text})}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    git(tmp_path, 'init', '-q')
    git(tmp_path, 'add', '.')
    git(tmp_path, 'commit', '-qm', 'all')
    git(tmp_path, 'tag', 'v1.0.0')
    if file == 'new.py':
        (tmp_path / file).touch()
    result = subprocess.run([sys.executable, tmp_path / 'tools' / 'release.py'],
                            capture_output=True,
                            text=True)
    assert result.returncode == 1
    assert result.stderr.startswith('release: ') and reason in result.stderr
    assert not (tmp_path / 'dist').exists()
