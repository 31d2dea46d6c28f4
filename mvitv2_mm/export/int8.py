"""Products with weights of 8 bits, if the metric stays."""
import ast
import logging
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from ..compat.versions import Window
from ..engine.testing import prepare_test
from ..extras import require
from ..models.networks import OnnxNetwork
from ..muting import muted
from .onnx_file import SCOPES

# 1.23 infers other shapes than the files have
QUANTIZER = Window('onnxruntime', '1.32', '2', tested='1.32.0')
_KINDS = ['MatMul', 'Gemm']


def write_int8(source: Path, target: Path, max_drop: float, pixels: Tensor) -> Dict[str, Any]:
    """Write a file of 8 bits whose metric is nearly that of a file in float32.

    Args:
        source (Path): An ONNX file in float32, of a classifier or recognizer.
        target (Path): The file to write.
        max_drop (float): By how much of itself the first metric of the config's test may fall.
        pixels (Tensor): What the file takes, to find out which blocks suffer most.

    Returns:
        dict: 'metric', its name, 'float32' and 'int8', its values.

    Raises:
        ValueError: If the metric falls by more; names the blocks that suffer most. Or if the test
            data does not fit.
        OSError: If the test data is not there.
    """
    quantize(source, target)
    name, before = _first_metric(source)
    _, after = _first_metric(target)
    if before - after > max_drop * before:
        blocks = ', '.join(f'{block} ({part:.1%})' for block, part in worst_blocks(source, pixels))
        raise ValueError(
            f'the file is not kept: with 8 bits {name} falls from {before:.4g} to {after:.4g}, by '
            f'more than {max_drop:.1%}; alone they change the logits most in {blocks}')
    return dict(metric=name, float32=before, int8=after)


def quantize(source: Path, target: Path, nodes: Optional[Sequence[str]] = None) -> None:
    """Write a file whose products with weights are of 8 bits; each input is scaled as it comes.

    Args:
        source (Path): An ONNX file in float32.
        target (Path): The file to write.
        nodes (Sequence[str], optional): The products. Defaults to None: all.

    Raises:
        ImportError: If onnxruntime is not installed, or too old.
    """
    misfit = QUANTIZER.misfit()
    if misfit:
        raise ImportError(f'--int8: {misfit}; it needs a newer release, which needs Python 3.11')
    nodes = nodes or sum(_products(source).values(), [])
    quantization = require('onnxruntime.quantization', '--int8')
    with muted(logging.getLogger(), below=logging.ERROR):  # of files not optimised before
        quantization.quantize_dynamic(
            source,
            target,
            op_types_to_quantize=_KINDS,
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_quantize=nodes)


def worst_blocks(source: Path, pixels: Tensor) -> List[Tuple[str, float]]:
    """The three parts of a network whose 8 bits change the logits most, each alone.

    Args:
        source (Path): An ONNX file in float32.
        pixels (Tensor): What it takes.

    Returns:
        list[tuple[str, float]]: Names, and the largest difference as a share of the largest logit.
    """
    wanted, = OnnxNetwork(str(source))(pixels)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, nodes in _products(source).items():
            path = Path(folder, 'block.onnx')
            quantize(source, path, nodes)
            logits, = OnnxNetwork(str(path))(pixels)
            found.append((name, float((logits - wanted).abs().max() / wanted.abs().max())))
    return sorted(found, key=lambda pair: -pair[1])[:3]


def _products(source: Path) -> Dict[str, List[str]]:
    """Names of the products with weights in each block of the backbone, and in each other part.

    Tables of positions are no weights: they are a matrix for every row, which onnxruntime does not
    take in 8 bits.
    """
    found = defaultdict(list)
    graph = require('onnx', '--int8').load(source).graph
    weights = {one.name for one in graph.initializer if len(one.dims) == 2}
    for node in graph.node:
        if node.op_type in _KINDS and node.input[1] in weights:
            texts = {entry.key: entry.value for entry in node.metadata_props}
            scopes = ast.literal_eval(texts.get(SCOPES) or '[]')
            blocks = [scope for scope in scopes if scope.startswith('backbone.blocks.')]
            found[(blocks or list(filter(None, scopes)) or ['rest'])[0]].append(node.name)
    return found


def _first_metric(file: Path) -> Tuple[str, float]:
    """Name and value of the first metric of the test in the config of a file."""
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        metrics = prepare_test(str(file), work_dir=folder).test()
    return next((name, float(value)) for name, value in metrics.items())
