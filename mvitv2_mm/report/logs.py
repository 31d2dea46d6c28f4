"""What the logs of a training say: its curves, and what it was."""
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

from mmengine.config import Config

from ..checkpoints.plain_config import read_plain_config
from ..engine.dry_runs import read_dry_run

Points = List[Tuple[float, float]]
_STAMP = re.compile(r'^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) - mmengine', re.M)
_FACT = re.compile(r'^    ([A-Za-z][\w .,]*): (.{1,120})$', re.M)
# of what mmengine writes about the system
_FACTS = ('Python', 'PyTorch', 'TorchVision', 'OpenCV', 'MMEngine', 'CUDA available', 'seed',
          'deterministic', 'Distributed launcher')
_LOSS = re.compile(r'(^|\.|_)loss')


@dataclass
class Log:
    """Everything that is logged.

    Args:
        rows (list[dict]): Lines of ``scalars.json``, those of resumed runs in place of older ones.
        cfg (Config, optional): Config of the training.
        facts (dict[str, str]): Versions, seed and hardware.
        changes (dict, optional): Settings that differ from what the config inherits.
        config_name (str): Path of the config, '' if not known.
        rates (dict[str, Points]): Learning rate of each group of parameters.
        seconds (float): How long the training took, all starts together.
        cost (dict, optional): "device", "passes", "total_passes", "seconds" and "peak_bytes" of the
            last start that came to its end.
        dry_run (dict, optional): What a dry run had foreseen.
    """
    rows: List[dict] = field(default_factory=list)
    cfg: Optional[Config] = None
    facts: Dict[str, str] = field(default_factory=dict)
    changes: Optional[Dict[str, list]] = None
    config_name: str = ''
    rates: Dict[str, Points] = field(default_factory=dict)
    seconds: float = 0.
    cost: Optional[dict] = None
    dry_run: Optional[dict] = None

    def curve(self, key: str) -> Points:
        """Value of a key at every step of the training at which it was logged."""
        return [(row['step'], row[key]) for row in self.rows
                if 'iter' in row and isinstance(row.get(key), (int, float))]

    def validation(self, key: str) -> Points:
        """Value of a metric after every validation."""
        return [(row['step'], row[key]) for row in self.rows
                if 'iter' not in row and isinstance(row.get(key), (int, float))]

    def losses(self) -> List[str]:
        """Names of the losses, the whole one first."""
        names = {key for row in self.rows if 'iter' in row for key in row if _LOSS.search(key)}
        return sorted(names, key=lambda name: (name != 'loss', name))

    def validated(self) -> List[str]:
        """Names of the metrics of validations."""
        found: Dict[str, None] = {}
        for row in self.rows:
            if 'iter' not in row:
                found.update(dict.fromkeys(row))
        return [name for name in found if name not in ('step', 'time', 'data_time', 'memory')]


def read_logs(work_dir: Path) -> Log:
    """Read all logs of trainings in a work dir, the oldest first.

    Raises:
        ValueError: If a log is damaged.
    """
    log, rows = Log(dry_run=read_dry_run(work_dir)), {}
    for scalars in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for row in _lines(scalars):
            rows['iter' in row, row.get('step')] = row
        config = scalars.with_name('config.py')
        if config.is_file():
            log.cfg = read_plain_config(config)
        _read_text(scalars.parents[1], log)
        _read_origin(scalars.parents[1], log)
    log.rows = [rows[key] for key in sorted(rows)]
    return log


def _lines(path: Path) -> Iterator[dict]:
    """Objects of a file of JSON lines; a last line that was cut off is left out."""
    lines = path.read_text(encoding='utf-8', errors='replace').splitlines()
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError:
            if number < len(lines):
                raise ValueError(f'{path}: line {number} is no JSON: it is damaged') from None
            return
        if isinstance(row, dict) and isinstance(row.get('step'), (int, float)):
            yield row


def _read_text(folder: Path, log: Log) -> None:
    """Facts about the system, and the time between the first and the last line."""
    for path in sorted(folder.glob('*.log')):
        text = path.read_text(encoding='utf-8', errors='replace')
        log.facts.update({key: value for key, value in _FACT.findall(text) if key in _FACTS})
        stamps = [datetime.strptime(stamp, '%Y/%m/%d %H:%M:%S') for stamp in _STAMP.findall(text)]
        if stamps:
            log.seconds += (stamps[-1] - stamps[0]).total_seconds()
            log.facts.setdefault('started', str(stamps[0]))


def _read_origin(folder: Path, log: Log) -> None:
    """What this package notes beside the log; see ``engine/origin.py``."""
    path = folder / 'run.json'
    if not path.is_file():
        return
    content = json.loads(path.read_text(encoding='utf-8'))
    log.facts['commit'] = content.get('commit') or 'not known (no checkout)'
    log.facts.update({key: str(value) for key, value in content.get('versions', {}).items()})
    log.facts.update({key: str(value) for key, value in content.get('machine', {}).items()})
    log.changes, log.config_name = content.get('changes'), content.get('config') or ''
    if 'passes' in content:
        log.cost = content
    names = [group['name'] for group in content.get('groups', ())]
    rates = folder / 'vis_data' / 'learning_rates.json'
    for row in _lines(rates) if rates.is_file() else ():
        for name, rate in zip(names, row['lr']):
            log.rates.setdefault(name, []).append((row['step'], rate))
