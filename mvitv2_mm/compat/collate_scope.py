"""Let a config inherit ``collate_fn`` from another library's config.

Symptom:
    ``repeat_pseudo_collate() got an unexpected keyword argument '_scope_'``.
Cause:
    MMEngine marks every dict of an inherited config with ``_scope_``, and its
    runners hand the mark on to the collate function.
Repair:
    The mark moves into the type, as ``mmaction.repeat_pseudo_collate``.
Inert:
    Where ``collate_fn`` carries no mark.
"""
import copy
import functools

from .import_hooks import after_import


def _repair_runner(runner: type) -> None:
    build_dataloader = runner.build_dataloader

    @functools.wraps(build_dataloader)
    def wrapper(dataloader, *args, **kwargs):
        collate = dataloader.get('collate_fn') if isinstance(dataloader, dict) else None
        if isinstance(collate, dict) and '_scope_' in collate:
            dataloader = copy.deepcopy(dataloader)
            collate = dataloader['collate_fn']
            scope = collate.pop('_scope_')
            if isinstance(collate['type'], str) and '.' not in collate['type']:
                collate['type'] = f'{scope}.{collate["type"]}'
        return build_dataloader(dataloader, *args, **kwargs)

    runner.build_dataloader = staticmethod(wrapper)


def apply() -> None:
    after_import('mmengine.runner.runner', lambda module: _repair_runner(module.Runner))
    after_import('mmengine.runner._flexible_runner',
                 lambda module: _repair_runner(module.FlexibleRunner))
