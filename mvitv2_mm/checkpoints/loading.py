"""Load any MViTv2 checkpoint into a model."""
import logging
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Iterator, List, Mapping, Optional, Tuple

from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.model.weight_init import update_init_info
from torch import Tensor, nn

from ..backbones import MViTv2
from ..registry import WEIGHT_INITIALIZERS
from .formats import Source, parse
from .io import CheckpointError, check_finite, read_file, unwrap
from .report import TransferReport
from .transfer import fit
from .zoo import locate

_noted: ContextVar[Optional[List[TransferReport]]] = ContextVar('noted', default=None)


@contextmanager
def noted_reports() -> Iterator[List[TransferReport]]:
    """Collect what happens to all checkpoints that are fitted to a model, by whomever."""
    reports: List[TransferReport] = []
    token = _noted.set(reports)
    try:
        yield reports
    finally:
        _noted.reset(token)


def read_source(checkpoint: str, mapped: bool = False) -> Source:
    """Read a checkpoint of any known layout.

    Args:
        checkpoint (str): A file, a URL, or a name in the registry of published models.
        mapped (bool): See :func:`io.read_file`. Defaults to False.

    Returns:
        Source: Its tensors under neutral names, its layout and architecture.
    """
    path = locate(str(checkpoint))
    return parse(unwrap(read_file(path, mapped=mapped), path), path)


def find_backbone(module: nn.Module) -> Optional[Tuple[str, MViTv2, nn.Module]]:
    """Find the one MViTv2 in a model.

    Returns:
        tuple | None: The prefix of its names ('' if ``module`` is the backbone itself), the
        backbone, and the model without wrappers. None if there is none, or more than one.
    """
    while is_model_wrapper(module) or isinstance(module, BaseTTAModel):
        module = module.module
    found = [(name, m) for name, m in module.named_modules() if isinstance(m, MViTv2)]
    if len(found) != 1:
        return None
    name, backbone = found[0]
    return (name + '.' if name else ''), backbone, module


def fit_to_module(source: Source,
                  module: nn.Module,
                  inflate: str = 'centre') -> Tuple[Mapping[str, Tensor], TransferReport]:
    """Fit a checkpoint to a model that holds an MViTv2; see :func:`transfer.fit`.

    Raises:
        ValueError: If there is not exactly one MViTv2 in ``module``.
    """
    found = find_backbone(module)
    if found is None:
        raise ValueError(f'{type(module).__name__} does not hold exactly one MViTv2, so it is not '
                         'clear where the backbone weights belong')
    prefix, backbone, model = found
    fitted, report = fit(source, model.state_dict(), prefix, inflate)
    report.notes += _notes(source, backbone, report)
    noted = _noted.get()
    if noted is not None:
        noted.append(report)
    return fitted, report


def _notes(source: Source, backbone: MViTv2, report: TransferReport) -> List[str]:
    """Settings that shapes do not show but the classifier of the file relies on."""
    head = source.origin.get('head.weight')
    place = next((entry.target for entry in report.entries if entry.source == head), '')
    if not place or 'roi_head.' in place:
        return []
    is_maskfeat = source.format == 'slowfast' and not source.arch.dim_mul_in_attention
    if is_maskfeat and source.arch.ndim == 3 and backbone.out_type != 'avg_then_norm':
        return [
            "SlowFast's MaskFeat classifiers read the norm of the mean token: set "
            "out_type='avg_then_norm' in the backbone"
        ]
    if source.arch.with_cls_token and backbone.out_type not in (
            'cls_token', 'featmap_and_cls_token') \
            and source.format != 'openmmlab' and not is_maskfeat:
        return [
            'its classifier reads the class token: set with_cls_token=True and '
            "out_type='cls_token' in the backbone"
        ]
    return []


def log_report(report: TransferReport) -> None:
    """Write a report to the current logger: a summary, what changed, and what to know."""
    print_log('\n'.join([f'{report.title}: {report.counts()}', *report.changes()]), 'current')
    for line in report.warnings():
        print_log(line, 'current', logging.WARNING)


def load_into(module: nn.Module, checkpoint: str, inflate: str = 'centre') -> TransferReport:
    """Load a checkpoint of any known layout into a model.

    Args:
        module (nn.Module): An :class:`MViTv2`, or a classifier, recogniser or detector with one.
        checkpoint (str): A file, a URL, or a name in the registry of published models.
        inflate (str): How image kernels become video kernels: 'centre', 'repeat' or 'mean', see
            :func:`transfer.inflate_kernel`. Defaults to 'centre'.

    Returns:
        TransferReport: What happened to every tensor.

    Raises:
        CheckpointError: If the file is unusable or of another architecture.

    Examples:
        >>> from mvitv2_mm import MViTv2
        >>> from mvitv2_mm.checkpoints import load_into
        >>> model = MViTv2('tiny')
        >>> report = load_into(model, 'MViTv2_T_in1k.pyth')  # doctest: +SKIP
    """
    fitted, report = fit_to_module(read_source(checkpoint, mapped=True), module, inflate)
    find_backbone(module)[2].load_state_dict(fitted, strict=False)
    log_report(report)
    return report


def load_complete(module: nn.Module, state: Mapping[str, Tensor], path: str) -> None:
    """Load all weights of a model, from the names and shapes of any known layout.

    Args:
        module (nn.Module): The model.
        state (Mapping[str, Tensor]): Tensors as :func:`io.unwrap` returns them.
        path (str): Their file, for messages.

    Raises:
        CheckpointError: If a part of the model would stay random or would compute something else.
    """
    shapes = {key: value.shape for key, value in module.state_dict().items()}
    if {key: value.shape for key, value in state.items()} == shapes:
        check_finite(state, path)
        module.load_state_dict(state)
        return
    if find_backbone(module) is None:
        names = sorted(shapes.keys() ^ state.keys())
        raise CheckpointError(f'{path} does not fit the model, e.g. in {", ".join(names[:3])}. Use '
                              'the config that it was trained with.')
    fitted, report = fit_to_module(parse(state, path), module)
    refuse_incomplete(report)
    if report.notes:
        raise CheckpointError(f'{path} does not fit the model: {"; ".join(report.notes)}')
    module.load_state_dict(fitted, strict=False)
    log_report(report)


def refuse_incomplete(report: TransferReport) -> None:
    """Raise CheckpointError if a part of the model, such as its classifier, would stay random."""
    new = report.of('new')
    if new:
        dropped = [f'{e.source} {e.detail}' for e in report.of('dropped')]
        raise CheckpointError(
            f'{report.title} lacks {len(new)} tensors of the model, e.g. {new[0].target}, which '
            f'would stay random{"; it has " if dropped else ""}{", ".join(dropped[:2])}. Use the '
            'config (and, for own data, the classes) that the checkpoint was trained with.')


@WEIGHT_INITIALIZERS.register_module(name='Pretrained')
class PretrainedInit:
    """``init_cfg=dict(type='mvitv2_mm.Pretrained', ...)``: mmengine's ``Pretrained`` with options.

    Args:
        checkpoint (str): A file, a URL, or a name in the registry of published models.
        inflate (str): See :func:`load_into`. Defaults to 'centre'.
    """

    def __init__(self, checkpoint: str, inflate: str = 'centre') -> None:
        self.checkpoint = checkpoint
        self.inflate = inflate

    def __call__(self, module: nn.Module) -> None:
        load_into(module, self.checkpoint, self.inflate)
        if hasattr(module, '_params_init_info'):
            update_init_info(module, f'PretrainedInit: load from {self.checkpoint}')
