"""Write a graph as a program of PyTorch."""
import json
from pathlib import Path
from typing import Dict

import torch
from torch.export import ExportedProgram

from ..models.networks import INFO
from .graphs import Graph

# of a node: lines of code on the machine that exported it
_SOURCES = ('stack_trace', 'source_fn_stack', 'from_node')


def write_torch(program: ExportedProgram, _: Graph, info: Dict[str, str], path: Path) -> None:
    """Write a ``.pt2``; see :func:`write_onnx`."""
    graph = program.graph
    for node in list(graph.nodes):
        for key in _SOURCES:
            node.meta.pop(key, None)
        # what was assumed of open sizes while tracing, such as that two are not equal
        if node.target is torch.ops.aten._assert_scalar.default:
            graph.erase_node(node)
    graph.eliminate_dead_code()
    program.example_inputs = None
    torch.export.save(program, path, extra_files={INFO: json.dumps(info)})
