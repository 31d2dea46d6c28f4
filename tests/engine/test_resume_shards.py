"""A killed and resumed training on tar files equals an uninterrupted one, and one on folders."""
import io
import tarfile
from pathlib import Path

import pytest
from small_training import AUGMENTS, EPOCH_LENGTH, SAVED, equal, make_config, train
from test_resume import train_killed_and_resumed

pytestmark = pytest.mark.usefixtures('fast')


def write_shards(data, folder):
    """Tar files of the pictures of a class folder, and a list of them in that order."""
    lines = []
    pictures = sorted((Path(data) / 'train').rglob('*.png'), key=lambda path: path.name[::-1])
    for i in range(2):
        with tarfile.open(folder / f'{i}.tar', 'w') as archive:
            for picture in pictures[i::2]:
                label = picture.parent.name[-1]
                lines.append(f'{picture.relative_to(Path(data))} {label}')
                archive.add(picture, picture.name)
                info = tarfile.TarInfo(f'{picture.stem}.cls')
                info.size = 1
                archive.addfile(info, io.BytesIO(label.encode()))
    (folder / 'list.txt').write_text('\n'.join(lines))


@pytest.mark.parametrize('num_workers', [0, 2])
def test_resumed_equals_uninterrupted_and_folders(data, num_workers, tmp_path):
    write_shards(data, tmp_path)
    cfg = make_config(data, 'epochs', num_workers)
    assert SAVED == EPOCH_LENGTH and AUGMENTS

    def use(ann_file):
        cfg.train_dataloader.dataset.update(
            type='mvitv2_mm.ImageDataset', ann_file=str(tmp_path / ann_file), data_prefix='')
        cfg.train_dataloader.dataset.pipeline[0] = dict(type='mvitv2_mm.LoadImage')

    use('list.txt')
    expected = train(cfg, tmp_path / 'folders')
    use('{0..1}.tar')
    assert equal(train(cfg, tmp_path / 'whole'), expected)
    assert equal(train_killed_and_resumed(cfg, tmp_path / 'parts'), expected)
