#!/usr/bin/env python
"""Build ``.venv`` with the whole stack; run by ``make setup``, needs only the standard library.

Everything comes from the package index by name, at the versions of requirements/constraints.txt.
A second call does nothing while the requirements are unchanged.
"""
import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / '.venv'
VENV_PYTHON = VENV / 'bin' / 'python'
REQUIREMENTS = ROOT / 'requirements'
CONSTRAINTS = REQUIREMENTS / 'constraints.txt'
STAMP = VENV / '.mvitv2_mm-setup'

VENV_GB, TEMP_GB = 8, 3
# same import names as the official packages, so at most one of each can work
CLASHING = ('onedl-mmcv', 'onedl-mmengine', 'onedl-mmdetection', 'onedl-mmpretrain', 'mmcv-full')

NMS_CHECK = '''
import mmcv._ext, torch
from mmcv.ops import nms
boxes = torch.tensor([[0., 0., 9., 9.], [0., 0., 9., 8.], [20., 20., 29., 29.]])
for device in ['cpu'] + ['cuda'] * ('cuda' in TAG):
    scores = torch.tensor([.9, .8, .7], device=device)
    assert nms(boxes.to(device), scores, .5)[1].tolist() == [0, 2]
'''


def fail(message):
    sys.exit(f'setup: {message}')


def check_python():
    version = '.'.join(map(str, sys.version_info[:3]))
    if not (3, 10) <= sys.version_info[:2] <= (3, 13):
        fail(f'Python 3.10 to 3.13 is needed, {sys.executable} is {version}; '
             'run: make setup PYTHON=/path/to/python3.11')
    if not all(importlib.util.find_spec(name) for name in ('venv', 'ensurepip')):
        fail(f'{sys.executable} cannot make virtual environments; install its venv package, '
             f'for example: apt install python3.{sys.version_info[1]}-venv')


def check_disk():
    for folder, need in ((ROOT, VENV_GB), (Path(tempfile.gettempdir()), TEMP_GB)):
        free = shutil.disk_usage(folder).free / 1e9
        if free < need:
            fail(f'{need} GB of free disk are needed in {folder}, there are {free:.1f} GB; '
                 'free some, or set TMPDIR to a folder on another disk')


def run(*command, **kwargs):
    """Run Python of the virtual environment; return what it printed, None if it failed."""
    command = [str(VENV_PYTHON), *command]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, **kwargs)
    return result.stdout.strip() if result.returncode == 0 else None


def pip_install(what, *args):
    command = ('-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-c')
    print(f'setup: installing {what}', flush=True)
    if run(*command, str(CONSTRAINTS), *args) is None:
        fail(f'pip could not install {what} (its message is above); check the network and your '
             'pip configuration, or remove .venv and try again')


def pinned(package):
    """Version of a package in the constraints file."""
    for line in CONSTRAINTS.read_text().splitlines():
        name, _, version = line.partition('==')
        if name.strip() == package:
            return version.strip()
    raise KeyError(package)


def installed(*packages):
    """Those of the packages that the virtual environment has."""
    code = ('import sys; from importlib.metadata import distributions as d; '
            'names = {str(x.metadata["Name"]).lower() for x in d()}; '
            'print(*[name for name in sys.argv[1:] if name in names])')
    return (run('-c', code, *packages) or '').split()


def make_venv():
    if VENV_PYTHON.exists():
        minor = run('-c', 'import sys; print(sys.version_info[1])')
        if minor is None or not 10 <= int(minor) <= 13:
            fail(f'{VENV} does not hold a working Python 3.10-3.13; remove it and try again')
    elif subprocess.run([sys.executable, '-m', 'venv', str(VENV)]).returncode:
        fail(f'could not create {VENV}; remove it and try again')
    clashing = installed(*CLASHING)
    if clashing:
        fail(f'{", ".join(clashing)} clashes with the official packages; '
             f'run: {VENV_PYTHON} -m pip uninstall -y {" ".join(clashing)}')


