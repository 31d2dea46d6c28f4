"""A classifier without a config: the same numbers as the host's model with one."""
import sys

import in_process
import pytest
import torch
from mmengine.registry import MODELS, init_default_scope

from mvitv2_mm import MViTv2Classifier, create_model
from mvitv2_mm.checkpoints import ZOO
from mvitv2_mm.checkpoints.model_source import open_model
from mvitv2_mm.classifier import SHORT_NAMES
from mvitv2_mm.config_files import load_config
from mvitv2_mm.errors import UnknownName, UsageError


@pytest.fixture(scope='module')
def published(tmp_path_factory):
    """Random weights of mmpretrain's tiny MViTv2, in the place of the published ones."""
    cfg = load_config(ZOO['mvitv2-tiny_in1k'].config)
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    model.init_weights()
    path = tmp_path_factory.mktemp('weights') / 'tiny.pth'
    torch.save(model.state_dict(), path)
    return model, str(path)


def from_file(monkeypatch, path):
    for place in ('loading', 'model_source', 'zoo'):
        monkeypatch.setattr(f'mvitv2_mm.checkpoints.{place}.locate', lambda name: path)


def test_pretrained_weights_give_the_numbers_of_the_host(published, monkeypatch):
    host, path = published
    from_file(monkeypatch, path)
    x = torch.rand(1, 3, 224, 224, generator=torch.manual_seed(1))
    with torch.no_grad():
        expected = host(x, mode='tensor')
        for model in (create_model('mvitv2_tiny', pretrained=True).eval(),
                      MViTv2Classifier.from_pretrained('mvitv2_tiny')):
            torch.testing.assert_close(model(x), expected)
            assert model.preprocessing['mean'] == [123.675, 116.28, 103.53]


def test_another_number_of_classes_keeps_the_backbone(published, monkeypatch):
    host, path = published
    from_file(monkeypatch, path)
    model = create_model('mvitv2_tiny', pretrained=True, num_classes=10, drop_path_rate=0.3)
    assert model.class_names is None
    assert model.num_classes == 10 and model.head.fc.weight.shape == (10, 768)
    state = host.state_dict()
    assert all(
        value.equal(state[name]) for name, value in model.state_dict().items()
        if name.startswith('backbone.'))
    assert model.backbone.block_specs[-1].drop_path == 0.3


@pytest.mark.parametrize('task', ['image', 'video'])
def test_own_models_become_plain_modules(quick, task):
    made = quick(task)
    host, plain = open_model(made.folder).build(), MViTv2Classifier.from_pretrained(made.folder)
    size = tuple(plain.preprocessing['input_size'])
    x = torch.rand(2, 3, *size, generator=torch.manual_seed(1))
    with torch.no_grad():
        if task == 'image':
            expected = host(x, mode='tensor')
        else:
            expected = host.cls_head(host.backbone(x))
        torch.testing.assert_close(plain(x), expected)
    assert len(plain.class_names) == plain.num_classes
    assert not plain.training


def test_unknown_names_and_tasks():
    with pytest.raises(UnknownName, match='did you mean mvitv2_tiny'):
        create_model('mvit2_tiny')
    with pytest.raises(UsageError, match='no plain classifier'):
        create_model('mask-rcnn_mvitv2-tiny_coco')


@pytest.mark.parametrize('name', ['mvitv2_tiny', 'mvitv2_small_video'])
def test_no_host_is_needed(name, monkeypatch):
    for host in ('mmpretrain', 'mmdet', 'mmaction'):
        monkeypatch.setitem(sys.modules, host, None)
    for module in [name for name in sys.modules if name.startswith('mvitv2_mm.datasets.')]:
        monkeypatch.delitem(sys.modules, module)  # would be imported again, with its host
    assert create_model(name, num_classes=3).num_classes == 3


def test_torch_hub_has_every_short_name():
    hubconf = in_process.script('hubconf.py')
    # the rule of torch.hub.list, which reads no checkout
    listed = {name for name, value in vars(hubconf).items() if callable(value) and name[0] != '_'}
    assert listed == set(SHORT_NAMES)
    assert all(name in ZOO for name in SHORT_NAMES.values())
    model = torch.hub.load(str(in_process.ROOT), 'mvitv2_tiny', source='local', num_classes=3)
    assert model.num_classes == 3
