"""One parser for all commands: help without torch, hints, exit codes, JSON alone on stdout."""
import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mvitv2_mm.commands.frame import main, make_parser, only_expected, print_json, run_command
from mvitv2_mm.commands.frame.output import json_alone
from mvitv2_mm.commands.frame.parser import commands
from mvitv2_mm.errors import UnknownName, UsageError

ROOT = Path(__file__).parents[2]
HEAVY = {'torch', 'numpy', 'mmengine', 'mmcv', 'rich', 'cv2', 'shtab'}


def python(*args, **kwargs):
    return subprocess.run([sys.executable, *args],
                          capture_output=True,
                          text=True,
                          cwd=kwargs.pop('cwd', ROOT),
                          **kwargs)


@pytest.fixture
def command(monkeypatch):
    """Let 'doctor' do something else; a function that sets what."""

    def replace(run, **attributes):
        module = commands()['doctor']
        monkeypatch.setattr(module, 'run', run)
        for name, value in attributes.items():
            monkeypatch.setattr(module, name, value, raising=False)

    return replace


@pytest.mark.parametrize('args', [
    ['-m', 'mvitv2_mm', '--help'],
    ['-m', 'mvitv2_mm', 'train', '--help'],
    ['tools/test.py', '--help'],
    ['-m', 'mvitv2_mm', 'convert', '--list'],
])
def test_help_imports_nothing_heavy(args):
    result = python('-X', 'importtime', *args)
    imported = set(re.findall(r'\| +(\w+)$', result.stderr, re.M))
    assert result.returncode == 0 and 'argparse' in imported
    assert imported.isdisjoint(HEAVY)


def test_a_config_is_printed_without_the_host_that_it_needs():
    """A config names modules of ours that import it; only those who build something need them."""
    result = python('-X', 'importtime', '-m', 'mvitv2_mm', 'print-config',
                    'configs/quickstart/image.py')
    assert result.returncode == 0 and "type='mvitv2_mm.MViTv2'" in result.stdout
    imported = set(re.findall(r'\| +(\S+)$', result.stderr, re.M))
    assert 'mmengine.config' in imported
    assert imported.isdisjoint({'mmpretrain', 'mmengine.runner', 'mvitv2_mm.config_options'})


def test_help_shows_a_line_and_an_example_of_every_command():
    text = make_parser().format_help()
    files = {path.stem for path in (ROOT / 'mvitv2_mm' / 'commands').glob('*.py')} - {'__init__'}
    assert {name.replace('-', '_') for name in commands()} == files
    for name, module in commands().items():
        assert '\n' not in module.HELP and module.HELP.endswith('.')
        assert re.search(rf'^  {name} +{re.escape(module.HELP)}\n +{re.escape(module.EXAMPLE)}$',
                         text, re.M)
        assert f'python -m mvitv2_mm {name}' in module.EXAMPLE


@pytest.mark.parametrize('name', list(commands()))
def test_the_example_and_the_options_of_every_command(name, capsys, tmp_path, monkeypatch):
    """The example is accepted by the command's parser, and stands in its help."""
    module = commands()[name]
    with pytest.raises(SystemExit):
        main([name, '--help'])
    out = capsys.readouterr().out
    assert module.EXAMPLE in out and '--debug' in out
    assert ('--json' in out) == (getattr(module, 'JSON', 'the result') is not None)
    words = re.search(r'python -m mvitv2_mm ([^)]*)', module.EXAMPLE)[1].split()
    assert make_parser().parse_args(words).command == name


def test_the_page_says_what_json_holds():
    page = (ROOT / 'docs' / 'commands.md').read_text()
    documented = set(re.findall('`([a-z-]+)`', ''.join(re.findall(r'^\| (`.*?) \|', page, re.M))))
    assert {name
            for name, module in commands().items()
            if getattr(module, 'JSON', 'the result')} <= documented


@pytest.mark.parametrize('argv, message', [
    ([], 'the following arguments are required: COMMAND'),
    (['trian'], "invalid choice: 'trian' .*; did you mean train?"),
    (['train', 'x', '--work-dri', 'y'], 'unrecognized arguments: .*; did you mean --work-dir?'),
    (['train', 'x', '--launcher', 'pytorhc'], '; did you mean pytorch?'),
    (['train'], 'required: config'),
    (['flops', 'x', '--cfg-options', 'a'], '"a" is not KEY=VALUE'),
])
def test_wrong_words_end_in_one_line_and_2(argv, message, capsys):
    with pytest.raises(SystemExit) as info:
        main(argv)
    assert info.value.code == 2
    line, = capsys.readouterr().err.splitlines()
    assert re.search(message, line) and '--help' in line


