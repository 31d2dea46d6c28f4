"""Let checkpoints written by MMEngine load with ``weights_only=True``.

Symptom:
    ``UnpicklingError: Weights only load failed ... HistoryBuffer`` on resume, test, and in every
    inferencer.
Cause:
    torch >= 2.6 reads only tensors and plain containers by default, but each MMEngine checkpoint
    holds a message hub: ``HistoryBuffer`` objects, NumPy arrays, and references to the buffer's
    statistics through ``getattr``.
Repair:
    These few names join torch's allow-list. The pickled ``getattr`` becomes a function that reads
    public attributes of ``HistoryBuffer`` and nothing else, so the protection of ``weights_only``
    stays in force.
Inert:
    Where nobody loads with ``weights_only=True``: torch < 2.6, or an MMEngine that chooses
    otherwise itself.
"""
import numpy as np
from mmengine.logging import HistoryBuffer
from numpy._core import multiarray

from ..versions import Window

WINDOWS = (
    Window('mmengine', '0.10.7', '0.12', tested='0.10.7'),
    Window('torch', '2.4', '3', tested='2.4.1 to 2.15.0'),
)
# numpy 1 writes its helpers as numpy.core, numpy 2 as numpy._core
_NUMPY_HOMES = ('numpy.core.multiarray', 'numpy._core.multiarray')
_DTYPES = ('?', 'i1', 'i2', 'i4', 'i8', 'u1', 'f2', 'f4', 'f8')


def _named(function, path: str):
    """A wrapper that torch knows as ``path``.

    torch < 2.7 takes no explicit (object, name) pairs; all versions read the name from the object.
    """

    def wrapper(*args):
        return function(*args)

    wrapper.__module__, _, wrapper.__name__ = path.rpartition('.')
    wrapper.__qualname__ = wrapper.__name__
    return wrapper


def _history_buffer_getattr(owner, name: str):
    """The only ``getattr`` a checkpoint of MMEngine needs."""
    if owner is HistoryBuffer and not name.startswith('_'):
        return getattr(owner, name)
    raise RuntimeError(f'The checkpoint asks for attribute {name!r} of {owner!r}, which is '
                       'not allowed in a file read with weights_only=True. Load it only if '
                       'you trust its source, with torch.load(..., weights_only=False).')


def _encode_latin1(text: str, encoding: str) -> bytes:
    """How pickle protocol 2 writes bytes; torch < 2.5 does not allow it by itself."""
    if encoding != 'latin1':
        raise RuntimeError(f'The checkpoint asks for the encoding {encoding!r}.')
    return text.encode('latin1')


def safe_globals() -> list:
    """The allow-list: every name an MMEngine checkpoint refers to."""
    numpy_helpers = [
        _named(getattr(multiarray, name), f'{home}.{name}') for home in _NUMPY_HOMES
        for name in ('_reconstruct', 'scalar')
    ]
    numpy_dtypes = {type(np.dtype(code)) for code in _DTYPES}
    return [
        HistoryBuffer, np.ndarray, np.dtype, *numpy_dtypes, *numpy_helpers,
        _named(_history_buffer_getattr, 'builtins.getattr'),
        _named(_encode_latin1, '_codecs.encode')
    ]


HOOKS = {'torch.serialization': lambda module: module.add_safe_globals(safe_globals())}
