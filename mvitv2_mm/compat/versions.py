"""What this package stands on; imports nothing but the standard library."""
import importlib.util
import re
from importlib import metadata
from typing import NamedTuple, Tuple

# module: how to install it
REQUIRED = {
    'torch': 'torch==2.11.0',
    'torchvision': 'torchvision==0.26.0',
    'mmengine': 'mmengine==0.10.7',
    'mmcv': 'mmcv-lite==2.1.0',
    'wrapt': 'wrapt==2.5.2',
}
# host library (the scope in configs): what pip should install
HOSTS = {
    'mmpretrain': 'mmpretrain==1.2.0',
    'mmdet': 'mmdet==3.3.0 pycocotools',
    'mmaction': 'mmaction2==1.2.0',
    'mmseg': 'mmsegmentation==1.2.2 ftfy regex',
    # chumpy, which it names and no longer uses, cannot be built
    'mmpose': '--no-deps mmpose==1.3.2 json_tricks munkres xtcocotools',
}
COMPILED_OPS = (
    'compile mmcv with `make setup MMCV=full`, or install a compiled mmcv (>=2.1, <2.2) in '
    'your own environment')


class NotNeeded(Exception):
    """Raised by a repair that finds no fault; the text says why."""


class Window(NamedTuple):
    """The versions of a distribution that something is made for.

    Args:
        package (str): Name of the distribution; 'mmcv' also stands for 'mmcv-lite'.
        lowest (str): Lowest version.
        end (str): First version that is not supported.
        tested (str): Versions that were tried.
    """
    package: str
    lowest: str
    end: str
    tested: str

    def installed(self) -> str:
        """Installed version, '' if there is none."""
        return version_of(self.package) or version_of(f'{self.package}-lite')

    def misfit(self) -> str:
        """Why the installed version is outside, '' if it is inside or not known."""
        version = self.installed()
        if not version or release(self.lowest) <= release(version) < release(self.end):
            return ''
        return (f'{self.package} {version} is not in [{self.lowest}, {self.end}) '
                f'(tested: {self.tested})')


SUPPORTED = (
    Window('torch', '2.4', '3', '2.4.1 to 2.15.0'),
    Window('mmengine', '0.10.7', '0.12', '0.10.7'),
    Window('numpy', '1.26', '2.4', '1.26.4, 2.2.6'),
    Window('setuptools', '60', '82', '65.5 to 84.2'),
)


def version_of(package: str) -> str:
    """Installed version of a distribution, '' if it is not installed."""
    try:
        return metadata.version(package) or ''
    except metadata.PackageNotFoundError:
        return ''


def release(version: str) -> Tuple[int, ...]:
    """The numbers of a version, without what follows them: '2.11.0+cpu' -> (2, 11, 0)."""
    return tuple(int(number) for number in re.match(r'[\d.]*\d', version)[0].split('.'))


def check_required() -> None:
    """Raise ImportError, with the remedy, if a required package is not installed."""
    missing = [name for name in REQUIRED if importlib.util.find_spec(name) is None]
    if missing:
        install = ' '.join(REQUIRED[name] for name in missing)
        raise ImportError(f'mvitv2_mm needs {", ".join(missing)}; run: pip install {install}')
