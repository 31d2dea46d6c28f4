"""The set-up ends in one line when it cannot work, does nothing twice, and builds the wheel."""
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest
import synthetic_data

from mvitv2_mm.commands.frame.parser import commands

ROOT = Path(__file__).resolve().parents[1]
PARTS = ('mvitv2_mm', 'configs', 'tools', 'requirements')
DiskUsage = namedtuple('DiskUsage', 'total used free')


@pytest.fixture
def setup_env(tmp_path, monkeypatch):
    """tools/setup_env.py as a module, with its virtual environment in a temporary folder."""
    spec = importlib.util.spec_from_file_location('setup_env', ROOT / 'tools' / 'setup_env.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    venv = tmp_path / '.venv'
    (venv / 'bin').mkdir(parents=True)
    monkeypatch.setattr(module, 'VENV', venv)
    monkeypatch.setattr(module, 'VENV_PYTHON', venv / 'bin' / 'python')
    monkeypatch.setattr(module, 'STAMP', venv / '.stamp')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return module


def message(function, *args):
    """The one line with which a function ends the program."""
    with pytest.raises(SystemExit) as error:
        function(*args)
    text = str(error.value)
    assert text.startswith('setup: ') and '\n' not in text
    return text


@pytest.mark.parametrize('version', [(3, 9, 18), (3, 14, 1)])
def test_wrong_python(setup_env, monkeypatch, version):
    monkeypatch.setattr(sys, 'version_info', version)
    text = message(setup_env.check_python)
    assert f'is {".".join(map(str, version))}' in text
    assert 'make setup PYTHON=/path/to/python3.11' in text


def test_python_without_venv(setup_env, monkeypatch):
    setup_env.check_python()
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    assert re.search(r'apt install python3\.\d+-venv', message(setup_env.check_python))


def test_full_disk(setup_env, monkeypatch):
    monkeypatch.setattr(shutil, 'disk_usage', lambda folder: DiskUsage(0, 0, 9e9))
    setup_env.check_disk()
    monkeypatch.setattr(shutil, 'disk_usage', lambda folder: DiskUsage(0, 0, 7.9e9))
    text = message(setup_env.check_disk)
    assert '8 GB of free disk are needed' in text and 'there are 7.9 GB' in text


def test_damaged_venv(setup_env):
    setup_env.VENV_PYTHON.write_text('#!/bin/sh\nexit 1\n')
    setup_env.VENV_PYTHON.chmod(0o755)
    assert 'remove it and try again' in message(setup_env.make_venv)


def test_clashing_package(setup_env, monkeypatch):
    setup_env.VENV_PYTHON.symlink_to(sys.executable)
    monkeypatch.setattr(setup_env, 'installed', lambda *names: ['onedl-mmcv'])
    assert 'pip uninstall -y onedl-mmcv' in message(setup_env.make_venv)


def test_failing_pip(setup_env):
    setup_env.VENV_PYTHON.symlink_to('/bin/false')
    assert 'pip could not install torch' in message(setup_env.pip_install, 'torch', 'torch')


def test_full_mmcv_without_compiler(setup_env, monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, 'which', lambda name: None)
    text = message(setup_env.compile_mmcv, tmp_path / 'mmcv-2.1.0-torch-2.11.0-cp311-cpu')
    assert 'needs a C++ compiler' in text and 'MMCV=lite' in text
    monkeypatch.setattr(shutil, 'which', lambda name: name if 'c' in name[:1] else None)
    text = message(setup_env.compile_mmcv, tmp_path / 'mmcv-2.1.0-torch-2.11.0-cp311-cuda13.0')
    assert 'nvcc' in text and 'CUDA_VISIBLE_DEVICES= make setup MMCV=full' in text


def test_mmcv_without_working_ops_leaves_the_cache(setup_env, monkeypatch):
    """A wheel built for another torch imports, but its nms fails."""
    build = 'mmcv-2.1.0-torch-2.11.0-cp311-cpu'
    folder = Path(os.environ['XDG_CACHE_HOME']) / 'mvitv2_mm' / build
    folder.mkdir(parents=True)
    (folder / 'mmcv-2.1.0-cp311-cp311-linux_x86_64.whl').touch()
    installed = []
    monkeypatch.setattr(setup_env, 'installed', lambda *names: [])
    monkeypatch.setattr(setup_env, 'describe_build', lambda: build)
    monkeypatch.setattr(setup_env, 'pip_install', lambda *args: installed.append(args[-1]))
    monkeypatch.setattr(setup_env, 'run', lambda *args, **kwargs: '')
    setup_env.install_mmcv('full')
    assert installed == [str(next(folder.glob('*.whl')))]
    monkeypatch.setattr(setup_env, 'run', lambda *args, **kwargs: None)
    assert 'failed a call of nms' in message(setup_env.install_mmcv, 'full')
    assert not folder.exists()


def test_second_setup_does_nothing_and_keeps_the_kind_of_mmcv(setup_env, monkeypatch):
    setup_env.VENV_PYTHON.symlink_to(sys.executable)
    setup_env.STAMP.write_text(setup_env.fingerprint('full'))
    monkeypatch.setattr(setup_env, 'check_python', lambda: pytest.fail('it started to work'))
    for args in ([], ['--mmcv', 'full']):
        monkeypatch.setattr(sys, 'argv', ['setup_env.py', *args])
        setup_env.main()
    monkeypatch.setattr(sys, 'argv', ['setup_env.py', '--mmcv', 'lite'])
    with pytest.raises(pytest.fail.Exception):
        setup_env.main()


def test_every_requirement_of_a_model_is_pinned(setup_env):
    runtime = (setup_env.REQUIREMENTS / 'runtime.txt').read_text()
    for package in ('torch', 'torchvision', 'mmengine', 'mmpretrain', 'mmdet', 'mmaction2', 'numpy',
                    'opencv-python', 'opencv-contrib-python'):
        assert setup_env.pinned(package) and package in runtime.split()
    assert setup_env.pinned('mmcv') == setup_env.pinned('mmcv-lite')
    assert setup_env.pinned('opencv-python') == setup_env.pinned('opencv-contrib-python')
    with pytest.raises(KeyError):
        setup_env.pinned('surely-not-there')


def test_make_targets():

    def commands(*args):
        command = ['make', '-n', '--no-print-directory', *args]
        return subprocess.run(
            command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout

    assert commands('quickstart').splitlines()[-1].split()[-1] == 'tools/quickstart.py'
    assert 'quickstart.py --task video' in commands('quickstart', 'TASK=video')
    assert 'setup_env.py --mmcv full' in commands('setup', 'MMCV=full')
    assert commands('gpu-check').splitlines()[-1].endswith('-m mvitv2_mm gpu-check')
    assert 'setup_env.py' in commands('test') and '-m pytest' in commands('test')
    assert all(tool in commands('lint') for tool in ('flake8', 'isort', 'yapf'))
    assert 'No Python found' in commands('setup', 'PYTHON=')
    assert 'make lint test' in (ROOT / '.ci' / 'run').read_text()


def pip(*args):
    quiet = ('-q', '--no-deps', '--disable-pip-version-check')
    subprocess.run([sys.executable, '-m', 'pip', *map(str, args), *quiet], check=True)


@pytest.fixture(scope='module')
def built(tmp_path_factory):
    """The source distribution of a copy of this checkout, and the wheel that is built of it."""
    folder = tmp_path_factory.mktemp('dist')
    ignore = shutil.ignore_patterns('.*', 'work_dirs', 'data', 'build', '*.egg-info')
    shutil.copytree(ROOT, folder / 'source', ignore=ignore)
    subprocess.run([
        sys.executable, '-m', 'build', '--no-isolation', '--outdir', folder / 'dist',
        folder / 'source'
    ],
                   check=True,
                   capture_output=True)
    return next((folder / 'dist').glob('*.tar.gz')), next((folder / 'dist').glob('*.whl'))


@pytest.fixture(scope='module')
def wheel(built):
    return built[1]


def test_the_wheel_of_the_source_distribution_is_whole(wheel):
    """Every file of the package, the configs and the tools that git knows is in it."""
    listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', *PARTS],
                            cwd=ROOT,
                            capture_output=True,
                            text=True)
    if listed.returncode:
        pytest.skip('this is no git checkout')
    expected = {
        name if name.startswith('mvitv2_mm/') else f'mvitv2_mm/.mim/{name}'
        for name in listed.stdout.split() if (ROOT / name).exists()
    }
    names = {name for name in zipfile.ZipFile(wheel).namelist() if '.dist-info/' not in name}
    assert names == expected | {'mvitv2_mm/.mim/model-index.yml'}
    assert wheel.stat().st_size < 3e6


def test_packaging_tools_have_no_complaint(built):
    for tool, files in (('twine', ['check', '--strict',
                                   *built]), ('check_wheel_contents', [built[1]])):
        result = subprocess.run([sys.executable, '-m', tool, *map(str, files)],
                                cwd=ROOT,
                                capture_output=True,
                                text=True)
        assert result.returncode == 0, result.stdout + result.stderr


def test_wheel_has_what_mim_looks_for(wheel):
    """Configs and tools below .mim, top_level.txt, and a module that sorts before the metadata."""
    names = zipfile.ZipFile(wheel).namelist()
    assert 'mvitv2_mm/.mim/tools/setup_env.py' in names
    assert 'mvitv2_mm/.mim/requirements/constraints.txt' in names
    assert 'mvitv2_mm/compat/mmcv/ops.py' in names
    assert any(re.fullmatch(r'mvitv2_mm/\.mim/configs/.*\.py', name) for name in names)
    assert any(name.endswith('.dist-info/top_level.txt') for name in names)
    assert not any('/scripts/' in name or name.startswith('tests') for name in names)
    metadata = next(name.split('/')[0] for name in names if '.dist-info/' in name)
    assert 'mvitv2_mm/__init__.py' < metadata


FILES = '''
from mvitv2_mm.data_check import KNOWN, find_splits
from mvitv2_mm.files import repository_folder
from mvitv2_mm.names import published_configs
assert all(len(find_splits(name)) == 2 for name in KNOWN)
assert {'image', 'images', 'mvitv2-tiny_8xb256_in1k'} <= set(published_configs())
print(repository_folder())
'''

NAMED = """
_base_ = 'mvitv2_mm::classification/mvitv2-tiny_8xb256_in1k.py'
work_dir = 'here'
"""
EXTERNAL = """
import mvitv2_mm
from mmengine.config import Config
from mmengine.hub import get_config
cfg = get_config('mvitv2_mm::classification/mvitv2-tiny_8xb256_in1k.py', pretrained=True)
print(cfg.model.backbone.arch, cfg.model_path.rpartition('/')[2])
print(Config.fromfile('own.py').model.backbone.arch, Config.fromfile('own.py').work_dir)
"""


@pytest.fixture(scope='module')
def stranger(wheel, tmp_path_factory):
    """A fresh environment with the wheel, and with the libraries of this one but not its checkout.

    Called with arguments of Python, it runs them in a folder of its own.
    """
    folder = tmp_path_factory.mktemp('stranger')
    venv.create(folder / 'env')
    site = next((folder / 'env').glob('lib/python*/site-packages'))
    pip('install', '--target', site, wheel)
    # the files .pth there, of which one leads to the checkout, are not read
    (site / 'libraries.pth').write_text(sysconfig.get_path('purelib'))
    env = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}

    def python(*args):
        return subprocess.run([folder / 'env' / 'bin' / 'python', *args],
                              cwd=folder,
                              env=env,
                              capture_output=True,
                              text=True)

    python.folder, python.mim = folder, site / 'mvitv2_mm' / '.mim'
    return python


