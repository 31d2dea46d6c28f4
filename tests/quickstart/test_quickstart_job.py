"""The quickstart's judgement: it goes through the tools and fails loudly."""
import json
import sys
from pathlib import Path

import in_process
import pytest

from mvitv2_mm.quickstart import job, report

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
    tool = in_process.script('tools/quickstart.py')
    results, ran = json.loads(json.dumps(GOOD)), []

    def run_task(task, work_dir):
        ran.append(task.name)
        return job.Outcome(task, work_dir, 1., results[task.name])

    monkeypatch.setattr(tool, 'run_task', run_task)
    monkeypatch.setattr(tool, 'WORK_DIR', tmp_path)
    monkeypatch.chdir(in_process.ROOT)
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


def test_a_failing_command_is_named_with_its_log(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(sys, 'executable', '/bin/echo')
    job._call('test', ['config.py'], tmp_path / 'frozen.log')
    assert (tmp_path / 'frozen.log').read_text() == '-m mvitv2_mm test config.py\n'
    job._call('finetune', ['my data'])
    assert capfd.readouterr().out.endswith("""\
$ python -m mvitv2_mm finetune 'my data'
-m mvitv2_mm finetune my data
""")
    monkeypatch.setattr(sys, 'executable', '/bin/false')
    with pytest.raises(RuntimeError, match='"test" failed with exit code 1 .*frozen.log'):
        job._call('test', [], tmp_path / 'frozen.log')


@pytest.mark.parametrize('task', job.TASKS, ids=lambda task: task.name)
def test_a_task_is_one_fine_tuning(task, tmp_path, monkeypatch):
    """And a test of each control, on clips that lie beside the data."""
    calls = []

    def call(command, args, log=None):
        calls.append((command, list(map(str, args))))
        out = tmp_path / (f'{log.stem}_metrics.json' if log else 'test_metrics.json')
        out.write_text('{"acc/top1": 0.5}')
        (tmp_path / 'best_3.pth').touch()

    monkeypatch.setattr(job, '_call', call)
    monkeypatch.setattr(job.data, 'prepare', lambda name: Path('data') / name)
    outcome = job.run_task(task, tmp_path)
    assert calls[0] == ('finetune', [f'data/{task.name}', '--from', 'none', '--out', str(tmp_path)])
    assert set(outcome.metrics) == {target.run for target in task.targets}
    assert [command for command, _ in calls[1:]] == ['test'] * len(task.controls)
    for (_, args), name in zip(calls[1:], task.controls):
        assert f'test_dataloader.dataset.data_root=data/controls/{name}' in args
        assert str(tmp_path / 'best_3.pth') in args


def test_no_target_missed_is_silent():
    outcomes = [job.Outcome(task, Path(), 1., GOOD[task.name]) for task in job.TASKS]
    assert report.missed_targets(outcomes) == ''
