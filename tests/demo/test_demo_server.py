"""What the server of the page replies: records of the command line, limits, no way out."""
import json
import os
import shlex
import shutil
import struct
import zlib

import cv2
import pytest
import synthetic_data

from mvitv2_mm.commands.frame import run_command


def make_video(path, frames=12, size=64):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 10, (size, size))
    for number in range(frames):
        writer.write(synthetic_data.make_image(number, (size, size)))
    writer.release()
    return str(path)


def make_png(path, width, height):
    """A picture of one bit for each pixel, which is small as long as nobody decodes it."""
    rows = (b'\0' * (width // 8 + 1)) * height

    def chunk(name, content):
        return (struct.pack('>I', len(content)) + name + content +
                struct.pack('>I', zlib.crc32(name + content)))

    header = struct.pack('>IIBBBBB', width, height, 1, 0, 0, 0, 0)
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) +
                     chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
    return str(path)


@pytest.mark.parametrize('task, kind, query, num_records', [
    ('image', 'picture', {}, 1),
    ('detection', 'picture', {}, 1),
    ('detection', 'video', dict(every=30), 3),
    ('video', 'video', dict(parts=1), 2),
    ('video', 'clip', {}, 1),
    ('video', 'picture', {}, 1),
])
def test_the_records_are_those_of_the_command_that_is_shown(serve, tmp_path, monkeypatch, capfd,
                                                            task, kind, query, num_records):
    with serve(task) as server:
        target = tmp_path / ('bücher "1".png' if kind == 'picture' else 'ein film.mp4')
        if kind == 'video':
            make_video(target, 70)
        elif kind == 'picture' and task == 'video':
            cv2.imwrite(str(target), synthetic_data.make_image(0, (40, 40)))
        else:
            shutil.copy(server.files[0], target)
        key = server.send(target, **query)
        assert server.wait(key)['state'] == 'done'
        records = server.ask('GET', f'/jobs/{key}/predictions.jsonl')[2]
        result = server.ask('GET', f'/jobs/{key}/result.json')[2]
    monkeypatch.chdir(tmp_path)
    words = shlex.split(result['command'])
    assert words[:4] == ['python', '-m', 'mvitv2_mm', 'predict']
    capfd.readouterr()
    run_command('predict', words[4:])
    assert records == capfd.readouterr().out.encode()
    assert len(records.splitlines()) == num_records
    assert [json.loads(line) for line in records.splitlines()] == result['records']


def test_pictures_and_timeline_of_a_video(serve, tmp_path):
    with serve('detection') as server:
        key = server.send(make_video(tmp_path / 'v.mp4'), every=5)
        assert server.wait(key)['state'] == 'done'
        result = server.ask('GET', f'/jobs/{key}/result.json')[2]
        seconds = [picture['second'] for picture in result['pictures']]
        assert seconds == [record['frame']['second'] for record in result['records']]
        assert seconds == pytest.approx([0, 0.5, 1])
        assert (result['start'], result['end']) == pytest.approx((0, 1.2))
        assert all(0 <= bar['start'] < bar['end'] <= result['end'] + 1e-6
                   for row in result['timeline'] for bar in row['bars'])
        status, headers, content = server.ask('GET', f'/jobs/{key}/pictures/1.jpg')
        assert (status, headers['content-type']) == (200, 'image/jpeg')
        assert content.startswith(b'\xff\xd8\xff')
        assert server.ask('GET', f'/jobs/{key}/pictures/3.jpg')[0] == 404


def test_actions_of_people(serve_people, tmp_path, monkeypatch, capfd):
    """Records of the command line, a picture of each key frame, rows of actions, explanations."""
    make_video(tmp_path / 'people.mp4', 150)
    with serve_people() as server:
        key = server.send(tmp_path / 'people.mp4')
        assert server.wait(key)['state'] == 'done'
        records = server.ask('GET', f'/jobs/{key}/predictions.jsonl')[2]
        result = server.ask('GET', f'/jobs/{key}/result.json')[2]
        assert [len(record['objects']) for record in result['records']] == [2, 1]
        assert [picture['second'] for picture in result['pictures']] == [2, 4]
        names = {one['actions'][0]['name'] for r in result['records'] for one in r['objects']}
        assert names <= {row['name'] for row in result['timeline']}
        assert all(bar['end'] - bar['start'] <= 1 for row in result['timeline']
                   for bar in row['bars'])
        people = result['records'][0]['objects']
        for number, one in enumerate(people):
            said = server.ask('POST', f'/jobs/{key}/explanation', record=0, object=number)[2]
            assert server.wait(said['key'])['state'] == 'done'
            found = server.ask('GET', f'/jobs/{said["key"]}/result.json')[2]
            best = one['actions'][0]
            assert found['name'] == best['name']
            assert found['probability'] == pytest.approx(best['score'], abs=1e-4)
        said = server.ask('POST', f'/jobs/{key}/explanation', record=0, object=2)[2]
        assert '2 people are in the frame' in server.wait(said['key'])['error']
        stranger = server.wait(server.send(make_video(tmp_path / 'other.mp4')))
        assert stranger['state'] == 'done'  # with a record that says that there are no boxes
    monkeypatch.chdir(tmp_path)
    capfd.readouterr()
    assert run_command('predict', shlex.split(result['command'])[4:]) == 0
    assert records == capfd.readouterr().out.encode()


def test_an_explanation_is_a_picture(serve):
    with serve('image') as server:
        key = server.send(server.files[0])
        server.wait(key)
        status, _, said = server.ask('POST', f'/jobs/{key}/explanation', record=0)
        assert status == 201 and server.wait(said['key'])['state'] == 'done'
        content = server.ask('GET', f'/jobs/{said["key"]}/explanation.png')[2]
        assert content.startswith(b'\x89PNG')
        said = server.ask('POST', f'/jobs/{key}/explanation', record=1)[2]
        job = server.wait(said['key'])
        assert (job['state'], job['error']) == ('failed', 'there is no record 1')


def test_other_pages_and_hosts_are_refused(serve):
    with serve('image') as server:
        policy = server.ask('GET', '/')[1]['content-security-policy']
        assert "default-src 'none'" in policy and "script-src 'self'" in policy
        assert 'unsafe' not in policy
        assert server.ask('GET', '/', headers=dict(Host='attacker.example'))[0] == 400
        for origin in ('http://attacker.example', 'null', server.url.replace('http', 'https')):
            assert server.ask('POST', '/jobs', b'x', dict(Origin=origin), name='x')[0] == 403
        assert server.ask('POST', '/jobs', b'x', dict(Origin=server.url), name='x')[0] == 201


def test_no_name_leads_out_of_the_folder(serve, tmp_path):
    with serve('image') as server:
        outside = tmp_path / 'here.png'
        names = ['../../here.png', str(outside), '..\\..\\here.png', '%2e%2e/here.png']
        for name in names:
            key = server.send(server.files[0], name)
            assert server.wait(key)['state'] == 'done'
            assert server.ask('GET', f'/jobs/{key}/result.json')[2]['input'] == 'here.png'
        for name, plain in (('..', 'upload'), ('', 'upload'), ('-x.png', 'x.png'), ('a\0\nb',
                                                                                    'ab')):
            job = server.wait(server.ask('POST', '/jobs', b'x', name=name)[2]['key'])
            assert job['error'] == f'{plain}: is neither a picture nor a video that can be read'
        assert not outside.exists()
        stored = {path.name for path in server.folder.rglob('*') if path.is_file()}
        assert stored == {'upload', 'upload.png', '0.jpg', 'predictions.jsonl'}
        for path in ('/../app.py', '/%2e%2e/app.py', f'/jobs/{key}/../../app.py', '/app.py',
                     f'/jobs/{key}/pictures/..%2fupload.png', f'/jobs/{key}/pictures/%2e%2e/0.jpg',
                     f'/jobs/..%2f{key}', '/jobs/..', f'/jobs/{key}/upload.png'):
            assert server.ask('GET', path)[0] == 404, path


def test_what_is_too_large_is_refused_with_one_line(serve, tmp_path):
    limits = dict(megabytes=1, picture=2, frame=1, seconds=2, predictions=5)
    large = make_png(tmp_path / 'large.png', 2000, 1500)
    bomb = make_png(tmp_path / 'bomb.png', 30000, 10000)
    wide = make_video(tmp_path / 'wide.mp4', 2, 1024)
    video = make_video(tmp_path / 'video.mp4', 12)
    long = make_video(tmp_path / 'long.mp4', 40)
    with serve('detection', **limits) as server:
        chunks, lie = iter([b'x' * 600000] * 2), {'Content-Length': '9000000000'}
        for body, headers in ((b'x' * 1000001, {}), (chunks, {}), (None, lie)):
            status, _, said = server.ask('POST', '/jobs', body, headers, name='a.png')
            assert status == 413
            assert said['error'].startswith('a.png is larger than 1 MB, which the page takes')
        errors = {
            large: 'is a picture of 2000 x 1500 pixels; the page takes 2 megapixels',
            bomb: 'is a picture of more than 2 megapixels',
            wide: 'is a video of 1024 x 1024 pixels; the page takes 1 megapixels',
            video: '12 frames are to be predicted; the page takes 5, one of every 3 frames',
            long: 'lasts 4 s; the page takes 2 s'
        }
        for path, error in errors.items():
            job = server.wait(server.send(path))
            name = os.path.basename(path)
            assert job['state'] == 'failed' and job['error'].startswith(f'{name}: {error}')
            assert 'python -m mvitv2_mm predict has no such limit' in job['error']
        assert server.wait(server.send(video, every=3))['state'] == 'done'


@pytest.mark.parametrize('name, content, error', [
    ('notes.txt', b'some words', 'notes.txt: is neither a picture nor a video that can be read'),
    ('x.jpg', b'\xff\xd8\xff\xe0 nothing', 'x.jpg: Truncated'),
    ('list.m3u8', b'#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n', 'list.m3u8: is a list of files'),
    ('a.eps', b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n',
     'a.eps: is of a kind that the page does not take; it takes AVIF, BMP'),
])
def test_what_is_no_picture_or_video_is_told_in_one_line(serve, name, content, error):
    with serve('image') as server:
        key = server.ask('POST', '/jobs', content, name=name)[2]['key']
        job = server.wait(key)
        assert job['state'] == 'failed' and job['error'].startswith(error)
        assert '\n' not in job['error'] and str(server.folder) not in job['error']
        assert server.ask('GET', f'/jobs/{key}/predictions.jsonl')[0] == 409


def test_mistakes_in_requests(serve):
    with serve('image') as server:
        assert server.ask('POST', '/jobs', b'', name='a.png')[2] == dict(error='a.png is empty')
        for every in ('0', '-1', 'x', '1.5', '٣', '9' * 30):
            assert server.ask('POST', '/jobs', b'x', name='a.png', every=every)[0] == 400
        assert server.ask('GET', '/jobs/none')[0] == 404
        assert server.ask('PUT', '/jobs')[0] == 405


def test_a_file_that_is_cancelled_is_removed(serve, tmp_path):
    video = make_video(tmp_path / 'v.mp4', 300)
    with serve('detection') as server:
        first, second = server.send(video), server.send(video)
        assert server.ask('DELETE', f'/jobs/{second}')[0] == 204  # waits or has just begun
        assert server.ask('DELETE', f'/jobs/{first}')[0] == 204
        third = server.send(server.files[0])
        assert server.wait(third)['state'] == 'done'
        assert [path.name for path in next(server.folder.iterdir()).iterdir()] == [third]
        assert server.ask('GET', f'/jobs/{first}')[0] == 404


def test_the_page_is_small_and_asks_for_nothing_elsewhere(serve):
    with serve('image') as server:
        content = [
            server.ask('GET', path)[2] for path in ('/', '/page.js', '/page.css', '/icon.svg')
        ]
    assert sum(map(len, content)) < 60_000
    text = b''.join(content).decode().replace('http://www.w3.org/2000/svg', '')
    assert '//' not in text.replace('// ', '') and 'style="' not in text and 'eval' not in text
