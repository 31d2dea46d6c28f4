"""Let mmaction2's ``VisualizationHook`` draw NCTHW inputs.

Symptom:
    ``permute(sparse_coo): number of dimensions ... input.dim() = 5`` with
    ``--show-dir``.
Cause:
    The hook expects one clip (C, T, H, W); the ``NCTHW`` format of 3D models
    has a clip axis in front.
Repair:
    The hook gets the first clip of each sample.
Inert:
    For inputs without a clip axis.
"""
import functools
from types import ModuleType

from .import_hooks import after_import


def _repair(module: ModuleType) -> None:
    draw_samples = module.VisualizationHook._draw_samples

    @functools.wraps(draw_samples)
    def wrapper(self, batch_idx, data_batch, data_samples, step=0):
        first_clips = [video[0] if video.ndim == 5 else video for video in data_batch['inputs']]
        data_batch = dict(data_batch, inputs=first_clips)
        return draw_samples(self, batch_idx, data_batch, data_samples, step)

    module.VisualizationHook._draw_samples = wrapper


def apply() -> None:
    after_import('mmaction.engine.hooks.visualization_hook', _repair)
