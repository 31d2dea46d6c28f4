"""What the network sees in pictures and clips: vectors and maps, for search and other models."""
from typing import Any, List, Sequence, Union

import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn

from ..backbones import MViTv2
from ..checkpoints.model_source import OpenedModel
from ..errors import UsageError
from .predictor import Predictor, Prepared
from .records import Arrays

POOLED = 'pooled'


class FeatureExtractor(Predictor):
    """A predictor whose results are features of the network; a clip is seen in one view.

    Args:
        opened (OpenedModel): The model.
        scale (str | int): 'pooled' for one vector: what the classifier reads, which is the class
            token if there is one; of a detector the mean of its coarsest map. A number from 0, the
            finest, to 3 for the map of a scale, after its norm if the model has been trained with
            one there. Defaults to 'pooled'.
        device (str): Where the network runs. Defaults to 'cpu'.
        amp (bool): Half precision. Defaults to False.

    Raises:
        UsageError: If the network has no such scale, or the model is for actions of people.
    """

    def __init__(self,
                 opened: OpenedModel,
                 scale: Union[str, int] = POOLED,
                 device: str = 'cpu',
                 amp: bool = False) -> None:
        if opened.task == 'action_detection':
            raise UsageError(f'{opened.name} reads clips around people; features are of whole '
                             'pictures and clips')
        super().__init__(opened, device, amp, fast=True)
        self.settings = dict(amp=amp, scale=scale)
        self.scale = scale
        if scale != POOLED:
            _return_scale(self.model.backbone, scale, opened.name)

    def predict(self, batch: Sequence[Prepared]) -> List[Arrays]:
        """Features of inputs of one shape: for each a dict with 'features', float32."""
        data = pseudo_collate([prepared.packed for prepared in batch])
        with torch.inference_mode(), self.autocast():
            inputs = self.model.data_preprocessor(data, training=False)['inputs']
            if self.task == 'video':
                inputs = inputs.flatten(0, 1)  # (B, 1, C, T, H, W) -> (B, C, T, H, W)
            features = self._features(self.model.backbone(inputs))
        return [dict(features=one) for one in features.float().cpu().numpy()]

    def record(self, prepared: Prepared, arrays: Arrays) -> dict:
        """What is known of an input, and its 'features', an array."""
        if prepared.error:
            return super().record(prepared, arrays)
        return dict(input=prepared.source, **prepared.places, **arrays)

    def _features(self, outputs: Sequence[Any]) -> Tensor:
        if self.scale != POOLED:
            return outputs[0]
        head = getattr(self.model, 'head', None) or getattr(self.model, 'cls_head', None)
        if head is None:  # a detector
            last = outputs[-1]
            return (last[0] if isinstance(last, (list, tuple)) else last).flatten(2).mean(dim=2)
        if getattr(self.model, 'neck', None) is not None:
            outputs = self.model.neck(outputs)
        return head.pre_logits(outputs)


def _return_scale(backbone: nn.Module, scale: int, name: str) -> None:
    """Make a network return the map of one scale."""
    if not isinstance(backbone, MViTv2):
        raise UsageError(f'the network of {name} is {type(backbone).__name__}, of which --scale '
                         f'{POOLED} is known')
    if not 0 <= scale <= backbone.out_scales[-1]:
        raise UsageError(f'{name} has the scales 0 to {backbone.out_scales[-1]}, but not {scale}')
    if scale not in backbone.out_scales:
        backbone.add_module(f'norm{scale}', nn.Identity())
    backbone.out_scales, backbone.out_type = (scale, ), 'featmap'
