"""A killed and resumed training with random augmentation equals an uninterrupted one."""
import pytest
import torch
from mmengine.hooks import Hook
from small_training import SAVED, equal, train

pytestmark = pytest.mark.usefixtures('fast')
KILLED = 5  # the iteration at which training dies


class Kill(Hook):

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == KILLED:
            raise KeyboardInterrupt


def train_killed_and_resumed(cfg, work_dir):
    with pytest.raises(KeyboardInterrupt):
        train(cfg, work_dir, hooks=[Kill()])
    saved = torch.load((work_dir / 'last_checkpoint').read_text(), weights_only=True)
    assert saved['meta']['iter'] == SAVED
    return train(cfg, work_dir, resume=True)


def test_resumed_equals_uninterrupted(cfg, tmp_path):
    expected = train(cfg, tmp_path / 'whole')
    assert equal(train_killed_and_resumed(cfg, tmp_path / 'parts'), expected)


@pytest.mark.parametrize('cfg', [('epochs', 0), ('iterations', 0)], indirect=True)
def test_without_the_hook_they_differ(cfg, tmp_path):
    """Control: random numbers matter in this training."""
    cfg.default_hooks.pop('iteration_seed')
    expected = train(cfg, tmp_path / 'whole')
    assert not equal(train_killed_and_resumed(cfg, tmp_path / 'parts'), expected)
    assert equal(train(cfg, tmp_path / 'again'), expected)
