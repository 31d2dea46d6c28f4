"""The command ``test`` and the offline evaluation of what it dumps."""
import json
from pathlib import Path

import cv2
import mmengine
import numpy as np
import pytest
import synthetic_data
import torch
from mmdet.structures.mask import encode_mask_results

TASKS = ('image', 'detection', 'video')


@pytest.fixture(scope='session', params=TASKS)
def results(request, configs, checkpoints, test, tmp_path_factory):
    """Folder with predictions, metrics and pictures of a task, and the metrics as returned."""
    task, folder = request.param, tmp_path_factory.mktemp('results')
    metrics = test([
        configs[task], checkpoints[task], '--work-dir', folder, '--dump',
        folder / 'predictions.pkl', '--out-metrics', folder / 'out' / 'metrics.json', '--show-dir',
        folder / 'pictures'
    ])
    return task, folder, metrics


def test_metrics_are_saved(results):
    task, folder, metrics = results
    assert json.loads((folder / 'out' / 'metrics.json').read_text()) == metrics
    assert len(list((folder / 'out').iterdir())) == 1  # no temporary file left
    key = dict(image='accuracy/top1', detection='coco/segm_mAP', video='acc/top1')[task]
    assert key in metrics


def perfect(task: str, sample: dict) -> dict:
    """The same prediction as if the model were always right."""
    if task == 'detection':
        boxes = np.array([[5, 10, 30, 45], [35, 10, 60, 45]])
        masks = np.zeros((2, 60, 80), bool)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes):
            mask[y1:y2, x1:x2] = True
        sample['pred_instances'] = dict(
            bboxes=torch.tensor(boxes).float(),
            labels=torch.tensor([0, 1]),
            scores=torch.ones(2),
            masks=encode_mask_results(masks))
    else:
        sample['pred_score'] = torch.eye(2)[int(sample['gt_label'])]
    return sample


def test_dump_evaluates_to_the_same_metrics(results, configs, eval_metric, tmp_path):
    task, folder, metrics = results
    dump, out = folder / 'predictions.pkl', tmp_path / 'offline.json'
    assert eval_metric([configs[task], dump, '--out-metrics', out]) == metrics
    assert json.loads(out.read_text()) == metrics
    # other predictions, other metrics
    mmengine.dump([perfect(task, sample) for sample in mmengine.load(dump)], tmp_path / 'gt.pkl')
    offline = eval_metric([configs[task], tmp_path / 'gt.pkl'])
    tops = dict(image=['accuracy/top1'], video=['acc/top1'])
    for key in tops.get(task, ['coco/bbox_mAP', 'coco/segm_mAP']):
        assert offline[key] == pytest.approx(100 if task == 'image' else 1)


def test_pictures_show_every_sample(results, configs):
    task, folder, _ = results
    files = sorted(path for path in (folder / 'pictures').rglob('*') if path.is_file())
    assert len(files) == dict(image=8, detection=2, video=2 * 4)[task]
    for file in files:
        assert cv2.imread(str(file)).std() > 0


def test_pictures_keep_the_colours(configs, checkpoints, test, tmp_path):
    test([
        configs['image'], checkpoints['image'], '--work-dir', tmp_path, '--show-dir',
        tmp_path / 'pictures'
    ])
    drawn = cv2.imread(str(tmp_path / 'pictures/val/class0/0_0.png_0.png'))[-8:].astype(int)
    data = mmengine.Config.fromfile(configs['image']).test_dataloader.dataset.data_root
    image = cv2.imread(f'{data}/val/class0/0_0.png')[-8:].astype(int)
    assert abs(drawn - image).mean() < 2
    assert abs(drawn[..., ::-1] - image).mean() > 10


def scores(path) -> torch.Tensor:
    return torch.stack([sample['pred_score'] for sample in mmengine.load(path)])


def test_tta_averages_the_views(configs, checkpoints, test, tmp_path):
    runs = dict(
        plain=[],
        flipped=['--cfg-options', 'test_dataloader.dataset.pipeline.1.prob=1.0'],
        tta=['--tta'])
    for name, args in runs.items():
        test([
            configs['image'], checkpoints['image'], '--work-dir', tmp_path, '--dump',
            tmp_path / f'{name}.pkl', *args
        ])
    plain, flipped, tta = (scores(tmp_path / f'{name}.pkl') for name in runs)
    torch.testing.assert_close(tta, (plain + flipped) / 2)
    assert not torch.allclose(tta, plain)


def test_pictures_of_the_same_name_lie_in_their_folders(configs, checkpoints, test, tmp_path):
    data = Path(synthetic_data.make_folders(tmp_path / 'data'))
    for folder in (data / 'val').iterdir():
        for i, path in enumerate(sorted(folder.iterdir())):
            path.rename(folder / f'{i}.png')
    test([
        configs['image'], checkpoints['image'], '--work-dir', tmp_path, '--show-dir',
        tmp_path / 'pictures', '--cfg-options', f'test_dataloader.dataset.data_root={data}'
    ])
    drawn = [path.relative_to(tmp_path / 'pictures') for path in tmp_path.glob('pictures/**/*.png')]
    files = [path.relative_to(data) for path in data.glob('val/*/*')]
    assert sorted(files) == sorted(path.with_name(path.name[:5]) for path in drawn)


def test_metrics_of_many_numbers_are_saved(configs, checkpoints, test, tmp_path):
    config, out = tmp_path / 'matrix.py', tmp_path / 'metrics.json'
    config.write_text(f'_base_ = {configs["image"]!r}\n'
                      'test_evaluator = [dict(type="Accuracy", topk=1), '
                      'dict(type="ConfusionMatrix", num_classes=2)]')
    metrics = test([config, checkpoints['image'], '--work-dir', tmp_path, '--out-metrics', out])
    saved = json.loads(out.read_text())
    assert np.sum(saved['confusion_matrix/result']) == 8
    assert saved['accuracy/top1'] == metrics['accuracy/top1']


def test_a_part_of_a_dataset_is_scored_alone(configs, checkpoints, test, eval_metric, tmp_path):
    dump, gt = tmp_path / 'one.pkl', tmp_path / 'gt.pkl'
    part = ['--cfg-options', 'test_dataloader.dataset.indices=1']
    args = [configs['detection'], checkpoints['detection'], '--work-dir', tmp_path]
    metrics = test([*args, '--dump', dump, *part])
    assert eval_metric([configs['detection'], dump]) == metrics
    samples = mmengine.load(dump)
    assert len(samples) == 1
    mmengine.dump([perfect('detection', sample) for sample in samples], gt)
    # the other picture has as many objects, of which none is found
    assert eval_metric([configs['detection'], gt])['coco/bbox_mAP'] == pytest.approx(1)


def test_the_config_that_a_resumed_training_left(configs, checkpoints, test, tmp_path):
    config = tmp_path / 'resumed.py'
    config.write_text(f'_base_ = {configs["image"]!r}\nresume = True')
    assert test([config, checkpoints['image'], '--work-dir', tmp_path])
