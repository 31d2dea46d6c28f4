"""A pickle reader that can only make arrays and plain containers.

Detectron2 publishes its models as bare pickles, and unpickling runs whatever the file names. Here
every name that a pickle may use is served by this file, and array data never reaches numpy's own
``__setstate__``; any other name ends the reading before anything is called.
"""
import io
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, Iterator

import numpy as np


class ForbiddenName(pickle.UnpicklingError):
    """A pickle asked for a name that arrays and plain containers do not need."""


class _DType:
    """Stands for ``numpy.dtype``: numbers and booleans only, no objects or records."""

    def __init__(self, code: str, *flags) -> None:
        self.dtype = np.dtype(str(code))
        if self.dtype.kind not in 'biuf':
            raise ForbiddenName(f'numpy.dtype({code!r})')

    def __setstate__(self, state: tuple) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stands for an array whose shape and data follow."""

    def __init__(self, *args) -> None:
        self.array = np.empty(0)

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, fortran, data = state
        self.array = _from_buffer(data, dtype, shape, 'F' if fortran else 'C')


def _from_buffer(data: bytes, dtype: _DType, shape: tuple, order: str) -> np.ndarray:
    return np.frombuffer(_latin1(data), dtype=dtype.dtype).reshape(shape, order=order)


def _scalar(dtype: _DType, data: bytes) -> np.generic:
    return _from_buffer(data, dtype, (), 'C')[()]


def _latin1(text, encoding: str = 'latin1') -> bytes:
    """Protocol 2 writes bytes as ``_codecs.encode(text, 'latin1')``."""
    return text.encode('latin1') if isinstance(text, str) else bytes(memoryview(text))


def _no_bytes() -> bytes:
    """Protocol 2 writes the data of an empty array as ``bytes()``."""
    return b''


_ALLOWED = {
    ('collections', 'OrderedDict'): OrderedDict,
    ('numpy', 'dtype'): _DType,
    ('numpy', 'ndarray'): 'numpy.ndarray',  # only ever an argument that is not used
    ('_codecs', 'encode'): _latin1,
    ('__builtin__', 'bytes'): _no_bytes,
}
for _core in ('numpy.core', 'numpy._core'):  # the homes in numpy 1 and numpy 2
    _ALLOWED[_core + '.multiarray', '_reconstruct'] = _Array
    _ALLOWED[_core + '.multiarray', 'scalar'] = _scalar
    _ALLOWED[_core + '.numeric', '_frombuffer'] = _from_buffer


class _ArrayUnpickler(pickle.Unpickler):
    allowed = _ALLOWED

    def find_class(self, module: str, name: str):
        if (module, name) not in self.allowed:
            raise ForbiddenName(f'{module}.{name}')
        return self.allowed[module, name]


class _TensorUnpickler(_ArrayUnpickler):
    """Makes tensors too, from storages that torch reads as mere weights."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        import torch
        self.allowed = {
            **_ALLOWED,
            ('torch', 'Size'): tuple,
            ('torch._utils', '_rebuild_tensor_v2'): torch._utils._rebuild_tensor_v2,
            ('torch.storage', '_load_from_bytes'): _storage,
        }


def _storage(data: bytes):
    """A storage that a tensor was pickled with; nothing else can come of it."""
    import torch
    return torch.load(io.BytesIO(data), map_location='cpu', weights_only=True)


def _plain(value: Any) -> Any:
    """Put the finished arrays in place of their stand-ins."""
    if isinstance(value, _Array):
        return value.array
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(item) for item in value)
    return value


def load_tensors(path: str) -> Any:
    """Read a pickle of tensors, arrays and plain containers, as ``test --dump`` writes it.

    Raises:
        ForbiddenName: If the pickle refers to anything else. Nothing of it has been executed then.
        UnpicklingError: If it is no pickle, or only its beginning.
    """
    try:
        with open(path, 'rb') as file:
            return _plain(_TensorUnpickler(file, encoding='latin1').load())
    except (EOFError, IndexError, KeyError, ValueError, AttributeError, TypeError,
            RuntimeError) as error:
        raise pickle.UnpicklingError(f'{path} is no whole pickle ({error})') from error


def load_arrays(path: str) -> Any:
    """Read a pickle of numpy arrays in dicts, lists and tuples, written by numpy 1 or 2.

    Raises:
        ForbiddenName: If the pickle refers to anything else. Nothing has been executed then.
    """
    with open(path, 'rb') as file:
        return _plain(_ArrayUnpickler(file, encoding='latin1').load())


def mentions_mvitv2(path: str) -> bool:
    """Whether a file, read as pickled text and never unpickled, names weights of an MViTv2."""
    try:
        return any('attn.pool_q' in text for text in _strings(_pickles(path)))
    except (ValueError, UnicodeDecodeError, OSError, zipfile.BadZipFile):
        return False  # not a pickle, or only its beginning


def _pickles(path: str) -> BinaryIO:
    """The pickles in a checkpoint: one in the archive of torch, else a few at the start."""
    if not zipfile.is_zipfile(path):
        return open(path, 'rb')
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if Path(name).name == 'data.pkl']
        return io.BytesIO(b''.join(archive.read(name) for name in names))


def _strings(file: BinaryIO) -> Iterator[str]:
    with file:
        while True:  # until what follows is no pickle
            for _, argument, _ in pickletools.genops(file):
                if isinstance(argument, str):
                    yield argument
