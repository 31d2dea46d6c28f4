"""FSDP in two processes on the CPU gives the training of one process."""
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from sharded_training import ARCH, SmallClassifier, resume, train

from mvitv2_mm import MViTv2
from mvitv2_mm.checkpoints import load_into

# slow together: one launch serves all tests of the file
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(torch.cuda.is_available(), reason='compares trainings on the CPU')
]
# of float32 sums in another order, after four steps of AdamW
TOLERANCE = dict(rtol=1e-3, atol=1e-5)
SCRIPT = Path(__file__).with_name('sharded_training.py')


def load(path):
    return torch.load(path, weights_only=True)


def assert_same(first, second, rtol=0., atol=0.):
    """Two nested structures, as a training saves them."""
    assert type(first) is type(second)
    if isinstance(first, torch.Tensor):
        torch.testing.assert_close(first, second, rtol=rtol, atol=atol)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_same(first[key], second[key], rtol, atol)
    elif isinstance(first, list):
        assert len(first) == len(second)
        for pair in zip(first, second):
            assert_same(*pair, rtol, atol)
    else:
        assert first == second


def weights_of(path):
    """The model in a checkpoint, less biases that only get rounding errors as gradients."""
    state = load(path)['state_dict']
    return {name: value for name, value in state.items() if not name.endswith('norm_k.bias')}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Results and checkpoints of all trainings: ``single`` in one process, the rest in two."""
    folder = tmp_path_factory.mktemp('sharded')
    torch.save(train(folder / 'single'), folder / 'single.pth')
    torch.manual_seed(5)
    torch.save(MViTv2(ARCH, 64).state_dict(), folder / 'backbone.pth')
    command = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node=2']
    result = subprocess.run([*command, str(SCRIPT), str(folder)],
                            env=dict(os.environ, CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS='1'),
                            stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT,
                            text=True)
    assert result.returncode == 0, result.stdout[-3000:]
    return folder


@pytest.fixture(scope='module')
def sharded(folder):
    return load(folder / 'rank0.pth')


@pytest.fixture(scope='module')
def single(folder):
    return load(folder / 'single.pth')


def test_losses_and_weights_equal_one_process(folder, sharded, single):
    for key in ('losses', 'grad_norms'):
        torch.testing.assert_close(sharded['plain'][key], single[key], **TOLERANCE)
    early, late = (weights_of(folder / 'plain' / f'epoch_{i}.pth') for i in (1, 2))
    wanted = weights_of(folder / 'single' / 'epoch_2.pth')
    assert_same(late, wanted, **TOLERANCE)
    with pytest.raises(AssertionError):
        assert_same(early, wanted, rtol=1e-2, atol=1e-4)


def test_every_block_is_split_among_the_processes(folder, sharded, single):
    assert sharded['plain']['units'] == 1 + ARCH['num_layers']
    held = [load(folder / f'rank{rank}.pth')['plain']['held'] for rank in (0, 1)]
    assert sum(held) == single['held']
    assert max(held) < 0.55 * single['held']


def test_groups_of_the_optimizer_are_those_of_one_process(sharded, single):
    assert sharded['plain']['settings'] == single['settings']
    assert {decay for _, decay in single['settings']} == {0., 0.5}
    assert len({lr for lr, _ in single['settings']}) == 2


def test_gradients_are_clipped_by_the_norm_over_all_processes(folder, sharded):
    norms = [load(folder / f'rank{rank}.pth')['plain']['grad_norms'] for rank in (0, 1)]
    assert torch.equal(*norms)
    assert norms[0].min() > 1.  # every step is clipped


@pytest.mark.parametrize('kind', ['', 'amp_'])
def test_resumed_equals_uninterrupted(kind, folder):
    first = load(folder / (kind.rstrip('_') or 'plain') / 'epoch_2.pth')
    second = load(folder / f'{kind}resumed' / 'epoch_2.pth')
    for part in ('state_dict', 'optimizer', 'param_schedulers'):
        assert_same(first[part], second[part])
    assert ('loss_scaler' in first['optimizer']) == bool(kind)
    assert first['optimizer']['base_param_settings']['lr'] == pytest.approx(1e-3)


def test_resumed_in_another_number_of_processes(folder):
    wanted = weights_of(folder / 'single' / 'epoch_2.pth')
    train(folder / 'continued', **resume(folder / 'plain'))
    for name in ('continued', 'resumed_from_one_process'):
        assert_same(weights_of(folder / name / 'epoch_2.pth'), wanted, **TOLERANCE)


def test_recomputed_stages_change_nothing(folder, sharded):
    assert_same(sharded['recomputed'], sharded['plain'], **TOLERANCE)
    weights = [weights_of(folder / name / 'epoch_2.pth') for name in ('plain', 'recomputed')]
    assert_same(*weights, **TOLERANCE)


def test_accumulated_gradients_equal_one_process(sharded, tmp_path):
    results = train(tmp_path / 'accumulated', **{'optim_wrapper.accumulative_counts': 2})
    for key in ('losses', 'grad_norms'):
        torch.testing.assert_close(sharded['accumulated'][key], results[key], **TOLERANCE)


def test_mixed_precision_stays_near_float32(sharded):
    torch.testing.assert_close(
        sharded['amp']['losses'], sharded['plain']['losses'], rtol=0, atol=0.02)
    assert not torch.equal(sharded['amp']['losses'], sharded['plain']['losses'])


def test_weights_of_another_size_are_fitted(folder):
    """``load_from`` a backbone alone, with larger position tables, at a learning rate of zero."""
    model = SmallClassifier()
    load_into(model, str(folder / 'backbone.pth'))
    weights = load(folder / 'other_weights' / 'epoch_2.pth')['state_dict']
    for name, value in model.state_dict().items():
        if name.startswith('backbone.'):
            torch.testing.assert_close(weights[name], value, rtol=0, atol=0)
