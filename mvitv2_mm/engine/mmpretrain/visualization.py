"""A hook that needs mmpretrain; imported by the configs that use it."""
from typing import Sequence

from mmpretrain.engine.hooks import VisualizationHook

from ...registry import HOOKS


@HOOKS.register_module()
class ImageVisualizationHook(VisualizationHook):
    """mmpretrain's ``VisualizationHook`` that draws images in their colours.

    Pipelines hand over BGR images, mmpretrain's visualizer expects RGB. Arguments are mmpretrain's.
    """

    def _draw_samples(self,
                      batch_idx: int,
                      data_batch: dict,
                      data_samples: Sequence,
                      step: int = 0) -> None:
        images = [image.flip(0) if image.shape[0] == 3 else image for image in data_batch['inputs']]
        super()._draw_samples(batch_idx, dict(data_batch, inputs=images), data_samples, step)