@pytest.mark.parametrize('argv, message', [
    (['flops', 'mvitv2-tiny_8xb265_in1k'], 'similar ones: .*/mvitv2-tiny_8xb256_in1k.py'),
    (['flops', 'mvitv2-small-16x4_k400'],
     'published weights, .* theirs is mvitv2-small-p244_32xb16-16x4x1-200e_kinetics400-rgb'),
    (['test', 'mvitv2-tiny_8xb256_in1k', 'mvitv2-tinny_in1k'],
     'Similar published models: mvitv2-tiny_in1k'),
    (['check-data', 'kinetic400'], 'did you mean kinetics400'),
    (['print-config', 'mvitv2-tiny_8xb256_in1k', '--cfg-options', 'trian_cfg.max_epochs=3'],
     'did you mean train_cfg.max_epochs?'),
    (['benchmark', '--peers', 'tim'], 'there is no "tim"; did you mean timm?'),
])  # yapf: disable
def test_unknown_names_get_similar_ones_and_2(argv, message, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(argv) == 2
    line, = capsys.readouterr().err.splitlines()
    assert re.search(f'mvitv2_mm {argv[0]}: .*{message}', line)


def test_a_config_of_the_zoo_by_its_name(capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    path = ROOT / 'configs' / 'classification' / 'mvitv2-tiny_8xb256_in1k.py'
    printed = []
    for name in (path.stem, path.name, str(path)):
        assert main(['print-config', name, '--json']) == 0
        printed.append(json.loads(capfd.readouterr().out))
    assert printed[0] == printed[1] == printed[2]
    assert printed[0]['model']['backbone']['arch'] == 'tiny'


@pytest.mark.parametrize('error, code', [
    (UsageError('no\nsuch option'), 2),
    (UnknownName('no such option'), 2),
    (ValueError('no such option'), 1),
    (FileNotFoundError('no such option'), 1),
    (ImportError('no such option'), 3),
    (KeyError('no such option'), 1),
    (KeyboardInterrupt(), 130),
])
def test_errors_are_one_line_and_an_exit_code(error, code, command, capsys):

    def run(args):
        raise error

    command(run)
    assert run_command('doctor', []) == code
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith('mvitv2_mm doctor: ')
    assert ('no such option' if code != 130 else 'interrupted') in line
    assert ('"python -m mvitv2_mm doctor" shows' in line) == (code == 3)
    assert run_command('doctor', ['--debug']) == code
    err = capsys.readouterr().err
    assert 'in run\n    raise error' in err and err.splitlines()[-1] == line


def test_what_is_no_mistake_of_a_user_keeps_its_traceback(command, capsys):

    def run(args):
        with only_expected(OSError):
            raise ValueError('a fault of the code')

    command(run)
    assert run_command('doctor', []) == 1
    err = capsys.readouterr().err
    assert 'in run\n    raise ValueError' in err and 'Unexpected' not in err

    def run(args):
        with only_expected(OSError):
            raise OSError('a full disk')

    command(run)
    assert run_command('doctor', []) == 1
    assert capsys.readouterr().err == 'mvitv2_mm doctor: a full disk\n'


def test_the_exit_code_reaches_the_shell():
    """Of python -m and of the scripts in tools."""
    for words in (['-m', 'mvitv2_mm', 'run', 'nowhere.py'], ['tools/train.py']):
        result = python(*words)
        assert result.returncode == 2 and result.stderr.count('\n') == 1
    assert 'mvitv2_mm train: the following arguments are required: config' in result.stderr


def test_a_broken_environment_is_3(tmp_path):
    (tmp_path / 'torch.py').write_text('raise ImportError("libcudart.so.13: cannot open")')
    result = python(
        '-m',
        'mvitv2_mm',
        'flops',
        'mvitv2-tiny_8xb256_in1k',
        env=dict(os.environ, PYTHONPATH=f'{tmp_path}:{ROOT}'))
    assert result.returncode == 3
    line = result.stderr.splitlines()[-1]
    assert 'libcudart.so.13: cannot open. "python -m mvitv2_mm doctor" shows' in line


def test_json_is_alone_on_the_standard_output(command, capfd):
    """Prints, loggers, writes to the descriptor and child processes go to the standard error."""

    def run(args):
        print('a print')
        os.write(1, b'a library\n')
        subprocess.run([sys.executable, '-c', 'print("a child")'])
        print_json(dict(value=1))
        print('another print')

    command(run)
    assert run_command('doctor', ['--json']) == 0
    out, err = capfd.readouterr()
    assert out == '{"value": 1}\n'
    assert {'a print', 'a library', 'a child', 'another print'} <= set(err.splitlines())
    assert run_command('doctor', []) == 0
    assert capfd.readouterr().out.splitlines()[-1] == 'another print'


def test_the_standard_output_comes_back_after_an_error(capfd):
    with pytest.raises(ValueError), json_alone(True):
        raise ValueError
    print('back')
    assert capfd.readouterr().out == 'back\n'


def test_arrays_in_json(capsys):
    import numpy as np
    print_json(dict(a=np.arange(2), b=np.float32(0.5), c=Path('x')))
    assert json.loads(capsys.readouterr().out) == dict(a=[0, 1], b=0.5, c='x')


def test_a_reader_that_has_seen_enough():
    command = f'{sys.executable} -m mvitv2_mm completion bash | :; echo ${{PIPESTATUS[0]}}'
    result = subprocess.run(['bash', '-c', command], capture_output=True, text=True, cwd=ROOT)
    assert result.stdout == '1\n' and not result.stderr


def test_the_parser_tells_nobody_of_hidden_arguments():
    args = make_parser().parse_args(['train', 'x', '--local-rank', '3'])
    assert isinstance(args, argparse.Namespace) and args.local_rank == 3 and args.json is False
