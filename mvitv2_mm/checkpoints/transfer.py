"""Fit a checkpoint to a model of another size, rank or task."""
import re
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from ..names import INFLATE_MODES
from ..ops import resize_rel_pos
from .formats import CLASSIFIERS, Source, backbone_of, candidates
from .infer import infer_arch
from .io import CheckpointError, check_finite
from .report import TransferReport

_IN21K_CLASSES, _IN1K_CLASSES = 19168, 1000
_AVA_CLASSES = 80
# Tensors without which a backbone is not what the file holds.
_CORE = ('backbone.blocks.', 'backbone.patch_embed.', 'backbone.pos_embed')
# why a tensor is left out where nothing is wrong
CLASSIFIER_NORM = "a classifier's norm; the norms of a detector start fresh"


class _Fitted(NamedTuple):
    tensor: Tensor
    action: str
    detail: str = ''


def inflate_kernel(kernel: Tensor, frames: int, mode: str = 'centre') -> Tensor:
    """Make a 2D convolution kernel 3D.

    Args:
        kernel (Tensor): Shape (O, I, H, W).
        frames (int): Extent in time.
        mode (str): 'centre' puts it into the middle frame, zeros elsewhere (MViTv2 paper);
            'repeat' copies it to every frame (SlowFast's ``CHECKPOINT_IN_INIT``); 'mean' divides
            the copies by their number (``CHECKPOINT_INFLATE``). Defaults to 'centre'.

    Returns:
        Tensor: Shape (O, I, frames, H, W).
    """
    if mode not in INFLATE_MODES:
        raise ValueError(f'"inflate" should be one of {INFLATE_MODES}, but got {mode!r}')
    if mode == 'centre':
        inflated = kernel.new_zeros(*kernel.shape[:2], frames, *kernel.shape[2:])
        inflated[:, :, frames // 2] = kernel
        return inflated
    inflated = kernel.unsqueeze(2).repeat(1, 1, frames, 1, 1)
    return inflated / frames if mode == 'mean' else inflated


def fit(source: Source,
        target: Mapping[str, Tensor],
        prefix: str = 'backbone.',
        inflate: str = 'centre') -> Tuple[Dict[str, Tensor], TransferReport]:
    """Fit a checkpoint to the tensors of a model.

    Position tables are resized once, by linear interpolation; 2D kernels become 3D (``inflate``)
    with zero time tables, and the reverse sums over time; the norm of a classifier does not become
    a norm of a detector; a classifier of another number of classes is dropped, except that the
    first 1000 of the 19,168 classes of ImageNet-21K are ImageNet-1K's.

    Args:
        source (Source): The checkpoint.
        target (Mapping[str, Tensor]): The model's ``state_dict()``.
        prefix (str): What the backbone's names start with there. Defaults to 'backbone.'.
        inflate (str): See :func:`inflate_kernel`. Defaults to 'centre'.

    Returns:
        tuple: Tensors under the model's names, and the report. Tensors that the file does not
        have are absent.

    Raises:
        CheckpointError: If the file holds NaN, or is another architecture than the model.
    """
    check_finite(source.tensors, source.path)
    transfer = _Transfer(source, target, prefix, inflate)
    transfer.check_architecture()
    for neutral in source.tensors:
        transfer.move(neutral)
    transfer.complete()
    transfer.check_misfits()
    return transfer.fitted, transfer.report


class _Transfer:
    """State of one :func:`fit`. Inside, the model's backbone is named ``backbone.``."""

    def __init__(self, source: Source, target: Mapping[str, Tensor], prefix: str,
                 inflate: str) -> None:
        self.source, self.target, self.inflate = source, target, inflate
        self.names = {
            ('backbone.' + key[len(prefix):] if key.startswith(prefix) else key): key
            for key in target
        }
        own = {name: target[key] for name, key in self.names.items()}
        self.model = infer_arch(backbone_of(own))
        self.num_norms = sum(bool(re.fullmatch(r'backbone\.norm\d\.weight', n)) for n in own)
        self.fitted: Dict[str, Tensor] = {}
        self.misfits: List[str] = []
        self.report = TransferReport(source.title)
        for key, why in source.ignored:
            self.report.add('ignored', key, '', why)

    def shape(self, name: str) -> torch.Size:
        return self.target[self.names[name]].shape

    def check_architecture(self) -> None:
        """Refuse another architecture at once, by what differs and an example."""
        differences = self.source.arch.differences(self.model)
        if not differences:
            return
        for neutral, value in self.source.tensors.items():
            name = next(iter(self._places(neutral)), None)
            if name and value.shape != self.shape(name) and '.rel_pos_' not in name:
                differences.append(f'e.g. {self.source.origin[neutral]} is {tuple(value.shape)} in '
                                   f'the file, {tuple(self.shape(name))} in the model')
                break
        raise CheckpointError(
            f'{self.source.path} does not fit the model: it is a {self.source.describe()}, but the '
            f'model is {self.model.describe()}. {"; ".join(differences)}.')

    def _places(self, neutral: str) -> List[str]:
        """The model's names for a neutral name: none, one, or one per mask head."""
        found = candidates(neutral, self.source.arch, self.source.tensors)
        if neutral.startswith('head.') and 'rpn_head.rpn_cls.weight' in self.names:
            return []  # a detector's box head has the same name as the head for actions in boxes
        return [name for name in found if name in self.names]

    def move(self, neutral: str) -> None:
        """Put one tensor into its places, or say why it is not used."""
        value, origin = self.source.tensors[neutral], self.source.origin[neutral]
        why = self._unwanted(neutral)
        places = [] if why else self._places(neutral)
        if not places:
            why = why or self._leftover(neutral)
        for name in places:
            result = _fit_tensor(name, value, self.shape(name), self.inflate)
            if result is None:
                why = f'{tuple(value.shape)}, the model has {tuple(self.shape(name))}'
                continue
            key = self.names[name]
            self.fitted[key] = result.tensor
            renamed = result.action == 'copied' and key != origin
            self.report.add('renamed' if renamed else result.action, origin, key, result.detail)
        if why and neutral.startswith(_CORE) and not neutral.endswith('.rel_pos_t'):
            self.misfits.append(f'{origin}: {why}')
        elif why:
            self.report.add('dropped', origin, '', why)

    def _unwanted(self, neutral: str) -> str:
        """Why a tensor is left out although the model may have its name."""
        if neutral.startswith('backbone.norm.') and self.num_norms > 1:
            return CLASSIFIER_NORM
        pretraining = ('backbone.norm.', 'backbone.mask_token', 'neck.')
        if {'backbone.mask_token'} <= self.source.tensors.keys() - self.names.keys() \
                and neutral.startswith(pretraining):
            return 'part of the MaskFeat pre-training head'
        return ''

    def _leftover(self, neutral: str) -> str:
        """Why a tensor has no place in the model."""
        if neutral == 'backbone.cls_token':
            return 'the model has no class token; with_cls_token=True gives it one'
        if neutral.startswith('backbone.norm'):
            return 'the model does not return this scale'
        if neutral.endswith('.rel_pos_t') and self.model.ndim == 2:
            return 'images have no time axis'
        return 'the model has no such tensor'

    def complete(self) -> None:
        """Account for what the file does not have; time tables of an image start at zero."""
        for name, key in self.names.items():
            if key in self.fitted or name.endswith('num_batches_tracked'):
                continue
            if name.endswith('.rel_pos_t') and self.source.arch.ndim == 2:
                self.fitted[key] = torch.zeros_like(self.target[key])
                self.report.add('zeroed', '', key, 'an image has no time positions')
            elif name.startswith(_CORE):
                self.misfits.append(f'{key}: missing in the file')
            else:
                self.report.add('new', '', key)

    def check_misfits(self) -> None:
        """Refuse a file that leaves part of the backbone without its weights."""
        if self.misfits:
            raise CheckpointError(
                f'{self.source.path} does not fit the model in {len(self.misfits)} tensors, e.g. '
                f'{"; ".join(self.misfits[:3])}. It is a {self.source.describe()}; the model is '
                f"{self.model.describe()}. Change the backbone's config or choose other weights.")


def adapt_channels(kernel: Tensor, channels: int) -> Tensor:
    """Make a kernel for RGB one for another number of channels, as timm does.

    One channel gets the sum of the three, several get them in turn, scaled so that grey input gives
    what it gave.

    Args:
        kernel (Tensor): Shape (O, 3, ...).
        channels (int): Number of channels.

    Returns:
        Tensor: Shape (O, channels, ...).
    """
    if channels == 1:
        return kernel.sum(1, keepdim=True)
    return kernel[:, [i % 3 for i in range(channels)]] * (3 / channels)


def _fit_tensor(name: str, value: Tensor, shape: torch.Size, inflate: str) -> Optional[_Fitted]:
    """Bring a tensor to the shape the model wants, or return None."""
    detail = f'{tuple(value.shape)} to {tuple(shape)}'
    if name == 'backbone.patch_embed.projection.weight' and value.shape[1] == 3 != shape[1]:
        fitted = _fit_tensor(name, adapt_channels(value, shape[1]), shape, inflate)
        return fitted and _Fitted(
            fitted.tensor, 'adapted', f'{detail}, from RGB to {shape[1]} '
            f'channel{"s" * (shape[1] > 1)}')
    if value.shape == shape:
        return _Fitted(value, 'copied')
    if '.rel_pos_' in name and value.shape[1:] == shape[1:]:
        exact = value.to(torch.promote_types(value.dtype, torch.float32))
        return _Fitted(resize_rel_pos(exact, shape[0]).to(value), 'resized', detail)
    if value.dim() == 4 and len(shape) == 5 and value.shape == shape[:2] + shape[3:]:
        return _Fitted(inflate_kernel(value, shape[2], inflate), 'inflated', f'{detail}, {inflate}')
    if value.dim() == 5 and len(shape) == 4 and value.shape[:2] + value.shape[3:] == shape:
        return _Fitted(value.sum(2), 'deflated', f'{detail}, summed over time')
    if name.startswith(CLASSIFIERS) and value.shape[1:] == shape[1:]:
        if (len(value), shape[0]) == (_IN21K_CLASSES, _IN1K_CLASSES):
            return _Fitted(value[:_IN1K_CLASSES], 'sliced',
                           f"{detail}, ImageNet-21K's first 1000 classes are ImageNet-1K's")
        if (len(value), shape[0]) == (_AVA_CLASSES, _AVA_CLASSES + 1):
            background = value.new_zeros(1, *value.shape[1:])
            return _Fitted(
                torch.cat([background, value]), 'padded',
                f'{detail}, mmaction2 counts a class 0 before the 80 of AVA')
    return None
