"""One step of training and testing with every detection recipe, shrunk, on data in its format."""
import harness
import pytest
import synthetic_data
from detection_recipes import CASCADE_LSJ, CASCADE_TTA, RECIPES
from mmdet.datasets import CocoDataset, LVISV1Dataset
from mmengine.registry import MODELS
from small_detectors import make_coco, shrink

METRICS = {
    'coco': {'coco/bbox_mAP', 'coco/segm_mAP'},
    'lvis': {'lvis/bbox_AP', 'lvis/segm_APr'},
    'coco-o': {'coco-o/bbox_mAP_sketch', 'coco-o/bbox_mAP', 'coco-o/effective_robustness'},
}


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """COCO, LVIS and COCO-O in their formats, with a few tiny pictures."""
    root = tmp_path_factory.mktemp('data')
    make_coco(root / 'coco')
    synthetic_data.make_lvis(root / 'lvis_v1', classes=LVISV1Dataset.METAINFO['classes'])
    for domain in ('sketch', 'weather', 'cartoon', 'painting', 'tattoo', 'handmake'):
        make_coco(root / 'coco-o' / domain, images=1)
    return root


def evaluate(cfg, model, batch):
    metas = dict(CocoDataset=CocoDataset, LVISV1Dataset=LVISV1Dataset)
    model.dataset_meta = metas[cfg.train_dataloader.dataset.type.split('.')[-1]].METAINFO
    return harness.test_step(cfg, model, batch)


@pytest.mark.parametrize('name', RECIPES)
def test_a_training_step_and_a_test_step(name, data):
    cfg = shrink(harness.load('detection', name), data)
    model = MODELS.build(cfg.model)
    model.init_weights()
    batch = harness.first_batch(cfg.train_dataloader)
    assert len(batch['inputs']) == 1
    loss, unchanged = harness.train_step(cfg, model, batch)
    assert 0 < loss < (150 if 'lvis' in name else 20)  # a sum over 50 classes in three stages
    assert not unchanged
    data_name = name.split('_')[-1]
    # COCO-O needs a picture of each domain
    batch = harness.first_batch(cfg.test_dataloader, batch_size=8 if data_name == 'coco-o' else 1)
    assert METRICS[data_name] <= set(evaluate(cfg, model, batch))


def test_a_multi_scale_test_step(data):
    cfg = shrink(harness.load('detection', CASCADE_TTA), data)
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    model = MODELS.build(dict(cfg.tta_model, module=cfg.model))
    batch = harness.first_batch(cfg.test_dataloader)
    assert len(batch['inputs']) == 12
    assert METRICS['coco'] <= set(evaluate(cfg, model, batch))


@pytest.mark.parametrize('drops_objects', [False, True])
def test_later_stages_refine_all_boxes_of_the_first(data, monkeypatch, drops_objects):
    cfg = shrink(harness.load('detection', CASCADE_LSJ), data)
    model = MODELS.build(cfg.model)
    model.init_weights()
    if drops_objects:  # control: mmdet's own cascade
        monkeypatch.delattr(type(model.roi_head), 'bbox_loss')
    counts, bbox_loss = [], model.roi_head.bbox_loss

    def count(stage, x, results):
        counts.append(sum(len(result.priors) for result in results))
        return bbox_loss(stage, x, results)

    monkeypatch.setattr(model.roi_head, 'bbox_loss', count)
    batch = harness.first_batch(cfg.train_dataloader)
    objects = len(batch['data_samples'][0].gt_instances)
    harness.train_step(cfg, model, batch)
    assert objects > 0 and counts[0] > objects
    assert counts[1:] == [counts[0] - objects * drops_objects] * 2
