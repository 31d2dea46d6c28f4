from typing import Dict, Optional, Tuple

import numpy as np

try:
    import av
except ImportError:
    av = None


class ToRGB:
    """Converts frames with the filters, and thus to the bytes, of ``ffmpeg``."""

    def __init__(self) -> None:
        self._graphs: Dict[tuple, 'av.filter.Graph'] = {}

    def __call__(self, frame: 'av.VideoFrame') -> np.ndarray:
        """RGB array (H, W, 3) of a frame, turned and mirrored as the file says."""
        matrix = frame.side_data.get('DISPLAYMATRIX')
        turns = () if matrix is None else _turns(*np.frombuffer(matrix, np.int32)[[0, 1, 3, 4]])
        key = (frame.width, frame.height, frame.format.name, turns)
        if key not in self._graphs:
            graph = self._graphs[key] = av.filter.Graph()
            graph.threads = 1  # more cost more than they save
            source = graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base)
            steps = [*turns, ('format', 'rgb24'), ('buffersink', None)]
            graph.link_nodes(source, *(graph.add(*step) for step in steps)).configure()
        self._graphs[key].vpush(frame)
        return self._graphs[key].vpull().to_ndarray()


def _turns(a: int, b: int, c: int, d: int) -> Tuple[Tuple[str, Optional[str]], ...]:
    """Filters that move pixel (x, y) to (a x + c y, b x + d y), by quarter turns and mirrors."""
    if abs(b) > abs(a):
        return (('transpose', str((c < 0) + 2 * (b < 0))), )
    return (('hflip', None), ) * (a < 0) + (('vflip', None), ) * (d < 0)
