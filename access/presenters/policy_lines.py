"""Where in the text a problem stands: the reader of policies names a line, or a path into it."""

import re

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode

LINE = re.compile(r"line (\d{1,6})\b")
PATH = re.compile(r"([^\s:]+): ")
STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def line_of(problem: str, root: Node | None) -> int | None:
    """Counted from 1; ``None`` when the problem is about no line, or nobody can tell."""
    if found := LINE.match(problem):
        return int(found[1])
    path = PATH.match(problem)
    return _walk(root, path[1]) if root is not None and path else None


def root_of(source: str) -> Node | None:
    """``None`` when it is not YAML at all. Only reads places: nothing is made of what is found."""
    try:
        root: Node | None = yaml.compose(source, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return None
    return root


def _walk(root: Node, path: str) -> int | None:
    """As far as the path goes: what is missing is shown where it should stand."""
    node, line = root, root.start_mark.line + 1
    for key, index in STEP.findall(path):
        if isinstance(node, MappingNode) and key:
            found = [(k, v) for k, v in node.value if k.value == key]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, SequenceNode) and index and int(index) < len(node.value):
            node = node.value[int(index)]
            line = node.start_mark.line + 1
        else:
            break
    return line if node is not root else None
