"""The quickstart's judgement: it goes through the tools and fails loudly."""
import importlib.util
import json
import sys
from pathlib import Path

import mmengine
import numpy as np
import pytest
from mmengine.config import Config

from mvitv2_mm.quickstart import job, pictures, report
from mvitv2_mm.quickstart.clips import write_mp4

ROOT = Path(__file__).parents[2]
GOOD = dict(
    image=dict(test={'accuracy/top1': 97.}),
    detection=dict(test={
        'coco/bbox_mAP': 0.6,
        'coco/segm_mAP': 0.5
    }),
    video=dict(test={'acc/top1': 0.95}, backwards={'acc/top1': 0.9}, frozen={'acc/top1': 0.1}))


@pytest.fixture
def quickstart(monkeypatch, tmp_path):
    """tools/quickstart.py with results made up instead of trained."""
    spec = importlib.util.spec_from_file_location('quickstart_tool', ROOT / 'tools/quickstart.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    results, ran = json.loads(json.dumps(GOOD)), []

    def run_task(task, work_dir):
        ran.append(task.name)
        return job.Outcome(task, work_dir, 1., results[task.name])

    monkeypatch.setattr(tool, 'run_task', run_task)
    monkeypatch.setattr(tool, 'draw_all', lambda outcomes, folder: [])
    monkeypatch.setattr(tool, 'WORK_DIR', tmp_path)
    monkeypatch.chdir(ROOT)
    tool.results, tool.ran = results, ran
    return tool


def test_targets_met_end_with_status_0(quickstart, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        quickstart.main([])
    assert end.value.code == 0 and quickstart.ran == ['image', 'detection', 'video']
    assert 'mask mAP' in capsys.readouterr().out
    summary = json.loads((tmp_path / 'summary.json').read_text())
    assert summary['image']['results'][0] == dict(
        metric='image top-1, %', value=97., wanted='at least 95', met=True)


@pytest.mark.parametrize('task, run, key, bad, line', [
    ('image', 'test', 'accuracy/top1', 94.9, 'image top-1, % is 94.9 but should be at least 95'),
    ('detection', 'test', 'coco/segm_mAP', 0.44, 'mask mAP is 0.44 but should be at least 0.45'),
    ('video', 'backwards', 'acc/top1', 0.2, 'opposite motion is 0.2 but should be at least 0.8'),
    ('video', 'frozen', 'acc/top1', 0.9, 'frozen frame: motion is 0.9 but should be at most 0.35'),
])
def test_a_missed_target_is_loud(quickstart, task, run, key, bad, line):
    quickstart.results[task][run][key] = bad
    with pytest.raises(SystemExit, match=line):
        quickstart.main([])


def test_one_task_keeps_the_summary_of_the_others(quickstart, tmp_path):
    for task in ('video', 'image'):
        with pytest.raises(SystemExit):
            quickstart.main(['--task', task])
    assert quickstart.ran == ['video', 'image']
    assert set(json.loads((tmp_path / 'summary.json').read_text())) == {'video', 'image'}


def test_a_failing_tool_is_named_with_its_log(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'executable', '/bin/echo')
    job._call('train.py', ['config.py'], tmp_path / 'train.log')
    assert 'tools/train.py config.py' in (tmp_path / 'train.log').read_text()
    monkeypatch.setattr(sys, 'executable', '/bin/false')
    with pytest.raises(RuntimeError, match='train.py failed.*train.log'):
        job._call('train.py', [], tmp_path / 'train.log')


@pytest.mark.parametrize('task', job.TASKS, ids=lambda task: task.name)
def test_configs_hold_what_the_job_needs(task):
    cfg = Config.fromfile(task.config)
    for options in task.runs.values():
        cfg.merge_from_dict(dict(option.split('=') for option in options))
    assert cfg.model.backbone.type == 'mvitv2_mm.MViTv2'
    assert 'val' in str(cfg.test_dataloader.dataset)


def test_curves_of_resumed_runs_join(tmp_path):
    for name, rows in dict(
            a=[dict(loss=3., step=10),
               dict(loss=2., step=20), {
                   'acc/top1': 0.5,
                   'step': 1
               }],
            b=[dict(loss=1., step=20), {
                'acc/top1': 0.7,
                'step': 2
            }]).items():
        (tmp_path / name / 'vis_data').mkdir(parents=True)
        (tmp_path / name / 'vis_data' / 'scalars.json').write_text('\n'.join(map(json.dumps, rows)))
    losses, scores = pictures.read_curves(tmp_path, 'acc/top1')
    assert losses == [(10, 3.), (20, 1.)] and scores == [(1, 0.5), (2, 0.7)]


def test_a_clip_is_drawn_as_a_row_of_its_frames(tmp_path):
    frames = [np.full((32, 32, 3), (0, 0, 7 * i), np.uint8) for i in range(32)]  # redder and redder
    write_mp4(tmp_path / 'clip.mp4', frames)
    row = dict(filename=str(tmp_path / 'clip.mp4'), pred_label=1, gt_label=2)
    mmengine.dump([row] * 8, tmp_path / 'test_predictions.pkl')
    figure = pictures.draw_clips(job.Outcome(job.TASKS[2], tmp_path, 1., {}))
    reds = [axis.images[0].get_array()[..., 0].mean() for axis in figure.axes[:8]]
    assert np.allclose(reds, 7 * np.linspace(0, 31, 8).astype(int), atol=4)
    assert figure.axes[0].get_title() == 'southeast, not south'


def test_no_target_missed_is_silent():
    outcomes = [job.Outcome(task, Path(), 1., GOOD[task.name]) for task in job.TASKS]
    assert report.missed_targets(outcomes) == ''
