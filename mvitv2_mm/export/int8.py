"""Weights and products of 8 bits, if the metric stays."""
import ast
import logging
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ..engine.testing import prepare_test
from ..extras import require
from ..models.exported import open_session

_KINDS = ['MatMul', 'Gemm']


def quantize(source: Path, target: Path, nodes: Optional[Sequence[str]] = None) -> None:
    """Write a file whose products with weights are of 8 bits; inputs of a product are scaled anew.

    Args:
        source (Path): An ONNX file in float32.
        target (Path): The file to write.
        nodes (Sequence[str], optional): The products. Defaults to None: all.
    """
    quantization = require('onnxruntime.quantization', '--int8')
    logging.disable(logging.WARNING)
    try:
        quantization.quantize_dynamic(
            source,
            target,
            op_types_to_quantize=_KINDS,
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_quantize=None if nodes is None else list(nodes))
    finally:
        logging.disable(logging.NOTSET)


def metric_of(model: str, checkpoint: Optional[str], options: Optional[dict]) -> Tuple[str, float]:
    """Name and value of the first metric of the test of a model.

    Args:
        model (str): What :func:`open_model` takes.
        checkpoint (str, optional): Weights for a config.
        options (dict, optional): Changes to the config.

    Raises:
        ValueError, OSError: If the test data is not there.
    """
    with tempfile.TemporaryDirectory() as folder:
        metrics = prepare_test(model, checkpoint, options, folder).test()
    return next((name, float(value)) for name, value in metrics.items())


def worst_blocks(source: Path, pixels: np.ndarray, number: int = 3) -> List[Tuple[str, float]]:
    """The parts of a network whose 8 bits change the result most, each alone.

    Args:
        source (Path): An ONNX file in float32.
        pixels (np.ndarray): What it takes.
        number (int): How many to name. Defaults to 3.

    Returns:
        list[tuple[str, float]]: Names, and the largest difference as a share of the largest output.
    """
    wanted = open_session(str(source)).run(None, {'pixels': pixels})[0]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, nodes in _nodes_of_blocks(source).items():
            path = Path(folder, 'block.onnx')
            quantize(source, path, nodes)
            output = open_session(str(path)).run(None, {'pixels': pixels})[0]
            found.append((name, float(np.abs(output - wanted).max() / np.abs(wanted).max())))
    return sorted(found, key=lambda pair: -pair[1])[:number]


def _nodes_of_blocks(source: Path) -> Dict[str, List[str]]:
    """Names of the products in each block of the backbone, and in each other part."""
    found = defaultdict(list)
    for node in require('onnx', '--int8').load(source).graph.node:
        if node.op_type not in _KINDS:
            continue
        texts = {entry.key: entry.value for entry in node.metadata_props}
        scopes = ast.literal_eval(texts.get('pkg.torch.onnx.name_scopes', '[]'))
        scopes = [scope for scope in scopes if isinstance(scope, str) and scope]
        parts = next((scope for scope in scopes if scope.count('.') == 2), None)
        found[parts or (scopes or ['others'])[0]].append(node.name)
    return found
