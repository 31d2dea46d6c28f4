"""Where a model looks: attention rollout, relevance and Grad-CAM through pooled grids."""
from .block_attention import BlockAttention
from .explanation import Explanation, explain
from .faithfulness import faithfulness
from .figures import draw_explanation, draw_point, draw_positions
from .job import write_explanation
from .maps import METHODS, heat_map
from .page import write_page
from .points import PointAttention, attention_of_points
from .recording import BlockRecord, Recording, recording
from .rollout import relevance, rollout
from .targets import Target, find_target

__all__ = [
    'METHODS', 'BlockAttention', 'BlockRecord', 'Explanation', 'PointAttention', 'Recording',
    'Target', 'attention_of_points', 'draw_explanation', 'draw_point', 'draw_positions', 'explain',
    'faithfulness', 'find_target', 'heat_map', 'recording', 'relevance', 'rollout',
    'write_explanation', 'write_page'
]
