"""``python -m mvitv2_mm doctor`` and ``run``: each finding has a remedy, the exit code counts."""
import importlib
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mvitv2_mm import doctor
from mvitv2_mm.commands.frame import run_command
from mvitv2_mm.compat import switch


def fake_versions(monkeypatch, **versions):
    """Report these versions, for '_' read '-'; '' is not installed; the others stay."""
    versions = {name.replace('_', '-'): version for name, version in versions.items()}
    real = metadata.version
    monkeypatch.setattr(metadata, 'version', lambda name: versions[name]
                        if name in versions else real(name))


def problem(check, *args):
    with pytest.raises(doctor.Problem) as error:
        check(*args)
    return error.value


def test_this_environment_works():
    """All but the slow check of torch.compile, which may need a compiler."""
    findings = [
        doctor.diagnose(name, check) for name, check in doctor.checks() if name != 'torch.compile'
    ]
    assert [finding for finding in findings if finding.state == 'broken'] == []
    assert {'torch', 'mmcv ops', 'video decoder av',
            'bfloat16'} <= {finding.name
                            for finding in findings}


@pytest.mark.parametrize('version', [(3, 9), (3, 14)])
def test_python(monkeypatch, version):
    monkeypatch.setattr(sys, 'version_info', version)
    assert problem(doctor.check_python).remedy == 'use Python 3.10 to 3.13'


@pytest.mark.parametrize('package, version, needed, remedy', [
    ('numpy', '2.4.1', True, 'pip install "numpy>=1.26,<2.4"'),
    ('torch', '2.3.1', True, 'pip install torch==2.11.0'),
    ('mmengine', '', True, 'pip install mmengine==0.10.7'),
    ('setuptools', '82.0.1', False, 'pip install "setuptools<81"'),
])
def test_versions(monkeypatch, package, version, needed, remedy):
    fake_versions(monkeypatch, **{package: version})
    found = problem(doctor.check_versions)
    assert package in found.detail and version in found.detail
    assert found.needed == needed and found.remedy.startswith(remedy)


@pytest.mark.parametrize('versions, detail, remedy', [
    (dict(onedl_mmcv='2.3.6'), 'replaces files of mmcv-lite', 'pip uninstall -y onedl-mmcv'),
    (dict(mmcv='2.1.0', mmcv_lite='2.1.0'), 'both installed', 'pip uninstall -y mmcv mmcv-lite'),
    (dict(opencv_python='4.11.0.86', opencv_contrib_python='4.10.0.84'), '4.10.0.84 and 4.11.0.86',
     'opencv-contrib-python==4.11.0.86'),
])
def test_clashes(monkeypatch, versions, detail, remedy):
    fake_versions(monkeypatch, **versions)
    found = problem(doctor.check_clashes)
    assert detail in found.detail and remedy in found.remedy and found.needed


def test_torch_and_torchvision_that_are_not_a_pair(monkeypatch):
    """What a CPU build of torch beside a CUDA build of torchvision raises on import."""
    assert doctor.check_torchvision().startswith('torch 2.')

    def import_module(name):
        raise RuntimeError('operator torchvision::nms does not exist\nmore')

    real = doctor.import_module
    monkeypatch.setattr(doctor, 'import_module', lambda name: real(name)
                        if name == 'torch' else import_module(name))
    found = problem(doctor.check_torchvision)
    assert found.detail.endswith('are not a pair: operator torchvision::nms does not exist')
    assert found.needed and 'https://pytorch.org' in found.remedy


def test_transformers_clash_is_a_warning(monkeypatch):
    real = metadata.version
    monkeypatch.setattr(metadata, 'version', lambda name: '4.57.0'
                        if name == 'transformers' else real(name))
    found = problem(doctor.check_clashes)
    assert 'transformers 4.57.0' in found.detail and not found.needed
    assert 'pip install "transformers<4.50"' in found.remedy


@pytest.mark.parametrize('mib, state', [(64, 'missing'), (8192, 'ok')])
def test_shared_memory(monkeypatch, mib, state):
    monkeypatch.setattr(Path, 'is_dir', lambda path: True)
    monkeypatch.setattr('shutil.disk_usage', lambda path: SimpleNamespace(total=mib * 2**20))
    finding = doctor.diagnose('shared memory', doctor.check_shared_memory)
    assert finding.state == state
    assert ('--shm-size' in finding.remedy) == (state == 'missing')


def test_host():
    assert doctor.check_host('mmpretrain', '').startswith('mmpretrain 1.')
    found = problem(doctor.check_host, 'surely_not_installed', 'surely==1')
    assert found.remedy == 'pip install surely==1' and not found.needed


