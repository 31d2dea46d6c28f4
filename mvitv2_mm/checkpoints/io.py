"""Read and write checkpoint files of every kind, without ever running what is inside.

The container is told by its first bytes, never by the file name.
"""
import os
import pickle
import re
import struct
import zipfile
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Union

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file as load_safetensors
from safetensors.torch import save_file as save_safetensors
from torch import Tensor

from ..files import replaced
from ..safe_pickle import ForbiddenName, load_arrays

_ZIP = b'PK\x03\x04'
# torch < 1.6 began its files with this pickled number.
_LEGACY_TORCH = b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'
# Where training codes put the weights; averaged weights only where a file has no others.
_WEIGHT_KEYS = ('state_dict', 'model_state', 'model', 'model_state_dict', 'state_dict_ema',
                'model_ema', 'ema_state_dict')
# added by data parallel training and torch.compile
_WRAPPERS = re.compile(r'^(module\.|_orig_mod\.)+')
_SUFFIXES = ('.pth', '.pyth', '.pt', '.safetensors', '.pkl')


class CheckpointError(ValueError):
    """A checkpoint cannot be used: the message names the file, the problem and the remedy."""


def _first_sentence(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return re.split(r'\n|\. ', text)[0][:200]


def _read_torch(path: str, map_location, mapped: bool) -> Any:
    load = partial(torch.load, map_location=map_location, weights_only=True)
    try:
        if path.endswith('.safetensors'):  # torch 2.15 believes this name, so it is not told
            with open(path, 'rb') as file:
                return load(file)
        return load(path, mmap=mapped and _can_be_mapped(path))
    except pickle.UnpicklingError as error:
        name = re.search(r'GLOBAL (\S+)', str(error))
        if name is None:
            raise
        allow = f'allow it with torch.serialization.add_safe_globals([{name[1]}]), or '
        raise _refusal(path, name[1], allow) from None


def check_whole(path: Union[str, Path]) -> None:
    """See whether a file has its end, and the checksums that torch wrote and does not compare.

    Raises:
        CheckpointError: If a part of a torch or safetensors file is missing, or has changed.
    """
    with open(path, 'rb') as file:
        head = file.read(64)
    if _is_safetensors(head):
        try:
            safe_open(path, 'np')
        except SafetensorError as error:
            raise CheckpointError(f'{path} is damaged ({error}). Delete it and get it again.') \
                from None
    elif head.startswith(_ZIP):
        if not zipfile.is_zipfile(path):
            raise CheckpointError(f'{path} is truncated: it starts like a torch checkpoint but its '
                                  'end is missing. Delete it and download or copy it again.')
        with zipfile.ZipFile(path) as archive:
            changed = archive.testzip()
        if changed:
            raise CheckpointError(f'{path} is damaged: its part {changed} does not have the '
                                  'checksum that it was written with. Use an earlier checkpoint, '
                                  'or get it again.')


def _can_be_mapped(path: str) -> bool:
    """Whether the parts of a file lie in it as they are, as torch writes them since 1.6."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return all(part.compress_type == zipfile.ZIP_STORED for part in archive.infolist())


def _read_pickle(path: str, map_location, mapped: bool) -> Any:
    try:
        return load_arrays(path)
    except ForbiddenName as error:
        raise _refusal(path, str(error)) from None


def _refusal(path: str, name: str, allow: str = '') -> CheckpointError:
    return CheckpointError(
        f'{path} is refused: it asks for {name}, and more than tensors in plain containers could '
        f'run code when loaded. If you trust its authors, {allow}ask them for the weights alone, '
        'saved with torch.save(model.state_dict()) or as safetensors.')


def _read_safetensors(path: str, map_location, mapped: bool) -> Dict[str, Tensor]:
    return load_safetensors(path)


def _is_safetensors(head: bytes) -> bool:
    """A length (8 bytes, little endian) and then that many bytes of JSON."""
    return head[8:9] == b'{' and struct.unpack('<Q', head[:8])[0] < 2**32


def _reader_of(path: str) -> Callable:
    """Choose the reader by the first bytes of an existing file."""
    with open(path, 'rb') as file:
        head = file.read(64)
    if not head:
        raise CheckpointError(f'{path} is empty (0 bytes): the download or copy did not finish. '
                              'Delete it and get it again.')
    check_whole(path)
    if head.startswith(_ZIP) or head.startswith(_LEGACY_TORCH):
        return _read_torch
    if _is_safetensors(head):
        return _read_safetensors
    if head[:1] == b'\x80' and head[1:2] <= bytes([pickle.HIGHEST_PROTOCOL]):
        return _read_pickle
    hint = ('It is a text or web page, as a failed download leaves it.'
            if head.lstrip()[:1] in (b'<', b'{') or head.isascii() else
            'It starts like none of torch, pickle and safetensors.')
    raise CheckpointError(f'{path} is not a checkpoint. {hint} Download the weights themselves '
                          '(.pth, .pyth, .pkl or .safetensors).')


def read_file(path: Union[str, Path], map_location: Any = 'cpu', mapped: bool = False) -> Any:
    """Read a checkpoint file as it is: torch (zip and legacy), pickled arrays, or safetensors.

    Args:
        path (str | Path): The file; its name does not matter.
        map_location: As for ``torch.load``; used for torch files. Defaults to 'cpu'.
        mapped (bool): Let the tensors of torch files be the bytes of the file, instead of copies.
            This takes less time, and is for those who copy them at once: when another program
            writes into the file, they change. Those of safetensors files always are.
            Defaults to False.

    Returns:
        Any: The content, mostly a dict. Arrays of pickles stay numpy arrays.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If it is empty, damaged, not a checkpoint, or would run code.
    """
    path = os.path.expanduser(str(path))
    if not os.path.isfile(path):
        raise FileNotFoundError(f'{path} can not be found. Give an existing file, or a name from '
                                '"python -m mvitv2_mm convert --list".')
    reader = _reader_of(path)
    try:
        return reader(path, map_location, mapped)
    except CheckpointError:
        raise
    except (RuntimeError, EOFError, pickle.UnpicklingError, SafetensorError, KeyError, TypeError,
            ValueError, IndexError, AttributeError, MemoryError, struct.error,
            zipfile.BadZipFile) as error:
        raise CheckpointError(f'{path} is damaged or not a checkpoint ({_first_sentence(error)}). '
                              'Delete it and download or copy it again.') from None


def meta_of(content: Any) -> dict:
    """What mmengine notes beside the weights in a checkpoint's content; empty if it did not."""
    meta = content.get('meta') if isinstance(content, Mapping) else None
    return meta if isinstance(meta, dict) else {}


def unwrap(content: Any, path: str) -> Dict[str, Tensor]:
    """Find the weights inside a checkpoint's content and make them tensors.

    Args:
        content (Any): What :func:`read_file` returned.
        path (str): File name for messages.

    Returns:
        dict[str, Tensor]: Names without ``module.``, tensors.

    Raises:
        CheckpointError: If no weights are found.
    """
    weights = content
    while isinstance(weights, Mapping):
        inner = [key for key in _WEIGHT_KEYS if isinstance(weights.get(key), Mapping)]
        if not inner:
            break
        weights = weights[inner[0]]
    if isinstance(weights, Mapping):
        weights = {
            # the copy gives pickled arrays, which may be read-only, memory of their own
            _WRAPPERS.sub('', key):
            value if isinstance(value, Tensor) else torch.from_numpy(np.array(value))
            for key, value in weights.items()
            if isinstance(key, str) and isinstance(value, (Tensor, np.ndarray, np.generic))
        }
    if not weights or not isinstance(weights, Mapping):
        what = sorted(map(str, content))[:5] if isinstance(content, Mapping) else type(content)
        raise CheckpointError(f'{path} holds no weights (found {what}). Give a file with a state '
                              'dict, bare or under "state_dict", "model_state" or "model".')
    return weights


def check_finite(state_dict: Mapping[str, Tensor], path: str) -> None:
    """Raise CheckpointError if a tensor holds NaN or infinity, naming file, tensor and count."""
    for key, value in state_dict.items():
        # a sum is much quicker, and never finite if a value is not; it may overflow by itself
        if value.is_floating_point() and not _sum(value).isfinite() and not value.isfinite().all():
            count = int((~value.isfinite()).sum())
            raise CheckpointError(
                f'{path}: {key} holds {count} NaN or infinite values of {value.numel()}. Training '
                'diverged or the file was damaged; use an earlier checkpoint or get it again.')


def _sum(value: Tensor) -> Tensor:
    return value.sum(dtype=torch.promote_types(value.dtype, torch.float32))


def check_suffix(path: Union[str, Path]) -> str:
    """Return the suffix of an output file, or raise CheckpointError if it cannot be written."""
    suffix = Path(path).suffix
    if suffix not in _SUFFIXES:
        raise CheckpointError(f'{path}: cannot write "{suffix}" files. Use one of '
                              f'{", ".join(_SUFFIXES)}.')
    return suffix


def write_file(content: Mapping[str, Any], path: Union[str, Path]) -> None:
    """Write a checkpoint so that the file is either complete or not there.

    Args:
        content (Mapping[str, Any]): What to save; for '.safetensors' a flat dict of tensors, for
            '.pkl' tensors under "model" become numpy arrays (detectron2's format).
        path (str | Path): '.pth', '.pyth', '.pt', '.pkl' or '.safetensors'.
    """
    suffix = check_suffix(path)
    with replaced(path) as temporary:
        if suffix == '.safetensors':
            save_safetensors(_apart(content), temporary)
        elif suffix == '.pkl':
            arrays = {k: v.numpy() for k, v in content['model'].items()}
            with open(temporary, 'wb') as file:
                pickle.dump({**content, 'model': arrays}, file, protocol=2)
        else:
            with open(temporary, 'wb') as file:  # whose errors tell more than those of torch
                torch.save(content, file)


def _apart(tensors: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    """Tensors of which no two share memory, nor has one gaps: safetensors refuses them."""
    found, taken = {}, set()
    for key, value in tensors.items():
        memory = value.untyped_storage().data_ptr()
        is_apart = memory not in taken and value.is_contiguous()
        found[key] = value if is_apart else value.clone(memory_format=torch.contiguous_format)
        taken.add(memory)
    return found
