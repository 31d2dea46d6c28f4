"""``python -m mvitv2_mm doctor`` and ``run``: each finding has a remedy, the exit code counts."""
import importlib
import io
import sys
from importlib import metadata

import numpy as np
import pytest
import torch
from rich.console import Console

from mvitv2_mm import __main__ as cli
from mvitv2_mm import doctor


def fake_versions(monkeypatch, **versions):
    """Report these versions, for '_' read '-'; '' is not installed; the others stay."""
    versions = {name.replace('_', '-'): version for name, version in versions.items()}
    real = doctor.version_of
    monkeypatch.setattr(doctor, 'version_of', lambda name: versions.get(name, real(name)))


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


@pytest.mark.parametrize('version', [(3, 9), (3, 13)])
def test_python(monkeypatch, version):
    monkeypatch.setattr(sys, 'version_info', version)
    assert problem(doctor.check_python).remedy == 'use Python 3.10, 3.11 or 3.12'


@pytest.mark.parametrize('package, version, needed, remedy', [
    ('numpy', '2.4.1', True, 'pip install numpy==1.26.4'),
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

    monkeypatch.setattr(importlib, 'import_module', import_module)
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
    monkeypatch.setattr(sys, 'argv', ['mvitv2_mm', 'doctor'])
    with pytest.raises(SystemExit) as exit_info:
        cli.main()
    assert exit_info.value.code == code
    printed = capsys.readouterr().out
    assert f'torch {torch.__version__.split("+")[0]}' in printed
    assert 'missing: remedy of missing' in printed
    assert ('broken: remedy of broken' in printed) == (code == 1)


def test_brackets_in_a_message_survive():
    stream = io.StringIO()
    doctor.report([doctor.Finding('a', 'broken', 'not in [2.4, 3) [red]', 'pip install "x[all]"')],
                  Console(file=stream, width=120))
    assert 'not in [2.4, 3) [red]' in stream.getvalue() and '"x[all]"' in stream.getvalue()


def test_run_of_a_script_sees_its_arguments(tmp_path, monkeypatch, capsys):
    script = tmp_path / 'tool.py'
    script.write_text('import sys, beside\nprint(__name__, sys.argv[1:], beside.VALUE)\n')
    (tmp_path / 'beside.py').write_text('VALUE = 7\n')
    monkeypatch.setattr(sys, 'argv', ['mvitv2_mm', 'run', str(script), 'a', '--flag', '-h'])
    monkeypatch.setattr(sys, 'path', sys.path[:])
    cli.main()
    assert capsys.readouterr().out == "__main__ ['a', '--flag', '-h'] 7\n"


def test_run_of_a_host_tool(monkeypatch, capsys):
    """mmdet's own test.py imports compiled ops before any config could ask for a repair."""
    monkeypatch.setattr(sys, 'argv', ['mvitv2_mm', 'run', 'mmdet:tools/test.py', '--help'])
    monkeypatch.setattr(sys, 'path', sys.path[:])
    with pytest.raises(SystemExit) as exit_info:
        cli.main()
    assert exit_info.value.code == 0
    assert 'MMDet test (and eval) a model' in capsys.readouterr().out


@pytest.mark.parametrize('script, text', [
    ('nowhere.py', '"nowhere.py": there is no file nowhere.py'),
    ('mmdet:tools/nowhere.py', 'there is no file .*nowhere.py'),
    ('surely_not_installed:tools/test.py', 'package "surely_not_installed" is not installed'),
])
def test_run_of_a_missing_script(monkeypatch, script, text):
    monkeypatch.setattr(sys, 'argv', ['mvitv2_mm', 'run', script])
    with pytest.raises(SystemExit, match=f'mvitv2_mm run: .*{text}'):
        cli.main()
