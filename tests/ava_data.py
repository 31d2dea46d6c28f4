"""A tiny copy of AVA v2.2 in its on-disk format."""
import pickle
from pathlib import Path

import cv2
import numpy as np

# video, second, box, actions; the second person of 902 is cut by a crop of the centre
PEOPLE = [
    ('-5KQ66BBWC4', 902, (0.3, 0.2, 0.6, 0.9), (12, 17)),
    ('-5KQ66BBWC4', 902, (0.0, 0.2, 0.2, 0.9), (80, )),
    ('-5KQ66BBWC4', 904, (0.3, 0.2, 0.6, 0.9), (9, )),
    ('1j20qq1JyX4', 902, (0.4, 0.1, 0.8, 0.8), (12, )),
]
# x1, y1, x2, y2, score
DETECTIONS = {
    # twice the first person, once the second, and two that overlap nobody enough
    '-5KQ66BBWC4,0902': [(0.3, 0.2, 0.6, 0.88, 0.95), (0.31, 0.2, 0.6, 0.9, 0.85),
                         (0.0, 0.2, 0.19, 0.9, 0.9), (0.5, 0.2, 0.9, 0.9, 0.99),
                         (0.3, 0.2, 0.6, 0.9, 0.79)],
    '-5KQ66BBWC4,0903': [(0.3, 0.2, 0.6, 0.9, 0.9)],  # nobody annotated
    '-5KQ66BBWC4,0904': [(0.3, 0.2, 0.6, 0.9, 0.9)],  # excluded
    '-5KQ66BBWC4,0901': [(0.3, 0.2, 0.6, 0.9, 0.9)],  # before the annotated part
    '1j20qq1JyX4,0902': [(0.4, 0.1, 0.8, 0.8, 0.3)],  # not good enough
}  # yapf: disable
EVALUATED = (9, 12, 17, 80)
LABEL = 'item {{\n  name: "action {0}"\n  id: {0}\n}}\n'


def make_ava(root: Path, num_frames: int = 150) -> str:
    """``rawframes/VIDEO/img_00001.jpg`` and the files in ``annotations``; both splits alike."""
    for video in {person[0] for person in PEOPLE}:
        folder = root / 'rawframes' / video
        folder.mkdir(parents=True)
        for i in range(num_frames):  # the colour tells the number
            frame = np.full((48, 64, 3), i, np.uint8)
            cv2.imwrite(str(folder / f'img_{i + 1:05}.jpg'), frame)
    annotations = root / 'annotations'
    annotations.mkdir()
    rows = [
        f'{video},{second:04},{",".join(f"{x:.3f}" for x in box)},{action},{i}'
        for i, (video, second, box, actions) in enumerate(PEOPLE) for action in actions
    ]
    proposals = {key: np.array(boxes) for key, boxes in DETECTIONS.items()}
    for split in ('train', 'val'):
        (annotations / f'ava_{split}_v2.2.csv').write_text('\n'.join(rows) + '\n')
        excluded = annotations / f'ava_{split}_excluded_timestamps_v2.2.csv'
        excluded.write_text('-5KQ66BBWC4,0904\n')
        path = annotations / f'ava_dense_proposals_{split}.FAIR.recall_93.9.pkl'
        path.write_bytes(pickle.dumps(proposals))
    labels = annotations / 'ava_action_list_v2.2_for_activitynet_2019.pbtxt'
    labels.write_text(''.join(LABEL.format(i) for i in EVALUATED))
    return str(root)
