"""Registries of this package: children of mmengine's root registries.

``dict(type='mvitv2_mm.MViTv2', ...)`` builds from any OpenMMLab config, whatever its
``default_scope``: mmengine imports ``mvitv2_mm.registry`` by itself when it meets the prefix, and
``locations`` imports the modules that hold the registered classes. Keep this file trivial: mmengine
reports an error in it only as an unknown name.
"""
from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import WEIGHT_INITIALIZERS as MMENGINE_WEIGHT_INITIALIZERS
from mmengine.registry import Registry

MODELS = Registry(
    'model',
    parent=MMENGINE_MODELS,
    scope='mvitv2_mm',
    locations=['mvitv2_mm.backbones', 'mvitv2_mm.models'])
DATASETS = Registry(
    'dataset', parent=MMENGINE_DATASETS, scope='mvitv2_mm', locations=['mvitv2_mm.datasets'])
DATA_SAMPLERS = Registry(
    'data sampler',
    parent=MMENGINE_DATA_SAMPLERS,
    scope='mvitv2_mm',
    locations=['mvitv2_mm.datasets'])
TRANSFORMS = Registry(
    'transform', parent=MMENGINE_TRANSFORMS, scope='mvitv2_mm', locations=['mvitv2_mm.datasets'])
METRICS = Registry(
    'metric', parent=MMENGINE_METRICS, scope='mvitv2_mm', locations=['mvitv2_mm.evaluation'])
HOOKS = Registry(
    'hook',
    parent=MMENGINE_HOOKS,
    scope='mvitv2_mm',
    locations=['mvitv2_mm.engine.hooks', 'mvitv2_mm.engine.schedule', 'mvitv2_mm.engine.pictures'])
FUNCTIONS = Registry(
    'function',
    parent=MMENGINE_FUNCTIONS,
    scope='mvitv2_mm',
    locations=['mvitv2_mm.engine.hooks', 'mvitv2_mm.engine.fsdp'])
WEIGHT_INITIALIZERS = Registry(
    'weight initializer',
    parent=MMENGINE_WEIGHT_INITIALIZERS,
    scope='mvitv2_mm',
    locations=['mvitv2_mm.checkpoints.loading'])
