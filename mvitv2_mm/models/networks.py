"""Networks in exported files, run by the libraries that are made for them, on the CPU."""
import json
import os
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any, Dict, List, Optional

import torch
from torch import Tensor

from ..errors import UsageError
from ..extras import require

SECTION = 'mvitv2_mm'  # of an OpenVINO file: where its metadata is
INFO = 'mvitv2_mm.json'  # the same in a program of PyTorch
TRUST = 'MVITV2_MM_TRUST_PT2'


class OnnxNetwork:
    """A network in an ONNX file; onnxruntime computes with as many threads as torch.

    Args:
        file (str): The file.

    Attributes:
        shape (list[int | None]): Of the pixels that it takes; None is any size.
        metadata (dict[str, str]): What the file says about itself.

    Raises:
        ImportError: If onnxruntime is not installed.
        ValueError: If the file is damaged.
    """

    def __init__(self, file: str) -> None:
        runtime = require('onnxruntime', f'{file}, an ONNX file,')
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # errors are raised too
        try:
            self._session = runtime.InferenceSession(
                file, options, providers=['CPUExecutionProvider'])
        except Exception as error:  # its classes derive from Exception alone
            raise _damaged(file, 'ONNX', error) from None
        self.shape: List[Optional[int]] = [
            size if isinstance(size, int) else None for size in self._session.get_inputs()[0].shape
        ]
        self.metadata: Dict[str, str] = self._session.get_modelmeta().custom_metadata_map

    def __call__(self, pixels: Tensor) -> List[Tensor]:
        outputs = self._session.run(None, {'pixels': pixels.cpu().numpy()})
        return [torch.from_numpy(output) for output in outputs]


class OpenvinoNetwork:
    """A network in a pair of files of OpenVINO; see :class:`OnnxNetwork`.

    Args:
        file (str): The ``.xml`` of the two; the ``.bin`` lies beside it.
        precision (str): 'f32' computes what the model computes; 'bf16' rounds to 8 bits of
            mantissa. Defaults to 'f32'.
    """

    def __init__(self, file: str, precision: str = 'f32') -> None:
        core = require('openvino', f'{file}, a file of OpenVINO,').Core()
        settings = dict(
            INFERENCE_PRECISION_HINT=precision, INFERENCE_NUM_THREADS=torch.get_num_threads())
        try:
            model = core.read_model(file)
            self._network = core.compile_model(model, 'CPU', settings)
        except RuntimeError as error:
            raise _damaged(file, 'OpenVINO', error) from None
        sizes = self._network.inputs[0].partial_shape
        self.shape = [None if size.is_dynamic else size.get_length() for size in sizes]
        self.metadata: Dict[str, Any] = {}
        if model.has_rt_info([SECTION]):
            self.metadata = json.loads(model.get_rt_info([SECTION]).value)

    def __call__(self, pixels: Tensor) -> List[Tensor]:
        outputs = self._network([pixels.cpu().numpy()])
        return [torch.from_numpy(outputs[port].copy()) for port in self._network.outputs]


class TorchNetwork:
    """A network in a program of PyTorch; see :class:`OnnxNetwork`.

    Args:
        file (str): The ``.pt2``. Opening it may run code that is in it.
    """

    def __init__(self, file: str) -> None:
        import_module('torchvision')  # the operations of detectors
        found = {INFO: ''}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')  # that weights are not writable
                program = torch.export.load(file, extra_files=found)
        except Exception as error:
            raise _damaged(file, 'PyTorch', error) from None
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


def _damaged(file: str, kind: str, error: Exception) -> ValueError:
    line = next(filter(None, map(str.strip, str(error).splitlines())), type(error).__name__)
    return ValueError(f'{file} is damaged or no file of {kind} ({line[:200]})')
