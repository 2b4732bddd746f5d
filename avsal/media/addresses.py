"""Videos at addresses that a person names: fetched where their length is told, else read as they come."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlsplit

from avsal import __version__
from avsal.errors import ConfigError, MediaError
from avsal.media.container import FORMATS
from avsal.media.sources import CopiedSource, FileSource, Source

__all__ = ["address_source"]

PROTOCOLS = {
    "http": "http,https,tcp,tls",
    "https": "http,https,tcp,tls",
    "rtsp": "rtsp,rtp,rtcp,udp,tcp",
    "rtsps": "rtsps,rtsp,rtp,rtcp,udp,tcp,tls",
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,rtmp,tls,tcp",
    "rtp": "rtp,rtcp,udp",
    "udp": "udp",
    "tcp": "tcp",
    "srt": "srt,udp",
}
"""What FFmpeg may open for an address of each kind: never files, and nothing that a list names."""

STREAMS = f"{FORMATS},rtsp,rtp,mpjpeg"
"""FFmpeg's readers for addresses; playlists (HLS, DASH) and texts that name other addresses are none."""

FETCHED = ("http", "https")
PATIENCE = 30.0


def address_source(
    address: str,
    scheme: str,
    frame_rate: float | Fraction | None = None,
    *,
    video_stream: int | None = None,
    audio_stream: int | None = None,
) -> Source:
    """The video at an address.

    A file that a web server tells the length of is fetched into a temporary file first, and is then as good
    as any. What has no length, a live stream, is read as it comes.

    Args:
        address: with its scheme, such as ``rtsp://camera/stream``.
        scheme: of the address, in small letters.
        frame_rate: has no place here: streams have time stamps.
        video_stream: number of the picture stream.
        audio_stream: number of the sound stream.

    Raises:
        ConfigError: another scheme.
        MediaError: it cannot be opened.
    """
    streams = {"video_stream": video_stream, "audio_stream": audio_stream}
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise ConfigError(f"{address} is no address ({error})") from error
    if scheme == "file":
        return FileSource(unquote(parts.path), frame_rate=frame_rate, **streams)
    if scheme not in PROTOCOLS:
        known = ", ".join(f"{name}://" for name in PROTOCOLS)
        raise ConfigError(f"expected an address of {known} but found {scheme}://")
    if frame_rate is not None:
        raise ConfigError(f"{address} brings its own time stamps: leave the frame rate out")
    name = Path(unquote(parts.path)).name or parts.hostname or scheme
    if scheme in FETCHED:
        fetched = _fetched(address, name, video_stream, audio_stream)
        if fetched is not None:
            return fetched
    from avsal.media.one_pass import OnePass

    only = {"format_whitelist": STREAMS, "protocol_whitelist": PROTOCOLS[scheme]}
    return OnePass(address, name, options=only, video_stream=video_stream, audio_stream=audio_stream)


def _fetched(
    address: str, name: str, video_stream: int | None, audio_stream: int | None
) -> CopiedSource | None:
    """The file at an address; None where its length is not told."""
    from urllib.request import Request, urlopen

    asked = Request(address, headers={"User-Agent": f"avsal/{__version__}"})
    try:
        with urlopen(asked, timeout=PATIENCE) as answer:
            length = answer.headers.get("Content-Length")
            if length is None:
                return None
            source = CopiedSource(
                answer, name, Path(name).suffix, video_stream=video_stream, audio_stream=audio_stream
            )
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise MediaError(f"cannot fetch {address}: {reason}") from error
    assert source.path is not None
    if length.isdecimal() and source.path.stat().st_size < int(length):
        raise MediaError(f"cannot fetch {address}: it ended before its {length} bytes: try again")
    return source
