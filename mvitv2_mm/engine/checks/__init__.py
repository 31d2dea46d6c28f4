"""What is wrong with a training or test ends it with one line before its slow start.

Each check is a function in one of the files here, and is called by one of the two functions below:
:mod:`.files` looks at what a config names on the disk, :mod:`.settings` at parts of a config that
have to agree, :mod:`.fit` at the model and the datasets that were built of it. :mod:`.output` sees
whether results can be written, and is called where their place is known.
"""
from typing import Sequence

from mmengine.config import Config
from mmengine.runner import Runner

from .files import check_files
from .fit import check_channels, check_datasets, check_full_batch
from .settings import check_metrics, check_repeats


def check_config(cfg: Config, loops: Sequence[str]) -> None:
    """Check a whole config for loops ('train', 'val', 'test') before anything is built of it.

    Raises:
        OSError: If files are missing, or data workers could not send batches.
        ValueError: If data is empty, a value is secret, or parts of the config do not agree.
    """
    for check in (check_files, check_repeats, check_metrics):
        for loop in loops:
            check(cfg, loop)


def check_runner(runner: Runner, loops: Sequence[str]) -> None:
    """Build the datasets and metrics of loops, and see whether they fit the model of a Runner.

    Raises:
        ValueError: If they do not.
    """
    check_channels(runner.model)
    check_datasets(runner, loops)
    if 'train' in loops:
        check_full_batch(runner)
