"""Registries of this package: children of mmengine's root registries.

``dict(type='mvitv2_mm.MViTv2', ...)`` builds from any OpenMMLab config, whatever its
``default_scope``: mmengine imports ``mvitv2_mm.registry`` by itself when it meets the prefix, and
``locations`` imports the modules that hold the registered classes. The repairs of the hosts come
with it. Keep this file trivial: mmengine reports an error in it only as an unknown name.
"""
from mmengine import registry as mmengine

from . import repairs  # noqa: F401


def _child(parent: mmengine.Registry, *locations: str) -> mmengine.Registry:
    """A registry of our scope, whose classes lie in these modules of our package."""
    return mmengine.Registry(
        parent.name,
        parent=parent,
        scope='mvitv2_mm',
        locations=[f'mvitv2_mm.{location}' for location in locations])


MODELS = _child(mmengine.MODELS, 'backbones', 'models')
DATASETS = _child(mmengine.DATASETS, 'datasets')
DATA_SAMPLERS = _child(mmengine.DATA_SAMPLERS, 'datasets')
TRANSFORMS = _child(mmengine.TRANSFORMS, 'datasets')
METRICS = _child(mmengine.METRICS, 'evaluation')
HOOKS = _child(mmengine.HOOKS, 'engine.hooks', 'engine.saving', 'engine.schedule',
               'engine.finite', 'engine.pictures', 'engine.unreadable', 'engine.model_folders')
FUNCTIONS = _child(mmengine.FUNCTIONS, 'engine.hooks', 'engine.fsdp')
OPTIM_WRAPPERS = _child(mmengine.OPTIM_WRAPPERS, 'engine.amp')
STRATEGIES = _child(mmengine.STRATEGIES, 'engine.fsdp_strategy')
WEIGHT_INITIALIZERS = _child(mmengine.WEIGHT_INITIALIZERS, 'checkpoints.loading')
