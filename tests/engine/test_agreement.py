"""Processes that wait for each other in vain say so, and what hangs says where."""
import re
import subprocess
import sys
from datetime import timedelta

import pytest
from mmengine.config import Config
from torch import distributed
from torch import multiprocessing as processes

from mvitv2_mm.engine.agreement import Agreement, LostProcessError, explained_peers


class FakeRunner:
    cfg = Config(dict(env_cfg=dict(dist_cfg=dict(timeout=5))))


def work(rank, store, results, given_up, fate):
    distributed.init_process_group(
        'gloo', init_method=f'file://{store}', rank=rank, world_size=2,
        timeout=timedelta(seconds=60))  # yapf: disable
    agreement = Agreement(FakeRunner())
    found = agreement.highest(rank * 5), agreement.all(f'from {rank}')
    if rank == 1:
        results.put(found)
        if fate == 'hangs':
            given_up.wait(60)
        return
    try:
        with explained_peers():
            agreement.highest(0)
    except LostProcessError as error:
        results.put(str(error))
    finally:
        given_up.set()


@pytest.mark.parametrize('fate, message', [('hangs', 'imed out .*dist_cfg.timeout'),
                                           ('ends', 'by peer.* Another process has ended')])
def test_a_lost_process(tmp_path, fate, message):
    context = processes.get_context('fork')
    results = context.Queue()
    args = tmp_path / 'store', results, context.Event(), fate
    processes.start_processes(work, args, nprocs=2, start_method='fork')
    assert results.get(timeout=60) == (5, ['from 0', 'from 1'])
    text = results.get(timeout=60)
    assert text.startswith('process 0 of 2: ')
    assert re.search(message, text), text


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match='^mine$'), explained_peers():
        raise RuntimeError('mine')


def test_alone_nobody_is_asked():
    agreement = Agreement(FakeRunner())
    assert agreement.highest(True) == 1 and agreement.all('mine') == ['mine']


def test_what_hangs_after_a_signal_says_where():
    code = ('import os, signal, time\n'
            'from mvitv2_mm.engine import stopping\n'
            'stopping._PATIENCE = 0.2\n'
            'def in_a_decoder():\n'
            '    os.kill(os.getpid(), signal.SIGTERM)\n'
            '    time.sleep(60)\n'
            'with stopping.Signals():\n'
            '    in_a_decoder()\n')
    command = [sys.executable, '-c', code]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert any('in in_a_decoder' in line for line in process.stderr)
        finally:
            process.kill()
