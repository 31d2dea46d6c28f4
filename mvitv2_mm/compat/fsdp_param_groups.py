"""Form the groups of an optimizer before FSDP cuts the parameters up.

Symptom:
    Under ``FSDPStrategy``, ``paramwise_cfg=dict(flat_decay_mult=0.)`` turns
    weight decay off for the whole model, and keys of ``custom_keys`` that
    reach into a wrapped module match nothing.
Cause:
    MMEngine builds the optimizer from the wrapped model. There each parameter
    is a one-dimensional piece, named ``..._fsdp_wrapped_module...``.
Repair:
    The optimizer is built from the whole model, and its groups receive the
    pieces once the model is wrapped.
Inert:
    For every other strategy.
"""
import functools
from types import ModuleType

from .import_hooks import after_import

_WRAPPED = '_fsdp_wrapped_module.'


def _repair(module: ModuleType) -> None:
    strategy = module.FSDPStrategy
    prepare, build = strategy.prepare, strategy.build_optim_wrapper

    @functools.wraps(prepare)
    def build_optimizer_first(self, model, *, optim_wrapper=None, **kwargs):
        if isinstance(optim_wrapper, dict):
            model = self.build_model(model)
            optim_wrapper = build(self, optim_wrapper, model)
        return prepare(self, model, optim_wrapper=optim_wrapper, **kwargs)

    @functools.wraps(build)
    def replace_by_pieces(self, optim_wrapper, model=None):
        pieces = {name.replace(_WRAPPED, ''): piece for name, piece in model.named_parameters()}
        for group in optim_wrapper.optimizer.param_groups:
            group['params'] = [pieces[self.id_to_name[id(whole)]] for whole in group['params']]
        return optim_wrapper

    strategy.prepare = build_optimizer_first
    strategy.build_optim_wrapper = replace_by_pieces


def apply() -> None:
    after_import('mmengine._strategy.fsdp', _repair)
