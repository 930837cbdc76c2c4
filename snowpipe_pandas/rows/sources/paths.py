"""Finds the files that a path, a glob, a folder or a list of them names, and their format."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from os import PathLike
from pathlib import PurePath
from typing import Any, TypeAlias

from ...errors import DataError
from ...shown import SHOWN_CHARACTERS, shown

Path: TypeAlias = "str | PathLike[str]"

FORMATS = {
    ".parquet": "Parquet",
    ".csv": "CSV",
    ".arrow": "Arrow IPC",
    ".feather": "Arrow IPC",
    ".ipc": "Arrow IPC",
    ".ndjson": "NDJSON",
    ".jsonl": "NDJSON",
    ".json": "NDJSON",
}
"""Formats of files by their suffixes."""

COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
"""Suffixes that may follow those of CSV and NDJSON."""

_OTHERS = {
    ".xlsx": "pd.read_excel(path)",
    ".xls": "pd.read_excel(path)",
    ".ods": "pd.read_excel(path)",
    ".tsv": 'pd.read_csv(path, sep="\\t", dtype=str)',
    ".txt": "pd.read_csv(path, dtype=str)",
    ".pkl": "pd.read_pickle(path), if you trust it",
    ".pickle": "pd.read_pickle(path), if you trust it",
    ".orc": 'pyarrow.dataset.dataset(path, format="orc")',
    ".avro": "polars.read_avro(path)",
    ".xml": "pd.read_xml(path)",
    ".html": "pd.read_html(path)",
    ".h5": "pd.read_hdf(path)",
    ".dta": "pd.read_stata(path)",
    ".sas7bdat": "pd.read_sas(path)",
    ".sav": "pd.read_spss(path)",
    ".npy": "pd.DataFrame(np.load(path))",
    ".zip": "the files in it, once it is unpacked",
}
"""What makes a source from files of other formats."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_HIVE = re.compile(r"[^=]+=")


@dataclass(frozen=True, slots=True)
class Found:
    """Files in the order in which they are sent, and their format, a value of `FORMATS`."""

    paths: list[str]
    format: str


def names_files(source: Any) -> bool:
    """Return whether a source is a path, or a list or tuple of paths."""
    if isinstance(source, list | tuple) and source:
        source = source[0]
    return isinstance(source, str | PathLike)


def find_files(source: Path | Sequence[Path]) -> Found:
    """Return the files that are named: those of a glob or a folder sorted, those of a list in its order.

    Raises:
        DataError: there are none, one is not a file, or they do not have one format that can be read.
    """
    named = source if isinstance(source, list | tuple) else [source]
    # Absolute paths: files are opened when their rows are needed, and the process may have moved by then.
    paths = [os.path.abspath(path) for name in named for path in _named_by(_text(name))]
    seen: set[str] = set()
    for path in paths:
        real = os.path.realpath(path)
        if real in seen:
            raise DataError(f"the file {shown_path(path)} is named twice, so its rows would be sent twice")
        seen.add(real)
    formats = {path: _format(path) for path in paths}
    first = formats[paths[0]]
    for path, found in formats.items():
        if found != first:
            raise DataError(
                f"the files have several formats: {shown_path(paths[0])} is {first}, "
                f"{shown_path(path)} is {found}; name those of one format, "
                "for example with a glob such as 'data/*.parquet'"
            )
    return Found(paths, first)


