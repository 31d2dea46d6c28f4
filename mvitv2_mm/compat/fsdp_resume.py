"""Resume a training with FSDP.

Symptom:
    ``TypeError: unhashable type: 'dict'`` on resume under ``FSDPStrategy``;
    the scale of the loss in mixed precision would start anew.
Cause:
    torch 2.1 changed the order of the arguments of ``optim_state_dict_to_load``,
    and ``optim_state_dict`` keeps only what an optimizer has, not what
    MMEngine's wrapper of it adds.
Repair:
    The arguments are given by name; the rest of the wrapper's state is saved
    and loaded beside the optimizer's.
Inert:
    For every other strategy.
"""
import functools
from types import ModuleType

from .import_hooks import after_import

_OPTIMIZER = ('state', 'param_groups')


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
            optim_state_dict={key: state_dict.pop(key)
                              for key in _OPTIMIZER})
        self.optim_wrapper.load_state_dict({**pieces, **state_dict})

    strategy.optim_state_dict = save_all
    strategy.load_optim_state_dict = load_all


def apply() -> None:
    after_import('mmengine._strategy.fsdp', _repair)
