"""What is noted beside the log of a training."""
import json

import pytest
from mmengine.config import Config
from small_training import train

from mvitv2_mm.engine.origin import OriginHook, changes, commit, written_config

pytestmark = pytest.mark.usefixtures('fast')


@pytest.mark.parametrize('cfg', [('iterations', 0)], indirect=True)
def test_a_training_says_what_it_was(cfg, tmp_path):
    paramwise = dict(custom_keys={'.norm': dict(decay_mult=0.), 'head': dict(lr_mult=0.5)})
    train(
        cfg,
        tmp_path,
        hooks=[OriginHook()],
        **{
            'optim_wrapper.paramwise_cfg': paramwise,
            'optim_wrapper.optimizer.weight_decay': 0.01
        })
    path, = tmp_path.glob('*/run.json')
    content = json.loads(path.read_text())
    assert content['versions']['mvitv2_mm'] and content['machine']['cores'] >= 1
    assert content['commit'] == commit()
    names = [group['name'] for group in content['groups']]
    assert names == [
        'rate x 1, weight decay 0.01', 'rate x 1, weight decay 0', 'rate x 0.5, weight decay 0.01'
    ]
    rows = [
        json.loads(line)
        for line in (path.parent / 'vis_data' / 'learning_rates.json').read_text().splitlines()
    ]
    scalars = (path.parent / 'vis_data' / 'scalars.json').read_text().splitlines()
    logged = [json.loads(line) for line in scalars if '"lr"' in line]
    assert [row['step'] for row in rows] == [row['iter'] for row in logged]
    for row, other in zip(rows, logged):
        assert row['lr'] == pytest.approx([other['lr'], other['lr'], other['lr'] / 2])


def test_what_a_config_changes(tmp_path):
    (tmp_path / 'base.py').write_text('model = dict(a=1, b=dict(c=(1, 2)))\nwork_dir = "x"\n')
    path = tmp_path / 'mine.py'
    path.write_text("_base_ = './base.py'\nmodel = dict(b=dict(c=(3, )), d='new')\n")
    cfg = Config.fromfile(path)
    cfg.work_dir = 'elsewhere'
    cfg.merge_from_dict({'model.a': 5})  # of the command line
    assert changes(cfg) == {
        'model.a': [1, 5],
        'model.b.c': [(1, 2), (3, )],
        'model.d': [None, 'new'],
    }
    # mmengine writes all settings beside a config that lies in its work dir
    cfg.dump(tmp_path / 'mine_resolved.py')
    object.__setattr__(cfg, '_filename', str(tmp_path / 'mine_resolved.py'))
    assert changes(cfg)['model.a'] == [1, 5] and written_config(cfg) == str(path)
    (tmp_path / 'alone.py').write_text('model = dict(a=1)\n')
    assert changes(Config.fromfile(tmp_path / 'alone.py')) is None
    assert changes(Config(dict(model=dict()))) is None