def test_host_that_fails_to_import_is_broken(tmp_path, monkeypatch):
    (tmp_path / 'broken_host').mkdir()
    (tmp_path / 'broken_host' / '__init__.py').write_text('import surely_not_installed\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    finding = doctor.diagnose('host', lambda: doctor.check_host('broken_host', ''))
    assert finding.state == 'broken' and 'surely_not_installed' in finding.detail


def test_ops_with_wrong_results_are_broken(monkeypatch):
    ops = importlib.import_module('mmcv.ops')
    monkeypatch.setattr(ops, 'nms', lambda boxes, scores, threshold: (None, torch.tensor([0])))
    found = problem(doctor.check_ops)
    assert 'wrong result on cpu' in found.detail and 'make setup MMCV=full' in found.remedy


def test_decoders(monkeypatch):
    frames = [np.full((2, 2, 3), value) for value in (0, 2, 1)]
    monkeypatch.setitem(doctor.DECODERS, 'cv2', (lambda path: frames, 'remedy'))
    assert 'decoded 3 of 8 frames' in problem(doctor.check_decoder, 'cv2').detail

    def missing(path):
        raise ModuleNotFoundError

    monkeypatch.setitem(doctor.DECODERS, 'cv2', (missing, 'pip install it'))
    assert problem(doctor.check_decoder, 'cv2').remedy == 'pip install it'


@pytest.mark.parametrize('states, code', [
    (['ok', 'missing'], 0),
    (['ok', 'broken', 'missing'], 1),
])
def test_report_and_exit_code(monkeypatch, capsys, states, code):

    def make(state):

        def check():
            if state != 'ok':
                raise doctor.Problem(f'detail of {state}', f'remedy of {state}', state == 'broken')
            return 'fine'

        return check

    monkeypatch.setattr(doctor, 'checks', lambda: [(state, make(state)) for state in states])
    assert run_command('doctor', []) == code
    printed = capsys.readouterr().out
    assert f'torch {torch.__version__.split("+")[0]}' in printed
    assert 'missing: remedy of missing' in printed
    assert ('broken: remedy of broken' in printed) == (code == 1)


BROKEN = '''
import sys
from importlib import metadata
from mvitv2_mm.__main__ import main

for name in ('torch', 'torchvision', 'cv2', 'numpy', 'mmengine', 'mmcv', 'rich', 'wrapt'):
    assert name not in sys.modules
    sys.modules[name] = None
sys.exit(main(['doctor']))
'''


def test_an_environment_without_anything():
    """The doctor starts with the standard library and names all that is missing."""
    result = subprocess.run([sys.executable, '-S', '-c', BROKEN],
                            capture_output=True,
                            text=True,
                            cwd=Path(__file__).parents[1])
    assert result.returncode == 1 and not result.stderr
    assert 'pip install torch==' in result.stdout and 'Python ' in result.stdout
    for line in ('torch  ', 'repairs  ', 'mmcv ops  ', 'video decoder cv2  ', 'bfloat16  '):
        found, = [text for text in result.stdout.splitlines() if text.strip().startswith(line)]
        assert 'broken' in found or 'missing' in found


def test_modules_that_cannot_be_imported():
    """Installed, but damaged: every check says so, and the others go on."""
    result = subprocess.run([sys.executable, '-c', BROKEN],
                            capture_output=True,
                            text=True,
                            cwd=Path(__file__).parents[1])
    assert result.returncode == 1 and not result.stderr
    assert 'torch 2.' in result.stdout  # the versions are known
    assert 'import of torch halted' in result.stdout


def test_repairs_have_a_line_each(monkeypatch, capsys):
    monkeypatch.setattr(doctor, 'checks', lambda: [('repairs', doctor.check_repairs)])
    monkeypatch.setenv(switch.VARIABLE, 'mmcv.hue')
    assert run_command('doctor', []) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in switch.ALL:
        line, = [line for line in lines if line.strip().startswith(f'{name} ')]
        assert ('switched off' in line) == (name == 'mmcv.hue')


def test_unknown_names_of_repairs(monkeypatch):
    monkeypatch.setenv(switch.VARIABLE, 'no.such,mmcv.ops')
    found = problem(doctor.check_repairs)
    assert 'there is no repair no.such;' in found.detail and not found.needed


def test_run_of_a_script_sees_its_arguments(tmp_path, monkeypatch, capsys):
    script = tmp_path / 'tool.py'
    script.write_text('import sys, beside\nprint(__name__, sys.argv[1:], beside.VALUE)\n')
    (tmp_path / 'beside.py').write_text('VALUE = 7\n')
    monkeypatch.setattr(sys, 'argv', sys.argv[:])
    monkeypatch.setattr(sys, 'path', sys.path[:])
    assert run_command('run', [str(script), 'a', '--flag', '-h']) == 0
    assert capsys.readouterr().out == "__main__ ['a', '--flag', '-h'] 7\n"


def test_run_of_a_host_tool(monkeypatch, capsys):
    """mmdet's own test.py imports compiled ops before any config could ask for a repair."""
    monkeypatch.setattr(sys, 'argv', sys.argv[:])
    monkeypatch.setattr(sys, 'path', sys.path[:])
    with pytest.raises(SystemExit) as exit_info:
        run_command('run', ['mmdet:tools/test.py', '--help'])
    assert exit_info.value.code == 0
    assert 'MMDet test (and eval) a model' in capsys.readouterr().out


@pytest.mark.parametrize('script, text', [
    ('nowhere.py', '"nowhere.py": there is no file nowhere.py'),
    ('mmdet:tools/nowhere.py', 'there is no file .*nowhere.py'),
    ('surely_not_installed:tools/test.py', 'package "surely_not_installed" is not installed'),
])
def test_run_of_a_missing_script(capsys, script, text):
    assert run_command('run', [script]) == 2
    assert re.match(f'mvitv2_mm run: .*{text}', capsys.readouterr().err)
