from typing import Iterator, Tuple

from mmengine.config import ConfigDict


def leaf_datasets(dataset: ConfigDict, key: str = 'dataset') -> Iterator[Tuple[str, ConfigDict]]:
    """The datasets inside wrappers such as RepeatDataset and inside concatenations, in order.

    Args:
        dataset (ConfigDict): Config of a dataset, such as ``train_dataloader.dataset``.
        key (str): Where it is in the whole config. Defaults to 'dataset'.

    Yields:
        tuple[str, ConfigDict]: Key and config of a dataset that holds no other; the latter is part
        of the config, not a copy.
    """
    if 'dataset' in dataset:
        yield from leaf_datasets(dataset['dataset'], f'{key}.dataset')
    elif 'datasets' in dataset:
        for i, part in enumerate(dataset['datasets']):
            yield from leaf_datasets(part, f'{key}.datasets.{i}')
    else:
        yield key, dataset