def describe_build():
    """Version of torch, Python tag and device of a compiled mmcv, as one name."""
    code = ('import sys, torch; cuda = torch.version.cuda if torch.cuda.is_available() else None; '
            'print(torch.__version__, "cp%d%d" % sys.version_info[:2], '
            '"cuda" + cuda if cuda else "cpu", sep="-")')
    return f'mmcv-{pinned("mmcv")}-torch-{run("-c", code)}'


def compile_mmcv(folder):
    """Build mmcv's wheel against the installed torch.

    pip's cache and build isolation are off: both can silently give a wheel without ops.
    """
    if not any(map(shutil.which, ('c++', 'g++', 'clang++'))):
        fail('compiling mmcv needs a C++ compiler: install g++ 9 or newer, '
             'or use MMCV=lite, which needs none')
    if 'cuda' in folder.name and not shutil.which('nvcc'):
        fail('compiling mmcv for this GPU needs nvcc of the CUDA toolkit; install it, '
             'or build ops for the CPU: CUDA_VISIBLE_DEVICES= make setup MMCV=full')
    pip_install('the build tools of mmcv', '-r', str(REQUIREMENTS / 'build.txt'))
    print('setup: compiling mmcv, 10 to 30 minutes', flush=True)
    env = dict(os.environ, MMCV_WITH_OPS='1')
    env.setdefault('MAX_JOBS', str(os.cpu_count() or 1))
    built = run(
        '-m',
        'pip',
        'wheel',
        '--quiet',
        '--no-deps',
        '--no-build-isolation',
        '--no-cache-dir',
        '--no-binary',
        'mmcv',
        '-w',
        str(folder),
        f'mmcv=={pinned("mmcv")}',
        env=env)
    if built is None:
        fail("mmcv did not compile (the compiler's message is above); "
             'MMCV=lite serves the ops of our models without compiling')


def install_mmcv(kind):
    other = installed('mmcv' if kind == 'lite' else 'mmcv-lite')
    if other:  # both own the folder mmcv/, so the wanted one must be written anew
        run('-m', 'pip', 'uninstall', '--quiet', '-y', 'mmcv', 'mmcv-lite')
    if kind == 'lite':
        return pip_install('mmcv-lite', 'mmcv-lite')
    cache = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'mvitv2_mm'
    folder = cache / describe_build()
    if not list(folder.glob('*.whl')):
        compile_mmcv(folder)
    wheel = next(folder.glob('*.whl'))
    pip_install(wheel.name, '--no-deps', '--no-cache-dir', '--force-reinstall', str(wheel))
    if run('-c', f'TAG = {folder.name!r}\n{NMS_CHECK}') is None:
        shutil.rmtree(folder)
        fail('the compiled mmcv failed a call of nms and was removed from the cache; try again, '
             'or use MMCV=lite')


def fingerprint(kind):
    """Kind of mmcv and a hash of everything that decides what is installed."""
    files = [*sorted(REQUIREMENTS.glob('*.txt')), ROOT / 'setup.py', Path(__file__)]
    content = b''.join(path.read_bytes() for path in files if path.exists())
    return f'{kind} {hashlib.sha256(content + str(ROOT).encode()).hexdigest()}'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--mmcv',
        choices=('lite', 'full'),
        help='lite: ops served by torchvision; full: compile mmcv (default: as before, or lite)')
    stamp = STAMP.read_text() if STAMP.exists() else 'lite'
    kind = parser.parse_args().mmcv or stamp.split()[0]
    if stamp == fingerprint(kind) and VENV_PYTHON.exists():
        return
    check_python()
    if not VENV_PYTHON.exists():
        check_disk()
    make_venv()
    pip_install('torch, the OpenMMLab libraries and the test tools (a few minutes)', '-r',
                str(REQUIREMENTS / 'runtime.txt'), '-r', str(REQUIREMENTS / 'tests.txt'))
    install_mmcv(kind)
    pip_install('this project', '--no-deps', '--no-build-isolation', '-e', str(ROOT))
    if subprocess.run([str(VENV_PYTHON), '-m', 'mvitv2_mm', 'doctor']).returncode:
        fail('the environment does not work yet; the remedies are above')
    STAMP.write_text(fingerprint(kind))


if __name__ == '__main__':
    main()
