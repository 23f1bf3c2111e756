"""Writes archives as programs write them, and as nobody should."""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence

CENTRAL = b"PK\x01\x02"
LOCAL = b"PK\x03\x04"


def zipped(
    members: Mapping[str, str | bytes] | Sequence[tuple[str, str | bytes]], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A zip archive of these members, text as UTF-8."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members.items() if isinstance(members, Mapping) else members:
            archive.writestr(name, content)
    return packed.getvalue()


def linked(name: str, target: str) -> bytes:
    """A zip archive with a symbolic link, as `zip --symlinks` writes it."""
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(info, target)
    return packed.getvalue()


def renamed(archive: bytes, old: str, new: bytes) -> bytes:
    """The archive with other bytes for a name, which have to be as many; their encoding stands nowhere."""
    assert len(new) == len(old) and archive.count(old.encode()) == 2
    return archive.replace(old.encode(), new)


def with_fields(
    archive: bytes, *, flags: int | None = None, method: int | None = None, size: int | None = None
) -> bytes:
    """The archive with other fields in the headers of its only member: flags, compression method, unpacked size."""
    changed = bytearray(archive)
    for start, offset in ((changed.index(LOCAL), 0), (changed.index(CENTRAL), 2)):
        for value, place, form in ((flags, 6, "<H"), (method, 8, "<H"), (size, 22, "<I")):
            if value is not None:
                struct.pack_into(form, changed, start + offset + place, value)
    return bytes(changed)
