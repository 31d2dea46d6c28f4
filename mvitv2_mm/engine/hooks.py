from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import fp16_compress_hook
from torch.nn.parallel import DistributedDataParallel

from ..registry import HOOKS


@HOOKS.register_module()
class FP16CompressionHook(Hook):
    """Exchange the gradients of a distributed training in float16.

    Halves the traffic between GPUs; does nothing in one process.

    Source: detectron2 ``train.ddp.fp16_compression``.
    """

    def before_train(self, runner: Runner) -> None:
        if isinstance(runner.model, DistributedDataParallel):
            runner.model.register_comm_hook(state=None, hook=fp16_compress_hook)
