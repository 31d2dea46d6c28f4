"""Write a graph as an ONNX file."""
import logging
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator

import torch
from torch.export import Dim, ExportedProgram

from ..extras import require
from ..muting import muted
from .graphs import Graph

OPSET = 20
SCOPES = 'pkg.torch.onnx.name_scopes'  # of a node: the modules that it is from
_MORE = dict(batch=0, height=96, width=160)
_LIMIT = 2**31  # bytes of a file in the format of ONNX


def trace(graph: Graph) -> ExportedProgram:
    """Record what a graph computes, with the sizes left open that it leaves open."""
    # Larger than any size in the network: where they are equal, torch 2.11 fails to solve what it
    # may assume of an open size.
    more = {axis: _MORE[name] for axis, name in graph.open_axes.items()}
    shape = [size + more.get(axis, 0) for axis, size in enumerate(graph.shape)]
    pixels = torch.randint(256, shape, dtype=torch.uint8)
    with torch.no_grad(), _quietly():
        return torch.export.export(
            graph.module, (pixels, ),
            dynamic_shapes=({
                axis: Dim.DYNAMIC
                for axis in graph.open_axes
            }, ),
            prefer_deferred_runtime_asserts_over_guards=True)


def write_onnx(program: ExportedProgram, graph: Graph, info: Dict[str, str], path: Path) -> None:
    """Write an ONNX file.

    Args:
        program (ExportedProgram): What the graph computes.
        graph (Graph): The graph.
        info (dict[str, str]): Metadata of the file.
        path (Path): The file.

    Raises:
        ImportError: If the exporter of PyTorch lacks a library.
        ValueError: If the weights take more than the 2 GiB of one file.
    """
    for library in ('onnx', 'onnxscript'):
        require(library, 'an export to ONNX')
    size = sum(value.numel() * value.element_size() for value in program.state_dict.values())
    if size >= _LIMIT:
        raise ValueError(f'the weights take {size / 2**30:.1f} GiB, but an ONNX file holds 2; '
                         'use --to torch')
    with torch.no_grad(), _quietly():
        exported = torch.onnx.export(
            program,
            input_names=['pixels'],
            output_names=graph.outputs,
            opset_version=OPSET,
            dynamo=True,
            verbose=False)
    entry = exported.model.graph.inputs[0]
    for axis, name in graph.open_axes.items():
        entry.shape[axis] = name
    for node in exported.model.graph.all_nodes():  # where in the code of this machine it is from
        scopes = node.metadata_props.get(SCOPES, '')
        node.metadata_props.clear()
        node.metadata_props[SCOPES] = scopes
    exported.model.metadata_props.clear()
    exported.model.metadata_props.update(info)
    exported.save(str(path), external_data=False)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the remarks of the exporters, which users can do nothing about."""
    loggers = [logging.getLogger(name) for name in ('torch.onnx', 'torch.export', 'onnxscript')]
    with muted(*loggers, below=logging.ERROR), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        yield
