"""``python -m mvitv2_mm report``."""
import json

import in_process
import pytest
import report_data as data


def test_the_report_lies_beside_the_predictions(tmp_path, capsys):
    run = data.make_run(tmp_path / 'run', 'image')
    in_process.run('report', [run])
    assert 'report.html' in capsys.readouterr().out
    from_folder = (run / 'report.html').read_text()
    (run / 'report.html').unlink()
    in_process.run('report', [run / 'test_predictions.pkl'])
    assert len((run / 'report.html').read_text()) == pytest.approx(len(from_folder), rel=0.01)


def test_json_has_the_metrics(tmp_path, capfd):
    runs = [data.make_run(tmp_path / name, 'video') for name in ('one', 'two')]
    in_process.run('report', [*runs, '--out', tmp_path / 'both.html', '--json'])
    found = json.loads(capfd.readouterr().out)
    assert [len(run['metrics']) for run in found['runs']] == [3, 3]
    assert found['out'] == str(tmp_path / 'both.html')


@pytest.mark.parametrize('argv, message', [
    (['nothing'], 'nothing does not exist; give a work dir or a dump'),
    (['.', '--out', 'report.pdf'], 'should end with .html'),
    (['.'], 'holds no run'),
])
def test_mistakes_are_told_in_one_line(argv, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=message) as error:
        in_process.run('report', argv)
    assert '\n' not in str(error.value)
    assert not list(tmp_path.glob('*.html'))
