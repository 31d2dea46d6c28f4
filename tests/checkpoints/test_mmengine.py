"""The ways into an OpenMMLab model take files of every layout unconverted."""
import argparse
import logging
import pickle
import re
from pathlib import PurePosixPath

import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.logging import MMLogger
from mmengine.model import BaseModel, BaseTTAModel
from mmengine.runner import Runner, load_checkpoint
from mmengine.runner.checkpoint import (CheckpointLoader, _load_checkpoint_to_model,
                                        _load_checkpoint_with_prefix)
from mmengine.utils import digit_version
from oracles import ARCH, SIZE, image_net, images, randomise, to_meta
from safetensors.torch import save_file
from torch import nn

from mvitv2_mm import MViTv2
from mvitv2_mm.checkpoints import CheckpointError


@pytest.fixture
def log():
    """Lines of the current logger."""
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(f'{record.levelname} {record.getMessage()}')
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


CONTAINERS = {
    'pyth':
    lambda state, path: torch.save({
        'model_state': state,
        'epoch': 1
    }, path),
    'safetensors':
    save_file,
    'pickle':
    lambda state, path: path.write_bytes(
        pickle.dumps({
            'model': {
                k: v.numpy()
                for k, v in state.items()
            },
            '__author__': 'x'
        }, 2)),
}


@pytest.fixture(scope='module')
def source():
    return randomise(image_net())


@pytest.fixture(params=CONTAINERS)
def path(request, source, tmp_path):
    CONTAINERS[request.param](to_meta(source.state_dict()), tmp_path / 'file')
    return str(tmp_path / 'file')


def assert_loaded(model, source):
    found, expected = model.state_dict(), source.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in expected)


class Model(BaseModel):
    """Classifier for a Runner."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        net = image_net()
        self.backbone, self.head = net.backbone, net.head

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return self.head['fc'](self.backbone(inputs)[-1])


@pytest.mark.parametrize('prefix', [{}, dict(prefix='backbone.')])
def test_init_cfg_of_a_backbone(path, source, prefix):
    backbone = MViTv2(
        ARCH,
        input_size=SIZE,
        out_type='avg_featmap',
        init_cfg=dict(type='Pretrained', checkpoint=path, **prefix))
    backbone.init_weights()
    assert_loaded(backbone, source.backbone)


def test_init_cfg_of_a_whole_model(path, source):
    model = Model(init_cfg=dict(type='Pretrained', checkpoint=path))
    model.init_weights()
    assert_loaded(model, source)


def test_options_in_init_cfg(path, source):
    cfg = dict(type='mvitv2_mm.Pretrained', checkpoint=path, inflate='mean')
    backbone = MViTv2(ARCH, input_size=(8, SIZE, SIZE), init_cfg=cfg)
    backbone.init_weights()
    torch.testing.assert_close(
        backbone.patch_embed.projection.weight.sum(2),
        source.backbone.patch_embed.projection.weight)


@pytest.mark.parametrize('kind', ['Pretrained', 'mvitv2_mm.Pretrained'])
def test_what_the_file_lacks_starts_as_without_a_file(source, tmp_path, kind):
    """A norm of a video model starts at 1 and 0.02, as in the official code."""
    state = {k: v for k, v in source.backbone.state_dict().items() if not k.startswith('norm')}
    torch.save({'state_dict': state}, tmp_path / 'f')
    backbone = MViTv2(
        ARCH, input_size=(8, SIZE, SIZE), init_cfg=dict(type=kind, checkpoint=str(tmp_path / 'f')))
    backbone.init_weights()
    assert (backbone.norm3.weight == 1).all() and (backbone.norm3.bias == 0.02).all()
    assert 0.01 < backbone.cls_token.std() < 0.03
    assert torch.equal(backbone.blocks[0].norm1.bias, source.backbone.blocks[0].norm1.bias)


def runner_of(model, tmp_path, **kwargs):
    return Runner(model, str(tmp_path / 'work'), experiment_name=tmp_path.name, **kwargs)


@torch.no_grad()
def test_load_from(path, source, tmp_path):
    """What ``load_from`` in a config, ``tools/train.py`` and ``tools/test.py`` do."""
    runner = runner_of(Model(), tmp_path, load_from=path)
    runner.load_or_resume()
    assert_loaded(runner.model, source)
    torch.testing.assert_close(runner.model.eval()(images()), source(images()))


@pytest.mark.parametrize('path', ['pyth'], indirect=True)
def test_averaged_model_starts_from_the_same_weights(path, source, tmp_path):
    ema = EMAHook()
    runner = runner_of(Model(), tmp_path, load_from=path)
    runner._hooks = [ema]
    ema.before_run(runner)
    runner.load_or_resume()
    assert_loaded(ema.ema_model.module, source)


@pytest.mark.parametrize('path', ['pyth'], indirect=True)
def test_resuming_needs_more_than_weights(path, tmp_path):
    runner = runner_of(Model(), tmp_path, load_from=path, resume=True)
    runner._train_loop = nn.Module()
    with pytest.raises(
            CheckpointError,
            match='file holds weights only, so no training can be '
            'resumed from it. Start from it with "load_from"'):
        runner.load_or_resume()


def test_load_checkpoint(path, source, tmp_path):
    model = Model()
    load_checkpoint(model, path, strict=True)
    assert_loaded(model, source)
    checkpoint = CheckpointLoader.load_checkpoint(path, 'cpu')
    other = nn.DataParallel(Model()).module
    _load_checkpoint_to_model(other, checkpoint, strict=True)
    assert_loaded(other, source)


def test_test_time_augmentation(path, source):
    """The wrapper of ``tools/test.py --tta``."""

    class Augmented(BaseTTAModel):

        def merge_preds(self, data_samples_list):
            return data_samples_list[0]

    model = Augmented(Model())
    load_checkpoint(model, path, strict=True)
    assert_loaded(model.module, source)


def test_own_checkpoints_pass_unchanged(tmp_path, source, log):
    """No report, no copy: the names fit, so nothing is done."""
    torch.save({'meta': {'epoch': 2}, 'state_dict': source.state_dict()}, tmp_path / 'epoch_1.pth')
    model = Model()
    content = load_checkpoint(model, str(tmp_path / 'epoch_1.pth'), strict=True)
    assert_loaded(model, source)
    assert content['meta'] == {'epoch': 2}
    assert not any('checkpoint of' in line for line in log)


def test_own_checkpoints_pass_whatever_the_head_is_called(tmp_path):
    """``head.weight`` is a name of SlowFast's classifier, but also of anyone's linear layer."""
    source, model = Model(), Model()
    source.head, model.head = nn.Linear(64, 5), nn.Linear(64, 5)
    torch.save(dict(state_dict=source.state_dict()), tmp_path / 'epoch_1.pth')
    load_checkpoint(model, str(tmp_path / 'epoch_1.pth'), strict=True)
    assert_loaded(model, source)


def test_models_without_mvitv2_are_left_alone(tmp_path):
    """Other files keep their form, other models mmengine's behaviour."""
    weights = {'weight': torch.ones(1, 2), 'bias': torch.ones(1)}
    torch.save(weights, tmp_path / 'a.pth')
    content = CheckpointLoader.load_checkpoint(str(tmp_path / 'a.pth'), 'cpu')
    assert content.keys() == weights.keys()
    linear = nn.Linear(2, 1)
    load_checkpoint(linear, str(tmp_path / 'a.pth'), strict=True)
    assert linear.bias == 1
    with pytest.raises(RuntimeError, match='missing keys in source state_dict: 0.weight'):
        load_checkpoint(nn.Sequential(nn.Linear(2, 1)), str(tmp_path / 'a.pth'), strict=True)


