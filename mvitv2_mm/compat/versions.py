"""What this package stands on; imports nothing but the standard library."""
import importlib.util

# module: how to install it
REQUIRED = {
    'torch': 'torch==2.11.0',
    'torchvision': 'torchvision==0.26.0',
    'mmengine': 'mmengine==0.10.7',
    'mmcv': 'mmcv-lite==2.1.0',
}
# host library (the scope in configs): what pip should install
HOSTS = {
    'mmpretrain': 'mmpretrain==1.2.0',
    'mmdet': 'mmdet==3.3.0 pycocotools',
    'mmaction': 'mmaction2==1.2.0',
}
# distribution: lowest and first unsupported version
WINDOWS = {
    'torch': ('2.4', '3'),
    'mmengine': ('0.10.7', '0.12'),
    'numpy': ('1.26', '2.4'),
    'setuptools': ('60', '82'),
}


def check_required() -> None:
    """Raise ImportError, with the remedy, if a required package is not installed."""
    missing = [name for name in REQUIRED if importlib.util.find_spec(name) is None]
    if missing:
        install = ' '.join(REQUIRED[name] for name in missing)
        raise ImportError(f'mvitv2_mm needs {", ".join(missing)}; run: pip install {install}')
