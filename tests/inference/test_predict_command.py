"""``python -m mvitv2_mm predict``: what it prints and writes, exit codes, runs that are killed."""
import json
import os
import shutil
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
import synthetic_data

from mvitv2_mm.commands.frame import run_command


@pytest.fixture(scope='module')
def damaged(tmp_path_factory):
    """A file that is called a picture."""
    path = tmp_path_factory.mktemp('damaged') / 'damaged.jpg'
    path.write_bytes(b'\xff\xd8\xff\xe0 nothing follows')
    return str(path)


def predict(*arguments):
    return run_command('predict', [*map(str, arguments), '--device', 'cpu'])


def test_lines_to_read_and_errors(quick, damaged, capfd):
    model = quick('image')
    capfd.readouterr()
    assert predict(model.folder, model.files[0], damaged, model.files[1], '--top-k', 2) == 1
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert [line.rpartition(': ')[0] for line in lines[::2]] == model.files[:2]
    assert lines[0].count(' | ') == 1 and lines[1].startswith(f'{damaged}: error: ')
    assert '3 predicted in' in err and 'the slowest is' in err
    assert f'1 failed; the first: {damaged}: error: ' in err


def test_a_long_video_with_one_record_gets_a_hint(quick, tmp_path, capfd):
    """A clip of the model spans 32 frames."""
    model = quick('video')
    cases = (160, [], True), (160, ['--stride', 0], False), (80, [], False)
    for frames, stride, is_told in cases:
        video = tmp_path / f'{frames}.npy'
        np.save(video, np.zeros((frames, 64, 64, 3), np.uint8))
        capfd.readouterr()
        assert predict(model.folder, video, *stride) == 0
        out, err = capfd.readouterr()
        assert out.startswith(f'{video}')
        assert ('hint: one record stands for a whole video, into which 5 clips' in err) == is_told


def test_json_lines_are_alone_on_the_standard_output(quick, damaged, capfd):
    model = quick('detection')
    capfd.readouterr()
    assert predict(model.folder, model.files[0], damaged, '--json', '--score-thr', 0) == 1
    records = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [record['input'] for record in records] == [model.files[0], damaged]
    assert all(record['schema'] == 1 and record['task'] == 'detection' for record in records)
    found = records[0]['objects'][0]
    assert set(found) == {'label', 'name', 'score', 'box', 'mask'}
    assert found['name'] == str(found['label'])  # digits are called so
    assert 'objects' not in records[1] and '\n' not in records[1]['error']


def test_a_folder_of_results_holds_what_python_gives(quick, tmp_path, capfd):
    from mvitv2_mm import Inferencer
    model = quick('video')
    capfd.readouterr()
    assert predict(model.folder, *model.files, '--out', tmp_path) == 0
    lines = (tmp_path / 'predictions.jsonl').read_text().splitlines()
    infer = Inferencer(model.folder, device='cpu')
    assert [json.loads(line) for line in lines] == infer(model.files)
    assert list(infer.stream(model.files)) == infer(model.files)
    assert capfd.readouterr().out == ''


def test_names_that_are_no_text(quick, tmp_path, capfd):
    model, folder = quick('image'), tmp_path / 'pictures'
    folder.mkdir()
    name = os.fsdecode(b'\xff\xe9.png')
    for target in (folder / name, folder / 'bücher.png'):
        shutil.copy(model.files[0], target)
    assert predict(model.folder, folder) == 0
    assert predict(model.folder, folder, '--out', tmp_path / 'out', '--draw', '--format',
                   'csv') == 0
    assert sorted(os.listdir(tmp_path / 'out/drawn')) == sorted(os.listdir(folder))
    assert 'bücher.png' in (tmp_path / 'out/predictions.csv').read_text(errors='surrogateescape')
    text = (tmp_path / 'out' / 'predictions.jsonl').read_text(encoding='utf-8')
    assert 'bücher.png' in text
    names = {json.loads(line)['input'] for line in text.splitlines()}
    assert names == {str(folder / name), str(folder / 'bücher.png')}
    formats = ('csv', 'coco', 'coco-data', 'yolo', 'labelme')
    arguments = ('--out', tmp_path / 'objects', '--score-thr', 0, '--format', *formats)
    assert predict(quick('detection').folder, folder, *arguments) == 0
    content = json.loads((tmp_path / 'objects/annotations.coco.json').read_text(encoding='utf-8'))
    assert {image['file_name'] for image in content['images']} == {name, 'bücher.png'}


