"""Repairs around MMEngine's Runner and hosts' hooks."""
import importlib
import os
import subprocess
import sys
from importlib import metadata
from types import ModuleType, SimpleNamespace

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import FUNCTIONS, Registry
from mmengine.runner import FlexibleRunner, Runner

from mvitv2_mm.compat import cpu_distributed, transformers_clash

DDP_SCRIPT = '''
import sys
import mvitv2_mm
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner


class Model(BaseModel):

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, inputs, mode):
        return dict(loss=self.linear(torch.stack(inputs)).pow(2).mean())


runner = Runner(
    Model(), sys.argv[1], train_dataloader=dict(
        dataset=[dict(inputs=torch.full((1, ), float(i))) for i in range(8)], batch_size=2,
        sampler=dict(type='DefaultSampler', shuffle=False)),
    train_cfg=dict(by_epoch=True, max_epochs=1),
    optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=.01)),
    launcher='pytorch', env_cfg=dict(dist_cfg=dict(backend='nccl')), log_level='ERROR')
start = [p.detach().clone() for p in runner.model.parameters()]
runner.train()
now = [p.detach() for p in runner.model.parameters()]
for p in now:
    both = [torch.empty_like(p) for _ in range(2)]
    torch.distributed.all_gather(both, p)
    assert torch.equal(*both)
assert not torch.equal(start[0], now[0])
sys.stdout.write(f'{torch.distributed.get_backend()} finished\\n')  # in one piece
'''


def test_two_processes_train_on_the_cpu(tmp_path):
    """A Runner under torchrun, with the NCCL setting that all hosts' configs have."""
    script = tmp_path / 'train.py'
    script.write_text(DDP_SCRIPT)
    env = dict(os.environ, CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS='1')
    result = subprocess.run([
        sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node=2',
        str(script),
        str(tmp_path)
    ],
                            env=env,
                            stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT,
                            text=True)
    assert result.returncode == 0, result.stdout[-3000:]
    assert result.stdout.count('gloo finished') == 2


def test_distributed_repair_is_inert_with_cuda(monkeypatch):
    calls = []

    def init(backend, **kwargs):
        calls.append((backend, torch.cuda.set_device))

    set_device = torch.cuda.set_device
    for available in (True, False):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: available)
        cpu_distributed._without_cuda(init)('nccl')
    assert calls[0] == ('nccl', set_device)
    assert calls[1][0] == 'gloo' and calls[1][1] is not set_device
    assert torch.cuda.set_device is set_device


def test_model_on_a_gpu_keeps_its_device_ids(monkeypatch):
    seen = []
    module = ModuleType('fake')
    module.MMDistributedDataParallel = type(
        'DDP', (), dict(__init__=lambda self, module, **kwargs: seen.append(kwargs['device_ids'])))
    cpu_distributed._repair_wrapper(module)
    for device in ('cuda', 'cpu'):
        parameter = SimpleNamespace(device=SimpleNamespace(type=device))
        module.MMDistributedDataParallel(
            SimpleNamespace(parameters=lambda: [parameter]), device_ids=[0])
    assert seen == [[0], None]
    assert hasattr(MMDistributedDataParallel.__init__, '__wrapped__')


@pytest.mark.parametrize('runner', [Runner, FlexibleRunner])
def test_collate_fn_of_an_inherited_config(runner):
    host = Registry('function', parent=FUNCTIONS, scope=f'collate_test_{runner.__name__}')

    @host.register_module()
    def collate_in_host(batch, times=1):
        return pseudo_collate(batch * times)

    sampler = dict(type='DefaultSampler', shuffle=False)
    cfg = ConfigDict(
        dataset=[1, 2],
        batch_size=2,
        sampler=sampler,
        collate_fn=dict(type='collate_in_host', times=2, _scope_=host.scope))
    loader = runner.build_dataloader(cfg)
    assert list(next(iter(loader))) == [1, 2, 1, 2]
    assert cfg.collate_fn._scope_ == host.scope  # the caller's config is untouched


def test_collate_fn_without_a_mark_is_left_alone():
    loader = Runner.build_dataloader(
        dict(
            dataset=[1, 2],
            batch_size=2,
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='default_collate')))
    assert next(iter(loader)).tolist() == [1, 2]
    broken = dict(
        dataset=[1],
        batch_size=1,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='default_collate', unknown=1))
    with pytest.raises(TypeError, match='unknown'):
        next(iter(Runner.build_dataloader(broken)))


@pytest.mark.parametrize('shape', [(3, 4, 8, 8), (2, 3, 4, 8, 8)], ids=['CTHW', 'NCTHW'])
def test_video_visualization(shape, tmp_path, monkeypatch):
    hooks = importlib.import_module('mmaction.engine.hooks')
    structures = importlib.import_module('mmaction.structures')
    visualizer_class = importlib.import_module('mmaction.visualization').ActionVisualizer
    visualizer = visualizer_class.get_instance(f'show{len(shape)}', save_dir=str(tmp_path))
    visualizer.dataset_meta = dict(classes=['left', 'right'])
    texts = []
    monkeypatch.setattr(visualizer, 'draw_texts', lambda text, **kwargs: texts.append(text))
    hook = hooks.VisualizationHook(enable=True, interval=1, out_dir=str(tmp_path / 'shown'))
    sample = structures.ActionDataSample(metainfo=dict(filename='clip.mp4'))
    sample.set_gt_label(1).set_pred_label(0).set_pred_score(torch.tensor([.75, .25]))
    batch = dict(inputs=[torch.randint(0, 255, shape, dtype=torch.uint8)])
    hook.after_test_iter(None, 0, batch, [sample])
    assert batch['inputs'][0].shape == shape and 'gt_labels' not in sample
    assert len(list((tmp_path / 'shown').rglob('*.png'))) == len(texts) == 4
    assert 'Ground truth: 1 (right)' in texts[0] and 'Prediction: 0, 0.75 (left)' in texts[0]


@pytest.mark.parametrize('version, clashing', [(None, False), ('4.49.0', False), ('4.50.0', True),
                                               ('5.2.1', True)])
def test_transformers_clash(version, clashing, monkeypatch):
    """The hosts' own switch for multimodal models goes off with a release they cannot load."""

    def find(package):
        if version is None:
            raise metadata.PackageNotFoundError(package)
        return version

    monkeypatch.setattr(metadata, 'version', find)
    module = ModuleType('fake_dependency')
    module.WITH_MULTIMODAL = True
    transformers_clash._disable_multimodal(module)
    assert transformers_clash.is_clashing() == clashing
    assert module.WITH_MULTIMODAL != clashing
