"""Label Studio's labelling configuration: what a project shows, and by which names results call it.

It is XML (https://labelstud.io/guide/setup): `<Labels name="label" toName="text">` holds the types, and
`<Text name="text" value="$text"/>` shows the field `text` of each task.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from xml.etree import ElementTree

from tagger.errors import ConfigError
from tagger.text.escape import escape_html
from tagger.text.formats.hues import find_colour

FROM_NAME, TO_NAME = "label", "text"


class Control(NamedTuple):
    """The labels of a project that can be given to spans of its text.

    Attributes:
        from_name: what results call the labels.
        to_name: what they call the text.
        field: of a task's data that holds the text.
        labels: the types that people can choose; none where the tasks bring them along.
    """

    from_name: str
    to_name: str
    field: str
    labels: tuple[str, ...]


def write_labelling(types: Iterable[str], *, by_word: bool) -> Iterator[str]:
    """Yield the configuration of a project whose spans have these types.

    Args:
        types: each once, in their order.
        by_word: a selection grows to whole words; else it is as drawn, as scripts without blanks want it.
    """
    yield "<View>\n"
    yield f'  <Labels name="{FROM_NAME}" toName="{TO_NAME}">\n'
    for type_ in types:
        yield f'    <Label value="{escape_html(type_)}" background="{find_colour(type_)}"/>\n'
    yield "  </Labels>\n"
    granularity = ' granularity="word"' if by_word else ""
    yield f'  <Text name="{TO_NAME}" value="${TO_NAME}"{granularity}/>\n'
    yield "</View>\n"


def read_labelling(config: str) -> Control:
    """Return the labels of spans in a configuration: the first that belong to a text.

    Raises:
        ConfigError: it is no XML, or has no such labels.

    >>> labels = '<Labels name="l" toName="t"><Label value="PER"/></Labels>'
    >>> read_labelling(f'<View>{labels}<Text name="t" value="$x"/></View>')
    Control(from_name='l', to_name='t', field='x', labels=('PER',))
    """
    root = _parse(config)
    texts = {each.get("name"): each.get("value") or "" for each in root.iter("Text")}
    for labels in root.iter("Labels"):
        name, to_name = labels.get("name"), labels.get("toName")
        if name and to_name in texts and to_name:
            types = tuple(each.get("value") or "" for each in labels.iter("Label"))
            return Control(name, to_name, texts[to_name].removeprefix("$"), types)
    held = ", ".join(dict.fromkeys(f"<{each.tag}>" for each in root.iter()))
    raise ConfigError(
        f"found {held[:200]}, expected <Labels> for a <Text>, as `tagger inspect MODEL --label-studio` prints",
        "label_config",
    )


def _parse(config: str) -> ElementTree.Element:
    if "<!DOCTYPE" in config:  # entities, which may grow without bound, stand there
        raise ConfigError("found a document type, expected XML without one", "label_config")
    try:
        return ElementTree.fromstring(config)
    except (ElementTree.ParseError, ValueError) as error:
        raise ConfigError(
            f"found no XML ({error}), expected a labelling configuration", "label_config"
        ) from None
