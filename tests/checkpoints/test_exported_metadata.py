"""What exported files say about themselves, apart from the files."""
from types import SimpleNamespace

import pytest
import small_classifier

from mvitv2_mm.checkpoints import exported_file
from mvitv2_mm.checkpoints.model_info import describe
from mvitv2_mm.errors import UsageError

METRICS = [dict(metric='accuracy/top1', value=97.5, dataset='data/val', by='measured')]


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Read a file that says what a model says, with changes; None takes a key out."""

    def read(content='model', **changes):
        cfg = small_classifier.config()
        info = describe('export', cfg, 'image', small_classifier.CLASSES, METRICS, 'MIT', 'pets',
                        'of its maker')
        metadata = {**exported_file.write_info(info, content, cfg), **changes}
        assert all(isinstance(value, (str, type(None))) for value in metadata.values())
        metadata = {key: value for key, value in metadata.items() if value is not None}
        monkeypatch.setattr(exported_file, 'open_network',
                            lambda path: SimpleNamespace(metadata=metadata))
        path = tmp_path / 'pets.onnx'
        path.touch()
        return exported_file.read_export(path)

    return read


def test_it_is_read_as_it_was_written(read):
    found, cfg = read(), small_classifier.config()
    assert (found.name, found.task, found.classes) == ('pets', 'image', small_classifier.CLASSES)
    assert (found.metrics, found.licence, found.licence_note) == (METRICS, 'MIT', 'of its maker')
    assert found.preprocessing['mean'] == [1., 2., 3.]
    assert found.cfg.model == cfg.model and found.weights.endswith('pets.onnx')


@pytest.mark.parametrize('changes, message', [
    (dict(format=None), 'pets.onnx does not say "format": "mvitv2_mm export"'),
    (dict(format='mvitv2_mm model'), 'does not say "format"'),
    (dict(version='2'), 'version 2, but this package reads version 1; install a newer mvitv2_mm'),
    (dict(classes='[1]'), r'"classes" is \[1\]. Export it again'),
    (dict(classes=None), '"classes" is None. Export it again'),
    (dict(metrics='{'), 'pets.onnx is damaged .*. Export it again'),
    (dict(preprocessing='[]'), '"preprocessing" is'),
    (dict(config=None), '"config" is None'),
    (dict(name='../x'), '"name" is ../x'),
])
def test_other_descriptions_are_refused(read, changes, message):
    with pytest.raises(ValueError, match=message):
        read(**changes)


def test_maps_predict_nothing(read):
    with pytest.raises(UsageError, match='holds the backbone of pets alone'):
        read('maps')
