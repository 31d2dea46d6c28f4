"""What a dry run finds wrong, on the smallest of inputs."""
import pytest
from mmengine.config import Config

from mvitv2_mm.checkpoints.report import TransferReport
from mvitv2_mm.checkpoints.transfer import CLASSIFIER_NORM
from mvitv2_mm.config_files import load_config
from mvitv2_mm.dry_run import findings, weights
from mvitv2_mm.dry_run.weights import Origin

TINY = 'mvitv2-tiny_8xb256_in1k'


def kinds(found):
    return [finding.kind for finding in found]


@pytest.mark.parametrize('change, wanted', [
    ({}, []),
    (dict(to_rgb=False), ['colours']),
    (dict(mean=[0.485, 0.456, 0.406]), ['mean']),
    (dict(std=[1.] * 3, to_rgb=False), ['colours', 'std']),
])
def test_pixels_against_those_of_the_weights(change, wanted):
    cfg = load_config(TINY)
    cfg.model.data_preprocessor.update(change)
    origin = weights.origin_of('mvitv2-tiny_in1k')
    found = list(weights.check_preprocessing(cfg, 'mvitv2-tiny_in1k', origin))
    assert kinds(found) == wanted
    assert all('mvitv2-tiny_in1k was trained' in finding.text for finding in found)


def test_published_weights_are_known_by_their_url_or_file_name():
    url = 'https://dl.fbaipublicfiles.com/mvit/mvitv2_models/MViTv2_T_in1k.pyth'
    known = weights.origin_of('mvitv2-tiny_in1k')
    assert known.preprocessing and len(known.classes) == 1000
    assert weights.origin_of(url) == weights.origin_of('my/files/MViTv2_T_in1k.pyth') == known


@pytest.mark.parametrize('batch, enabled, processes, passes, wanted', [
    (16, False, 1, 1, ['learning_rate']),
    (16, True, 1, 1, []),
    (16, False, 4, 1, []),
    (64, False, 1, 1, []),
    (16, False, 1, 4, []),
    (16, False, 1, 2, ['learning_rate']),
    (64, False, 1, 4, []),
])
def test_the_learning_rate(batch, enabled, processes, passes, wanted):
    cfg = Config(
        dict(
            auto_scale_lr=dict(base_batch_size=64, enable=enabled),
            optim_wrapper=dict(optimizer=dict(lr=0.1), accumulative_counts=passes),
            train_dataloader=dict(batch_size=batch)))
    found = list(findings.check_learning_rate(cfg, processes))
    assert kinds(found) == wanted
    assert all('0.025' in finding.text for finding in found)


@pytest.mark.parametrize('after, wanted', [(20, []), (16, []), (10, ['warning']), (0, ['error'])])
def test_boxes(after, wanted):
    found = findings.check_boxes(dict(pictures=9, before=20, after=after))
    assert [finding.level for finding in found] == wanted


@pytest.mark.parametrize('known, copied, wanted', [
    (('cat', 'dog'), True, ''),
    (('dog', 'cat'), True, 'in another order'),
    (('dog', 'cow'), True, 'other classes'),
    (('dog', 'cat'), False, ''),
    (None, True, ''),
])
def test_the_order_of_the_classes(known, copied, wanted):
    report = TransferReport('file')
    report.add('copied', 'backbone.norm3.weight', 'backbone.norm3.weight')
    report.add('copied' if copied else 'new', 'head.fc.weight', 'head.fc.weight')
    cfg = Config(dict(load_from='mine.pth'))
    found = list(weights.check_order(cfg, Origin(None, known), ['cat', 'dog'], [report]))
    assert wanted in (found[0].text if found else '') and bool(found) == bool(wanted)


def test_a_classifier_that_starts_anew_is_no_fault():
    report = TransferReport('file')
    report.add('dropped', 'head.fc.weight', '')
    report.add('dropped', 'norm.weight', '', CLASSIFIER_NORM)  # a detector has norms of its own
    report.add('new', '', 'head.fc.weight')
    assert not list(weights.check_transfer([report]))
    report.add('new', '', 'backbone.blocks.7.norm1.weight')
    finding, = weights.check_transfer([report])
    assert 'blocks.7' in finding.text and 'stay random' in finding.text


@pytest.mark.parametrize('number, wanted', [(3, []), (4, ['classes']), (None, [])])
def test_the_number_of_classes(number, wanted):
    assert kinds(findings.check_classes(number, ['a', 'b', 'c'])) == wanted
