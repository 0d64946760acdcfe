"""Strings of a corpus made safe for HTML: the one place where the page escapes."""

from __future__ import annotations

import html
import re

# Control characters mean nothing to a reader, NUL is an error in HTML, lone surrogates cannot be written in
# UTF-8, and explicit directional formatting would reorder the page around it.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def escape(text: str) -> str:
    r"""Return text that can stand between tags and in a quoted attribute.

    >>> escape('</script> & "quotes" \x1b[31m')
    '&lt;/script&gt; &amp; &quot;quotes&quot; \\x1b[31m'
    """
    return html.escape(_UNSAFE.sub(_show_code, text), quote=True)


def _show_code(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
