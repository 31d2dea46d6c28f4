"""Let mmaction2's ``VisualizationHook`` and ``ActionVisualizer`` draw recognition results.

Symptom:
    With ``--show-dir``: ``permute(...): ... input.dim() = 5``, then ``add_datasample() got an
    unexpected keyword argument 'show'``, then frames without labels.
Cause:
    The hook expects one clip (C, T, H, W), but the ``NCTHW`` format of 3D models has a clip axis in
    front; and both classes still use names that mmaction2 1.x changed elsewhere.
Repair:
    The hook gets the first clip of each sample and calls the visualizer with its current names;
    the visualizer finds the labels under the names it looks for.
Inert:
    For inputs without a clip axis, and where the names agree.
"""
import functools
from types import ModuleType

from mmengine.structures import LabelData

from .import_hooks import after_import


def _repair_hook(module: ModuleType) -> None:
    draw_samples = module.VisualizationHook._draw_samples

    @functools.wraps(draw_samples)
    def wrapper(self, batch_idx, data_batch, data_samples, step=0):
        if 'show' in self.draw_args:
            self.draw_args['show_frames'] = self.draw_args.pop('show')
        clips = [video[0] if video.ndim == 5 else video for video in data_batch['inputs']]
        return draw_samples(self, batch_idx, dict(data_batch, inputs=clips), data_samples, step)

    module.VisualizationHook._draw_samples = wrapper


def _with_former_names(sample):
    """Copy of a data sample whose labels also have the names of mmaction2 1.0."""
    sample = sample.clone()
    if 'gt_label' in sample and 'gt_labels' not in sample:
        sample.set_field(sample.gt_label, 'gt_labels')
    if 'pred_label' in sample and 'pred_labels' not in sample:
        labels = LabelData(item=sample.pred_label, score=sample.pred_score)
        sample.set_field(labels, 'pred_labels')
    return sample


def _repair_visualizer(module: ModuleType) -> None:
    add_datasample = module.ActionVisualizer.add_datasample

    @functools.wraps(add_datasample)
    def wrapper(self, name, video, data_sample=None, *args, **kwargs):
        if data_sample is not None:
            data_sample = _with_former_names(data_sample)
        return add_datasample(self, name, video, data_sample, *args, **kwargs)

    module.ActionVisualizer.add_datasample = wrapper


def apply() -> None:
    after_import('mmaction.engine.hooks.visualization_hook', _repair_hook)
    after_import('mmaction.visualization.action_visualizer', _repair_visualizer)
