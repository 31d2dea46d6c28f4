from collections import Counter
from pathlib import Path
from typing import Optional, Sequence

from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..config_walk import leaf_datasets
from ..datasets.storage import shown
from ..files import full_disk_named
from ..registry import HOOKS


@HOOKS.register_module()
class PictureHook(Hook):
    """Save a picture of every prediction of a test, in the folders in which the data lies.

    The hooks of the host libraries put all pictures into one folder, under the last part of the
    path of the sample: those of ``cat/0.jpg`` and ``dog/0.jpg`` overwrite each other. If a picture
    cannot be written, the test goes on without them.

    Args:
        hook (dict): The hook of the host library that draws.
        folder_key (str): Its argument for the folder.
        folder (str): Where the pictures go.

    Attributes:
        trouble (OSError | None): Why there are no more pictures.
    """

    def __init__(self, hook: dict, folder_key: str, folder: str) -> None:
        self.hook = HOOKS.build({**hook, folder_key: folder})
        self.folder_key = folder_key
        self.folder = Path(folder)
        self.count = 0
        self.seen = Counter()
        self.trouble: Optional[OSError] = None

    def before_test(self, runner: Runner) -> None:
        datasets = leaf_datasets(runner.cfg.test_dataloader.dataset)
        self.roots = [
            Path(data['data_root']).resolve() for _, data in datasets if data.get('data_root')
        ]

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: dict,
                        outputs: Sequence) -> None:
        """Draw the samples of a batch one by one, each into its own folder."""
        if self.trouble is not None:
            return
        try:
            with full_disk_named(self.folder):
                self._draw(runner, data_batch, outputs)
        except OSError as error:
            self.trouble = error
            runner.logger.warning(f'There are no more pictures: {error}')

    def _draw(self, runner: Runner, data_batch: dict, outputs: Sequence) -> None:
        for inputs, sample in zip(data_batch['inputs'], outputs):
            setattr(self.hook, self.folder_key, str(self.folder / self._below_root(sample)))
            self.hook.after_test_iter(runner, self.count, dict(inputs=[inputs]), [sample])
            self.count += 1

    def _below_root(self, sample: object) -> Path:
        """Folder of a sample; one more for each time that it comes again."""
        if 'img_path' not in sample:  # a clip; the pictures are numbered
            name = Path(str(sample.get('video_id', '')))
            return Path(*[part for part in name.parts if part not in (name.anchor, '..')])
        path = Path(shown(sample.img_path)).resolve()
        roots = [root for root in self.roots if root in path.parents]
        parent = path.relative_to(roots[0] if roots else path.anchor).parent
        self.seen[path] += 1
        return parent / str(self.seen[path]) if self.seen[path] > 1 else parent
