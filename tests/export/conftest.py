"""The models of the quickstart, and their exported files."""
from pathlib import Path
from typing import Callable

import pytest
from quick_models import photo, quick

from mvitv2_mm.commands.frame import run_command

__all__ = ['photo', 'quick', 'exported']


@pytest.fixture(scope='session')
def exported(quick, tmp_path_factory) -> Callable[[str], Path]:
    """Function that exports the model of a task, once, and compares it on a file of its data."""
    made = {}

    def make(task: str) -> Path:
        if task not in made:
            model, path = quick(task), tmp_path_factory.mktemp('exported') / f'{task}.onnx'
            arguments = [model.folder, '--out', path, '--data', model.files[0]]
            assert run_command('export', list(map(str, arguments))) == 0
            made[task] = path
        return made[task]

    return make