def test_prefix_of_other_models(tmp_path):
    torch.save({'state_dict': {
        'a.weight': torch.ones(1),
        'b.bias': torch.zeros(1)
    }}, tmp_path / 'a.pth')
    part = _load_checkpoint_with_prefix('a', str(tmp_path / 'a.pth'))
    assert list(part) == ['weight']
    with pytest.raises(AssertionError, match='^backbone. is not in the pretrained model'):
        _load_checkpoint_with_prefix('backbone.', str(tmp_path / 'a.pth'))


RESNET = {'conv1.weight': torch.ones(1), 'layer1.0.bn1.bias': torch.zeros(1)}


@pytest.fixture(params=[True, False], ids=['zip', 'legacy'])
def pickled(request, tmp_path):
    """Write weights beside objects that torch does not load by itself; returns the path."""

    def write(state):
        content = dict(state_dict=state, args=argparse.Namespace(lr=1), path=PurePosixPath('/a'))
        path = str(tmp_path / 'a.pth')
        torch.save(content, path, _use_new_zipfile_serialization=request.param)
        return path

    return write


def read(path):
    return CheckpointLoader.load_checkpoint(path, 'cpu')


@pytest.fixture
def weights_only():
    """torch >= 2.6, whose default is to read weights only, and no switch set."""
    if digit_version(torch.__version__) < digit_version('2.6'):
        pytest.skip('torch reads everything by default')


