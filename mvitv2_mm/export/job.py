"""From a model to a file that computes the same, with its certificate."""
import json
from pathlib import Path
from typing import Any, Dict, List, Sequence, Union

from mmengine.config import ConfigDict
from torch import nn

from ..checkpoints.exported_file import write_info
from ..checkpoints.model_folder import code_version
from ..checkpoints.model_source import OpenedModel
from ..errors import UsageError
from ..extras import require
from ..files import replaced, sha256_of, write_text
from ..models.exported import ExportedModel
from .graphs import Graph, make_graph
from .onnx_file import OPSET, trace, write_onnx
from .parity import TOLERANCE, Parity, random_batches


def export_model(opened: OpenedModel,
                 path: Union[str, Path],
                 samples: Sequence[dict] = (),
                 maps: bool = False,
                 fixed_size: bool = False) -> Dict[str, Any]:
    """Write an ONNX file, if it gives what the model gives, and JSON beside it.

    The file takes RGB pixels of uint8, (B, H, W, 3) for pictures and (B, T, H, W, 3) for clips.

    Args:
        opened (OpenedModel): The model.
        path (str | Path): The file, '.onnx'. Its JSON has the same name and '.json' behind it.
        samples (Sequence[dict]): Real inputs to compare with, 'inputs' and 'data_samples' as the
            pipeline of the config packs them. Defaults to ().
        maps (bool): Export the backbone alone, which gives its maps. Defaults to False.
        fixed_size (bool): The file takes the height and width that the backbone is built for, and
            no other. It is written sooner and runs faster. Defaults to False.

    Returns:
        dict: What is written to the JSON: what the file takes and gives, its preprocessing and
        classes, what was compared with which differences, versions and SHA-256.

    Raises:
        UsageError: If the model is of a kind that is not exported, or the path has another ending.
        ValueError: If the file does not give what the model gives; it is not kept.
        OSError: If the place cannot be written to.
        ImportError: If a library is not installed.
    """
    path = Path(path)
    if path.suffix != '.onnx':
        raise UsageError(f'{path} should end with .onnx')
    for library in ('onnx', 'onnxscript', 'onnxruntime'):
        require(library, 'an export to ONNX')
    if opened.is_exported:
        raise UsageError(f'{opened.weights} is exported already')
    model = opened.build()
    graph = make_graph(opened, model, maps, fixed_size)
    info = write_info(opened.name, opened.task, 'maps' if maps else 'model', opened.cfg,
                      opened.classes, opened.metrics, opened.licence, opened.licence_note)
    with replaced(path) as file:
        write_onnx(trace(graph), graph, info, file)
        parity = compare(opened, model, graph, file, samples, maps)
        certificate = _certificate(opened, graph, info, parity, file)
        write_text(path.with_name(path.name + '.json'), json.dumps(certificate, indent=2) + '\n')
    return certificate


def compare(opened: OpenedModel, model: nn.Module, graph: Graph, file: Path,
            samples: Sequence[dict], maps: bool) -> List[dict]:
    """See that a file gives what the model gives, for random and for real inputs.

    Returns:
        list[dict]: See :class:`Parity`.

    Raises:
        ValueError: If it does not.
    """
    exported = ExportedModel(str(file), ConfigDict(opened.cfg.model))
    parity = Parity(model, exported.eval(), opened.task, maps)
    for kind, batch in random_batches(graph, opened.task, maps):
        parity(kind, batch)
    for sample in samples:
        parity('real', [sample])
    return parity.rows


def _certificate(opened: OpenedModel, graph: Graph, info: Dict[str, str], parity: List[dict],
                 file: Path) -> Dict[str, Any]:
    shape = [graph.open_axes.get(axis, size) for axis, size in enumerate(graph.shape)]
    runtime = require('onnxruntime', 'an export to ONNX')
    return dict(
        name=opened.name,
        task=opened.task,
        content=info['content'],
        opset=OPSET,
        input=dict(name='pixels', type='uint8', colours='RGB', shape=shape),
        outputs=graph.outputs,
        classes=opened.classes,
        preprocessing=json.loads(info['preprocessing']),
        tolerance=TOLERANCE,
        parity=parity,
        bytes=file.stat().st_size,
        sha256=sha256_of(file),
        versions={
            **code_version(), 'onnxruntime': runtime.__version__
        })
