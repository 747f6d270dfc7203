"""What stands where media were, and how media are recognised by their first characters."""

import re

MARK = b"[media removed]"

# How the base64 of common files begins: PNG, JPEG, GIF, RIFF (WebP, AVI), ISO media (MP4, HEIC),
# TIFF twice, Matroska, PDF, ZIP, gzip, MP3, Ogg, and the hex of PNG, JPEG and GIF.
FIRST_CHARACTERS = (
    b"iVBORw0KGgo", b"/9j/", b"\\/9j\\/", b"_9j_", b"R0lGOD", b"UklGR", b"GZ0eX", b"SUkqA",
    b"TU0AK", b"GkXfo", b"JVBERi0", b"UEsDB", b"H4sIA", b"SUQzB", b"T2dnU",
    b"89504e47", b"89504E47", b"ffd8ff", b"FFD8FF", b"474946383",
)  # fmt: skip
STARTS_LIKE_A_FILE = re.compile(
    rb"(?:iVBORw0KGgo|\\?/9j\\?/|_9j_|R0lGOD|UklGR|AAAA[A-Za-z0-9+/\\]{1,4}GZ0eX|SUkqA|TU0AK"
    rb"|GkXfo|JVBERi0|UEsDB|H4sIA|SUQzB|T2dnU|89504[eE]47|[fF]{2}[dD]8[fF]{2}|474946383)"
)
FIRST_BYTES = re.compile(
    rb"\xff\xd8\xff|\x89PNG|GIF8[79]a|RIFF....(?:WEBP|AVI |WAVE)|BM....\x00\x00|....ftyp|%PDF-"
    rb"|PK\x03\x04|ID3|OggS|\x1a\x45\xdf\xa3|II\*\x00|MM\x00\*|\x1f\x8b|\x00\x00\x01[\xb3\xba]"
    rb"|--[^\r\n]{1,70}\r?\n",
    re.DOTALL,
)
MEDIA_TYPES = ("multipart/", "image/", "video/", "audio/")
