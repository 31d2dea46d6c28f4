"""The formats of a classifier or recognizer beside each other: size, time and differences."""
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import MODELS, init_default_scope
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from ..benchmark.peers import PEERS, Case
from ..checkpoints.model_source import OpenedModel
from ..checkpoints.tasks import for_prediction
from ..config_files import load_config
from ..errors import UsageError
from ..models.exported import make_collector, to_pixels
from ..models.networks import OnnxNetwork, OpenvinoNetwork, TorchNetwork
from ..names import check_names
from .graphs import make_graph
from .int8 import quantize
from .job import export_model

Network = Callable[[Tensor], Tensor]
OURS, HOSTS = 'PyTorch', dict(image='mmpretrain', video='mmaction2')
# name of a config: how its host library calls the network
CASES = {
    'mvitv2-tiny_8xb256_in1k':
    Case('image', 'tiny', (224, 224), 1, ()),
    'mvitv2-small-p244_32xb16-16x4x1-200e_kinetics400-rgb':
    Case('video', 'small', (16, 224, 224), 1, ()),
}


@dataclass
class FormatRow:
    """What was measured of one format.

    Attributes:
        name (str): Of the format.
        megabytes (float, optional): Of its files; None where the model itself computes.
        wall (float): Milliseconds for one input, on the clock.
        cpu (float): Milliseconds for one input, of the processor, over all threads.
        difference (float): From the model, the largest, as a share of its largest logit.
        equal (int): Inputs for which the best class is that of the model.
        inputs (int): Inputs that were compared.
    """
    name: str
    megabytes: Optional[float]
    wall: float
    cpu: float
    difference: float
    equal: int
    inputs: int

    def as_dict(self) -> dict:
        return asdict(self)


def random_models(arch: Optional[str] = None) -> Iterator[Tuple[OpenedModel, Case]]:
    """The published recipes that are measured, with weights drawn at random.

    Args:
        arch (str, optional): Only that of this size. Defaults to None: all.

    Raises:
        UsageError: If there is none.
    """
    found = {name: case for name, case in CASES.items() if arch in (None, case.arch)}
    if not found:
        raise UsageError(f'no case of task export has --arch {arch}; there are '
                         f'{", ".join(case.arch for case in CASES.values())}')
    for name, case in found.items():
        cfg = for_prediction(load_config(name))
        init_default_scope(cfg.default_scope)
        torch.manual_seed(0)
        model = MODELS.build(cfg.model)
        with torch.no_grad():
            for param in model.parameters():  # constants would hide a difference
                param.add_(torch.randn_like(param) * 0.02)
        known = dict(classes=None, notes=[], weights=name, licence='', licence_note='', metrics=[])
        yield OpenedModel(name, case.task, cfg, read_state=model.state_dict, **known), case


def measure_formats(opened: OpenedModel,
                    case: Optional[Case] = None,
                    samples: Sequence[dict] = (),
                    peers: Optional[Sequence[str]] = None,
                    batch_size: Optional[int] = None,
                    threads: Optional[int] = None,
                    repeats: int = 5) -> List[FormatRow]:
    """Write a model in all formats; compare them on this CPU, and time them in turns.

    Args:
        opened (OpenedModel): A classifier or recognizer.
        case (Case, optional): How its host library calls the network, to measure that too.
            Defaults to None.
        samples (Sequence[dict]): Real inputs to compare on, as the pipeline packs them. Defaults
            to (): 8 of random pixels.
        peers (Sequence[str], optional): Names of formats. Defaults to None, all.
        batch_size (int, optional): Inputs that are timed at a time. Defaults to None: 1.
        threads (int, optional): Defaults to None, those of torch.
        repeats (int): Timed runs of each, after one that is not counted. Defaults to 5.

    Returns:
        list[FormatRow]: The model itself comes first.

    Raises:
        UsageError: If the model is of another kind, or a format does not exist.
        ValueError: If a file does not give what the model gives.
        ImportError: If a library is not installed.
    """
    if opened.task not in HOSTS or opened.is_exported:
        raise UsageError(f'{opened.name}: formats are compared of classifiers and recognizers')
    torch.set_num_threads(threads or torch.get_num_threads())
    module = make_graph(opened, opened.build(), maps=False, fixed_size=True).module
    with tempfile.TemporaryDirectory() as folder:
        makers = _makers(opened, module, case, Path(folder))
        made = {name: makers[name]() for name in _chosen(makers, peers)}
        with torch.inference_mode():
            inputs = _pixels(opened, module, samples)
            timed = inputs[0].repeat(batch_size or 1, *[1] * (inputs[0].dim() - 1))
            made = _that_run(made, timed)
            outputs = {name: torch.cat(list(map(run, inputs))) for name, (run, _) in made.items()}
            times = _times({name: run for name, (run, _) in made.items()}, timed, repeats)
    return [
        FormatRow(name, size, *times[name], *_compare(outputs[name], outputs[OURS]), len(inputs))
        for name, (_, size) in made.items()
    ]


