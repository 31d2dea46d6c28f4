"""Make the data sets, whole or not at all."""
import json
import shutil
from pathlib import Path

from filelock import FileLock

from . import clips, images, scenes

DATA_ROOT = Path('data/quickstart')
_MANIFEST = '.manifest.json'  # hidden: not part of the data
# task, or the controls of one -> (folder, description of its content, function that writes it)
DATASETS = {
    'image': ('images', images.SPEC, images.make_images),
    'detection': ('scenes', scenes.SPEC, scenes.make_scenes),
    'video': ('clips', clips.SPEC, clips.make_clips),
    'controls': ('clips_controls', clips.SPEC, clips.make_controls),
}


def prepare(task: str, data_root: Path = DATA_ROOT) -> Path:
    """Make the data of one task unless it is already there, complete and of this version.

    Everything is written into a side folder first and renamed when done, so a killed run leaves
    nothing that looks finished. Processes that want the same data wait for the first one.

    Args:
        task (str): 'image', 'detection', 'video' or 'controls'.
        data_root (Path): Parent of the data sets. Defaults to 'data/quickstart'.

    Returns:
        Path: Folder of the data set.
    """
    name, spec, make = DATASETS[task]
    root, part = data_root / name, data_root / f'.{name}.part'
    data_root.mkdir(parents=True, exist_ok=True)
    with FileLock(data_root / f'.{name}.lock'):
        if is_complete(root, spec):
            return root
        for stale in (root, part):
            shutil.rmtree(stale, ignore_errors=True)
        part.mkdir()
        make(part)
        manifest = dict(spec=spec, num_files=count_files(part))
        (part / _MANIFEST).write_text(json.dumps(manifest))
        part.rename(root)
    return root


def is_complete(root: Path, spec: dict) -> bool:
    """Whether ``root`` holds a finished data set of this description with no file missing."""
    path = root / _MANIFEST
    if not path.exists():
        return False
    manifest = json.loads(path.read_text())
    return manifest == json.loads(json.dumps(dict(spec=spec, num_files=count_files(root) - 1)))


def count_files(root: Path) -> int:
    """Number of files below ``root``."""
    return sum(path.is_file() for path in root.rglob('*'))
