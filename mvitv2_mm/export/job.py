"""From a model to a file that computes the same, with its certificate."""
import copy
import json
import shutil
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Union

import torch
from mmengine.config import ConfigDict
from torch import nn

from ..checkpoints.exported_file import write_info
from ..checkpoints.model_folder import code_version
from ..checkpoints.model_info import describe
from ..checkpoints.model_source import OpenedModel
from ..children import end_at_once
from ..errors import UsageError
from ..extras import require
from ..files import flush, folder_aside, sha256_of
from ..models.exported import ExportedModel
from ..models.networks import NETWORKS
from .graphs import Graph, make_graph
from .int8 import write_int8
from .onnx_file import OPSET, trace, write_onnx
from .openvino_file import write_openvino
from .parity import TOLERANCE, Parity, random_batches
from .torch_file import write_torch

# for each format: ending, what writes it, libraries
FORMATS = dict(
    onnx=('.onnx', write_onnx, ('onnx', 'onnxscript', 'onnxruntime')),
    openvino=('.xml', write_openvino, ('onnx', 'onnxscript', 'openvino')),
    torch=('.pt2', write_torch, ()))


def export_model(opened: OpenedModel,
                 path: Union[str, Path],
                 to: str = 'onnx',
                 samples: Sequence[dict] = (),
                 maps: bool = False,
                 fixed_size: bool = False,
                 max_drop: Optional[float] = None) -> Dict[str, Any]:
    """Write a file, if it gives what the model gives, and JSON beside it.

    The file takes RGB pixels of uint8, (B, H, W, 3) for pictures and (B, T, H, W, 3) for clips.

    Args:
        opened (OpenedModel): The model.
        path (str | Path): The file, '.onnx', '.xml' for OpenVINO or '.pt2' for PyTorch. Its JSON
            has the same name and '.json' behind it.
        to (str): 'onnx', 'openvino' or 'torch'. Defaults to 'onnx'.
        samples (Sequence[dict]): Real inputs to compare with, 'inputs' and 'data_samples' as the
            pipeline of the config packs them. Defaults to ().
        maps (bool): Export the backbone alone, which gives its maps. Defaults to False.
        fixed_size (bool): The file takes the height and width that the backbone is built for, and
            no other. It is written sooner and runs faster. Defaults to False.
        max_drop (float, optional): Write products of 8 bits, if the first metric of the config's
            test falls by no more than this share of itself. Defaults to None: float32.

    Returns:
        dict: What is written to the JSON: what the file takes and gives, its preprocessing and
        classes, what was compared with which differences, versions and SHA-256.

    Raises:
        UsageError: If the model is of a kind that is not exported, or the path has another ending.
        ValueError: If the file does not give what the model gives; it is not kept.
        OSError: If the place cannot be written to.
        ImportError: If a library is not installed.
    """
    path, (ending, write, libraries) = Path(path), FORMATS[to]
    _check_request(opened, path, to, maps, max_drop)
    found = {name: require(name, f'an export to {to}') for name in libraries}
    model = opened.build()
    graph = make_graph(opened, model, maps, fixed_size)
    info = write_info(
        describe('export', opened.cfg, opened.task, opened.classes, opened.metrics, opened.licence,
                 opened.name, opened.licence_note), 'maps' if maps else 'model', opened.cfg)
    with _kept_if_good(path) as file:
        exact = file if max_drop is None else file.with_name(f'float32{ending}')
        with end_at_once(partial(shutil.rmtree, file.parent, ignore_errors=True)):
            write(trace(graph), graph, info, exact)
        parity = compare(opened, model, graph, exact, samples, maps)
        metrics = None
        if max_drop is not None:
            pixels = torch.randint(256, graph.shape, dtype=torch.uint8)
            metrics = write_int8(exact, file, max_drop, pixels)
            exact.unlink()
        versions = {name: library.__version__ for name, library in found.items()}
        certificate = _certificate(opened, graph, info, parity, file.parent)
        certificate.update(opset=None if to == 'torch' else OPSET, int8=metrics)
        certificate.update(versions={**code_version(), **versions})
        text = json.dumps(certificate, indent=2) + '\n'
        file.with_name(path.name + '.json').write_text(text)
    return certificate


def _check_request(opened: OpenedModel, path: Path, to: str, maps: bool,
                   max_drop: Optional[float]) -> None:
    ending = FORMATS[to][0]
    if opened.is_exported:
        raise UsageError(f'{opened.weights} is exported already')
    if path.suffix != ending:
        raise UsageError(f'{path} should end with {ending}, for --to {to}')
    if not 0 <= (max_drop or 0) < 1:
        raise UsageError(f'a metric may fall by a share of itself from 0 to 1, but got {max_drop}')
    if max_drop is not None and (to != 'onnx' or maps):
        raise UsageError('8 bits are for ONNX files of whole models')


@contextmanager
def _kept_if_good(path: Path) -> Iterator[Path]:
    """A path in a folder of its own; what lies there in the end moves to the folder of ``path``."""
    with folder_aside(path) as folder:
        yield folder / path.name
        for file in sorted(folder.iterdir(), key=lambda file: file.name == path.name):
            flush(file)
            file.replace(path.parent / file.name)


def compare(opened: OpenedModel, model: nn.Module, graph: Graph, file: Path,
            samples: Sequence[dict], maps: bool) -> List[dict]:
    """See that a file gives what the model gives, for random and for real inputs.

    Returns:
        list[dict]: See :class:`Parity`.

    Raises:
        ValueError: If it does not.
    """
    cfg = ConfigDict(copy.deepcopy(opened.cfg.model))
    if opened.task == 'detection' and not maps:  # probabilities of 8 bits, which nothing has cut
        cfg.test_cfg.rcnn.mask_thr_binary = model.roi_head.test_cfg.mask_thr_binary = -1
    exported = ExportedModel(str(file), cfg, NETWORKS[file.suffix](str(file)))
    parity = Parity(model, exported.eval(), opened.task, maps)
    for kind, batch in random_batches(graph, opened.task, maps):
        parity(kind, batch)
    for sample in samples:
        parity('real', [sample])
    return parity.rows


def _certificate(opened: OpenedModel, graph: Graph, info: Dict[str, str], parity: List[dict],
                 folder: Path) -> Dict[str, Any]:
    shape = [graph.open_axes.get(axis, size) for axis, size in enumerate(graph.shape)]
    files = sorted(folder.iterdir())
    return dict(
        name=opened.name,
        task=opened.task,
        content=info['content'],
        input=dict(name='pixels', type='uint8', colours='RGB', shape=shape),
        outputs=graph.outputs,
        classes=opened.classes,
        preprocessing=json.loads(info['preprocessing']),
        tolerance=TOLERANCE,
        parity=parity,
        bytes=sum(file.stat().st_size for file in files),
        sha256={file.name: sha256_of(file)
                for file in files})
