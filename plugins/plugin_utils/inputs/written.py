"""What stands in a YAML file where Ansible has only what YAML made of it.

YAML 1.1 reads `12:30` as 750, `01234` as 668 and `yes` as true. ansible-core 2.19 and later keep
where a value was read, which leads back to the text. Nothing is known of a value that a template,
a lookup or an inventory plugin has made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: Where something stands: line and column, both from 1.
Place = tuple[int, int]


@dataclass(frozen=True)
class Written:
    """A value as it stands in a file.

    Attributes:
        node: What PyYAML read there.
        where: The file and the line, for a message.
    """

    node: yaml.Node
    where: str

    @property
    def text(self) -> str | None:
        """The text of an unquoted scalar; None for anything else."""
        node = self.node
        # libyaml's style of an unquoted one is empty text.
        plain = isinstance(node, yaml.ScalarNode) and not node.style
        return str(node.value) if plain else None

    @property
    def is_template(self) -> bool:
        """Whether the value is what a template makes."""
        text = self.node.value if isinstance(self.node, yaml.ScalarNode) else ""
        return "{{" in text or "{%" in text

    def items(self) -> list[Written]:
        """Return the parts of a list, or the values of a mapping, in their order."""
        if isinstance(self.node, yaml.SequenceNode):
            return [Written(part, self.where) for part in self.node.value]
        if isinstance(self.node, yaml.MappingNode):
            return [Written(part, self.where) for _key, part in self.node.value]
        return []


class Files:
    """Finds what values were read from.

    Args:
        read: Returns the text of a file of the controller, decrypted.
        command_line: The texts of `--extra-vars` that are YAML.
    """

    def __init__(
        self, read: Callable[[str], bytes] | None = None, command_line: Iterable[str] = ()
    ) -> None:
        self._read = read
        self._command_line = list(command_line)
        self._places: dict[str, list[tuple[dict[Place, yaml.Node], dict[Place, yaml.Node]]]] = {}

    def written(self, key: object, value: object) -> Written | None:
        """Return what stands where a value of a mapping was read, or None.

        Args:
            key: The name in the mapping.
            value: What YAML made of it. A boolean and an empty one have no origin of their own.
        """
        after_key = self._at(key, 1)
        # The origin of what a template made may be the value that the template names.
        if after_key is not None and not after_key.is_template:
            return after_key
        return self._at(value, 0) or after_key

    def is_from_file(self, value: object) -> bool:
        """Return whether a value was read from a file."""
        return bool(getattr(_origin(value), "path", None))

    def _at(self, value: object, values: int) -> Written | None:
        """Return the node that stands at a value's origin, or the one behind that key."""
        origin = _origin(value)
        line, column = (getattr(origin, name, None) for name in ("line_num", "col_num"))
        if not line or not column:
            return None
        path = getattr(origin, "path", None) or ""
        for places in self._texts(path):
            node = places[values].get((line, column))
            if node is not None:
                return Written(node, f"{path}:{line}" if path else "the command line")
        return None

    def _texts(self, path: str) -> list[tuple[dict[Place, yaml.Node], dict[Place, yaml.Node]]]:
        if path not in self._places:
            texts = [self._text(path)] if path else self._command_line
            self._places[path] = [_index(text) for text in texts]
        return self._places[path]

    def _text(self, path: str) -> str:
        try:
            return self._read(path).decode() if self._read else ""
        except (OSError, ValueError):
            return ""


def _origin(value: object) -> object:
    """Return the tag of ansible-core that says where a value was read, or None.

    By its name: the class is not part of what ansible-core promises to keep.
    """
    tags = getattr(value, "_ansible_tags_mapping", None) or {}
    return next((tag for kind, tag in tags.items() if kind.__name__ == "Origin"), None)


def _index(text: str) -> tuple[dict[Place, yaml.Node], dict[Place, yaml.Node]]:
    """Return the nodes of a YAML text by their place, and the values by the place of their keys."""
    nodes: dict[Place, yaml.Node] = {}
    values: dict[Place, yaml.Node] = {}
    try:
        rest = [node for node in yaml.compose_all(text, _LOADER) if node is not None]
    except yaml.YAMLError:
        return nodes, values
    seen = set()
    while rest:
        node = rest.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        nodes.setdefault(_place(node), node)
        if isinstance(node, yaml.SequenceNode):
            rest += node.value
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                values[_place(key)] = value
                rest += [value]
    return nodes, values


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1
