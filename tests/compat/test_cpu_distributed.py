"""Distributed runs without a GPU."""
import os
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import torch

from mvitv2_mm.compat.mmengine import cpu_distributed

DDP_SCRIPT = '''
import sys
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mvitv2_mm.compat import switch

switch.switch_on('mmengine.cpu_distributed')


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