def _makers(opened: OpenedModel, module: nn.Module, case: Optional[Case],
            folder: Path) -> Dict[str, Callable[[], Tuple[Network, Optional[float]]]]:
    """For each format, what makes its function from pixels to logits, and says its megabytes."""
    names = 'a.onnx', 'int8.onnx', 'a.xml', 'a.pt2'
    onnx, int8, openvino, pt2 = (folder / name for name in names)

    def write(path: Path, to: str) -> str:
        if not path.exists():
            export_model(opened, path, to, fixed_size=True)
        return str(path)

    def write_int8() -> str:
        quantize(Path(write(onnx, 'onnx')), int8)
        return str(int8)

    found = {
        OURS: lambda: (module, None),
        f'{OURS}, bfloat16': lambda: (_in_bfloat16(lambda x: module(x).float()), None),
        f'{OURS}, compiled': lambda: (torch.compile(module, options=dict(freezing=True)), None),
        f'{OURS}, exported': lambda: _of_file(TorchNetwork(write(pt2, 'torch')), pt2),
        'ONNX': lambda: _of_file(OnnxNetwork(write(onnx, 'onnx')), onnx),
        'ONNX, 8 bits': lambda: _of_file(OnnxNetwork(write_int8()), int8),
    }
    for suffix, change in (('', lambda run: run), (', bfloat16', _in_bfloat16)):
        found[f'OpenVINO{suffix}'] = lambda change=change: _of_file(
            change(OpenvinoNetwork(write(openvino, 'openvino'))), openvino,
            openvino.with_suffix('.bin'))
    if case:
        found[f'{HOSTS[case.task]}, {OURS}'] = lambda: (_of_host(case, module), None)
    return found


def _chosen(makers: Dict[str, Callable], names: Optional[Sequence[str]]) -> List[str]:
    check_names('--peers', names, makers)
    return [name for name in makers if names is None or name in (OURS, *names)]


def _of_file(network: Callable[[Tensor], List[Tensor]], *files: Path) -> Tuple[Network, float]:
    return lambda pixels: network(pixels)[0], sum(file.stat().st_size for file in files) / 1e6


def _in_bfloat16(network: Callable) -> Callable:

    def run(pixels: Tensor) -> Any:
        with torch.autocast('cpu', torch.bfloat16):
            return network(pixels)

    return run


def _of_host(case: Case, module: nn.Module) -> Network:
    """The same weights in the network of the host library, between our pixels and our head."""
    theirs = PEERS[HOSTS[case.task]](case, module.backbone.state_dict()).eval()

    def run(pixels: Tensor) -> Tensor:
        feats = theirs(module.pixels(pixels))
        return module.head((feats, ) if case.task == 'image' else ([None, feats], ))

    return run


def _that_run(made: Dict[str, tuple], pixels: Tensor) -> Dict[str, tuple]:
    """Those that this machine runs; a line names the others. Compiling needs a compiler."""
    found = {}
    for name, (run, size) in made.items():
        try:
            run(pixels)
        except torch._dynamo.exc.BackendCompilerFailed as error:
            print(f'{name} is left out: {str(error).splitlines()[0]}', file=sys.stderr)
        else:
            found[name] = (run, size)
    return found


def _pixels(opened: OpenedModel, module: nn.Module, samples: Sequence[dict]) -> List[Tensor]:
    """Inputs one by one; a clip has one for each view."""
    if not samples:
        shape = (8, *module.backbone.input_size, 3)
        draw = partial(torch.randint, 256, shape, dtype=torch.uint8)
        return list(draw(generator=torch.Generator().manual_seed(0)).split(1))
    collect = make_collector(opened.cfg.model)
    batches = (collect(pseudo_collate([sample]), False)['inputs'] for sample in samples)
    return [view for batch in batches for view in to_pixels(batch).split(1)]


def _compare(found: Tensor, wanted: Tensor) -> Tuple[float, int]:
    difference = float((found - wanted).abs().max() / wanted.abs().max())
    return difference, int((found.argmax(1) == wanted.argmax(1)).sum())


def _times(networks: Dict[str, Network], pixels: Tensor,
           repeats: int) -> Dict[str, Tuple[float, float]]:
    """Milliseconds for one input, on the clock and of the processor."""
    taken: Dict[str, List[Tuple[float, float]]] = {name: [] for name in networks}
    for turn in range(repeats + 1):  # a disturbance of the machine meets all of them
        for name, run in networks.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run(pixels)
            seconds = time.perf_counter() - wall, time.process_time() - cpu
            taken[name] += [seconds] if turn else []
    return {
        name: tuple(1e3 * statistics.median(column) / len(pixels) for column in zip(*rows))
        for name, rows in taken.items()
    }


def print_rows(title: str, rows: Sequence[FormatRow]) -> None:
    """Print a table; the speed is relative to the host library if it is there, else to ours."""
    slow = rows[-1] if rows[-1].name.startswith(tuple(HOSTS.values())) else rows[0]
    table = Table(
        'format',
        'MB',
        'ms',
        'CPU ms',
        f'times as fast as {slow.name}',
        'difference',
        'equal',
        title=title)
    for row in rows:
        size = '' if row.megabytes is None else f'{row.megabytes:.1f}'
        table.add_row(row.name, size, f'{row.wall:.1f}', f'{row.cpu:.1f}',
                      f'{slow.cpu / row.cpu:.2f}', f'{row.difference:.1e}',
                      f'{row.equal} of {row.inputs}')
    console = Console()
    console.width = console.width if console.is_terminal else 120
    console.print(table)
