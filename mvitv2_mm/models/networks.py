"""Networks in exported files, run by the libraries that are made for them, on the CPU."""
import json
import logging
import os
import re
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, List, Optional

import torch
from torch import Tensor

from ..errors import UsageError
from ..extras import require
from ..muting import muted

SECTION = 'mvitv2_mm'  # of an OpenVINO file: where its metadata is
INFO = 'mvitv2_mm.json'  # the same in a program of PyTorch
TRUST = 'MVITV2_MM_TRUST_PT2'
_EXPORT_LOG = logging.getLogger('torch.export')


class OnnxNetwork:
    """A network in an ONNX file; onnxruntime computes with as many threads as torch.

    Args:
        file (str): The file.

    Attributes:
        shape (list[int | None]): Of the pixels that it takes; None is any size.
        metadata (dict[str, str]): What the file says about itself.
        takes_amp (bool): Whether autocast changes how it computes.

    Raises:
        ImportError: If onnxruntime is not installed.
        ValueError: If the file is damaged.
    """
    takes_amp = False

    def __init__(self, file: str) -> None:
        runtime = require('onnxruntime', f'{file}, an ONNX file,')
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # errors are raised too
        try:
            self._session = runtime.InferenceSession(
                file, options, providers=['CPUExecutionProvider'])
        except Exception as error:  # its classes derive from Exception alone
            raise _unreadable(file, 'ONNX', runtime, error) from None
        self.shape: List[Optional[int]] = [
            size if isinstance(size, int) else None for size in self._session.get_inputs()[0].shape
        ]
        self.metadata: Dict[str, str] = self._session.get_modelmeta().custom_metadata_map

    def __call__(self, pixels: Tensor) -> List[Tensor]:
        outputs = self._session.run(None, {'pixels': pixels.cpu().numpy()})
        return [torch.from_numpy(output) for output in outputs]


class OpenvinoNetwork:
    """A network in a pair of files of OpenVINO; see :class:`OnnxNetwork`.

    Under autocast it rounds to bfloat16, as PyTorch does.

    Args:
        file (str): The ``.xml`` of the two; the ``.bin`` lies beside it.
    """
    takes_amp = True

    def __init__(self, file: str) -> None:
        library = require('openvino', f'{file}, a file of OpenVINO,')
        self._core = library.Core()
        try:
            if b'<net' not in Path(file).read_bytes()[:200]:  # else it tries all other formats
                raise RuntimeError('it describes no network')
            self._model = self._core.read_model(file)
            self._networks = {'f32': self._compile('f32')}
        except RuntimeError as error:
            raise _unreadable(file, 'OpenVINO', library, error) from None
        sizes = self._model.inputs[0].partial_shape
        self.shape = [None if size.is_dynamic else size.get_length() for size in sizes]
        self.metadata: Dict[str, Any] = {}
        if self._model.has_rt_info([SECTION]):
            self.metadata = json.loads(self._model.get_rt_info([SECTION]).value)

    def _compile(self, precision: str) -> Any:
        settings = dict(
            INFERENCE_PRECISION_HINT=precision, INFERENCE_NUM_THREADS=torch.get_num_threads())
        return self._core.compile_model(self._model, 'CPU', settings)

    def __call__(self, pixels: Tensor) -> List[Tensor]:
        precision = 'bf16' if torch.is_autocast_enabled('cpu') else 'f32'
        if precision not in self._networks:
            self._networks[precision] = self._compile(precision)
        network = self._networks[precision]
        outputs = network([pixels.cpu().numpy()])
        return [torch.from_numpy(outputs[port].copy()) for port in network.outputs]


class TorchNetwork:
    """A network in a program of PyTorch; see :class:`OnnxNetwork`.

    Args:
        file (str): The ``.pt2``. Opening it may run code that is in it.
    """
    takes_amp = False

    def __init__(self, file: str) -> None:
        import_module('torchvision')  # the operations of detectors
        found = {INFO: ''}
        try:
            with warnings.catch_warnings(), muted(_EXPORT_LOG, below=logging.ERROR):
                warnings.simplefilter('ignore')  # that weights are not writable
                program = torch.export.load(file, extra_files=found)
        except Exception as error:
            raise _unreadable(file, 'PyTorch', torch, error) from None
        self._module = program.module()
        name, = program.graph_signature.user_inputs
        pixels, = (node for node in program.graph.nodes if node.name == name)
        self.shape = [size if type(size) is int else None for size in pixels.meta['val'].shape]
        self.metadata: Dict[str, str] = json.loads(found[INFO] or '{}')

    def __call__(self, pixels: Tensor) -> List[Tensor]:
        with torch.no_grad():
            outputs = self._module(pixels.cpu())
        return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


NETWORKS = {'.onnx': OnnxNetwork, '.xml': OpenvinoNetwork, '.pt2': TorchNetwork}


def open_network(file: str):
    """The network in an exported file; what it is follows from its ending.

    Raises:
        UsageError: If it is a program of PyTorch that nobody has said to trust.
        ImportError: If the library for such files is not installed.
        ValueError: If the file is damaged.
    """
    suffix = Path(file).suffix
    if suffix == '.pt2' and os.environ.get(TRUST) != '1':
        raise UsageError(f'{file} is a program of PyTorch, which may run any code. If you trust '
                         f'those who wrote it, set {TRUST}=1; files of ONNX (.onnx) are data alone')
    return NETWORKS[suffix](file)


def _unreadable(file: str, kind: str, library: ModuleType, error: Exception) -> ValueError:
    line = (str(error).strip() or type(error).__name__).splitlines()[-1]
    # around the reason are the file, the place in the code of the library, and what it has printed
    reason = re.sub(r'^.* failed:(/.*\) )?| Please check the warnings .*', '', line)
    version = library.__version__.partition('-')[0]
    return ValueError(f'{file} is damaged or no file of {kind} that {library.__name__} {version} '
                      f'reads ({reason[:200]})')
