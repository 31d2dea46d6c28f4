"""The soak finds nothing in one short round; docs/reliability.md has the table of a long one."""
import json

import in_process


def test_one_task_with_a_kill(tmp_path, monkeypatch, capsys):
    soak = in_process.script('tools/soak.py')
    short = 'train_dataloader.dataset.indices=64 train_cfg.max_epochs=2 val_dataloader.dataset.'
    monkeypatch.setitem(soak.trainings.OPTIONS, 'image', f'{short}indices=16')
    # with this seed the first kill comes after a third of the time that a training takes
    args = ['--minutes', '0', '--tasks', 'image', '--by', 'SIGKILL', '--seed', '58']
    assert soak.main([*args, '--out', str(tmp_path / 'out')]) == 0, capsys.readouterr().out
    row, = json.loads((tmp_path / 'out' / 'soak.json').read_text())['rounds']
    assert row['faults'] == [] and row['stops'] >= 1
    assert '| image | SIGKILL | 1 | ' in capsys.readouterr().out
