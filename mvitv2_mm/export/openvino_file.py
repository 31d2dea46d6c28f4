"""Write a graph as a pair of files of OpenVINO."""
import json
from pathlib import Path
from typing import Dict

from torch.export import ExportedProgram

from ..extras import require
from ..models.networks import SECTION
from .graphs import Graph
from .onnx_file import write_onnx


def write_openvino(program: ExportedProgram, graph: Graph, info: Dict[str, str],
                   path: Path) -> None:
    """Write ``.xml`` and, beside it, ``.bin``, by way of an ONNX file; see :func:`write_onnx`."""
    openvino = require('openvino', '--to openvino')
    between = path.with_suffix('.onnx')
    write_onnx(program, graph, info, between)
    model = openvino.Core().read_model(between)
    model.set_rt_info(json.dumps(info), [SECTION])
    openvino.save_model(model, path, compress_to_fp16=False)
    del model  # it reads the weights from the file
    between.unlink()
