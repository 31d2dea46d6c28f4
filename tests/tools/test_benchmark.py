"""The judge itself: it measures what it says, and times nothing that does not agree."""
import json

import pytest
import torch

from mvitv2_mm.benchmark import session
from mvitv2_mm.benchmark.peers import CASES, OURS, PEERS, Case, build
from mvitv2_mm.benchmark.worker import Meter

SMALL = {'image': (64, 64), 'video': (4, 64, 64), 'detection': (96, 64)}


class FakeWorker:

    def __init__(self, name, output):
        self.name, self.output = name, output

    def ask(self, method):
        return self.output


@pytest.mark.parametrize('task, peer', [('image', 'mmpretrain'), ('image', 'timm'),
                                        ('video', 'mmaction2'),
                                        ('detection', 'windowed reference')])
def test_peers_hold_our_weights(task, peer):
    case = Case(task, 'tiny', SMALL[task], 1, (peer, ))
    torch.manual_seed(1)
    x = case.inputs()
    ours, theirs = build(case, OURS).eval(), build(case, peer).eval()
    with torch.no_grad():
        expected = ours(x)
        assert torch.allclose(theirs(x), expected, atol=1e-4 * expected.abs().max().item())


def test_every_case_names_known_peers():
    assert {name for case in CASES for name in case.peers} <= set(PEERS)


def test_nothing_is_timed_if_outputs_differ():
    ours = torch.ones(2, 3)
    workers = [FakeWorker(OURS, ours), FakeWorker('timm', ours * 1.001)]
    with pytest.raises(RuntimeError, match='timm does not agree with mvitv2_mm.*nothing was timed'):
        session._compare(workers, 'float32')
    workers[1].output = ours * (1 + 1e-6)
    assert session._compare(workers, 'float32')['timm'] < 1e-5


def test_another_network_is_not_compared():
    workers = [FakeWorker(OURS, torch.ones(1)), FakeWorker('hiera', torch.zeros(1))]
    assert session._compare(workers, 'float32')['hiera'] is None


def test_meter_counts_macs_and_memory():
    case = Case('detection', 'tiny', (128, 128), 1, ())
    meter = Meter(case, OURS, 'cpu', 'float32', 1)
    assert meter.macs() == Meter(case, 'windowed reference', 'cpu', 'float32', 1).macs() > 1e9
    memory, how = meter.peak_memory('training')
    # the largest activation alone: 4 * 96 channels of 32 x 32 tokens, saved before and after GELU
    assert memory > 2 * 4 * 384 * 32 * 32 / 2**20 and how == 'process'


def test_rows_and_reports(tmp_path, benchmark):
    rows = benchmark([
        '--task', 'detection', '--arch', 'tiny', '--sweep', '64', '--mode', 'inference',
        '--repeats', '1', '--device', 'cpu', '--threads', '1', '--out-dir',
        str(tmp_path)
    ])
    assert [row.name for row in rows[:2]] == [OURS, 'windowed reference']
    lines = (tmp_path / 'rows.jsonl').read_text().splitlines()
    assert len(lines) == len(rows)
    assert json.loads(lines[1])['difference'] < 1e-4
    assert 'windowed reference' in (tmp_path / 'benchmark.md').read_text()
    assert (tmp_path / 'benchmark_inference.png').stat().st_size > 0
