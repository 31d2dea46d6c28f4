#!/usr/bin/env python
"""Evaluate predictions that tools/test.py --dump saved."""
import argparse
from typing import Dict, List, Optional

import mmengine
from mmengine.evaluator import Evaluator
from mmengine.registry import DATASETS, init_default_scope

from mvitv2_mm.engine.launch import (add_config_arguments, check_output, dump_atomically,
                                     load_config, one_line_errors)
from mvitv2_mm.engine.nested_datasets import leaf_datasets


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_arguments(parser)
    parser.add_argument('predictions', metavar='FILE.pkl', help='the dumped predictions')
    parser.add_argument('--out-metrics', metavar='FILE.json', help='save the metrics')
    return parser.parse_args(argv)


def main(argv: Optional[List[str]] = None) -> Dict[str, float]:
    args = parse_args(argv)
    with one_line_errors():
        cfg = load_config(args.config, args.cfg_options)
        if args.out_metrics:
            check_output('--out-metrics', args.out_metrics, '.json')
        predictions = mmengine.load(args.predictions)
    init_default_scope(cfg.default_scope)
    # only its meta information is needed, not its annotations
    _, dataset = next(leaf_datasets(cfg.test_dataloader.dataset))
    dataset = DATASETS.build({**dataset, 'pipeline': [], 'lazy_init': True})
    evaluator = Evaluator(cfg.test_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    for metric in evaluator.metrics:
        if hasattr(metric, 'img_ids'):  # of CocoMetric: pictures that were not tested do not count
            metric.img_ids = [sample['img_id'] for sample in predictions]
    metrics = evaluator.offline_evaluate(predictions)
    mmengine.print_log(f'{metrics}')
    if args.out_metrics:
        dump_atomically(metrics, args.out_metrics)
    return metrics


if __name__ == '__main__':
    main()
