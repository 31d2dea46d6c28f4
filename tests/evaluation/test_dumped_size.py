"""Dumped predictions take the space of the predictions, whatever batches they came in."""
import mmengine
import torch
from mmdet.structures import DetDataSample
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpretrain.structures import DataSample

import mvitv2_mm.evaluation  # noqa: F401

SCORES = torch.rand(64, 100)


def dump(path, batches, metric):
    """Size of the file of a metric that gets batches of samples, and what is in it."""
    metric = dict(type=metric, out_file_path=str(path))
    evaluator = Evaluator(dict(type='mvitv2_mm.DumpPredictions', metric=metric))
    for batch in batches:
        evaluator.process(data_samples=batch)
    evaluator.evaluate(64)
    return path.stat().st_size, mmengine.load(path)


def test_scores(tmp_path):
    sizes = []
    for size in (1, 8, 64):
        batches = [[
            DataSample().set_pred_score(score).set_gt_label(i) for i, score in enumerate(scores)
        ] for scores in SCORES.clone().split(size)]
        length, samples = dump(tmp_path / f'{size}.pkl', batches, 'DumpResults')
        assert torch.equal(torch.stack([sample['pred_score'] for sample in samples]), SCORES)
        sizes.append(length)
    assert max(sizes) < 1.01 * min(sizes)
    assert max(sizes) < 64 * (4 * 100 + 1000)


def test_boxes(tmp_path):
    boxes = torch.rand(64, 100, 4)
    sample = DetDataSample(metainfo=dict(img_id=1))
    sample.pred_instances = InstanceData(
        bboxes=boxes[3, :2], scores=boxes[3, :2, 0], masks=torch.ones(2, 8, 8, dtype=torch.bool))
    sample.gt_instances = InstanceData(bboxes=boxes[4])
    length, (saved, ) = dump(tmp_path / 'boxes.pkl', [[sample]], 'mmdet.DumpDetResults')
    assert torch.equal(saved['pred_instances']['bboxes'], boxes[3, :2])
    assert saved['pred_instances']['masks'][0]['size'] == [8, 8]  # run-length codes
    assert 'gt_instances' not in saved and length < 4000
