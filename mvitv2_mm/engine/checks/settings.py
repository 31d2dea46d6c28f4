"""Do the parts of a config that make batches and metrics agree?"""
from mmengine.config import Config

from ...config_walk import leaf_datasets, metrics_of


def check_repeats(cfg: Config, loop: str) -> None:
    """Raise ValueError if videos give several clips and batches take one of each, or vice versa."""
    key = f'{loop}_dataloader'
    loader = cfg.get(key) or {}
    collate = loader.get('collate_fn') or dict(type='pseudo_collate')
    flattens = str(collate['type']).endswith('repeat_pseudo_collate')
    for path, dataset in leaf_datasets(loader.get('dataset', {}), f'{key}.dataset'):
        if not str(dataset.get('type')).endswith('ClipDataset'):
            continue
        repeats = dataset.get('num_repeats', 1)
        if (repeats > 1) != flattens:
            wanted = 'repeat_pseudo_collate' if repeats > 1 else 'pseudo_collate'
            raise ValueError(f'{path}.num_repeats={repeats} gives '
                             f'{"several clips" if repeats > 1 else "one clip"} per video, which '
                             f'{collate["type"]} cannot put into a batch; add --cfg-options '
                             f'{key}.collate_fn.type={wanted}')


def check_metrics(cfg: Config, loop: str) -> None:
    """Raise ValueError if a metric asks for more of the best classes than there are classes."""
    for key, metric in metrics_of(cfg, loop):
        num_classes = cfg.model.get('head', {}).get('num_classes')
        topk = metric.get('topk', 1)
        topk = max(topk) if isinstance(topk, (list, tuple)) else topk
        if metric.type.endswith('Accuracy') and num_classes and topk > num_classes:
            raise ValueError(f'{key}.topk asks for the best {topk} of {num_classes} classes; '
                             f'add --cfg-options "{key}.topk=(1,)"')
