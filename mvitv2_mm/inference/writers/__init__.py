"""Records in the formats of other tools."""
from .base import Writer
from .coco import COCODataWriter, COCOWriter
from .labelme import LabelMeWriter
from .names import common_folder
from .table import CSVWriter
from .timelines import SegmentsWriter, SRTWriter
from .yolo import YOLOWriter

#: writers by the names that the command line has for their formats
WRITERS = {
    'csv': CSVWriter,
    'coco': COCOWriter,
    'coco-data': COCODataWriter,
    'yolo': YOLOWriter,
    'labelme': LabelMeWriter,
    'srt': SRTWriter,
    'segments': SegmentsWriter,
}

__all__ = [
    'COCODataWriter', 'COCOWriter', 'CSVWriter', 'LabelMeWriter', 'SRTWriter', 'SegmentsWriter',
    'WRITERS', 'Writer', 'YOLOWriter', 'common_folder'
]
