"""mmpretrain and mmaction2 beside a recent transformers."""
from importlib import metadata
from types import ModuleType

import pytest

from mvitv2_mm.compat.mmaction import transformers as mmaction
from mvitv2_mm.compat.mmpretrain import transformers as mmpretrain
from mvitv2_mm.compat.versions import NotNeeded


@pytest.mark.parametrize('repair', [mmaction, mmpretrain])
@pytest.mark.parametrize('version, clashing', [(None, False), ('4.49.0', False), ('4.50.0', True),
                                               ('5.2.1', True)])
def test_transformers_clash(repair, version, clashing, monkeypatch):
    """The hosts' own switch for multimodal models goes off with a release they cannot load."""

    def find(package):
        if version is None:
            raise metadata.PackageNotFoundError(package)
        return version

    monkeypatch.setattr(metadata, 'version', find)
    hook, = repair.HOOKS.values()
    module = ModuleType('fake_dependency')
    module.WITH_MULTIMODAL = True
    if clashing:
        hook(module)
    else:
        with pytest.raises(NotNeeded, match='no transformers>=4.50'):
            hook(module)
    assert module.WITH_MULTIMODAL != clashing
