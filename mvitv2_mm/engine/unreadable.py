"""Samples that cannot be read count as wrong in validation and testing."""
import logging
from itertools import chain, zip_longest
from typing import Any, Iterator, List, Sequence

import torch
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import BaseLoop, Runner

from ..datasets.unreadable import ReplacesUnreadable
from ..registry import HOOKS


@HOOKS.register_module()
class UnreadableHook(Hook):
    """Score what stands in for unreadable samples as wrong, and say how many there were.

    Datasets of this package mark such samples with ``unreadable=True``. A class then gets the
    lowest score if it is one of the sample's, and no object is found in it. Their number is among
    the metrics, as 'unreadable', if there are any.
    """
    # before the metrics are logged
    priority = 'NORMAL'

    def before_val(self, runner: Runner) -> None:
        self._watch(runner.val_loop)

    def before_test(self, runner: Runner) -> None:
        self._watch(runner.test_loop)

    def after_val_epoch(self, runner: Runner, metrics: dict) -> None:
        self._report(runner, metrics)

    def after_test_epoch(self, runner: Runner, metrics: dict) -> None:
        self._report(runner, metrics)

    def _watch(self, loop: BaseLoop) -> None:
        self.marks: List[bool] = []  # of the samples of this process
        self.size = len(loop.dataloader.dataset)
        for dataset in watched_datasets(loop.dataloader.dataset):
            dataset.test_mode = True  # a validation must not draw another sample
        process = type(loop.evaluator).process

        def process_marked(data_samples: Sequence, data_batch=None) -> None:
            for sample in data_samples:
                self.marks.append(bool(sample.get('unreadable')))
                if self.marks[-1]:
                    _make_wrong(sample)
            process(loop.evaluator, data_samples=data_samples, data_batch=data_batch)

        loop.evaluator.process = process_marked

    def _report(self, runner: Runner, metrics: dict) -> None:
        marks = chain.from_iterable(zip_longest(*all_gather_object(self.marks), fillvalue=False))
        count = sum(list(marks)[:self.size])  # without what fills up the last batch of a process
        if count:
            metrics['unreadable'] = count
            print_log(f'{count} samples cannot be read and count as wrong', 'current',
                      logging.WARNING)


def watched_datasets(dataset: Any) -> Iterator[ReplacesUnreadable]:
    """The datasets of this package in one that may wrap others."""
    if isinstance(dataset, ReplacesUnreadable):
        yield dataset
    for inner in getattr(dataset, 'datasets', [getattr(dataset, 'dataset', None)]):
        if inner is not None:
            yield from watched_datasets(inner)


def _make_wrong(sample) -> None:
    """Change the prediction of a sample, in the data element of any host."""
    if 'pred_instances' in sample:
        sample.pred_instances = sample.pred_instances[:0]
    if 'pred_score' not in sample or 'gt_label' not in sample:
        return
    scores, label = torch.zeros_like(sample.pred_score), sample.gt_label
    is_vector = label.numel() == scores.numel() > 1
    true = label.bool() if is_vector else label.long()
    scores[...] = 1 / max(scores.numel() - 1, 1)
    scores[true] = 0
    if hasattr(sample, 'set_pred_score'):
        sample.set_pred_score(scores).set_pred_label(scores.argmax())
    else:
        sample.pred_score = scores
