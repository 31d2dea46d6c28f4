"""A hook that needs mmaction2; imported by the configs that use it."""
from typing import Sequence

from mmaction.engine.hooks import VisualizationHook
from mmaction.structures import ActionDataSample
from mmengine.structures import LabelData

from ...registry import HOOKS


@HOOKS.register_module()
class VideoVisualizationHook(VisualizationHook):
    """mmaction2's ``VisualizationHook`` that draws the results of 3D models.

    mmaction2's fails for clips with an axis of clips in front (format ``NCTHW``), of which this one
    draws the first, and uses names that its visualizer and data samples no longer have.

    Arguments are mmaction2's.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.draw_args['show_frames'] = self.draw_args.pop('show')

    def _draw_samples(self,
                      batch_idx: int,
                      data_batch: dict,
                      data_samples: Sequence[ActionDataSample],
                      step: int = 0) -> None:
        clips = [video[0] if video.ndim == 5 else video for video in data_batch['inputs']]
        samples = [_with_former_names(sample) for sample in data_samples]
        super()._draw_samples(batch_idx, dict(data_batch, inputs=clips), samples, step)


def _with_former_names(sample: ActionDataSample) -> ActionDataSample:
    """Copy of a data sample whose labels also have the names of mmaction2 1.0."""
    sample = sample.clone()
    if 'gt_label' in sample:
        sample.set_field(sample.gt_label, 'gt_labels')
    if 'pred_label' in sample:
        labels = LabelData(item=sample.pred_label, score=sample.pred_score)
        sample.set_field(labels, 'pred_labels')
    return sample
