"""Let fully sharded training (FSDP) run without a GPU.

Symptom:
    ``Found no NVIDIA driver`` when the model is wrapped, then a segmentation
    fault when a checkpoint is saved.
Cause:
    MMEngine always names a CUDA device, and always asks for state dicts that
    are moved to the CPU. For tensors that are there already, torch makes no
    copy and frees them (https://github.com/pytorch/pytorch/issues/188989).
Repair:
    Without any accelerator the device is the CPU, and nothing is moved.
Inert:
    Wherever an accelerator is available.
"""
import functools
from types import ModuleType

import torch
from mmengine.device import get_device

from .import_hooks import after_import


def _repair_wrapper(module: ModuleType) -> None:
    wrapper_class = module.MMFullyShardedDataParallel
    init = wrapper_class.__init__

    @functools.wraps(init)
    def on_its_device(self, *args, **kwargs):
        if get_device() == 'cpu':
            kwargs['device_id'] = torch.device('cpu')
        init(self, *args, **kwargs)

    wrapper_class.__init__ = on_its_device


def _repair_strategy(module: ModuleType) -> None:
    strategy = module.FSDPStrategy
    init_state_dict_cfg = strategy._init_state_dict_cfg

    @functools.wraps(init_state_dict_cfg)
    def without_offload(self, *args, **kwargs):
        init_state_dict_cfg(self, *args, **kwargs)
        if get_device() == 'cpu':
            self.state_dict_config.offload_to_cpu = False
            self.optim_state_dict_config.offload_to_cpu = False

    strategy._init_state_dict_cfg = without_offload


def apply() -> None:
    after_import('mmengine.model.wrappers.fully_sharded_distributed', _repair_wrapper)
    after_import('mmengine._strategy.fsdp', _repair_strategy)
