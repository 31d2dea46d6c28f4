"""Numbers of the LVIS v1 training set (annotations by lvisdataset.org, CC BY 4.0)."""
from pathlib import Path

import numpy as np

_TABLE = np.loadtxt(Path(__file__).with_suffix('.csv'), int, delimiter=',', skiprows=1)
# images with each of the 1203 classes, in the order of their ids
IMAGE_COUNTS = tuple(_TABLE[:, 1].tolist())
