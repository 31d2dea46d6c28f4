"""Convert checkpoint files, into this package's names and back out."""
import re
from typing import Callable, Dict, Optional, Tuple

import torch
from torch import Tensor, nn

from ..names import LAYOUTS
from ..version import __version__
from .formats import Source, candidates
from .io import CheckpointError, check_finite, check_suffix, write_file
from .keymaps import KEY_MAPS, MASKFEAT, timm_key_map
from .loading import fit_to_module, read_source
from .report import TransferReport


def convert(src: str,
            dst: Optional[str] = None,
            to: str = 'openmmlab',
            model: Optional[nn.Module] = None,
            inflate: str = 'centre') -> TransferReport:
    """Convert a checkpoint of any known layout.

    Args:
        src (str): A file, a URL, or a name in the registry of published models.
        dst (str, optional): File to write: '.pth', '.pyth', '.pt', '.safetensors', or '.pkl' for
            detectron2. Defaults to None: nothing is written, only reported.
        to (str): Layout to write, one of ``LAYOUTS``. Defaults to 'openmmlab'.
        model (nn.Module, optional): Model the result must fit. Defaults to None: names and shapes
            of the file's own architecture.
        inflate (str): See :func:`transfer.inflate_kernel`; used with ``model``. Defaults to
            'centre'.

    Returns:
        TransferReport: What happened to every tensor.

    Raises:
        ValueError: For an unknown ``to``, or ``model`` with another layout than OpenMMLab's.
        CheckpointError: If the file cannot be read, converted, or does not fit ``model``.
    """
    if to not in LAYOUTS or (model is not None and to != 'openmmlab'):
        raise ValueError(f'"to" should be one of {LAYOUTS}, and the first with "model", but got '
                         f'{to!r}')
    if dst is not None and check_suffix(dst) == '.pkl' and to != 'detectron2':
        raise CheckpointError(f'{dst}: only detectron2 reads .pkl. Use .pth or .safetensors.')
    source = read_source(src, mapped=True)
    check_finite(source.tensors, source.path)
    if model is None:
        tensors, report = export(source, to)
    else:
        tensors, report = fit_to_module(source, model, inflate)
        if not report.is_complete:
            raise CheckpointError(f'{source.path} does not fit the model as a whole; '
                                  f'{"; ".join(report.warnings())}. To start a training from it, '
                                  'name it in "init_cfg" or "load_from".')
    if dst is not None:
        write_file(_wrap(tensors, to, dst, source), dst)
    return report


def _wrap(tensors: Dict[str, Tensor], to: str, dst: str, source: Source) -> dict:
    """Put tensors where readers of that layout expect them."""
    if check_suffix(dst) == '.safetensors' or to in ('timm', 'torchvision'):
        return tensors
    if to == 'openmmlab':
        meta = dict(mvitv2_mm_version=__version__, converted_from=source.describe())
        return dict(meta=meta, state_dict=tensors)
    if to == 'detectron2':
        return dict(model=tensors, __author__='mvitv2_mm')
    return dict(model_state=tensors)


def export(source: Source, to: str) -> Tuple[Dict[str, Tensor], TransferReport]:
    """Rename a checkpoint's tensors to a layout, and give them its ranks.

    Raises:
        CheckpointError: If that layout has no such model.
    """
    _check_exportable(source, to)
    report = TransferReport(source.title)
    for key, why in source.ignored:
        report.add('ignored', key, '', why)
    rename = _renamer(source, to)
    tensors = {}
    for neutral, value in source.tensors.items():
        origin, name = source.origin[neutral], rename(neutral)
        if name is None:
            report.add('dropped', origin, '', f'{to} has no such tensor')
            continue
        tensors[name] = _their_rank(neutral, value, source.arch.ndim, to)
        report.add('copied' if name == origin else 'renamed', origin, name)
    if rename == MASKFEAT.to_theirs:
        tensors.update(_hog_constants())
    return tensors, report


def _check_exportable(source: Source, to: str) -> None:
    arch, problem = source.arch, ''
    if to in ('mvit', 'timm', 'detectron2') and arch.ndim == 3:
        problem = f'{to} has image models only; use slowfast'
    elif to == 'torchvision' and (arch.ndim == 2 or not arch.with_cls_token):
        problem = 'torchvision has video models with a class token only'
    elif to == 'detectron2' and not arch.dim_mul_in_attention:
        problem = 'detectron2 can only widen in attention, not in the MLP'
    elif to == 'detectron2' and 'roi_head.mask_head.0.conv_logits.weight' in source.tensors:
        problem = 'detectron2 has one mask head for all stages, this file has different ones'
    if problem:
        raise CheckpointError(f'{source.path} cannot become a {to} checkpoint: {problem}. It is a '
                              f'{source.describe()}.')


def _renamer(source: Source, to: str) -> Callable[[str], Optional[str]]:
    """The function from neutral names to names of a layout."""
    arch = source.arch
    if to == source.format == 'openmmlab':
        return source.origin.__getitem__
    if to == 'openmmlab':
        return lambda neutral: candidates(neutral, arch, source.tensors)[0]
    if to == 'timm':
        return timm_key_map(arch.downscale_indices, arch.num_layers,
                            arch.dim_mul_in_attention).to_theirs
    if to == 'slowfast' and 'backbone.mask_token' in source.tensors:
        return MASKFEAT.to_theirs
    return KEY_MAPS[to].to_theirs


def _their_rank(neutral: str, value: Tensor, ndim: int, to: str) -> Tensor:
    if to == 'torchvision' and neutral == 'backbone.cls_token':
        return value.flatten()
    if to == 'slowfast' and ndim == 2 and re.search(r'\.pool_[qkv]\.weight$', neutral):
        return value.unsqueeze(2)
    return value


def _hog_constants() -> Dict[str, Tensor]:
    """The Sobel filters that SlowFast keeps as buffers of its MaskFeat model."""
    sobel = torch.tensor([[1., 0., -1.], [2., 0., -2.], [1., 0., -1.]]).repeat(3, 1, 1, 1)
    return {'hogs.0.weight_x': sobel, 'hogs.0.weight_y': sobel.transpose(2, 3).contiguous()}
