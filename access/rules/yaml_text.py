"""From YAML text to plain data, trusting nobody: who writes a policy may still mean harm.

Only mappings, lists, texts, whole numbers, true/false and null are read. Anchors, aliases, tags and
keys that stand twice are refused, and so is what is too long or too deep.
"""

import re
from typing import Any

import yaml
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from access.rules.problems import BadPolicy

LONGEST = 200_000  # bytes
DEEPEST = 14
_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """Safe, and without YAML 1.1's surprises: ``22:00`` and ``no`` are texts."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}
    depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, AliasEvent):
            raise _refusal(event, "a text that begins with * must stand in quotes")
        if getattr(event, "anchor", None) is not None:
            raise _refusal(event, "anchors (&) are not read; a text with & goes in quotes")
        self.depth += 1
        if self.depth > DEEPEST:
            raise _refusal(event, f"it is nested more than {DEEPEST} levels deep")
        node: Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


_Loader.add_implicit_resolver(_TAG + "bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver(_TAG + "int", re.compile(r"^-?[0-9]{1,9}$"), list("-0123456789"))
_Loader.add_implicit_resolver(_TAG + "null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])


def read(text: str) -> Any:
    """Raises ``BadPolicy`` with the line where it went wrong."""
    if len(text.encode(errors="replace")) > LONGEST:
        raise BadPolicy([f"It is longer than {LONGEST // 1000} kB."])
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise BadPolicy([_words(error)]) from error
    except yaml.YAMLError as error:
        raise BadPolicy([f"It holds a character that YAML does not allow: {error}"]) from error
    problems: list[str] = []
    value = _plain(node, problems) if node is not None else None
    if problems:
        raise BadPolicy(problems)
    return value


def _plain(node: Node, problems: list[str]) -> Any:
    if isinstance(node, MappingNode) and node.tag == _TAG + "map":
        return _mapping(node, problems)
    if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
        return [_plain(each, problems) for each in node.value]
    if isinstance(node, ScalarNode):
        return _scalar(node, problems)
    problems.append(f"{_line(node)}: tags such as {node.tag} are not read.")
    return None


def _mapping(node: MappingNode, problems: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            problems.append(f"{_line(key)}: a key must be a text.")
        elif not str(key.value).isprintable():
            problems.append(f"{_line(key)}: a key must be one line, without control characters.")
        elif key.value in found:
            problems.append(f"{_line(key)}: {key.value} stands here a second time.")
        else:
            found[str(key.value)] = _plain(value, problems)
    return found


def _scalar(node: ScalarNode, problems: list[str]) -> Any:
    text = str(node.value)
    match node.tag.removeprefix(_TAG):
        case "str":
            return text
        case "int":
            return int(text)
        case "bool":
            return text == "true"
        case "null":
            return None
    problems.append(f"{_line(node)}: tags such as {node.tag} are not read.")
    return None


def _line(node: Node) -> str:
    return f"line {node.start_mark.line + 1}"


def _refusal(event: Any, words: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=words, problem_mark=event.start_mark)


def _words(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{where}{error.problem or error.context or 'it is not YAML'}."
