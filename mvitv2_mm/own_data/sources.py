"""Which samples come from one source, so that they stay on one side of a split."""
import os
import re
from collections import Counter, defaultdict
from typing import Dict, List, NamedTuple, Sequence, Tuple

from .samples import OwnData, Sample


class Rule(NamedTuple):
    """A pattern of file names (without suffix) whose group 'source' is the source."""
    name: str
    pattern: 're.Pattern'


_CERTAIN = {
    'video': (
        Rule('UCF101: the same number after "_g"', re.compile(r'(?P<source>v_.+_g\d+)_c\d+')),
        Rule('HMDB51: the same name before the class',
             re.compile(r'(?P<source>.+)_[fhlu]_(cm|nm)_np\d_(ba|fr|le|ri)_(bad|med|goo)_\d+')),
        # Kinetics has six digits
        Rule('the same name before a time range',
             re.compile(r'(?P<source>.+?)[_-](\d{6}[_-]\d{6}|\d+\.\d+[_-]\d+\.\d+)')),
    ),
    # versions of one picture
    'detection': (Rule('Roboflow: the same name before ".rf."',
                       re.compile(r'(?P<source>.+)\.rf\..+')), ),
}
_CERTAIN['image'] = _CERTAIN['detection']
_NUMBERED = Rule('the same name before a number', re.compile(r'(?P<source>.+?)[\s_.-]*\(?\d+\)?'))
_FOLDER = 'the same folder below that of the class'
# numbers, and what cameras and people call unrelated files
_NO_SOURCE = re.compile(
    r'[\d\s_.-]*|(img|vid|pxl|mvi|dscn?|dscf|gopr?|gx|gh|mov|movie|video|clip|sample|file|frame|'
    r'image|photo|screen ?recording)[\s_.-]*', re.I)
_MIN_SOURCES = 3  # of a class, by a rule that may be wrong


def sources(data: OwnData, samples: Sequence[Sample]) -> Tuple[List[str], Dict[str, int]]:
    """A source for each sample, and how many samples each rule put together with others.

    A rule that only supposes a source, by a number at the end of a name or by a folder, counts in
    a class where it finds three sources or more: where it finds fewer, the number counts the
    samples.
    """
    found: List[str] = []
    rules: List[str] = []
    supposed = [_suppose(data, sample) for sample in samples]
    per_class = defaultdict(set)
    for sample, (source, _) in zip(samples, supposed):
        per_class[sample.label].add(source)
    for sample, (source, rule) in zip(samples, supposed):
        certain = _match(_CERTAIN.get(data.task, ()), sample)
        if certain[0]:
            source, rule = certain
        elif not source or len(per_class[sample.label]) < _MIN_SOURCES:
            source, rule = sample.path, ''
        found.append(source)
        rules.append(rule)
    sizes = Counter(found)
    return found, dict(Counter(r for s, r in zip(found, rules) if r and sizes[s] > 1))


def _match(rules: Sequence[Rule], sample: Sample) -> Tuple[str, str]:
    """Source of a sample by its name, and the rule that tells; '' if none does."""
    stem = os.path.splitext(os.path.basename(sample.path))[0]
    for rule in rules:
        match = rule.pattern.fullmatch(stem)
        if match and not _NO_SOURCE.fullmatch(match['source']):
            return match['source'], rule.name
    return '', ''


def _suppose(data: OwnData, sample: Sample) -> Tuple[str, str]:
    """What may be the source of a sample, and by which rule; '' if nothing tells."""
    if data.task in ('image', 'video') and _is_nested(data, sample):
        return os.path.dirname(sample.path), _FOLDER
    if data.task == 'video':
        return _match((_NUMBERED, ), sample)
    return '', ''


def _is_nested(data: OwnData, sample: Sample) -> bool:
    """Whether a sample lies in a folder below that of its class."""
    folders = sample.path.removeprefix(data.root).split(os.sep)[:-1]
    return data.classes[sample.label] in folders[:-1]
