from copy import deepcopy
from typing import Union

import torch
import torch.nn as nn
from mmengine._strategy import FSDPStrategy as MMEngineFSDPStrategy
from mmengine.device import get_device
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.nn.utils import clip_grad_norm_

from ..checkpoints.adapters import adapt_state_dict
from ..registry import STRATEGIES

_OPTIMIZER = ('state', 'param_groups')
_WRAPPED = '_fsdp_wrapped_module.'


@STRATEGIES.register_module()
class FSDPStrategy(MMEngineFSDPStrategy):
    """mmengine's ``FSDPStrategy``, whose trainings equal those of one process.

    - Groups of the optimizer are formed from whole parameters. mmengine forms them from pieces with
      one dimension, where ``flat_decay_mult=0`` turns weight decay off for the whole model.
    - Gradients are clipped by their norm over all processes, not by that of one process's pieces.
    - Trainings resume on torch >= 2.1, with the scale of the loss, and from trainings without FSDP.
    - MViTv2 weights of every code base and size are fitted when they are loaded.
    - It runs without an accelerator.

    Arguments are mmengine's.
    """

    def _init_state_dict_cfg(self, state_dict_cfg: Union[str, dict]) -> None:
        """As mmengine's, but tensors on the CPU are not moved there: torch makes no copy of them
        and frees them (https://github.com/pytorch/pytorch/issues/188989)."""
        super()._init_state_dict_cfg(state_dict_cfg)
        if get_device() == 'cpu':
            self.state_dict_config.offload_to_cpu = False
            self.optim_state_dict_config.offload_to_cpu = False

    def prepare(self, model: Union[nn.Module, dict], *, optim_wrapper=None, **kwargs):
        """Build the optimizer from the whole model, then shard both."""
        if isinstance(optim_wrapper, dict):
            if optim_wrapper.get('type') == 'mvitv2_mm.AmpOptimWrapper':
                optim_wrapper.setdefault('use_fsdp', True)
            model = self.build_model(model)
            optim_wrapper = super().build_optim_wrapper(optim_wrapper, model)
        components = super().prepare(model, optim_wrapper=optim_wrapper, **kwargs)
        wrapper = getattr(self, 'optim_wrapper', None)
        if getattr(wrapper, 'clip_func', None) is clip_grad_norm_:
            wrapper.clip_func = lambda params, **limits: self.model.clip_grad_norm_(**limits)
        return components

    def build_optim_wrapper(self, optim_wrapper, model: nn.Module):
        """Put the pieces in the place of the whole parameters."""
        pieces = {name.replace(_WRAPPED, ''): piece for name, piece in model.named_parameters()}
        for group in optim_wrapper.optimizer.param_groups:
            group['params'] = [pieces[self.id_to_name[id(whole)]] for whole in group['params']]
        return optim_wrapper

    def _wrap_model(self, model: nn.Module) -> nn.Module:
        self.shapes = _shapes_of(model)
        if get_device() == 'cpu':
            self.model_wrapper = dict(
                self.model_wrapper or dict(type='MMFullyShardedDataParallel'),
                device_id=torch.device('cpu'))
        return super()._wrap_model(model)

    def load_model_state_dict(self, state_dict: dict, **kwargs) -> None:
        """Load weights, fitted to the model as it was before it was sharded."""
        super().load_model_state_dict(adapt_state_dict(self.shapes, state_dict), **kwargs)

    def optim_state_dict(self) -> dict:
        """State of the optimizer, and what its wrapper adds to it."""
        whole = self.optim_wrapper.state_dict()
        return {**super().optim_state_dict(), **_added(whole)}

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Load the state of an optimizer, saved with or without FSDP."""
        pieces = FullyShardedDataParallel.optim_state_dict_to_load(
            model=self.model,
            optim=self.optim_wrapper.optimizer,
            optim_state_dict=self._by_name(state_dict))
        self.optim_wrapper.load_state_dict({**pieces, **_added(state_dict)})

    def _by_name(self, state_dict: dict) -> dict:
        """State of an optimizer by the names of the parameters; without FSDP they are counted."""
        name_of = {p: name.replace(_WRAPPED, '') for name, p in self.model.named_parameters()}
        groups = self.optim_wrapper.optimizer.param_groups
        names = {
            saved: name_of[p] if isinstance(saved, int) else saved
            for saved_group, group in zip(state_dict['param_groups'], groups)
            for saved, p in zip(saved_group['params'], group['params'])
        }
        return dict(
            state={
                names[saved]: value
                for saved, value in state_dict['state'].items()
            },
            param_groups=[{
                **group, 'params': [names[saved] for saved in group['params']]
            } for group in state_dict['param_groups']])


def _added(state_dict: dict) -> dict:
    """What a wrapper adds to the state of its optimizer."""
    return {key: value for key, value in state_dict.items() if key not in _OPTIMIZER}


def _shapes_of(model: nn.Module) -> nn.Module:
    """A copy of a model whose parameters have shapes, but no memory of their own."""
    return deepcopy(
        model,
        {id(p): nn.Parameter(p.new_zeros(()).expand(p.shape), False)
         for p in model.parameters()})
