import torch
from mmengine.device import get_device
from mmengine.optim import AmpOptimWrapper as MMEngineAmpOptimWrapper
from mmengine.optim import OptimWrapper

from ..compat import switch
from ..registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class AmpOptimWrapper(MMEngineAmpOptimWrapper):
    """mmengine's ``AmpOptimWrapper`` that also trains on the CPU, and in bfloat16.

    Without an accelerator the type is bfloat16, whose range needs no scale of the loss. In bfloat16
    it switches on the repairs that give the heads of mmdet and mmaction2 float32.

    Arguments are mmengine's.
    """

    def __init__(self, loss_scale='dynamic', dtype=None, use_fsdp: bool = False, **kwargs) -> None:
        if get_device() != 'cpu':
            super().__init__(loss_scale, dtype, use_fsdp, **kwargs)
        elif dtype not in (None, 'bfloat16', torch.bfloat16):
            raise ValueError(f'dtype={dtype!r} needs a GPU; on a CPU use "bfloat16"')
        else:  # mmengine's constructor refuses the CPU
            OptimWrapper.__init__(self, **kwargs)
            self.cast_dtype = torch.bfloat16
            self.loss_scaler = torch.amp.GradScaler('cpu', enabled=False)
            self._scale_update_param = None
        if self.cast_dtype is torch.bfloat16:
            switch.switch_on('mmaction.bf16_heads', 'mmdet.bf16_heads')
