#!/usr/bin/env python
"""Try combinations of Python, torch and numpy: install, run the doctor and the fast tests.

Every combination gets an environment of its own, which is removed when it has been tried. Needs
the standard library, `make`, and uv (`pip install uv`), whose cache keeps what several share.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / 'requirements' / 'constraints.txt'
# Python, torch, torchvision, numpy
COMBINATIONS = (
    ('3.10', '2.11.0', '0.26.0', '1.26.4'),
    ('3.11', '2.11.0', '0.26.0', '1.26.4'),
    ('3.12', '2.11.0', '0.26.0', '1.26.4'),
    ('3.13', '2.11.0', '0.26.0', '1.26.4'),
    ('3.13', '2.11.0', '0.26.0', '2.2.6'),
    ('3.13', '2.15.0', '0.29.2', '2.2.6'),
    ('3.14', '2.15.0', '0.29.2', '2.3.5'),
)
STEPS = ('installs', 'doctor', 'fast tests')
START, END = '<!-- What follows is written by tools/python_matrix.py -->', '<!-- until here -->'


class Failed(Exception):
    """A step did not work; the text says why."""


def run(command, log, **kwargs):
    """Run a command; its output, which is added to a log.

    Raises:
        Failed: With the last lines that say what went wrong.
    """
    done = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **kwargs)
    with log.open('a') as file:
        file.write(f'$ {" ".join(map(str, command))}\n{done.stdout}\n')
    if done.returncode:
        raise Failed(reason(done.stdout))
    return done.stdout


def reason(output):
    """What a failed command says of its reason, on one line."""
    lines = [' '.join(line.split()) for line in output.splitlines() if line.strip()]
    telling = [
        line for line in lines if re.search('[Bb]ecause |broken|^FAILED|^ERROR|Error:', line)
    ]
    return ' '.join(telling[:3] or lines[-1:])[:300]


def find_python(version):
    """An interpreter of a version that starts, of the search path or of pyenv."""
    pyenv = Path(os.environ.get('PYENV_ROOT') or Path.home() / '.pyenv') / 'versions'
    found = [shutil.which(f'python{version}'), *pyenv.glob(f'{version}.*/bin/python3')]
    for path in filter(None, found):
        if subprocess.run([str(path), '-c', ''], stderr=subprocess.DEVNULL).returncode == 0:
            return path
    raise Failed(f'there is no Python {version} on this machine')


def constraints(torch, torchvision, numpy):
    """Our constraints with other versions of three packages."""
    versions = dict(torch=torch, torchvision=torchvision, numpy=numpy)
    text = CONSTRAINTS.read_text()
    for name, version in versions.items():
        text = re.sub(f'^{name}==.*$', f'{name}=={version}', text, flags=re.M)
    return text


def install(folder, python, versions, log):
    """Make an environment with all that tests need, and with this package."""
    (folder / 'constraints.txt').write_text(constraints(*versions))
    run(['uv', 'venv', '--python', python, folder / 'env'], log)
    install = ['uv', 'pip', 'install', '--python', folder / 'env', '-c', folder / 'constraints.txt']
    requirements = ROOT / 'requirements'
    run([
        *install, '-r', requirements / 'runtime.txt', '-r', requirements / 'tests.txt', 'mmcv-lite'
    ], log)
    run([*install, '--no-deps', ROOT], log)


def test(folder, log):
    """Run the fast tests; the line that sums them up."""
    # the environment is there: `setup` is taken as done
    out = run(['make', '-C', ROOT, '-o', 'setup', 'test-fast', f'BIN={folder / "env/bin"}'], log)
    return re.findall(r'^.*\d+ passed.*$', out, re.M)[-1].strip('= ')


def attempt(folder, combination):
    """What became of every step; those after a failed one are missing."""
    python, *versions = combination
    log, row = folder.parent / f'{folder.name}.log', {}
    log.unlink(missing_ok=True)
    steps = (lambda: install(folder, find_python(python), versions, log),
             lambda: run([folder / 'env/bin/python', '-m', 'mvitv2_mm', 'doctor'], log, cwd=ROOT),
             lambda: test(folder, log))
    for name, step in zip(STEPS, steps):
        try:
            found = step()
        except Failed as error:
            row[name] = f'no: {error}'
            break
        row[name] = found if name == STEPS[-1] else 'yes'
    return row


def table(results):
    """The table in Markdown."""
    head = ['Python', 'torch', 'torchvision', 'numpy', *STEPS]
    rows = [[*combination, *(row.get(step, '') for step in STEPS)]
            for combination, row in results.items()]
    return '\n'.join(f'| {" | ".join(cells)} |' for cells in [head, ['---'] * len(head), *rows])


def write_page(page, text):
    """Put the table between the marks of a page."""
    before, start, rest = page.read_text().partition(START)
    _, end, after = rest.partition(END)
    if not end:
        sys.exit(f'matrix: "{page}" has no lines "{START}" and "{END}" to write the table between')
    page.write_text(f'{before}{start}\n\n{text}\n\n{end}{after}')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path, help='gets environments (6 GB each), logs, results')
    parser.add_argument('--python', nargs='+', metavar='X.Y', help='only these (default: all)')
    parser.add_argument('--torch', nargs='+', metavar='X.Y.Z', help='only these (default: all)')
    parser.add_argument('--page', type=Path, help='Markdown page whose table is written anew')
    args = parser.parse_args()
    if not shutil.which('uv'):
        sys.exit('matrix: uv is needed; run: pip install uv')
    args.folder.mkdir(parents=True, exist_ok=True)
    file = args.folder / 'results.json'
    known = json.loads(file.read_text()) if file.exists() else []
    results = {tuple(combination): row for combination, row in known}
    for combination in COMBINATIONS:
        python, torch = combination[:2]
        if python in (args.python or [python]) and torch in (args.torch or [torch]):
            folder = args.folder.resolve() / '-'.join(combination)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            results[combination] = attempt(folder, combination)
            shutil.rmtree(folder)
            file.write_text(json.dumps(list(results.items())))
            print(*combination, results[combination], flush=True)
    text = table({key: results[key] for key in COMBINATIONS if key in results})
    print(text)
    if args.page:
        write_page(args.page, text)


if __name__ == '__main__':
    main()
