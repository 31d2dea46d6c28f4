"""Show the installed versions, try what our models need, and say how to repair the rest.

Only the standard library is imported at the top: this serves broken environments.
"""
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from .compat import versions
from .compat.mmpretrain import transformers
from .compat.versions import version_of
from .waiting import describe

PACKAGES = ('torch', 'torchvision', 'mmengine', 'mmcv', 'mmcv-lite', 'mmpretrain', 'mmdet',
            'mmaction2', 'numpy', 'opencv-python', 'opencv-contrib-python', 'timm', 'setuptools')
REMEDIES = {
    'torch': f'pip install {versions.REQUIRED["torch"]} {versions.REQUIRED["torchvision"]}',
    'mmengine': f'pip install {versions.REQUIRED["mmengine"]}',
    'numpy': 'pip install "numpy>=1.26,<2.4"',
    'setuptools': 'pip install "setuptools<81"',
}
# other builds of the official packages: same import names, other contents
FORKS = {
    'onedl-mmengine': 'mmengine',
    'onedl-mmcv': 'mmcv-lite',
    'onedl-mmdetection': 'mmdet',
    'onedl-mmpretrain': 'mmpretrain',
}
TASKS = {
    'image classification': 'mmpretrain',
    'object detection': 'mmdet',
    'video recognition': 'mmaction',
}
# Docker gives 64
_SHARED_MIB = 1024


@dataclass(eq=False)
class Problem(Exception):
    """Something does not work; ``needed`` is False if our models run without it."""
    detail: str
    remedy: str
    needed: bool = True


class Finding(NamedTuple):
    """A line of the report: ``state`` of a check is 'ok', 'missing' (optional) or 'broken'."""
    name: str
    state: str
    detail: str
    remedy: str = ''


