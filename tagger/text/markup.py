"""What pages that quote a corpus need: its strings made safe for HTML, and a policy that forbids all but the page.

The one place where pages escape. What a page says, and its style, it knows itself.
"""

from __future__ import annotations

import base64
import hashlib
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


def forbid_the_rest(style: str, script: str = "") -> str:
    """Return the element of a page's head that forbids it any request, and any style and script but its own.

    They are allowed by checksum, so that a string which slipped through the escaping could neither run nor call home.
    """
    allowed = f"style-src '{_checksum(style)}'; " + (f"script-src '{_checksum(script)}'; " if script else "")
    policy = f"default-src 'none'; {allowed}base-uri 'none'; form-action 'none'"
    return f'<meta http-equiv="Content-Security-Policy" content="{policy}">'


def _checksum(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
