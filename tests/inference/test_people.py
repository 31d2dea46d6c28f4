"""Actions of people: boxes from tables and from a detector, and the numbers of the test loop."""
import numpy as np
import pytest
import torch
from ava_model import VIDEO, ava, detections
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, init_default_scope

from mvitv2_mm import Inferencer
from mvitv2_mm.inference.people import People

__all__ = ['ava']


def test_the_numbers_of_the_test_loop(ava, tmp_path):
    cfg, model, root = ava
    init_default_scope('mmaction')
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    with torch.no_grad():
        wanted = [model.test_step(pseudo_collate([dataset[i]]))[0] for i in range(2)]
    video = str(root / f'{VIDEO}.npy')
    infer = Inferencer(
        str(root / 'model'),
        device='cpu',
        top_k=80,
        boxes=detections(tmp_path / 'people.jsonl', video))
    records = infer(video)
    assert [record['frame']['number'] for record in records] == [60, 120]
    for record, sample in zip(records, wanted):
        boxes, scores = sample.pred_instances.bboxes, sample.pred_instances.scores
        found = np.array([one['box'] for one in record['objects']]) / [64, 48, 64, 48]
        assert found == pytest.approx(boxes.numpy(), abs=1e-6)
        for one, row in zip(record['objects'], scores.numpy()):
            assert all(np.float32(a['score']) == row[a['label']] for a in one['actions'])
            assert len(one['actions']) == 80


def test_tables_name_videos_by_path_name_or_stem(tmp_path):
    table = tmp_path / 'people.csv'
    table.write_text('clip,2,0,0,1,1,12,7\n\nclip.mp4,0.5,0.1,0.2,0.3,0.4\n'
                     '/videos/clip.mp4,2,0.5,0.5,1,1\nclip.avi,3,0,0,1,1\n')
    first, second = People(str(table)).of('/videos/clip.mp4')
    assert (first.second, second.second) == (0.5, 2.)
    assert first.boxes.tolist() == [pytest.approx([0.1, 0.2, 0.3, 0.4])]
    assert len(second.boxes) == 2
    with pytest.raises(ValueError, match='has no boxes of people in this video'):
        People(str(table)).of('/videos/other.mp4')


@pytest.mark.parametrize('line', ['clip,2,0,0,1', 'clip,2,0,0,1,40', 'clip,two,0,0,1,1', 'clip'])
def test_lines_that_are_no_boxes_are_named(tmp_path, line):
    table = tmp_path / 'people.csv'
    table.write_text(f'clip,1,0,0,1,1\n{line}\n')
    with pytest.raises(ValueError, match='people.csv, line 2: expected "video,second,x1'):
        People(str(table))


def test_boxes_have_to_be_there_and_in_place(ava, quick, tmp_path):
    _, _, root = ava
    with pytest.raises(ValueError, match='whose boxes it has to be told: --boxes FILE'):
        Inferencer(str(root / 'model'), device='cpu')
    boxes = detections(tmp_path / 'people.jsonl', 'x.mp4')
    with pytest.raises(ValueError, match='is one for the task "image"'):
        Inferencer(quick('image').folder, device='cpu', boxes=boxes)
