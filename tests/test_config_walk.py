"""The walk over wrapped and concatenated datasets, and who relies on it."""
import pytest
from mmengine.config import Config

from mvitv2_mm.config_walk import leaf_datasets
from mvitv2_mm.engine.testing import use_tta


@pytest.fixture
def nested():
    """A concatenation of a plain dataset and a wrapped concatenation."""
    plain, first, second = (dict(type='Plain', ann_file=name) for name in 'abc')
    inner = dict(type='ConcatDataset', datasets=[first, second])
    repeated = dict(type='RepeatDataset', times=2, dataset=inner)
    return dict(type='ConcatDataset', datasets=[plain, repeated])


def test_leaves_come_in_order_with_their_keys(nested):
    cfg = Config(dict(loader=dict(dataset=nested)))
    leaves = dict(leaf_datasets(cfg.loader.dataset, 'loader.dataset'))
    assert {
        key: leaf['ann_file']
        for key, leaf in leaves.items()
    } == {
        'loader.dataset.datasets.0': 'a',
        'loader.dataset.datasets.1.dataset.datasets.0': 'b',
        'loader.dataset.datasets.1.dataset.datasets.1': 'c',
    }
    assert list(leaves)[0].endswith('datasets.0')
    cfg.merge_from_dict({f'{key}.ann_file': 'new' for key in leaves})  # as --cfg-options does
    assert {leaf['ann_file'] for _, leaf in leaf_datasets(cfg.loader.dataset)} == {'new'}


def test_a_dataset_alone_is_its_own_leaf():
    cfg = Config(dict(dataset=dict(type='Plain')))
    assert list(leaf_datasets(cfg.dataset)) == [('dataset', cfg.dataset)]


def test_test_time_augmentation_reaches_every_part(nested):
    cfg = Config(
        dict(
            model=dict(type='Model'),
            tta_model=dict(type='TTA'),
            tta_pipeline=[dict(type='Views')],
            test_dataloader=dict(dataset=nested)))
    use_tta(cfg)
    leaves = [leaf for _, leaf in leaf_datasets(cfg.test_dataloader.dataset)]
    assert len(leaves) == 3
    assert all(leaf.pipeline == [dict(type='Views')] for leaf in leaves)
