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


def write_int8(source: Path, target: Path, max_drop: float, pixels: Tensor) -> Dict[str, Any]:
    """Write a file of 8 bits whose metric is nearly that of a file in float32.

    Args:
        source (Path): An ONNX file in float32.
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
            f'more than {max_drop:.1%}; alone they change most in {blocks}')
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
            op_types_to_quantize=['MatMul'],
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_quantize=nodes)


def worst_blocks(source: Path, pixels: Tensor) -> List[Tuple[str, float]]:
    """The three parts of a network whose 8 bits change most what it gives, each alone.

    Args:
        source (Path): An ONNX file in float32.
        pixels (Tensor): What it takes.

    Returns:
        list[tuple[str, float]]: Names, and the largest difference, as a share of the largest
        logit, or of a detector as a share of the largest value in a map of its backbone.
    """
    found = []
    with tempfile.TemporaryDirectory() as folder:
        whole, path = Path(folder, 'whole.onnx'), Path(folder, 'block.onnx')
        _write_comparable(source, whole)
        wanted = OnnxNetwork(str(whole))(pixels)
        for name, nodes in _products(source).items():
            quantize(whole, path, nodes)
            pairs = zip(OnnxNetwork(str(path))(pixels), wanted)
            found.append((name, max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)))
    return sorted(found, key=lambda pair: -pair[1])[:3]


def _write_comparable(source: Path, target: Path) -> None:
    """A copy of a file; that of a detector gives maps, because objects may come and go."""
    onnx = require('onnx', '--int8')
    model = onnx.load(source)
    graph = model.graph
    if graph.output[0].name == 'boxes':
        given, read = set(), {}
        for node in graph.node:
            if _part(node).startswith('backbone'):
                given.update(node.output)
            else:
                read.update(dict.fromkeys(node.input))
        del graph.output[:]
        graph.output.extend(onnx.ValueInfoProto(name=name) for name in read if name in given)
    onnx.save(model, target)


def _products(source: Path) -> Dict[str, List[str]]:
    """Names of the products with weights in each block of the backbone, and in each other part.

    Tables of positions are no weights: they are a matrix for every row, which onnxruntime does not
    take in 8 bits. Linear layers of the head are another operation (Gemm), and stay as they are.
    """
    found = defaultdict(list)
    graph = require('onnx', '--int8').load(source).graph
    weights = {one.name for one in graph.initializer if len(one.dims) == 2}
    for node in graph.node:
        if node.op_type == 'MatMul' and node.input[1] in weights:
            found[_part(node)].append(node.name)
    return found


def _part(node: Any) -> str:
    """The block of the backbone, or other part of the network, that a node computes for."""
    texts = {entry.key: entry.value for entry in node.metadata_props}
    scopes = list(filter(None, ast.literal_eval(texts.get(SCOPES) or '[]')))
    blocks = [scope for scope in scopes if scope.startswith('backbone.blocks.')]
    return (blocks or scopes or ['rest'])[0]


def _first_metric(file: Path) -> Tuple[str, float]:
    """Name and value of the first metric of the test in the config of a file."""
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        metrics = prepare_test(str(file), work_dir=folder).test()
    return next((name, float(value)) for name, value in metrics.items())
