"""A network in an exported file, behind the interface of the model that it was exported from."""
import copy
from typing import Callable, List, Optional

import torch
from mmengine.model import BaseModel
from mmengine.registry import MODELS as ALL_MODELS
from mmengine.structures import InstanceData
from torch import Tensor, nn

from ..errors import UsageError
from ..registry import MODELS
from .networks import open_network

# what the file does itself, in the words of all three hosts
_INSIDE = ('mean', 'std', 'to_rgb', 'bgr_to_rgb', 'rgb_to_bgr', 'pad_size_divisor', 'blending',
           'batch_augments')


@MODELS.register_module()
class ExportedModel(BaseModel):
    """Predicts with a network in a file; data comes and predictions go as in the model.

    The file takes pixels, and gives what the network knows. Collecting batches before it, and
    class probabilities, averages of views, sizes of boxes and pasted masks after it are those of
    the host library.

    Args:
        file (str): The file, of ONNX (.onnx), OpenVINO (.xml) or PyTorch (.pt2).
        module (dict): Config of the model that it was exported from.
        network (callable, optional): What has opened the file before. Defaults to None.

    Raises:
        ImportError: If the library that runs it is not installed.
        ValueError: If the file is damaged.
    """

    def __init__(self, file: str, module: dict, network: Optional[Callable] = None) -> None:
        host = _without_normalisation(module)
        super().__init__(data_preprocessor=host.data_preprocessor)
        self.file = file
        self._network = network or open_network(file)
        if hasattr(host, 'roi_head'):
            self._finish = _DetectorEnd(host)
        else:
            self._finish = _ClassifierEnd(host)

    def forward(self, inputs: Tensor, data_samples: Optional[List] = None, mode: str = 'tensor'):
        """Predictions for a batch, in the data samples of the host; 'tensor' is for logits.

        Args:
            inputs (Tensor): Pixels from 0 to 255, (B, 3, H, W) or (B, views, 3, T, H, W).
            data_samples (list, optional): Data samples of the host. Defaults to None.
            mode (str): 'predict' or 'tensor'. Defaults to 'tensor'.

        Raises:
            UsageError: If it is asked for a loss: files are not trained.
            ValueError: If the file does not take inputs of this size.
        """
        if mode == 'loss':
            raise UsageError(f'{self.file} is an exported network, which cannot be trained')
        pixels = to_pixels(inputs)
        if mode == 'tensor':
            return self.run(pixels)[0]
        return self._finish(self.run, pixels, data_samples)

    def run(self, pixels: Tensor) -> List[Tensor]:
        """What the file gives for RGB pixels of uint8, (B, H, W, 3) or (B, T, H, W, 3)."""
        given = list(pixels.shape)
        if len(self._network.shape) != len(given) or any(
                n not in (None, m) for n, m in zip(self._network.shape, given)):
            taken = ' x '.join('any' if n is None else str(n) for n in self._network.shape)
            raise ValueError(f'{self.file} takes inputs of {taken}, but got '
                             f'{" x ".join(map(str, given))}; export it for this size')
        return self._network(pixels)

    @property
    def takes_amp(self) -> bool:
        """Whether the library that runs the file computes in bfloat16 where autocast asks so."""
        return self._network.takes_amp

    @property
    def backbone(self) -> nn.Module:
        """There is none: what looks into the network needs the model itself."""
        raise UsageError(f'{self.file} is an exported network, which gives predictions alone; give '
                         'the model that it was exported from')


class _ClassifierEnd:
    """From logits to the predictions of a classifier or recognizer."""

    def __init__(self, host: nn.Module) -> None:
        self._head = host.cls_head if hasattr(host, 'cls_head') else host.head
        self._head.forward = lambda logits: logits

    def __call__(self, run, pixels: Tensor, data_samples: Optional[List]) -> List:
        return self._head.predict(run(pixels)[0], data_samples)


class _DetectorEnd:
    """From boxes and masks in boxes to objects in the pictures as they were read."""

    def __init__(self, host: nn.Module) -> None:
        self._add, self._head = host.add_pred_to_datasample, host.roi_head
        if self._head.with_mask:
            self._head.mask_head.class_agnostic = True  # there is one mask for each box

    def __call__(self, run, pixels: Tensor, data_samples: List) -> List:
        found = [
            self._objects(run(picture[None, :height, :width]), sample.metainfo)
            for picture, sample in zip(pixels, data_samples)
            for height, width in [sample.img_shape[:2]]
        ]
        return self._add(data_samples, found)

    def _objects(self, outputs: List[Tensor], meta: dict) -> InstanceData:
        boxes, scores, labels, *masks = outputs
        found = InstanceData(bboxes=boxes, scores=scores, labels=labels)
        if masks:
            return self._head.mask_head.predict_by_feat([masks[0][:, None]], [found], [meta],
                                                        self._head.test_cfg,
                                                        rescale=True)[0]
        found.bboxes = boxes / boxes.new_tensor(meta['scale_factor']).repeat(2)
        return found


def _without_normalisation(module: dict) -> nn.Module:
    """The host's model with a preprocessor that only collects batches."""
    module = copy.deepcopy(module)
    preprocessor = module['data_preprocessor']
    for key in _INSIDE:
        preprocessor.pop(key, None)
    return ALL_MODELS.build(module)


def make_collector(module: dict) -> nn.Module:
    """What collects samples to batches of pixels that nothing has been done to.

    Args:
        module (dict): Config of the model.
    """
    return _without_normalisation(module).data_preprocessor


def to_pixels(inputs: Tensor) -> Tensor:
    """Batches of the hosts as what files take.

    Args:
        inputs (Tensor): Pixels from 0 to 255: pictures (B, 3, H, W), BGR, or clips
            (B, views, 3, T, H, W), RGB.

    Returns:
        Tensor: RGB pixels of uint8, (B, H, W, 3) or (B * views, T, H, W, 3).

    Raises:
        ValueError: If there are fractions, as after a step of the pipeline that computes.
    """
    pixels = inputs.to(torch.uint8)
    if not torch.equal(pixels.to(inputs.dtype), inputs):
        raise ValueError('exported files take pixels of 8 bits, but the pipeline of the config '
                         'gives fractions; leave steps such as Normalize to the data_preprocessor')
    if inputs.dim() == 4:
        return pixels.flip(1).permute(0, 2, 3, 1).contiguous()
    return pixels.flatten(0, 1).permute(0, 2, 3, 4, 1).contiguous()
