"""A training goes on with batches of another size, by the schedule of its config."""
import signal

import pytest
import torch
from mmengine.hooks import Hook
from small_training import make_config, train

from mvitv2_mm.checkpoints import CheckpointError
from mvitv2_mm.engine.stopping import Signals, StopHook

pytestmark = pytest.mark.usefixtures('fast')


class Watch(Hook):
    """Notes learning rate and samples of every iteration, and may ask to end after one."""

    def __init__(self, last=None):
        self.rates, self.files, self.last = {}, {}, last

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.rates[runner.iter] = runner.optim_wrapper.get_lr()['lr'][0]
        self.files[runner.iter] = [sample.img_path for sample in data_batch['data_samples']]
        if runner.iter == self.last:
            signal.raise_signal(signal.SIGTERM)


def config(data, loop, batch_size, length):
    """8 samples in an epoch; a schedule that warms up by iterations and falls over the length."""
    cfg = make_config(data, loop, 0)
    cfg.train_dataloader.batch_size = batch_size
    by_epoch = loop == 'epochs'
    cfg.train_cfg.update({'max_epochs' if by_epoch else 'max_iters': length})
    cfg.param_scheduler = [
        dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=2),
        dict(type='CosineAnnealingLR', by_epoch=by_epoch, convert_to_iter_based=by_epoch, begin=0)
    ]
    cfg.custom_hooks = [dict(type='EMAHook')]
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    return cfg


def run(cfg, work_dir, last=None, **changes):
    watch = Watch(last)
    with Signals() as signals:
        hooks = [watch, StopHook(signals)]
        if last is None:
            train(cfg, work_dir, hooks, **changes)
        else:
            with pytest.raises(SystemExit):
                train(cfg, work_dir, hooks, **changes)
    return watch


@pytest.mark.parametrize('last', [None, 5], ids=['after an epoch', 'in the middle of one'])
@pytest.mark.parametrize('batch_size', [1, 4])
def test_epochs(data, tmp_path, last, batch_size):
    first = config(data, 'epochs', 2, 3)
    run(first, tmp_path / 'parts', last)
    checkpoint = tmp_path / 'parts' / ('epoch_1.pth' if last is None else 'stopped_iter_6.pth')
    second = config(data, 'epochs', batch_size, 3)
    whole = run(second, tmp_path / 'whole')
    rest = run(second, tmp_path / 'rest', resume=True, load_from=str(checkpoint))
    start = (8 if last is None else 12) // batch_size
    assert list(rest.rates) == list(range(start, 24 // batch_size))
    assert rest.rates == pytest.approx({i: whole.rates[i] for i in rest.rates})
    assert rest.files == {i: whole.files[i] for i in rest.files}
    saved = torch.load(tmp_path / 'rest/epoch_3.pth', weights_only=True)
    assert saved['meta']['iter'] == 24 // batch_size


def test_iterations(data, tmp_path):
    run(config(data, 'iterations', 2, 6), tmp_path / 'parts')  # saved after 4 iterations
    checkpoint = str(tmp_path / 'parts/iter_4.pth')
    second = config(data, 'iterations', 1, 12)
    whole = run(second, tmp_path / 'whole')
    rest = run(second, tmp_path / 'rest', resume=True, load_from=checkpoint)
    assert rest.rates == pytest.approx({i: whole.rates[i] for i in range(8, 12)})
    assert rest.files == {i: whole.files[i] for i in range(8, 12)}
    with pytest.raises(CheckpointError, match='are 8 of 1 samples, .*as before it is 12'):
        run(config(data, 'iterations', 1, 6), tmp_path / 'few', resume=True, load_from=checkpoint)