def first_line(error: Exception) -> str:
    """First line of an error's message, or its type."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def check_python() -> str:
    """Python is one the hosts support."""
    if not (3, 10) <= sys.version_info[:2] <= (3, 13):
        raise Problem(f'Python {platform.python_version()}', 'use Python 3.10 to 3.13')
    return platform.python_version()


def check_versions() -> str:
    """All packages are inside the window of versions known to work."""
    for window in versions.SUPPORTED:
        package, remedy = window.package, REMEDIES[window.package]
        if not window.installed():
            raise Problem(f'{package} is not installed', remedy)
        if window.misfit():
            # setuptools 82 lacks pkg_resources, which a repair serves
            raise Problem(window.misfit(), remedy, needed=package != 'setuptools')
    return 'inside the supported windows'


def check_clashes() -> str:
    """No two packages own the same files, and none breaks a host."""
    for fork, official in FORKS.items():
        if version_of(fork):
            raise Problem(f'{fork} replaces files of {official}',
                          f'pip uninstall -y {fork}; pip install --force-reinstall {official}')
    if version_of('mmcv') and version_of('mmcv-lite'):
        raise Problem(
            'mmcv and mmcv-lite are both installed', 'pip uninstall -y mmcv mmcv-lite; '
            f'pip install {versions.REQUIRED["mmcv"]}')
    opencv = {version_of(f'opencv-{build}') for build in ('python', 'contrib-python')} - {''}
    if len(opencv) > 1:
        raise Problem(
            f'opencv-python and opencv-contrib-python differ: {" and ".join(sorted(opencv))}',
            'pip install --force-reinstall opencv-python==4.11.0.86 '
            'opencv-contrib-python==4.11.0.86')
    if transformers.is_clashing():
        raise Problem(
            f'transformers {version_of("transformers")} breaks the multimodal models of mmpretrain '
            'and mmaction2 (they are switched off)',
            'pip install "transformers<4.50", or ignore',
            needed=False)
    return 'none'


def check_torchvision() -> str:
    """torchvision's ops load, which needs a build that belongs to torch's."""
    torch = import_module('torch')
    try:
        torchvision = import_module('torchvision')
        torchvision.ops.nms(torch.ones(1, 4), torch.ones(1), .5)
    except (RuntimeError, OSError, ImportError) as error:
        raise Problem(
            f'torch {torch.__version__} and torchvision {version_of("torchvision")} are not a '
            f'pair: {first_line(error)}', 'reinstall both from one index, with versions and build '
            '(CPU or CUDA) that belong together: https://pytorch.org')
    return f'torch {torch.__version__}, torchvision {torchvision.__version__}'


def check_repairs() -> str:
    """The repairs of the hosts can be switched on; what became of each is told at the end."""
    versions.check_required()
    import_module('mvitv2_mm.repairs')
    switch = _switch()
    if switch.unknown_names():
        raise Problem(switch.unknown_names(), f'correct {switch.VARIABLE}', needed=False)
    off = len(switch.switched_off())
    return f'switched on, but for {off}' if off else 'switched on'


def _switch() -> ModuleType:
    return import_module('mvitv2_mm.compat.switch')


def repairs() -> List[Finding]:
    """What became of every repair, which the checks let meet their hosts."""
    try:
        return [Finding(*outcome) for outcome in _switch().report()]
    except ImportError:
        return []  # the check has told why


def check_host(package: str, requirement: str) -> str:
    """A host library imports with its models."""
    try:
        import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise Problem(f'{package} is not installed', f'pip install {requirement}', needed=False)
    import_module(f'{package}.models')
    return f'{package} {sys.modules[package].__version__}'


def check_ops() -> str:
    """nms, Soft-NMS and RoIAlign give the right answer; says who provides them."""
    torch, ops, ext = (import_module(name) for name in ('torch', 'mmcv.ops', 'mmcv._ext'))
    boxes = torch.tensor([[0., 0., 9., 9.], [0., 0., 9., 8.], [20., 20., 29., 29.]])
    scores = torch.tensor([.9, .8, .7])
    for device in ['cpu', 'cuda'][:1 + torch.cuda.is_available()]:
        kept = ops.nms(boxes.to(device), scores.to(device), .5)[1].tolist()
        soft = ops.soft_nms(boxes.to(device), scores.to(device), method='naive')[1].tolist()
        rois = torch.tensor([[0., 0., 0., 4., 4.]], device=device)
        pooled = ops.roi_align(torch.ones(1, 1, 4, 4, device=device), rois, 2, 1., 2)
        if kept != [0, 2] or soft != [0, 2] or not torch.all(pooled == 1):
            raise Problem(f'wrong result on {device}', versions.COMPILED_OPS)
    compiled = getattr(ext, '__file__', None)
    return 'compiled mmcv' if compiled else f'mmcv-lite, {ext.get_compiler_version()}'


def make_clip(path: str) -> None:
    """Write 8 frames of 32x32 pixels that get brighter."""
    cv2, np = import_module('cv2'), import_module('numpy')
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*'mp4v'), 8, (32, 32))
    for i in range(8):
        writer.write(np.full((32, 32, 3), 30 * i, np.uint8))
    writer.release()


def decode_decord(path: str) -> List[Any]:
    reader = import_module('decord').VideoReader(path)
    return list(reader.get_batch(range(len(reader))).asnumpy())


def decode_av(path: str) -> List[Any]:
    with import_module('av').open(path) as container:
        return [frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)]


def decode_cv2(path: str) -> List[Any]:
    capture = import_module('cv2').VideoCapture(path)
    return [frame for _, frame in iter(capture.read, (False, None))]


DECODERS = {
    'decord': (decode_decord, 'pip install decord'),
    'av': (decode_av, 'pip install av'),
    'cv2': (decode_cv2, 'pip install --force-reinstall opencv-python==4.11.0.86'),
}


def check_decoder(name: str) -> str:
    """A video decoder reads a clip made here, all frames in order."""
    decode, remedy = DECODERS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / 'clip.mp4')
        make_clip(path)
        try:
            brightness = [frame.mean() for frame in decode(path)]
        except ModuleNotFoundError:
            raise Problem('not installed', remedy, needed=False)
    if len(brightness) != 8 or sorted(brightness) != brightness:
        raise Problem(
            f'decoded {len(brightness)} of 8 frames, or in the wrong order', remedy, needed=False)
    return f'{sys.modules[name].__version__}, 8 of 8 frames'


def check_gpu() -> str:
    """A CUDA device computes."""
    torch = import_module('torch')
    if not torch.cuda.is_available():
        raise Problem(
            'no CUDA device, the CPU is used',
            'a GPU needs its driver and a torch build for it: https://pytorch.org',
            needed=False)
    torch.ones(2, device='cuda').sum().item()
    name, count = torch.cuda.get_device_name(), torch.cuda.device_count()
    return f'{count} x {name}, CUDA {torch.version.cuda}'


def check_shared_memory() -> str:
    """Data workers have the memory through which they hand over their batches."""
    folder = Path('/dev/shm')
    if not folder.is_dir():
        return 'no /dev/shm on this system'
    size = shutil.disk_usage(folder).total / 2**20
    if size < _SHARED_MIB:
        raise Problem(
            f'/dev/shm has {size:.0f} MiB, in which the batches of data workers may not fit',
            'docker run --shm-size=8g, or train_dataloader.num_workers=0',
            needed=False)
    return f'/dev/shm has {size / 2**10:.1f} GiB'


def check_bf16() -> str:
    """bfloat16 autocast runs a matrix product."""
    torch = import_module('torch')
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    if device == 'cuda' and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise Problem('the GPU has no bfloat16', 'train with --amp-dtype float16', needed=False)
    x = torch.ones(4, 4, device=device)
    with torch.autocast(device, torch.bfloat16):
        assert (x @ x).dtype == torch.bfloat16
    return f'on the {device.upper().replace("CUDA", "GPU")}'


def check_compile() -> str:
    """``torch.compile`` compiles and runs a function."""
    torch = import_module('torch')
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    x = torch.ones(8, device=device)
    try:
        assert torch.equal(torch.compile(lambda x: torch.relu(x) + 1)(x), x + 1)
    except Exception as error:
        raise Problem(
            first_line(error),
            'torch.compile needs a C++ compiler, for example: apt install g++',
            needed=False)
    return 'works'


def checks() -> List[Tuple[str, Callable[[], str]]]:
    """Name and function of each check, in the order of the table."""
    hosts = [(task, partial(check_host, host, versions.HOSTS[host]))
             for task, host in TASKS.items()]
    decoders = [(f'video decoder {name}', partial(check_decoder, name)) for name in DECODERS]
    return [
        ('Python', check_python),
        ('versions', check_versions),
        ('clashes', check_clashes),
        ('torch', check_torchvision),
        ('repairs', check_repairs),
        *hosts,
        ('mmcv ops', check_ops),
        *decoders,
        ('waiting threads', describe),
        ('shared memory', check_shared_memory),
        ('GPU', check_gpu),
        ('bfloat16', check_bf16),
        ('torch.compile', check_compile),
    ]


def diagnose(name: str, check: Callable[[], str]) -> Finding:
    """Run one check; any exception it lets through counts as broken."""
    try:
        return Finding(name, 'ok', check())
    except Problem as problem:
        state = 'broken' if problem.needed else 'missing'
        return Finding(name, state, problem.detail, problem.remedy)
    except Exception as error:
        detail = f'{type(error).__name__}: {first_line(error)}'
        remedy = 'repair what is broken above, or set up anew as docs/get_started.md shows'
        return Finding(name, 'broken', detail, remedy)


def print_lines(findings: List[Finding]) -> None:
    """Print findings in columns."""
    names, states = (max(len(finding[i]) for finding in findings) for i in (0, 1))
    for finding in findings:
        print(f'  {finding.name:{names}}  {finding.state:{states}}  {finding.detail}')


def report(findings: List[Finding]) -> None:
    """Print the versions, the findings, what became of the repairs, and one remedy per line."""
    print(', '.join(f'{name} {version_of(name)}' for name in PACKAGES if version_of(name)))
    print_lines(findings)
    if repairs():
        print('Repairs of the hosts:')
        print_lines(repairs())
    for finding in findings:
        if finding.remedy:
            print(f'{finding.name}: {finding.remedy}')


def examine() -> List[Finding]:
    """Run all checks."""
    return [diagnose(name, check) for name, check in checks()]


def as_dict(findings: List[Finding]) -> Dict[str, Any]:
    """Versions, findings and repairs as JSON has them."""
    return dict(
        versions={name: version_of(name)
                  for name in PACKAGES if version_of(name)},
        checks=[finding._asdict() for finding in findings],
        repairs=[finding._asdict() for finding in repairs()])