def test_an_installed_wheel_finds_its_configs_and_tools(stranger):
    result = stranger('-c', FILES)
    assert result.stdout == f'{stranger.mim}\n', result.stderr
    config = next((stranger.mim / 'configs/classification').glob('mvitv2-tiny*.py'))
    result = stranger('-m', 'mvitv2_mm', 'run', 'mvitv2_mm:tools/analysis_tools/print_config.py',
                      str(config))
    assert 'mvitv2_mm.MViTv2' in result.stdout, result.stderr
    result = stranger(str(stranger.mim / 'tools/train.py'), f'{config.stem}x.py')
    assert str(config.relative_to(stranger.folder)) in result.stderr
    (stranger.folder / 'own.py').write_text(NAMED)
    result = stranger('-c', EXTERNAL)
    assert result.stdout == 'tiny MViTv2_T_in1k.pyth\ntiny here\n', result.stderr
    for command in commands():
        result = stranger('-m', 'mvitv2_mm', command, '--help')
        assert result.returncode == 0 and command in result.stdout, result.stderr


def test_an_installed_wheel_trains_and_predicts(stranger):
    synthetic_data.make_folders(stranger.folder / 'pictures')
    for args in (['finetune', 'pictures', '--from', 'none', '--epochs', '1'],
                 ['predict', 'work_dirs/pictures/models/last', 'pictures', '--out', 'answers']):
        result = stranger('-m', 'mvitv2_mm', *args)
        assert result.returncode == 0, result.stderr
    assert (stranger.folder / 'work_dirs/pictures/report.html').is_file()
    assert (stranger.folder / 'answers/predictions.jsonl').is_file()
