#!/usr/bin/env python
"""Write the metafiles, the model index and the tables of the model zoo.

What the authors report is in configs/model_zoo.yml, where files are published is in the registry of
checkpoints, and parameters and FLOPs are computed from the configs.
"""
import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import yaml
from mmengine.config import Config

from mvitv2_mm.analysis import measure
from mvitv2_mm.checkpoints.zoo import ZOO
from mvitv2_mm.files import write_text
from mvitv2_mm.names import Published

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = '<!-- model zoo: begin -->', '<!-- model zoo: end -->'
HEADER = '# Written by tools/update_model_zoo.py from configs/model_zoo.yml: change that file.\n'
PAPERS = {
    'MViTv2': ('https://arxiv.org/abs/2112.01526', 'MViTv2: Improved Multiscale Vision '
               'Transformers for Classification and Detection'),
    'MaskFeat': ('https://arxiv.org/abs/2112.09133', 'Masked Feature Prediction for '
                 'Self-Supervised Visual Pre-Training'),
}
# settings that leave parameters and FLOPs as they are
_TRAINING = ('init_cfg', 'drop_path_rate', 'with_cp', 'data_preprocessor', 'train_cfg', 'test_cfg',
             'dropout_ratio', 'loss')


@dataclass(frozen=True)
class Model:
    """A row of the zoo: what ``model_zoo.yml`` says, and what is computed or looked up."""
    entry: dict
    path: Path
    params: int
    flops: int
    shape: Tuple[int, ...]
    files: List[Published]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def config(self) -> str:
        return self.path.relative_to(ROOT).as_posix()


def load_families() -> List[dict]:
    """Families of models, with their rows as they are in the file."""
    return yaml.safe_load((ROOT / 'configs/model_zoo.yml').read_text())['families']


def compute(families: List[dict]) -> List[List[Model]]:
    """Rows of each family. Networks that several configs share are counted once."""
    counts: Dict[str, tuple] = {}

    def row(folder: str, entry: dict) -> Model:
        path = ROOT / 'configs' / folder / f'{entry["config"]}.py'
        if not path.is_file():
            raise FileNotFoundError(f'configs/model_zoo.yml: there is no config {path}')
        cfg = Config.fromfile(path)
        network = f'{network_of(cfg.model)} {entry.get("shape")}'
        if network not in counts:
            result = measure(cfg, entry.get('shape'))
            counts[network] = result.total_params, result.total_macs.total, result.shape
        files = [file for file in ZOO.values() if file.config == entry['config']]
        return Model(entry, path, *counts[network], files)

    return [[row(family['folder'], entry) for entry in family['models']] for family in families]


def network_of(model: object) -> str:
    """A model config without what leaves parameters and FLOPs as they are."""
    if isinstance(model, dict):
        return str({k: network_of(v) for k, v in sorted(model.items()) if k not in _TRAINING})
    return str(model)


def render(families: List[dict], rows: List[List[Model]]) -> Dict[Path, str]:
    """Contents of all generated files."""
    texts = {}
    for family, models in zip(families, rows):
        texts[ROOT / 'configs' / family['folder'] / 'metafile.yml'] = metafile(family, models)
    imports = [path.relative_to(ROOT).as_posix() for path in texts]
    texts[ROOT / 'model-index.yml'] = HEADER + yaml.safe_dump({'Import': imports})
    sections = [section(family, models) for family, models in zip(families, rows)]
    for path, text in ((ROOT / 'docs/model_zoo.md', '\n\n'.join(sections)),
                       (ROOT / 'README.md', summary(families, rows))):
        texts[path] = between_markers(path, text)
    return texts


def between_markers(path: Path, text: str) -> str:
    """The file with ``text`` in place of what is between its markers.

    Raises:
        ValueError: If the file does not have the markers.
    """
    before, begin, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f'{path} has no lines "{BEGIN}" and "{END}"')
    return f'{before}{BEGIN}\n\n{text}\n\n{END}{after}'


# ---- metafiles


def metafile(family: dict, models: List[Model]) -> str:
    """A metafile as ``mim`` and ``modelindex`` read it."""
    paper = family.get('paper', 'MViTv2')
    url, title = PAPERS[paper]
    collection = {
        'Name': f'{paper}: {family["title"].lower()}',
        'Metadata': {
            'Architecture': ['Multiscale Vision Transformer v2']
        },
        'Paper': {
            'URL': url,
            'Title': title
        },
        # relative to the metafile, as modelindex wants it
        'README': os.path.relpath('docs/model_zoo.md', f'configs/{family["folder"]}'),
        'Code': {
            'URL': family['code']
        },
    }
    entries = [metafile_entry(family, collection['Name'], model) for model in models]
    content = {'Collections': [collection], 'Models': entries}
    return HEADER + yaml.safe_dump(content, sort_keys=False, width=1000, allow_unicode=True)


