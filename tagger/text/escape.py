"""Strings of a corpus made harmless for what shows or holds them: one function for each kind of target.

A corpus, a file name or a tag may hold anything: commands to a terminal, markup, characters that reorder what stands
around them, half a surrogate pair that UTF-8 cannot write.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from json.encoder import encode_basestring

_C0_BUT_LINES = "\x00-\x08\x0b-\x1f"  # control characters without tab and line feed
_C1 = "\x7f-\x9f"  # DEL and the second set of control characters
_BIDI = "\u202a-\u202e\u2066-\u2069"  # explicit directional formatting
_LINE_ENDS = "\u2028\u2029"  # beside \n and what C0 and C1 hold
_SURROGATES = "\ud800-\udfff"

_COMMANDS = re.compile(f"[{_C0_BUT_LINES}{_C1}{_BIDI}{_LINE_ENDS}{_SURROGATES}]")
_NOT_IN_JSON_LINES = re.compile(f"[{_C1}{_LINE_ENDS}{_SURROGATES}]")  # JSON itself refuses C0 alone
_NOT_IN_NAMES = re.compile(f"[\x00-\x1f{_C1}{_BIDI}{_SURROGATES}\ufffe\uffff]")
_NOT_IN_HTML = re.compile(f"[{_C0_BUT_LINES}{_C1}{_SURROGATES}]")
_NOT_IN_CELLS = re.compile(f"[\x00-\x1f{_C1}{_SURROGATES}\ufffe\uffff]")
_PICTURES = 0x2400  # of control characters


def escape_controls(text: str) -> str:
    r"""Return running text that no terminal obeys; tab and line feed stay; so do line ends of two characters, as one.

    >>> print(escape_controls("\x1b[31mred\u202e"))
    \x1b[31mred\u202e
    """
    if text.isprintable():
        return text
    return _COMMANDS.sub(lambda match: _show_code(match[0]), text.replace("\r\n", "\n"))


def escape_line(text: str) -> str:
    r"""Return a message or a cell of a table for a terminal: one line, in which all that is not printable shows.

    >>> print(escape_line("a\tb\n\x1b[31mred"))
    a\tb\n\x1b[31mred
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _show_code(char) for char in text)


def _show_code(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def quote_json(text: str) -> str:
    """Return a JSON string for a file of one value a line.

    No character is left that some reader takes for a line end or a terminal for a command.

    >>> print(quote_json('"Ä"\\n\\x9b'))
    "\\"Ä\\"\\n\\u009b"
    """
    quoted: str = encode_basestring(text)
    return escape_json(quoted)


def escape_json(text: str) -> str:
    r"""Return JSON that says the same without characters that end a line, drive a terminal or have no encoding.

    >>> print(escape_json('{"a": "\x9b31m"}'))
    {"a": "\u009b31m"}
    """
    if text.isprintable():
        return text
    return _NOT_IN_JSON_LINES.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def escape_html(text: str) -> str:
    r"""Return a name or a token that can stand between tags and in a quoted attribute.

    Control characters show as codes, and so does directional formatting, which would reorder the page around it.

    >>> escape_html('</script> & "quotes" \x1b[31m')
    '&lt;/script&gt; &amp; &quot;quotes&quot; \\x1b[31m'
    """
    return html.escape(_NOT_IN_NAMES.sub(_write_code, text), quote=True)


def _write_code(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def escape_html_text(text: str) -> str:
    r"""Return running text for a paragraph of its own: tabs, line ends and directional formatting stay.

    Control characters become their pictures, surrogates the replacement character: one character for each.

    >>> escape_html_text("<b>\x1b\n")
    '&lt;b&gt;\u241b\n'
    """
    return _NOT_IN_HTML.sub(_draw_picture, html.escape(text.replace("\r\n", "\n"), quote=True))


def draw_controls(text: str) -> str:
    r"""Return text for a cell of a spreadsheet: control characters and surrogates become pictures.

    >>> draw_controls("a\tb\x1b[31m")
    'a␉b␛[31m'
    """
    return text if text.isprintable() else _NOT_IN_CELLS.sub(_draw_picture, text)


def _draw_picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(_PICTURES + code) if code < 0x20 else "\N{SYMBOL FOR DELETE}" if code == 0x7F else "\ufffd"


def forbid_requests(style: str, script: str = "", *, asks_its_server: bool = False) -> str:
    """Return the element of a page's head that forbids it any request, and any style and script but its own.

    They are allowed by checksum, so that a string which slipped through the escaping could neither run nor call home.
    A page that asks its server may send requests to where it came from, and nowhere else.
    """
    allowed = f"style-src '{_checksum(style)}'; " + (f"script-src '{_checksum(script)}'; " if script else "")
    if asks_its_server:
        allowed += "connect-src 'self'; img-src data:; "
    policy = f"default-src 'none'; {allowed}base-uri 'none'; form-action 'none'"
    return f'<meta http-equiv="Content-Security-Policy" content="{policy}">'


def _checksum(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
