"""Pictures as PNG bytes, with numpy and zlib alone: 8-bit grey or RGB, every row filtered by its upper neighbour."""

import struct
import zlib

import numpy as np
from jaxtyping import UInt8

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 3: 2}  # channels -> PNG colour type (grey, RGB)
_UP = 2  # filter type: difference from the row above


def encode_png(picture: UInt8[np.ndarray, "rows columns *channels"]) -> bytes:
    """A PNG file of an 8-bit picture, grey (rows, columns) or RGB (rows, columns, 3)."""
    rows, columns, *rest = picture.shape
    colour = _COLOUR_TYPES[rest[0] if rest else 1]
    flat = picture.reshape(rows, -1)
    filtered = np.empty((rows, flat.shape[1] + 1), np.uint8)
    filtered[:, 0] = _UP
    filtered[:1, 1:] = flat[:1]
    np.subtract(flat[1:], flat[:-1], out=filtered[1:, 1:])  # modulo 256, as PNG wants
    header = struct.pack(">IIBBBBB", columns, rows, 8, colour, 0, 0, 0)
    data = zlib.compress(filtered.tobytes(), 4)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def decode_png(data: bytes) -> UInt8[np.ndarray, "rows columns *channels"]:
    """The picture of a PNG file that `encode_png` wrote; ValueError for any other."""
    chunks = dict(_chunks(data))
    try:
        columns, rows, depth, colour, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        channels = {colour: channels for channels, colour in _COLOUR_TYPES.items()}[colour]
        filtered = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(rows, columns * channels + 1)
    except (KeyError, struct.error, zlib.error) as error:
        raise ValueError("the stored picture is damaged") from error
    if depth != 8 or (filtered[:, 0] != _UP).any():
        raise ValueError("the stored picture was written by another program")
    flat = np.add.accumulate(filtered[:, 1:], axis=0, dtype=np.uint8)
    return flat.reshape((rows, columns) if channels == 1 else (rows, columns, channels))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    if not data.startswith(_SIGNATURE):
        raise ValueError("the stored picture is no PNG file")
    found, place = [], len(_SIGNATURE)
    while place + 12 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        found.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += size + 12
    return found
