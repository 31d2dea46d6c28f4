"""What a training was: noted beside its log, for those who read its report later."""
import json
import os
import platform
import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook, LoggerHook
from mmengine.logging import print_log
from mmengine.runner import Runner

from ..checkpoints.model_folder import code_version
from ..config_walk import flat, read_config
from ..files import repository_folder, to_json, write_text
from .launch import RESOLVED
from .memory import peak_bytes

FILE = 'run.json'
RATES_FILE = 'learning_rates.json'
_OF_EVERY_RUN = ('work_dir', 'launcher', 'experiment_name')


class OriginHook(Hook):
    """Write ``run.json`` beside the log of a training, and the learning rates of all groups.

    The logs of mmengine name neither the commit nor the base of the config, and the learning rate
    of the first group of parameters alone.
    """

    def before_train(self, runner: Runner) -> None:
        if not is_main_process():
            return
        self._groups = _distinct_groups(runner.optim_wrapper.param_groups)
        self._interval = next(
            (hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)), 10)
        self._rates = Path(runner.log_dir, 'vis_data', RATES_FILE)
        groups = [dict(name=name, parameters=count) for name, (_, count) in self._groups.items()]
        content = dict(
            started=datetime.now().isoformat(timespec='seconds'),
            versions=code_version(),
            commit=commit(),
            machine=machine(),
            config=written_config(runner.cfg),
            changes=changes(runner.cfg),
            groups=groups)
        self._path, self._start = Path(runner.log_dir, FILE), (time.monotonic(), runner.iter)
        write_text(self._path, to_json(content, indent=2))

    def after_train(self, runner: Runner) -> None:
        """Add what the training has cost; after a resume, what came after it."""
        if is_main_process():
            content, (start, done) = json.loads(self._path.read_text()), self._start
            cost = dict(
                device=get_device(),
                passes=runner.iter - done,
                total_passes=runner.max_iters,
                seconds=time.monotonic() - start,
                peak_bytes=peak_bytes(get_device()))
            write_text(self._path, to_json({**content, **cost}, indent=2))

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        if is_main_process() and len(self._groups) > 1 and self.every_n_train_iters(
                runner, self._interval):
            groups = runner.optim_wrapper.param_groups
            rates = [groups[index]['lr'] for index, _ in self._groups.values()]
            self._rates.parent.mkdir(parents=True, exist_ok=True)
            with self._rates.open('a') as file:
                file.write(json.dumps(dict(step=runner.iter + 1, lr=rates)) + '\n')


def _distinct_groups(groups: Sequence[dict]) -> Dict[str, Tuple[int, int]]:
    """Name of each group that is treated alike: an index in ``groups``, number of parameters."""
    largest = max(group.get('initial_lr', group['lr']) for group in groups)
    found: Dict[str, Tuple[int, int]] = {}
    for index, group in enumerate(groups):
        rate = group.get('initial_lr', group['lr']) / (largest or 1)
        name = f'rate x {rate:.3g}, weight decay {group.get("weight_decay", 0):.3g}'
        first, count = found.get(name, (index, 0))
        found[name] = first, count + sum(parameter.numel() for parameter in group['params'])
    return found


def commit() -> Optional[str]:
    """Commit of this package, and whether files were changed; None if it is not a checkout."""
    folder = repository_folder()
    if not (folder / '.git').exists():
        return None
    try:
        head, state = (
            subprocess.run(['git', '-C', str(folder), *words],
                           capture_output=True,
                           text=True,
                           check=True,
                           timeout=10).stdout.strip()
            for words in (['rev-parse', 'HEAD'], ['status', '--porcelain', '-uno']))
    except (OSError, subprocess.SubprocessError):
        return None
    return f'{head}{", files changed" if state else ""}'


def machine() -> Dict[str, Any]:
    """What the computer is, in words."""
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return dict(
        processor=_processor(),
        cores=os.cpu_count(),
        gpus=', '.join(f'{names.count(name)} x {name}' for name in dict.fromkeys(names)) or 'none',
        processes=get_world_size(),
        system=platform.platform())


def _processor() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()


def written_config(cfg: Config) -> str:
    """Path of the config that was asked for, of which its work dir may hold a resolved copy."""
    if not cfg.filename:
        return ''
    path = Path(cfg.filename)
    written = path.with_stem(path.stem.removesuffix(RESOLVED))
    return str(written if written.is_file() else path)


def changes(cfg: Config) -> Optional[Dict[str, List[Any]]]:
    """Settings of a config that differ from those it inherits: dotted key, [inherited, own].

    None if it inherits from nothing.
    """
    path = written_config(cfg)
    try:
        bases = Config._get_base_files(path) if path else []
        inherited: dict = {}
        for base in bases:
            inherited.update(read_config(Config._get_cfg_path(base, path)[0]).to_dict())
    except Exception as error:  # a config is a program: whatever is wrong, the training goes on
        print_log(f'what "{path}" inherits cannot be told: {error}', 'current')
        return None
    if not bases:
        return None
    before, now = dict(flat(inherited)), dict(flat(cfg.to_dict()))
    return {
        key: [before.get(key), now.get(key)]
        for key in sorted({
            **before,
            **now
        }) if key not in _OF_EVERY_RUN and (
            before.get(key) != now.get(key) or (key in before) != (key in now))
    }
