#!/usr/bin/env python
"""Build a release into ``dist/``, check it, and tag it; run with the Python of ``.venv``.

The version is that of ``mvitv2_mm/version.py``, and docs/changelog.md needs an entry for it.
Nothing is uploaded and nothing is pushed: the last line says how.
"""
import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / 'dist'


def fail(message):
    sys.exit(f'release: {message}')


def run(*command, **kwargs):
    """Run a command in the checkout; return what it printed."""
    result = subprocess.run([str(part) for part in command],
                            **{
                                'cwd': ROOT,
                                **kwargs
                            },
                            stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT,
                            text=True)
    if result.returncode:
        fail(f'{" ".join(map(str, command))} failed:\n{result.stdout}')
    return result.stdout.strip()


def read_version():
    text = (ROOT / 'mvitv2_mm' / 'version.py').read_text()
    return re.search(r"__version__ = '([^']+)'", text)[1]


def check_checkout(version):
    if run('git', 'status', '--porcelain'):
        fail('the checkout has changes that are not committed; commit them, or put them away')
    if run('git', 'tag', '--list', f'v{version}'):
        fail(f'v{version} is tagged already; raise the version in mvitv2_mm/version.py')
    if f'\n## {version}' not in (ROOT / 'docs' / 'changelog.md').read_text():
        fail(f'docs/changelog.md has no entry "## {version}"; write what is new')
    if f'\nversion: {version}\n' not in (ROOT / 'CITATION.cff').read_text():
        fail(f'CITATION.cff does not say "version: {version}"')


def build():
    """Build the source distribution, and the wheel of it; return both."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, '-m', 'build', '--outdir', DIST)
    return sorted(DIST.iterdir())


def check_files(files):
    run(sys.executable, '-m', 'twine', 'check', '--strict', *files)
    wheel = next(file for file in files if file.suffix == '.whl')
    run(sys.executable, '-m', 'check_wheel_contents', wheel)
    with tempfile.TemporaryDirectory() as site:
        run(sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--target', site, wheel)
        print(run(sys.executable, '-c', 'import mvitv2_mm; print(mvitv2_mm.__file__)', cwd=site))
        run(sys.executable, '-m', 'mvitv2_mm', 'print-config', 'mvitv2-tiny_8xb256_in1k', cwd=site)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dry-run', action='store_true', help='build and check, but do not tag')
    args = parser.parse_args()
    version = read_version()
    if not args.dry_run:
        check_checkout(version)
        run('make', 'lint', 'test')
    files = build()
    check_files(files)
    print(
        *(f'{file.relative_to(ROOT)}  {file.stat().st_size / 1e6:.2f} MB' for file in files),
        sep='\n')
    if not args.dry_run:
        run('git', 'tag', '-a', f'v{version}', '-m', f'mvitv2_mm {version}')
        print(f'tagged; now run: git push origin v{version} && twine upload dist/*')


if __name__ == '__main__':
    main()
