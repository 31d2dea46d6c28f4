"""The functions that mmengine calls to read checkpoints and to put them into models."""
from collections import OrderedDict
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from ..safe_pickle import mentions_mvitv2
from .formats import parse, recognise
from .io import CheckpointError, read_file, unwrap
from .loading import find_backbone, fit_to_module, log_report, refuse_incomplete
from .report import TransferReport
from .zoo import locate

_files = WeakTensorKeyDictionary()  # tensor -> file it was read from, for messages


class _WeightsOnly(dict):
    """What mmengine gets of a file that holds nothing but weights."""

    def __init__(self, state_dict: Mapping[str, Tensor], path: str) -> None:
        super().__init__(state_dict=OrderedDict(state_dict))
        self.path = path

    def __missing__(self, key: str):
        raise CheckpointError(f'{self.path} holds weights only, so no training can be resumed from '
                              'it. Start from it with "load_from" instead.')


def read_for_mmengine(filename: str, map_location: Any, read_as_mmengine: Callable) -> Any:
    """Read a checkpoint in the form mmengine knows.

    Args:
        filename (str): A file, a URL, or a name in the registry of published models.
        map_location: As for ``torch.load``.
        read_as_mmengine (Callable): mmengine's reader of local files, which follows torch's own
            switches. It decides about files that our reader refuses and that are no MViTv2.

    Returns:
        Any: The content; MViTv2 weights of other code bases under ``state_dict``.

    Raises:
        CheckpointError: If the file is of an MViTv2 and unusable. For other files the error is of
            mmengine's class as well.
    """
    path = locate(filename)
    try:
        content = read_file(path, map_location)
    except CheckpointError as error:
        if mentions_mvitv2(path):
            raise
        try:
            content = read_as_mmengine(path, map_location)
        except Exception as host_error:
            raise _of_both_classes(error, host_error) from host_error
    if not isinstance(content, Mapping):
        return content
    if 'state_dict' not in content and _holds_mvitv2(content, path):
        content = _WeightsOnly(unwrap(content, path), path)
    state = content.get('state_dict', content)
    for value in state.values() if isinstance(state, Mapping) else ():
        if isinstance(value, Tensor):
            _files[value] = path
    return content


def _of_both_classes(error: CheckpointError, host_error: Exception) -> Exception:
    """Our message, in an error that those who expect mmengine's class catch too."""
    kind = type(CheckpointError.__name__, (type(host_error), CheckpointError), {})
    try:
        return kind(str(error))
    except TypeError:  # a class that wants other arguments
        return host_error


def _holds_mvitv2(content: Mapping, path: str) -> bool:
    try:
        return recognise(unwrap(content, path)) is not None
    except CheckpointError:
        return False


def select_prefix(content: Mapping, prefix: str, filename: str) -> Mapping[str, Tensor]:
    """Take the part of a checkpoint whose names start with a prefix, and strip it.

    MViTv2 weights of other code bases have no ``backbone.``: asked for that, they come whole.

    Raises:
        CheckpointError: If an MViTv2 checkpoint has no such part.
        AssertionError: If another one has none, as in mmengine.
    """
    state = content.get('state_dict', content)
    prefix = prefix.rstrip('.') + '.'
    part = {key[len(prefix):]: v for key, v in state.items() if key.startswith(prefix)}
    if part:
        return part
    if not _holds_mvitv2(state, filename):
        raise AssertionError(f'{prefix} is not in the pretrained model')
    if prefix == 'backbone.':
        return state
    raise CheckpointError(f'{filename} has no tensors that start with "{prefix}". Leave '
                          '"prefix" out, or name the part of the file to load.')


def adapt_state_dict(module: nn.Module, state_dict: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Fit a state dict to a model with an MViTv2; leave all others alone.

    Raises:
        CheckpointError: If the weights do not fit the model's backbone.
    """
    result = _fit(module, state_dict)
    if result is None:
        return state_dict
    fitted, report = result
    log_report(report)
    return OrderedDict(fitted)


def check_complete(module: nn.Module, state_dict: Mapping[str, Tensor]) -> None:
    """Refuse weights that leave a part of a model, such as its classifier, at random.

    Raises:
        CheckpointError: Naming the parts.
    """
    result = _fit(module, state_dict)
    if result:
        refuse_incomplete(result[1])


def _fit(module: nn.Module,
         state_dict: Mapping[str, Tensor]) -> Optional[Tuple[Mapping[str, Tensor], TransferReport]]:
    """What becomes of a state dict in a model; None if it can stay as it is."""
    found = find_backbone(module)
    tensors = [value for value in state_dict.values() if isinstance(value, Tensor)]
    if found is None or not tensors:
        return None
    path = next((_files[value] for value in tensors if value in _files), 'the checkpoint')
    state = unwrap(state_dict, path)
    if recognise(state) is None and not state.keys().isdisjoint(found[2].state_dict()):
        return None  # a part of this very model, such as its head
    fitted, report = fit_to_module(parse(state, path), module)
    if report.is_plain or _shapes(state_dict) == _shapes(found[2].state_dict()):
        return None  # also a model of the user, whose head no code base names like this
    return fitted, report


def _shapes(state_dict: Mapping[str, Tensor]) -> Dict[str, Optional[torch.Size]]:
    return {key: getattr(value, 'shape', None) for key, value in state_dict.items()}
