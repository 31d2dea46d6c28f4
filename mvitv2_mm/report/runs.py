"""The runs that a report is about: logs, config, checkpoints and predictions of a work dir."""
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from mmengine.config import Config

from ..checkpoints.known_types import check_types
from ..checkpoints.plain_config import read_plain_config
from ..checkpoints.tasks import classes_of_data, data_of
from ..config_files import load_config
from .logs import Log, read_logs

_TIMES = ('time', 'data_time', 'step')
# how the host libraries give the metrics of each kind
_UNITS = {
    **dict.fromkeys(('accuracy', 'single-label', 'multi-label'), '%'),
    **dict.fromkeys(('acc', 'coco', 'lvis', 'mAP'), 'from 0 to 1')
}


@dataclass
class Run:
    """One training, one test, or both.

    Args:
        name (str): What the report calls it.
        dump (Path, optional): Predictions of a test.
        cfg (Config, optional): Config of the test, else of the training.
        log (Log): What the logs say; empty for a dump alone.
        metrics (dict[str, float]): Metrics that the test has reported.
        metrics_file (Path, optional): Where they stand.
        classes (tuple[str], optional): Names of the classes where they are written down.
        is_told (bool): Whether the user says which config was tested.
    """
    name: str
    dump: Optional[Path]
    cfg: Optional[Config]
    log: Log
    metrics: Dict[str, float] = field(default_factory=dict)
    metrics_file: Optional[Path] = None
    classes: Optional[Tuple[str, ...]] = None
    is_told: bool = False

    @property
    def roots(self) -> List[Path]:
        """Folders below which the files of samples may lie."""
        return [Path(root) for root in self._data_roots() if root]

    def _data_roots(self) -> List[str]:
        dataset = ((self.cfg or {}).get('test_dataloader') or {}).get('dataset') or {}
        prefix = dataset.get('data_prefix') or {}
        folders = list(prefix.values()) if isinstance(prefix, dict) else [prefix]
        root = dataset.get('data_root') or ''
        return [root, *(os.path.join(root, str(folder)) for folder in folders)]


def find_run(source: str, config: Optional[str] = None) -> Run:
    """Find what belongs to a work dir or a dump.

    Args:
        source (str): Work dir of a training or test, or a dump.
        config (str, optional): Path or name of the config that was tested. Defaults to None: the
            one that the test has left beside its log.

    Raises:
        OSError: If there is no such thing.
        ValueError: If there is nothing in it to report.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise FileNotFoundError(f'{source} does not exist; give a work dir or a dump')
    dump = path if path.is_file() else _newest_dump(path)
    work_dir = path if path.is_dir() else path.parent
    log = read_logs(work_dir)
    if path.is_dir() and dump is None and not log.rows:
        raise ValueError(f'{source} holds no run: neither logs (*/vis_data/scalars.json) nor '
                         'predictions (*.pkl); test with --dump and the work dir of the training')
    test = _test_of(dump, work_dir) if dump else None
    cfg = load_config(config) if config else _config_of(test) or log.cfg
    metrics_file = _metrics_file(dump, test) if dump else None
    name = os.path.relpath(path) if len(os.path.relpath(path)) < len(str(path)) else str(path)
    classes = _classes_of(cfg) if config else _classes(work_dir, cfg)
    return Run(name, dump, cfg, log, _read_metrics(metrics_file), metrics_file, classes, config
               is not None)


def _newest_dump(folder: Path) -> Optional[Path]:
    """The dump of a work dir; of several the usual one of a test, else the newest."""
    found = sorted([*folder.glob('*.pkl'), *folder.glob('*.pickle')], key=os.path.getmtime)
    usual = [path for path in found if path.name == 'test_predictions.pkl']
    return (usual or found or [None])[-1]


def _test_of(dump: Path, work_dir: Path) -> Optional[Path]:
    """Folder with the log of the test that wrote a dump, the newest if it was written again."""
    wanted = os.path.join(dump.absolute().parent.name, dump.name)
    for config in sorted(work_dir.glob('*/vis_data/config.py'), reverse=True):
        text = config.read_text(encoding='utf-8', errors='replace')
        if 'out_file_path' in text and (wanted in text or f"'{dump.name}'" in text):
            return config.parents[1]
    return None


def _config_of(test: Optional[Path]) -> Optional[Config]:
    return read_plain_config(test / 'vis_data' / 'config.py') if test else None


def _metrics_file(dump: Path, test: Optional[Path]) -> Optional[Path]:
    """The metrics of a test: ``test_metrics.json`` beside ``test_predictions.pkl``, or its log."""
    beside = dump.with_name(dump.stem.replace('predictions', 'metrics') + '.json')
    if 'predictions' in dump.stem and beside.is_file():
        return beside
    logged = test / f'{test.name}.json' if test else None
    return logged if logged and logged.is_file() else None


def _read_metrics(path: Optional[Path]) -> Dict[str, float]:
    if path is None:
        return {}
    try:
        content = json.loads(path.read_text())
        return {key: float(value) for key, value in content.items() if key not in _TIMES}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f'{path} holds no metrics ({error})') from None


def _classes(work_dir: Path, cfg: Optional[Config]) -> Optional[Tuple[str, ...]]:
    """Names of the classes: of a model folder in the work dir, or of the config."""
    for path in sorted(work_dir.glob('models/*/model.json')):
        names = json.loads(path.read_text(encoding='utf-8')).get('classes')
        if isinstance(names, list):
            return tuple(map(str, names))
    return _classes_of(cfg)


def _classes_of(cfg: Optional[Config]) -> Optional[Tuple[str, ...]]:
    if cfg is None:
        return None
    names = cfg.get('classes')
    if isinstance(names, (list, tuple)):
        return tuple(map(str, names))
    try:  # what lies beside a dump may not choose what is imported
        check_types(_data_alone(cfg), cfg.filename or '')
    except (ValueError, ImportError):
        return None
    return classes_of_data(cfg)


def _data_alone(cfg: Config) -> Config:
    """The dataset of a test, without the steps of its pipeline."""
    data = {key: value for key, value in data_of(cfg).items() if key != 'pipeline'}
    return Config(dict(default_scope=cfg.get('default_scope', 'mmengine'), data=data))


def unit_of(metric: str) -> str:
    """'%' or 'from 0 to 1'; '' of a metric that is not known."""
    return _UNITS.get(metric.partition('/')[0], '')


def folder_classes(files: Sequence[str], labels: Sequence[int], count: int) -> Optional[tuple]:
    """Names of classes from the folders that their files are in; None where they do not tell."""
    folders: Dict[int, set] = {}
    for file, label in zip(files, labels):
        folders.setdefault(int(label), set()).add(Path(file).parent.name)
    if any(len(names) > 1 for names in folders.values()):
        return None
    names = {label: name for label, (name, ) in folders.items()}
    if len(set(names.values())) < max(len(names), 2) or '' in names.values():
        return None
    return tuple(names.get(label, str(label)) for label in range(count))
