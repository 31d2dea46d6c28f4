"""The matrix of versions, with stand-ins for uv, make and Pythons: every step, every reason."""
import json
import os
import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / 'tools' / 'python_matrix.py'
UV = '''#!/bin/sh
# the environment is the last word of `uv venv`; the constraints follow -c
if [ "$1" = venv ]; then
    for last; do true; done
    mkdir -p "$last/bin" && cp "$3" "$last/bin/python"
elif grep -q '^numpy==1.26.4$' "$6"; then
    printf 'error: No solution found\\n  cause: Because a needs\\n  numpy 2.\\n' >&2
    exit 1
else
    grep '^torch' "$6"
fi
'''
PYTHON = '#!/bin/sh\nif [ "$3" = doctor ]; then echo "  GPU  missing"; exit {}; fi\n'
MAKE = '#!/bin/sh\necho "..."; echo "===== 3 passed, 1 skipped in 0.1s ====="\n'
PAGE = ('# Page\n<!-- What follows is written by tools/python_matrix.py -->\nold\n'
        '<!-- until here -->\nend\n')


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)


def matrix(tmp_path, *args, doctor=0):
    folder = tmp_path / 'bin'
    folder.mkdir(exist_ok=True)
    script(folder / 'uv', UV)
    script(folder / 'make', MAKE)
    script(folder / 'python3.13', PYTHON.format(doctor))
    return subprocess.run([sys.executable, TOOL, tmp_path / 'matrix', *args],
                          env=dict(os.environ, PATH=f'{folder}:/usr/bin:/bin', PYENV_ROOT='/none'),
                          capture_output=True,
                          text=True)


def test_every_combination_has_a_line_and_what_is_impossible_a_reason(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text(PAGE)
    result = matrix(tmp_path, '--python', '3.13', '3.14', '--page', page)
    assert result.returncode == 0, result.stderr
    text = page.read_text()
    assert text.startswith('# Page\n') and text.endswith('\nend\n') and 'old' not in text
    assert (
        '| 3.13 | 2.11.0 | 0.26.0 | 1.26.4 | no: cause: Because a needs |  |  |\n'
        '| 3.13 | 2.11.0 | 0.26.0 | 2.2.6 | yes | yes | 3 passed, 1 skipped in 0.1s |\n') in text
    assert '| no: there is no Python 3.14 on this machine |  |  |' in text
    log = (tmp_path / 'matrix' / '3.13-2.15.0-0.29.2-2.2.6.log').read_text()
    assert 'torch==2.15.0\ntorchvision==0.29.2\n' in log
    # environments are large, and are not left behind
    assert not [path for path in (tmp_path / 'matrix').iterdir() if path.is_dir()]


def test_results_of_several_runs_stand_in_one_table(tmp_path):
    matrix(tmp_path, '--python', '3.13', '--torch', '2.11.0')
    (tmp_path / 'bin' / 'python3.13').unlink()
    result = matrix(tmp_path, '--python', '3.13', '--torch', '2.15.0', doctor=1)
    known = json.loads((tmp_path / 'matrix' / 'results.json').read_text())
    assert len(known) == 3 and '| 2.2.6 | yes | no: GPU missing |  |' in result.stdout
    assert '| yes | yes | 3 passed' in result.stdout


def test_without_uv_or_marks_it_says_what_to_do(tmp_path):
    result = subprocess.run([sys.executable, TOOL, tmp_path],
                            env=dict(os.environ, PATH='/none'),
                            capture_output=True,
                            text=True)
    assert result.stderr == 'matrix: uv is needed; run: pip install uv\n'
    (tmp_path / 'page.md').write_text('# No mark')
    result = matrix(tmp_path, '--python', '3.14', '--page', tmp_path / 'page.md')
    assert 'has no lines "<!-- What follows' in result.stderr