def test_names_that_are_no_text_of_what_is_no_picture(quick, tmp_path, capfd):
    """OpenCV, which is asked last, would end the process."""
    path = tmp_path / os.fsdecode(b'\xe4.txt')
    path.write_text('text')
    assert predict(quick('image').folder, path) == 1
    assert 'is neither a picture nor a video' in capfd.readouterr().out


def test_mistakes_are_one_line(quick, tmp_path, capfd):
    model = quick('image')
    for arguments, code, words in (
        ((model.folder, 'x.jpg', '--device', 'cuda:77'), 2, 'cuda:77'),
        ((model.folder, 'x.jpg', '--batch-size', 0), 2, 'batch_size should be at least 1'),
        ((model.folder, 'x.jpg', '--score-thr', 'nan'), 2, 'score_thr should be from 0 to 1'),
        ((model.folder, 'x.jpg', '--classes', tmp_path / 'no.txt'), 1, 'no.txt'),
        (('mvitv2-tinny_in1k', 'x.jpg'), None, 'mvitv2-tiny_in1k'),
    ):
        found = run_command('predict', list(map(str, arguments)))
        error = capfd.readouterr().err.strip().splitlines()[-1]
        assert words in error and found == code or code is None and found in (1, 2)


@pytest.fixture(scope='module')
def many(tmp_path_factory):
    """Sixty pictures of three sizes, one of them damaged."""
    folder = tmp_path_factory.mktemp('many')
    for i in range(60):
        size = (64 + 32 * (i % 3), 64)
        cv2.imwrite(str(folder / f'{i:02}.png'), synthetic_data.make_image(i, size))
    (folder / '33.png').write_bytes(b'broken')
    return folder


KILL = '''
import os, signal
from mvitv2_mm import Inferencer
from mvitv2_mm.inference import job, output
output._SAVE_EVERY = 0
seen = []
def show(record):
    seen.append(record)
    if len(seen) == 41:
        os.kill(os.getpid(), signal.SIGKILL)
job.predict(Inferencer({model!r}, device='cpu', batch_size=4), [{inputs!r}], {out!r}, show)
'''


def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(quick, many, tmp_path, capfd):
    model = quick('image').folder
    script = KILL.format(model=model, inputs=str(many), out=str(tmp_path / 'killed'))
    done = subprocess.run([sys.executable, '-c', script],
                          capture_output=True,
                          text=True,
                          env=dict(os.environ, OMP_NUM_THREADS='1'))  # as in this process
    assert done.returncode == -signal.SIGKILL, done.stderr[-600:]
    state = json.loads((tmp_path / 'killed' / 'predict.json').read_text())
    assert state['progress'][0]['sources'] == 31  # and the first item of the next input
    for name in ('whole', 'killed'):
        assert predict(model, many, '--out', tmp_path / name, '--batch-size', 4) == 1
    assert '28 predicted in' in capfd.readouterr().err
    whole, killed = (tmp_path / name / 'predictions.jsonl' for name in ('whole', 'killed'))
    assert whole.read_bytes() == killed.read_bytes()
    assert len(whole.read_text().splitlines()) == 60
    assert predict(model, many, '--out', tmp_path / 'whole', '--batch-size', 8) == 1
    assert 'with batch_size 4, not 8; take another --out' in capfd.readouterr().err


def test_two_processes_share_the_inputs(quick, many, tmp_path, monkeypatch, capfd):
    model = quick('image').folder
    monkeypatch.setenv('WORLD_SIZE', '2')
    for rank in ('1', '0'):
        monkeypatch.setenv('RANK', rank)
        # the first process tells what became of all
        assert predict(model, many, '--out', tmp_path / 'two') == (rank == '0')
    assert predict(model, many) == 2
    assert 'several processes need --out' in capfd.readouterr().err
    names = [json.loads(line)['input'] for line in open(tmp_path / 'two' / 'predictions.jsonl')]
    assert names == sorted(map(str, many.iterdir()))
    assert sorted(os.listdir(tmp_path / 'two')) == ['predict.json', 'predictions.jsonl']
