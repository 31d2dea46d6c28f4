"""Optional libraries are named with the command that installs them."""
import sys

import pytest

from mvitv2_mm.extras import require
from mvitv2_mm.files import repository_folder


def test_an_installed_library_is_imported():
    assert require('json.decoder', 'a test') is sys.modules['json.decoder']


def test_a_missing_library_is_named_with_its_pip_line():
    constraints = repository_folder() / 'requirements' / 'constraints.txt'
    assert constraints.is_file()
    with pytest.raises(ImportError) as info:
        require('surely_not_there.part', '--format x')
    assert str(info.value) == ('--format x needs surely_not_there, which is not installed; run: '
                               f'pip install -c {constraints} surely_not_there')


def test_a_broken_library_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / 'broken_extra.py').write_text('import surely_not_there')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'surely_not_there'"):
        require('broken_extra', 'a test')
