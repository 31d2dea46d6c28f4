"""Lists of samples are read alike whatever program wrote them."""
import pytest

from mvitv2_mm.datasets.lists import check_labels, number_names, parse_lines, split_sample

CLASSES = number_names(['cat', 'ice cream', 'dog'])


@pytest.mark.parametrize('line, expected', [
    ('a/1.jpg 2', ('a/1.jpg', [], [2])),
    ('a b/c 1.jpg\t0', ('a b/c 1.jpg', [], [0])),
    ('a,b.jpg, 1', ('a,b.jpg', [], [1])),
    ('a.jpg dog', ('a.jpg', [], [2])),
    ('a b.jpg,ice cream', ('a b.jpg', [], [1])),
    ('clip 12 3', ('clip 12', [], [3])),
])
def test_one_label(line, expected):
    assert split_sample(line, classes=CLASSES) == expected


def test_several_labels_numbers_before_them_and_none():
    assert split_sample('0.mp4 0 5 7', several=True) == ('0.mp4', [], [0, 5, 7])
    assert split_sample('b b 40 3 4', 1, several=True) == ('b b', [40], [3, 4])
    assert split_sample('b b 40 3', 1) == ('b b', [40], [3])
    assert split_sample('b b 40', 1, with_label=False) == ('b b', [40], [])
    assert split_sample('a 1.jpg', with_label=False) == ('a 1.jpg', [], [])


@pytest.mark.parametrize('line, options', [('a.jpg', {}), ('7', {}), ('a.jpg bird', {}),
                                           ('a 40', dict(num_before=1, several=True))])
def test_lines_of_another_form(line, options):
    with pytest.raises(ValueError):
        split_sample(line, classes=CLASSES, **options)


@pytest.mark.parametrize('content', [
    b'a.jpg 0\nb.jpg 1\n',
    b'\xef\xbb\xbfa.jpg\t0\r\n\r\nb.jpg\t1\r\n\r\n',
    b'\n a.jpg, 0 \nb.jpg,1',
])
def test_files_of_any_program(content, tmp_path):
    (tmp_path / 'list.txt').write_bytes(content)
    rows = parse_lines(str(tmp_path / 'list.txt'), split_sample, 'path label')
    assert rows == [('a.jpg', [], [0]), ('b.jpg', [], [1])]


def test_messages_name_file_line_and_reason(tmp_path):
    path = tmp_path / 'list.txt'

    def parse(line):
        name, _, labels = split_sample(line)
        check_labels(name, labels, 2, lambda: False)

    for text, message in (('a 0\n\nb', 'line 3: expected "path label", but got "b"'),
                          ('a 1\nb 2', r'line 2: label 2 is outside of 0\.\.1'),
                          ('a 1 0', 'line 1: several labels .* multi_class=True'), ('\n',
                                                                                    'is empty')):
        path.write_text(text)
        with pytest.raises(ValueError, match=f'list.txt.*{message}'):
            parse_lines(str(path), parse, 'path label')
    path.write_bytes('a 0'.encode('utf-16'))
    with pytest.raises(ValueError, match='list.txt is not text in UTF-8'):
        parse_lines(str(path), parse, 'path label')