def test_other_models_follow_the_switches_of_torch(pickled, monkeypatch, weights_only):
    path = pickled(RESNET)
    with pytest.raises(pickle.UnpicklingError, match='a.pth is refused') as error:
        read(path)
    assert 'allow it with torch.serialization.add_safe_globals([argparse.Namespace' in str(
        error.value) or 'add_safe_globals([pathlib' in str(error.value)
    with torch.serialization.safe_globals([argparse.Namespace, PurePosixPath]):
        assert read(path)['args'].lr == 1
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    content = read(path)
    assert content['args'].lr == 1 and content['path'] == PurePosixPath('/a')
    assert content['state_dict'].keys() == RESNET.keys()


def test_an_mvitv2_is_refused_whatever_the_switches(pickled, source, monkeypatch):
    path = pickled(to_meta(source.state_dict()))
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    with pytest.raises(CheckpointError, match='add_safe_globals') as error:
        read(path)
    assert not isinstance(error.value, pickle.UnpicklingError)
    with torch.serialization.safe_globals([argparse.Namespace, PurePosixPath]):
        model = Model()
        load_checkpoint(model, path, strict=True)
    assert_loaded(model, source)


@pytest.mark.parametrize('damage, kind', [
    (lambda data: data[:200], RuntimeError),
    (lambda data: b'', EOFError),
    (lambda data: b'<html>not found</html>', pickle.UnpicklingError),
])
def test_damaged_files_raise_what_torch_raises(damage, kind, tmp_path):
    torch.save(RESNET, tmp_path / 'a.pth')
    (tmp_path / 'a.pth').write_bytes(damage((tmp_path / 'a.pth').read_bytes()))
    with pytest.raises(kind):
        torch.load(tmp_path / 'a.pth')
    with pytest.raises(kind, match='a.pth is ') as error:
        read(str(tmp_path / 'a.pth'))
    assert isinstance(error.value, CheckpointError)


def test_a_hostile_pickle_is_not_run(tmp_path, monkeypatch, weights_only):
    """Neither by the search for names nor by torch, to whom the file goes."""
    monkeypatch.chdir(tmp_path)

    class Hostile:

        def __reduce__(self):
            return open, ('made', 'w')

    (tmp_path / 'a.pkl').write_bytes(pickle.dumps({'conv1.weight': Hostile()}, 2))
    with pytest.raises(pickle.UnpicklingError):
        read(str(tmp_path / 'a.pkl'))
    assert not (tmp_path / 'made').exists()


def test_part_of_a_model(tmp_path, source):
    """A file of the model's own head only is mmengine's business."""
    state = {k: v for k, v in source.state_dict().items() if k.startswith('head.')}
    torch.save(dict(state_dict=state), tmp_path / 'head.pth')
    model = Model()
    load_checkpoint(model, str(tmp_path / 'head.pth'))
    assert torch.equal(model.head['fc'].weight, source.head['fc'].weight)


@pytest.mark.parametrize('path', ['pyth'], indirect=True)
def test_messages_name_the_file(path):
    for load in (lambda: load_checkpoint(MViTv2('tiny', input_size=SIZE), path), lambda: MViTv2(
            'tiny',
            input_size=SIZE,
            init_cfg=dict(type='Pretrained', checkpoint=path, prefix='backbone.')).init_weights()):
        with pytest.raises(
                CheckpointError,
                match=f'^{re.escape(path)} does not fit the model: it '
                'is a facebookresearch/mvit checkpoint .*embed_dims is 16 in the file'):
            load()
    torch.save({'conv1.weight': torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match=f'^{re.escape(path)} is not an MViTv2 checkpoint'):
        load_checkpoint(Model(), path)


@pytest.mark.parametrize('path', ['pyth'], indirect=True)
def test_what_is_not_loaded_is_logged_as_a_warning(path, log):
    load_checkpoint(image_net(num_classes=3), path)
    assert any('file: facebookresearch/mvit checkpoint of a custom MViTv2' in line for line in log)
    assert 'WARNING not used: head.projection.weight ((7, 128), the model has (3, 128))' in log
    assert 'WARNING not in the file, newly initialised: head.fc.weight, head.fc.bias' in log


def test_every_changed_tensor_is_logged(path, log):
    load_checkpoint(image_net(input_size=96), path)
    text = next(line for line in log if 'checkpoint of' in line)
    summary, *lines = text.splitlines()
    assert summary.endswith(': 117 renamed, 10 resized') and len(lines) == 10
    assert lines[0] == ('resized  blocks.0.attn.rel_pos_h -> backbone.blocks.0.attn.rel_pos_h '
                        '((31, 16) to (47, 16))')


def test_wrong_prefix(source, tmp_path):
    torch.save({'model_state': to_meta(source.state_dict())}, tmp_path / 'file')
    backbone = MViTv2(
        ARCH,
        input_size=SIZE,
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'file'), prefix='encoder.'))
    with pytest.raises(CheckpointError, match='file has no tensors that start with "encoder."'):
        backbone.init_weights()
