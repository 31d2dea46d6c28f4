"""The judge itself: it measures what it says, and times nothing that does not agree."""
import json
import os

import in_process
import pytest
import torch

from mvitv2_mm.benchmark import report, session
from mvitv2_mm.benchmark.ablations import ABLATIONS
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


@pytest.mark.parametrize('task, name', [('video', 'plain convolution'),
                                        ('image', 'all keys projected'),
                                        ('image', 'whole hidden layers')])
def test_ablations_change_the_way_and_not_the_numbers(task, name, monkeypatch):
    where, what, instead = ABLATIONS[name]
    calls = []
    case = Case(task, 'tiny', SMALL[task], 1, ())
    x, ours = case.inputs(), build(case, OURS).eval()
    expected = ours(x)
    monkeypatch.setattr(where, what, getattr(where, what))  # undoes what `build` replaces
    ours = build(case, f'ours, {name}').eval()
    monkeypatch.setattr(where, what,
                        lambda *args, **kwargs: calls.append(name) or instead(*args, **kwargs))
    assert torch.allclose(ours(x), expected, atol=1e-5 * expected.abs().max().item())
    assert calls


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


def test_rows_and_reports(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text(
        f'# Kept\n\n{report._MARK.format("networks")}\n\nold tables\n{report._END}\nKept too')
    in_process.run('benchmark', [
        '--task', 'detection', '--arch', 'tiny', '--sweep', '64', '--mode', 'inference',
        '--repeats', '1', '--device', 'cpu', '--threads', '1', '--page', page, '--out-dir', tmp_path
    ])
    rows = report.read_rows(tmp_path)
    assert [row.name for row in rows] == [OURS, 'windowed reference']
    assert rows[1].difference < 1e-4
    assert page.read_text().startswith('# Kept') and 'old tables' not in page.read_text()
    assert page.read_text().endswith('Kept too')
    assert '| windowed reference |' in page.read_text()
    assert (tmp_path / 'benchmark_inference.png').stat().st_size > 0


def make_row(**changes):
    values = dict(
        case='image tiny 64x64',
        size=64,
        mode='training',
        name=OURS,
        machine='M',
        device='cpu',
        dtype='float32',
        batch_size=2,
        threads=1,
        median=.5,
        fastest=.4,
        slowest=.6,
        memory=10.,
        memory_by='process',
        gmacs=5.,
        peak_share=.5,
        difference=0.)
    return session.NetworkRow(**{**values, **changes})


def test_rows_of_several_runs_are_shown_together(tmp_path):
    report.append_rows([make_row(), make_row(name='timm', median=2.)], tmp_path)
    larger = dict(case='image tiny 96x96', size=96)
    report.append_rows([make_row(**larger), make_row(name='timm', **larger)], tmp_path)
    report.append_rows([make_row(name='timm', median=1., memory=40.),
                        make_row(machine='N')], tmp_path)
    assert json.loads((tmp_path / 'rows.jsonl').read_text().splitlines()[0])['gflops'] == 120
    rows = report.read_rows(tmp_path)
    assert len(rows) == 5  # timm at 64 pixels was measured again
    text = report.to_markdown(rows)
    assert text.count('### ') == 2 and text.count('image tiny 64x64, training') == 2
    assert '| per second | time relative to ours | memory MiB | our memory relative to it |' in text
    assert '| timm | 1000 (400 - 600) | 2.00 | 2.00x | 40 | 25% | 5.0 | 60 (50%) |' in text
    report.plot_rows(rows, tmp_path)
    sweep = tmp_path / 'sweep_image_tiny_training_float32_batch_2.png'
    assert sweep.stat().st_size > 0


def test_memory_is_what_a_step_needs_not_what_the_allocator_keeps():
    case = Case('image', 'tiny', (96, 96), 2, ())
    row, = session.run_case(case, ['training'], 'cpu', 'float32', 1, 1)
    model, x = build(case, OURS).eval(), case.inputs()
    grads = sum(param.numel() for param in model.parameters()) * 4 / 2**20
    assert model(x).shape == (2, 768)
    assert grads < row.memory < 4 * grads
    assert 'MALLOC_MMAP_THRESHOLD_' not in os.environ


def test_a_page_needs_its_mark_and_a_folder(tmp_path):
    (tmp_path / 'page.md').write_text('# No mark')
    with pytest.raises(ValueError, match='page.md" has no lines "<!-- What follows'):
        report.write_page([make_row()], tmp_path / 'page.md')
    assert (tmp_path / 'page.md').read_text() == '# No mark'
    with pytest.raises(SystemExit, match='name it with --out-dir'):
        in_process.run('benchmark', ['--task', 'video', '--page', 'page.md'])


def test_profile_shows_where_the_time_goes(capsys):
    in_process.run('benchmark', [
        '--task', 'detection', '--arch', 'tiny', '--sweep', '64', '--mode', 'inference', '--device',
        'cpu', '--threads', '1', '--profile'
    ])
    out = capsys.readouterr().out
    assert 'detection tiny 64x64, inference' in out
    assert 'aten::addmm' in out or 'mkldnn::_linear_pointwise' in out
