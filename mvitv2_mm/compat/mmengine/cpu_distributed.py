"""Let distributed runs (``torchrun``, mpi, slurm) work without a GPU.

Symptom:
    ``Found no NVIDIA driver`` at start, then ``ValueError: device_ids ... only work with ... GPU``,
    and now and then ``terminate called without an active exception`` when a finished process exits.
Cause:
    MMEngine selects a CUDA device whatever the backend is, hosts ask for NCCL, the Runner always
    hands ``device_ids`` to the model wrapper, and Gloo's threads drop their last tensors while the
    interpreter ends.
Repair:
    On a machine without CUDA the device selection is skipped, NCCL becomes Gloo, a model on the CPU
    is wrapped without ``device_ids``, and the group is left at exit.
Inert:
    Wherever CUDA is available, and where MMEngine skips these steps itself.
"""
import atexit
import functools
import time
from types import ModuleType
from unittest import mock

import torch

from ..versions import Window

WINDOWS = (Window('mmengine', '0.10.7', '0.12', tested='0.10.7'), )


def _without_cuda(init_dist):

    @functools.wraps(init_dist)
    def wrapper(backend='nccl', *args, **kwargs):
        if torch.cuda.is_available():
            return init_dist(backend, *args, **kwargs)
        atexit.register(_leave_group)
        backend = 'gloo' if backend == 'nccl' else backend
        with mock.patch.object(torch.cuda, 'set_device', lambda device: None):
            return init_dist(backend, *args, **kwargs)

    return wrapper


def _leave_group() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        # A thread of Gloo may still wait for the interpreter's lock to drop its last tensor. If it
        # gets it only while the interpreter ends, the whole process aborts.
        time.sleep(0.2)


def _repair_launchers(module: ModuleType) -> None:
    names = [f'_init_dist_{launcher}' for launcher in ('pytorch', 'mpi', 'slurm')]
    for name, init_dist in [(name, getattr(module, name)) for name in names]:
        setattr(module, name, _without_cuda(init_dist))


def _repair_wrapper(module: ModuleType) -> None:
    wrapper_class = module.MMDistributedDataParallel
    init = wrapper_class.__init__

    @functools.wraps(init)
    def without_device_ids(self, module, *args, **kwargs):
        if all(p.device.type == 'cpu' for p in module.parameters()):
            kwargs['device_ids'] = None
        init(self, module, *args, **kwargs)

    wrapper_class.__init__ = without_device_ids


HOOKS = {
    'mmengine.dist.utils': _repair_launchers,
    'mmengine.model.wrappers.distributed': _repair_wrapper,
}