def metafile_entry(family: dict, collection: str, model: Model) -> dict:
    """The entry of a model. Its weights are those the quoted results belong to, the authors'."""
    entry = {
        'Name': model.name,
        'In Collection': collection,
        'Config': model.config,
        'Metadata': {
            'Parameters': model.params,
            'FLOPs': model.flops,
            'Training Data': model.entry['data'],
        },
    }
    results: Dict[str, dict] = {}
    for key, value in model.entry.get('reported', {}).items():
        metric = family['metrics'][key]
        results.setdefault(metric['task'], {})[metric['name']] = value
    if results:
        entry['Metadata']['Results Reported By'] = 'the authors'
        entry['Results'] = [{
            'Task': task,
            'Dataset': model.entry['data'],
            'Metrics': metrics
        } for task, metrics in results.items()]
    urls = [file.url for file in model.files if publisher(file) == 'authors']
    return dict(entry, Weights=urls[0]) if urls else entry


def publisher(file: Published) -> str:
    """Who publishes a file: the authors, or who its name in the registry ends with."""
    return 'authors' if '//dl.fbaipublicfiles.com/' in file.url else file.name.split('_')[-1]


# ---- tables


def section(family: dict, models: List[Model]) -> str:
    """A family in ``docs/model_zoo.md``."""
    metrics = family['metrics']
    head = ['model', *family['columns'], 'input', 'params (M)', 'FLOPs (G)', 'published']
    head += [f'{metric["column"]} reported by the authors' for metric in metrics.values()]
    rows = [[
        f'[{model.entry["model"]}](../{model.config})',
        *[model.entry.get(column) for column in family['columns']],
        *cost(model),
        ', '.join(model.entry.get('published', {}).values()),
        *[model.entry.get('reported', {}).get(key) for key in metrics],
        ' '.join(f'[{publisher(file)}]({file.url})' for file in model.files),
    ] for model in models]
    parts = [
        f'## {family["title"]}', f'Accuracy and published sizes: {family["source"]}.',
        table([*head, 'weights'], rows), *family.get('notes', ())
    ]
    parts += differences(models)
    return '\n\n'.join(parts)


def differences(models: List[Model]) -> List[str]:
    """A list of why published figures are not those of the config, if there are such."""
    reasons: Dict[str, Dict[str, None]] = {}
    for model in models:
        if 'difference' in model.entry:
            entry = model.entry
            origin = f' from {entry["pretrain"]}' if 'pretrain' in entry else ''
            name = f'{entry["model"]} ({entry["data"]}{origin}, {cost(model)[0]})'
            reasons.setdefault(entry['difference'], {})[name] = None
    if not reasons:
        return []
    lines = [f'- {"; ".join(names)}: {reason}' for reason, names in reasons.items()]
    return ['Where published figures differ from the computed ones:', '\n'.join(lines)]


def summary(families: List[dict], rows: List[List[Model]]) -> str:
    """The table in the README: models whose authors published weights."""
    lines = []
    for family, models in zip(families, rows):
        for model in models:
            if any(publisher(file) == 'authors' for file in model.files):
                reported = model.entry.get('reported', {})
                values = [
                    f'{value} {family["metrics"][key]["column"]}'
                    for key, value in reported.items()
                ]
                lines.append([
                    f'[{model.entry["model"]}]({model.config})',
                    model.entry.get('detector'), model.entry['data'],
                    model.entry.get('pretrain'), *cost(model), ', '.join(values)
                ])
    head = [
        'model', 'detector', 'data', 'pretrain', 'input', 'params (M)', 'FLOPs (G)',
        'reported by the authors (%)'
    ]
    return table(head, lines)


def cost(model: Model) -> List[str]:
    """Input, parameters in millions and FLOPs in 1e9."""
    flops = model.flops / 1e9
    return [
        ' x '.join(map(str, model.shape)), f'{model.params / 1e6:.1f}',
        f'{flops:.1f}' if flops < 100 else f'{flops:.0f}'
    ]


def table(head: List[str], rows: List[list]) -> str:
    """A Markdown table."""
    cells = [['–' if cell in (None, '') else str(cell) for cell in row] for row in rows]
    return '\n'.join(f'| {" | ".join(row)} |' for row in [head, ['---'] * len(head), *cells])


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--check', action='store_true', help='write nothing; exit with 1 if a file is out of date')
    args = parser.parse_args(argv)
    families = load_families()
    texts = render(families, compute(families))
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if not args.check:
            write_text(path, texts[path])
        print(f'{"out of date" if args.check else "written"}: {path.relative_to(ROOT)}')
    return int(args.check and bool(stale))


if __name__ == '__main__':
    sys.exit(main())
