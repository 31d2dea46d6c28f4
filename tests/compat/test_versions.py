"""Importing the package: one line when something is missing, and no host library loaded."""
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mvitv2_mm import compat
from mvitv2_mm.compat import versions


def test_missing_requirement(monkeypatch):
    versions.check_required()
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None
                        if name in ('mmcv', 'mmengine') else find_spec(name))
    with pytest.raises(ImportError) as error:
        versions.check_required()
    assert str(error.value) == ('mvitv2_mm needs mmengine, mmcv; '
                                'run: pip install mmengine==0.10.7 mmcv-lite==2.1.0')


def test_import_loads_no_host_library():
    code = ('import sys, mvitv2_mm; '
            'print({"mmdet", "mmaction", "mmpretrain", "torchvision"} & set(sys.modules))')
    result = subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True)
    assert result.stdout.strip() == 'set()'


def test_repairs_are_applied_once(monkeypatch):
    applied = []
    repair = SimpleNamespace(apply=lambda: applied.append(1))
    monkeypatch.setattr(compat, 'REPAIRS', [repair])
    compat.apply()
    assert not applied  # importing the package did it
    monkeypatch.setattr(compat, '_applied', False)
    compat.apply()
    compat.apply()
    assert len(applied) == 1


def test_every_repair_is_documented():
    for repair in compat.REPAIRS:
        for part in ('Symptom:', 'Cause:', 'Repair:', 'Inert:'):
            assert part in repair.__doc__, repair.__name__


def test_every_repair_is_in_the_table_of_the_docs():
    table = (Path(__file__).parents[2] / 'docs' / 'get_started.md').read_text()
    assert set(
        re.findall(r'\| `(\w+)` \|',
                   table)) == {repair.__name__.rpartition('.')[2]
                               for repair in compat.REPAIRS}
