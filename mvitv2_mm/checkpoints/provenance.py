"""Where weights come from: their licence, and the results that are known of them."""
import json
import os
from datetime import date
from pathlib import Path
from typing import List, Mapping, Tuple

import yaml
from mmengine.config import Config

from ..config_walk import dicts_in
from ..files import repository_folder
from ..names import Published
from .tasks import data_of
from .zoo import ZOO


def licence_of(cfg: Config) -> Tuple[str, str]:
    """Licence of the weights that a training with a config makes.

    Args:
        cfg (Config): The config of the training, with what it starts from.

    Returns:
        tuple[str, str]: The licence of the published weights or model folders that it starts from,
        or '' where that is not known; and a line that says why.
    """
    sources = dict.fromkeys(node[key] for node in dicts_in(cfg.to_dict())
                            for key in ('load_from', 'checkpoint')
                            if isinstance(node.get(key), str))
    if not sources:
        return '', 'trained from scratch; whoever trained it decides'
    found = {source: _licence_of_file(source) for source in sources}
    unknown = [source for source, licence in found.items() if not licence]
    if unknown:
        return '', f'not known of {Path(unknown[0]).name}, from which the training started'
    names = ' and '.join(Path(source).name for source in sources)
    return ' and '.join(dict.fromkeys(found.values())), f'of {names}, from which it was trained'


def _licence_of_file(source: str) -> str:
    for entry in ZOO.values():
        if source in (entry.name, entry.url):
            return entry.licence
    info = Path(source).expanduser().with_name('model.json')
    try:
        licence = json.loads(info.read_text(encoding='utf-8'))['licence']
    except (OSError, ValueError, KeyError, TypeError):
        return ''
    return licence if isinstance(licence, str) else ''


def measured(scalars: Mapping[str, float], cfg: Config) -> List[dict]:
    """Results of a validation, as a model folder keeps them.

    Args:
        scalars (Mapping[str, float]): Metric to value.
        cfg (Config): The config, which names the data.
    """
    dataset, today = data_of(cfg, 'val_dataloader'), date.today().isoformat()
    place = next((dataset[key] for key in ('ann_file', 'data_prefix', 'split') if dataset.get(key)),
                 '')
    place = next(iter(place.values()), '') if isinstance(place, dict) else place
    name = os.path.join(dataset.get('data_root') or '', str(place))
    return [
        dict(metric=metric, value=float(value), dataset=name, by='measured', date=today)
        for metric, value in scalars.items()
    ]


def reported(entry: Published) -> List[dict]:
    """Results that the authors of published weights report, from the index of the zoo."""
    found = []
    for path in sorted((repository_folder() / 'configs').glob('*/metafile.yml')):
        for model in yaml.safe_load(path.read_text(encoding='utf-8'))['Models']:
            if model['Name'] == entry.config and model.get('Weights') == entry.url:
                who = model['Metadata'].get('Results Reported By')
                found += [
                    dict(
                        metric=metric,
                        value=value,
                        dataset=result['Dataset'],
                        by='reported',
                        reported_by=who) for result in model.get('Results', ())
                    for metric, value in result['Metrics'].items()
                ]
    return found