def shown_path(path: str) -> str:
    """Return a path as messages show it: of a long one its end, which distinguishes files.

    >>> shown_path("data/a.csv")
    "'data/a.csv'"
    """
    with contextlib.suppress(
        OSError, ValueError
    ):  # the working directory was deleted, or is on another drive
        path = min(path, os.path.relpath(path), key=len)
    most = SHOWN_CHARACTERS - len("'...'")
    if len(ascii(path)) > SHOWN_CHARACTERS:  # an escape has up to ten characters
        path = "..." + (path[-most:] if path.isascii() and path.isprintable() else path[-most // 10 :])
    return shown(path)


def _text(name: Any) -> str:
    """Return one name as text.

    Raises:
        DataError: it is not text, or can't name a file here.
    """
    try:
        text = os.fspath(name)
    except Exception:  # noqa: BLE001  # not a path at all, or a foreign __fspath__
        text = None
    if not isinstance(text, str):
        raise DataError(f"a list of paths has an item of type {type(name).__name__}: give texts or Paths")
    url = _URL.match(text)
    if url:  # never shown: it may hold a password or a signature
        raise DataError(
            f"a {url[1].lower()}:// URL is not the path of a file here; {_url_advice(url[1].lower())}"
        )
    if not text.isprintable() and ("\n" in text or "\0" in text):
        raise DataError(
            f"a text of {len(text):,} characters with line breaks is not a path; for rows in a text: "
            "pd.read_csv(io.StringIO(text), dtype=str)"
        )
    return os.path.expanduser(text)


def _url_advice(scheme: str) -> str:
    if scheme in ("http", "https", "ftp"):
        return "download it first, or read it, for example with pd.read_csv(url, dtype=str)"
    if scheme == "file":
        return "give the path alone"
    return "pass a dataset: pyarrow.dataset.dataset(url), with format= or filesystem= where it needs them"


def _named_by(name: str) -> list[str]:
    """Return the files of one name.

    Raises:
        DataError: there are none.
    """
    try:
        if name and os.path.lexists(name):
            return _of_path(name, partitions=False)
        matches = sorted(filter(_is_visible(name), glob(name, recursive=True))) if has_magic(name) else []
    except (OSError, ValueError) as error:  # ValueError: a lone surrogate
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise DataError(f"{shown_path(name)} can't be read: {reason}; check the path") from error
    # With ** a folder is matched, and so are the files in it.
    files = [match for match in matches if not ("**" in name and os.path.isdir(match))]
    paths = [path for match in files for path in _of_path(match, partitions=True)]
    if not paths:
        raise DataError(
            f"no file matches {shown_path(name)}; the source is a path, a glob, a folder, a list of paths, "
            "or a frame, and paths start in the folder of the process"
        )
    return paths


def _is_visible(pattern: str) -> Callable[[str], bool]:
    """Return the filter of a glob's matches: no hidden files or those named _..., unless it names them."""
    parts = PurePath(pattern).parts
    fixed = next((number for number, part in enumerate(parts) if has_magic(part)), len(parts))
    asked = {part[0] for part in parts[fixed:]}

    def visible(match: str) -> bool:
        return not any(part[0] in "._" and part[0] not in asked for part in PurePath(match).parts[fixed:])

    return visible


def _of_path(path: str, *, partitions: bool) -> list[str]:
    mode = os.stat(path).st_mode
    if stat.S_ISREG(mode):
        return [path]
    if not stat.S_ISDIR(mode):
        raise DataError(f"{shown_path(path)} is a device, a pipe or a socket; name files")
    found = list(_in_folder(path, frozenset(), partitions=partitions))
    if not found:
        raise DataError(
            f"the folder {shown_path(path)} has no files, apart from hidden ones and those named _..."
        )
    return found


def _in_folder(folder: str, above: frozenset[str], *, partitions: bool) -> Iterator[str]:
    """Yield the files of a folder and of those in it, sorted by name; not those named .x or _x."""
    real = os.path.realpath(folder)
    if real in above:
        raise DataError(f"the folder {shown_path(folder)} leads back into itself; name the files")
    for name in sorted(os.listdir(folder)):
        if name.startswith((".", "_")):
            continue
        path = os.path.join(folder, name)
        if not os.path.isdir(path):
            yield from _of_path(path, partitions=partitions)
            continue
        if _HIVE.match(name) and not partitions:
            raise DataError(
                f"{shown_path(path)} looks like a partition, whose value is a column that its files "
                'lack; with it: pyarrow.dataset.dataset(folder, partitioning="hive"); without it: '
                "name the files, for example with the glob 'folder/**/*.parquet'"
            )
        yield from _in_folder(path, above | {real}, partitions=partitions)


def _format(path: str) -> str:
    """Return a file's format by its suffix.

    Raises:
        DataError: there is none that can be read; the message says what would be a source.
    """
    suffixes = [suffix.lower() for suffix in PurePath(path).suffixes[-2:]] or [""]
    last = suffixes[-1]
    if last in FORMATS:
        return FORMATS[last]
    if last in COMPRESSED and len(suffixes) == 2:
        found = FORMATS.get(suffixes[0])
        if found in ("CSV", "NDJSON"):
            return found
    advice = _OTHERS.get(last, "pyarrow.dataset.dataset(path, format=...)")
    raise DataError(
        f"the file {shown_path(path)} has no suffix of a known format: {', '.join(FORMATS)}, "
        f"of text also with {', '.join(COMPRESSED)}; what would be a source: {advice}"
    )
