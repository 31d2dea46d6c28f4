"""The schedule of a training fits its length."""
from pathlib import Path

import pytest
from mmengine.config import Config

from mvitv2_mm.engine.schedule import fit_schedule

CONFIGS = Path(__file__).parents[2] / 'configs'
IMAGES, OBJECTS = 'finetune/images.py', 'finetune/objects.py'
DETECTOR = 'detection/mask-rcnn_mvitv2-tiny_fpn_64xb1-amp-ms-crop-3x_coco.py'


@pytest.fixture
def fit(monkeypatch):
    """Fit the schedule of a config with changes: the types that are left and the warnings."""
    lines = []
    monkeypatch.setattr('mvitv2_mm.engine.schedule.print_log',
                        lambda text, *args: lines.append(text))

    def run(name, **changes):
        cfg = Config.fromfile(CONFIGS / name)
        cfg.merge_from_dict(changes)
        fit_schedule(cfg)
        return [step.type for step in cfg.param_scheduler], lines

    return run


def test_no_config_states_the_end_of_its_training_twice():
    for path in CONFIGS.rglob('*.py'):
        if path.parent.name not in ('_base_', 'other_hosts'):
            cfg = Config.fromfile(path)
            for step in cfg.get('param_scheduler') or ():
                lengths = cfg.train_cfg.get('max_epochs'), cfg.train_cfg.get('max_iters')
                assert step.get('end', -1) not in lengths, path


@pytest.mark.parametrize('name, changes, expected', [
    (IMAGES, {'train_cfg.max_epochs': 8}, None),
    (IMAGES, {'param_scheduler.1.end': 20}, 'param_scheduler.1 (CosineAnnealingLR) ends at 20'),
    (IMAGES, {'param_scheduler.1.end': 40}, 'max_epochs=30, but param_scheduler.1'),
    (OBJECTS, {'train_cfg.max_epochs': 9}, 'param_scheduler.1 (MultiStepLR) waits for [11]'),
    (DETECTOR, {}, None),
    (DETECTOR, {'train_cfg.max_iters': 200}, 'param_scheduler.0 (LinearLR) ends at 250'),
])  # yapf: disable
def test_what_a_training_does_not_reach_is_named(name, changes, expected, fit):
    types, lines = fit(name, **changes)
    assert len(types) == 2
    assert not lines if expected is None else expected in lines[0]


def test_what_begins_after_the_end_is_left_out(fit):
    types, lines = fit(IMAGES, **{'train_cfg.max_epochs': 5})
    assert types == ['LinearLR']
    assert len(lines) == 1 and 'param_scheduler.1 (CosineAnnealingLR) begins at 5' in lines[0]
