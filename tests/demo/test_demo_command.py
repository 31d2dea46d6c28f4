"""``python -m mvitv2_mm demo``: how it starts and ends."""
import os
import re
import signal
import socket
import subprocess
import sys
from urllib.request import urlopen

import pytest
from hearing import hear_all

from mvitv2_mm.commands.frame import run_command


@pytest.mark.parametrize('kind', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_serves_until_a_signal_and_leaves_nothing(quick, kind, tmp_path):
    command = [sys.executable, '-m', 'mvitv2_mm', 'demo', quick('image').folder]
    with subprocess.Popen([*command, '--port', '0', '--device', 'cpu'],
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE,
                          preexec_fn=hear_all,
                          text=True,
                          env=dict(os.environ, TMPDIR=str(tmp_path))) as process:
        try:
            url = re.search(r'http://127\.0\.0\.1:\d+', process.stdout.readline())[0]
            assert b'page.js' in urlopen(url, timeout=300).read()
            assert len(list(tmp_path.glob('mvitv2_mm_demo_*'))) == 1
            process.send_signal(kind)
            assert process.wait(timeout=300) == (0 if kind == signal.SIGINT else 128 + kind)
            assert 'Traceback' not in process.stderr.read()
        finally:
            process.kill()
    assert not list(tmp_path.glob('mvitv2_mm_demo_*'))


def test_a_port_that_is_taken(quick, capfd):
    with socket.socket() as other:
        other.bind(('127.0.0.1', 0))
        other.listen()
        port = other.getsockname()[1]
        arguments = [quick('image').folder, '--port', str(port), '--device', 'cpu']
        assert run_command('demo', arguments) == 2
    assert capfd.readouterr().err.endswith(
        f'demo: port {port} cannot be used (Address already in use); choose another with --port\n')
    assert run_command('demo', [quick('image').folder, '--port', '70000']) == 2


def test_without_the_extra(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'starlette', None)
    assert run_command('demo', ['anything']) == 3
    assert 'the demo needs starlette, which is not installed; run: pip install -c' in (
        capsys.readouterr().err)


def test_a_model_that_has_to_be_told_where_people_are(ava, capsys):
    assert run_command('demo', [ava.folder]) == 2
    assert 'has to be told: --boxes FILE takes a table' in capsys.readouterr().err
