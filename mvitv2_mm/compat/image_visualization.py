"""Let mmpretrain's ``VisualizationHook`` draw images in their colours.

Symptom:
    Pictures of ``--show-dir`` have red and blue swapped.
Cause:
    Pipelines hand over BGR images, the visualizer expects RGB.
Repair:
    The hook gets the images in RGB.
Inert:
    For images that do not have three channels.
"""
import functools
from types import ModuleType

from .import_hooks import after_import


def _repair(module: ModuleType) -> None:
    draw_samples = module.VisualizationHook._draw_samples

    @functools.wraps(draw_samples)
    def wrapper(self, batch_idx, data_batch, data_samples, step=0):
        images = [image.flip(0) if image.shape[0] == 3 else image for image in data_batch['inputs']]
        return draw_samples(self, batch_idx, dict(data_batch, inputs=images), data_samples, step)

    module.VisualizationHook._draw_samples = wrapper


def apply() -> None:
    after_import('mmpretrain.engine.hooks.visualization_hook', _repair)
