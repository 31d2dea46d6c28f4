"""Resume a training with FSDP.

Symptom:
    ``TypeError: unhashable type: 'dict'`` on resume under ``FSDPStrategy``;
    with that repaired, the scale of the loss in mixed precision starts anew,
    and the state of an optimizer without FSDP is refused.
Cause:
    torch 2.1 changed the order of the arguments of ``optim_state_dict_to_load``.
    ``optim_state_dict`` keeps only what an optimizer has, not what MMEngine's
    wrapper of it adds. FSDP names the parameters that others count.
Repair:
    The arguments are given by name; the rest of the wrapper's state is saved
    and loaded beside the optimizer's; counted parameters get their names.
Inert:
    For every other strategy.
"""
import functools
from types import ModuleType

from .import_hooks import after_import

_OPTIMIZER = ('state', 'param_groups')
_WRAPPED = '_fsdp_wrapped_module.'


def _name_parameters(strategy, state_dict: dict) -> dict:
    """State of an optimizer by the names of the parameters instead of their numbers."""
    name_of = {p: name.replace(_WRAPPED, '') for name, p in strategy.model.named_parameters()}
    groups = strategy.optim_wrapper.optimizer.param_groups
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


def _repair(module: ModuleType) -> None:
    strategy, fsdp = module.FSDPStrategy, module.FullyShardedDataParallel
    save = strategy.optim_state_dict

    @functools.wraps(save)
    def save_all(self) -> dict:
        whole = self.optim_wrapper.state_dict()
        added = {key: value for key, value in whole.items() if key not in _OPTIMIZER}
        return {**save(self), **added}

    @functools.wraps(strategy.load_optim_state_dict)
    def load_all(self, state_dict: dict) -> None:
        pieces = fsdp.optim_state_dict_to_load(
            model=self.model,
            optim=self.optim_wrapper.optimizer,
            optim_state_dict=_name_parameters(self, state_dict))
        added = {key: value for key, value in state_dict.items() if key not in _OPTIMIZER}
        self.optim_wrapper.load_state_dict({**pieces, **added})

    strategy.optim_state_dict = save_all
    strategy.load_optim_state_dict = load_all


def apply() -> None:
    after_import('mmengine._strategy.fsdp', _repair)
