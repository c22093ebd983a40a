"""Which package of the system a build or an application lacks, by what it said.

Compilers, the loader of shared libraries and Python name the file that they miss, not the Debian
package that has it. The names below exist in Debian 12 and 13 and in Ubuntu 22.04 to 26.04; where a
library's own package changes its name with each release, its -dev package stands for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: What any package needs that is compiled from C or C++.
_COMPILER = ("build-essential", "python3-dev")

#: Programs, by the name that is called. Those of development packages are asked for before the
#: compiler is, which may be missing as well.
_PROGRAMS: dict[str, tuple[str, ...]] = {
    "autoreconf": ("autoconf", "automake", "libtool"),
    "cargo": ("cargo", *_COMPILER),
    "cmake": ("cmake", *_COMPILER),
    "curl-config": ("libcurl4-openssl-dev", "libssl-dev", *_COMPILER),
    "dot": ("graphviz",),
    "ffmpeg": ("ffmpeg",),
    "ffprobe": ("ffmpeg",),
    "gdal-config": ("libgdal-dev", *_COMPILER),
    "geos-config": ("libgeos-dev", *_COMPILER),
    "gfortran": ("gfortran",),
    "git": ("git",),
    "gs": ("ghostscript",),
    "krb5-config": ("libkrb5-dev", *_COMPILER),
    "make": _COMPILER,
    "mariadb_config": ("libmariadb-dev", *_COMPILER),
    "mysql_config": ("default-libmysqlclient-dev", "pkg-config", *_COMPILER),
    "node": ("nodejs",),
    "npm": ("npm",),
    "pdftoppm": ("poppler-utils",),
    "pg_config": ("libpq-dev", *_COMPILER),
    "pg_dump": ("postgresql-client",),
    "pkg-config": ("pkg-config",),
    "rustc": ("cargo", *_COMPILER),
    "swig": ("swig", *_COMPILER),
    "tesseract": ("tesseract-ocr",),
    "xml2-config": ("libxml2-dev", "libxslt1-dev", *_COMPILER),
    "xmlsec1": ("xmlsec1",),
    "xslt-config": ("libxml2-dev", "libxslt1-dev", *_COMPILER),
    **dict.fromkeys(("cc", "gcc", "clang", "c++", "g++", "clang++"), _COMPILER),
}

#: Headers, by how their path begins.
_HEADERS: dict[str, tuple[str, ...]] = {
    "Python.h": ("python3-dev",),
    "cairo": ("libcairo2-dev", "pkg-config"),
    "cups/": ("libcups2-dev",),
    "curl/": ("libcurl4-openssl-dev", "libssl-dev"),
    "ffi.h": ("libffi-dev",),
    "gdal": ("libgdal-dev",),
    "geos_c.h": ("libgeos-dev",),
    "gmp.h": ("libgmp-dev",),
    "gssapi": ("libkrb5-dev",),
    "hdf5.h": ("libhdf5-dev", "pkg-config"),
    "jpeglib.h": ("libjpeg-dev", "zlib1g-dev"),
    "lber.h": ("libldap-dev", "libsasl2-dev"),
    "ldap.h": ("libldap-dev", "libsasl2-dev"),
    "libmemcached/": ("libmemcached-dev", "zlib1g-dev"),
    "libpq-fe.h": ("libpq-dev",),
    "librdkafka/": ("librdkafka-dev",),
    "libxml/": ("libxml2-dev", "libxslt1-dev"),
    "libxslt/": ("libxml2-dev", "libxslt1-dev"),
    "magic.h": ("libmagic-dev",),
    "mariadb": ("libmariadb-dev",),
    "mysql": ("default-libmysqlclient-dev", "pkg-config"),
    "openssl/": ("libssl-dev",),
    "portaudio.h": ("portaudio19-dev",),
    "sasl": ("libsasl2-dev", "libldap-dev"),
    "snappy": ("libsnappy-dev",),
    "sodium": ("libsodium-dev",),
    "sql.h": ("unixodbc-dev",),
    "sqlext.h": ("unixodbc-dev",),
    "sqlite3.h": ("libsqlite3-dev",),
    "xmlsec/": ("libxmlsec1-dev", "libxml2-dev", "pkg-config"),
    "yaml.h": ("libyaml-dev",),
    "zlib.h": ("zlib1g-dev",),
}

#: Shared libraries, by their name without lib, .so and what follows.
_LIBRARIES: dict[str, tuple[str, ...]] = {
    "GL": ("libgl1",),
    "SM": ("libsm6",),
    "X11": ("libx11-6",),
    "Xext": ("libxext6",),
    "Xrender": ("libxrender1",),
    "cairo": ("libcairo2",),
    "gdal": ("libgdal-dev",),
    "geos_c": ("libgeos-dev",),
    "glib-2.0": ("libglib2.0-0",),
    "gobject-2.0": ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
    "gomp": ("libgomp1",),
    "gthread-2.0": ("libglib2.0-0",),
    "magic": ("libmagic1",),
    "mariadb": ("libmariadb3",),
    "mysqlclient": ("default-libmysqlclient-dev",),
    "nss3": ("libnss3",),
    "odbc": ("unixodbc",),
    "openblas": ("libopenblas0",),
    "pango-1.0": ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
    "pangocairo-1.0": ("libpangocairo-1.0-0",),
    "pangoft2-1.0": ("libpangoft2-1.0-0",),
    "portaudio": ("libportaudio2",),
    "pq": ("libpq5",),
    "sndfile": ("libsndfile1",),
    "sodium": ("libsodium-dev",),
    "vips": ("libvips42",),
    "xcb": ("libxcb1",),
    "xmlsec1": ("libxmlsec1-dev",),
    "zbar": ("libzbar0",),
}

#: How a missing program is worded: by Python, distutils, a shell, uv, Rust's linker and CMake.
_PROGRAM_WORDS = re.compile(
    r"No such file or directory: b?['\"](?:/usr/bin/)?(?P<python>[\w.+-]+)['\"]"
    r"|(?:command|unable to execute) '(?:/usr/bin/)?(?P<distutils>[\w.+-]+)'"
    r"(?: failed)?: No such file"
    r"|(?:^|[\s:])(?P<shell>[\w.+-]+): (?:command )?not found$"
    r"|linker `(?P<linker>\w+)` not found",
    re.M,
)
_HEADER_WORDS = re.compile(
    r"fatal error: (?P<gcc>[\w./+-]+): No such file|'(?P<clang>[\w./+-]+)' file not found"
)
_LIBRARY_WORDS = re.compile(
    r"(?P<loader>[\w.+-]+): cannot open shared object file"
    # cffi, as WeasyPrint and cairocffi use it.
    r"|cannot load library '(?P<cffi>[\w.+-]+)'"
)
#: A target of a cross-compiler's name, as Debian's Python calls its compiler.
_TARGET = re.compile(r"^\w+-linux-(?:gnu|musl)\w*-")
#: Libraries of a driver, which belongs to the device and not to a release.
_DRIVERS = ("cuda", "nvidia", "nvcuvid")


@dataclass(frozen=True)
class Phrase:
    """What tools say in words of their own.

    Attributes:
        words: What they say.
        missing: What is missing, as the sentence begins.
        packages: What has it.
        note: What else helps.
    """

    words: re.Pattern[str]
    missing: str
    packages: tuple[str, ...]
    note: str = ""


_PHRASES = (
    Phrase(re.compile(r"Git executable not found|Bad git executable"), "git", ("git",)),
    Phrase(
        re.compile(r"pg_config executable not found|couldn't run 'pg_config'"),
        "pg_config",
        _PROGRAMS["pg_config"],
        "psycopg[binary] and psycopg2-binary need none of them",
    ),
    Phrase(
        re.compile(r"libpq library not found|no pq wrapper available"),
        "libpq",
        ("libpq5",),
        "psycopg[binary] needs none",
    ),
    Phrase(
        re.compile(r"Can not find valid pkg-config name|mysql_config not found"),
        "MySQL's client library",
        _PROGRAMS["mysql_config"],
    ),
    Phrase(
        re.compile(r"mariadb_config not found|MariaDB Connector/Python requires MariaDB"),
        "MariaDB's client library",
        _PROGRAMS["mariadb_config"],
    ),
    Phrase(
        re.compile(
            r"Unknown compiler\(s\): \[|No CMAKE_C\w*_COMPILER could be found"
            r"|no acceptable C compiler found"
        ),
        "a C compiler",
        _COMPILER,
    ),
    Phrase(
        re.compile(
            r"can't find Rust compiler|Cargo, the Rust package manager, is not installed"
            r"|rustc, the rust compiler"
        ),
        "the Rust compiler",
        _PROGRAMS["cargo"],
        "the distribution's may be too old for it, and a version with a wheel needs none",
    ),
    Phrase(
        re.compile(r"CMake must be installed|Could not find CMake|Problem with the CMake inst"),
        "cmake",
        _PROGRAMS["cmake"],
    ),
    Phrase(
        re.compile(r"pkg-config command could not be found|Unable to invoke pkg-config"),
        "pkg-config",
        ("pkg-config",),
    ),
    Phrase(
        re.compile(r"libxml2 and libxslt development packages are installed"),
        "libxml2",
        _PROGRAMS["xslt-config"],
    ),
    Phrase(
        re.compile(r"headers or library files could not be found for (?:jpeg|zlib)"),
        "libjpeg or zlib",
        ("libjpeg-dev", "zlib1g-dev"),
    ),
    Phrase(
        re.compile(r"Could not find directory of OpenSSL|Package openssl was not found"),
        "OpenSSL's headers",
        ("libssl-dev", "pkg-config"),
    ),
    Phrase(
        re.compile(r"Package,? '?xmlsec1'?.* (?:was )?not found|xmlsec1 is not installed"),
        "xmlsec1",
        ("libxmlsec1-dev", "libxml2-dev", "pkg-config", *_COMPILER),
    ),
    Phrase(re.compile(r"[Cc]annot find \[?'xmlsec1'"), "xmlsec1", ("xmlsec1",)),
    Phrase(
        re.compile(r'Dependency "cairo" not found|No package \'cairo\' found'),
        "cairo",
        ("libcairo2-dev", "pkg-config", *_COMPILER),
    ),
    Phrase(re.compile(r"failed to find libmagic"), "libmagic", ("libmagic1",)),
    Phrase(re.compile(r'no library called "cairo'), "libcairo", ("libcairo2",)),
    Phrase(re.compile(r"Could not find the GDAL library"), "libgdal", ("gdal-bin", "libgdal-dev")),
    Phrase(
        re.compile(r"Could not find the GEOS library|Could not find lib geos_c"),
        "libgeos_c",
        ("libgeos-dev",),
    ),
    Phrase(re.compile(r"sndfile library not found"), "libsndfile", ("libsndfile1",)),
    Phrase(re.compile(r"PortAudio library not found"), "PortAudio", ("libportaudio2",)),
    Phrase(re.compile(r"find zbar shared library"), "zbar", ("libzbar0",)),
    Phrase(
        re.compile(r"MagickWand shared library not found"),
        "ImageMagick's library",
        ("libmagickwand-dev",),
    ),
    Phrase(re.compile(r"[Cc]ouldn't find ff(?:mpeg|probe)"), "ffmpeg", ("ffmpeg",)),
    Phrase(re.compile(r"tesseract is not installed"), "tesseract", ("tesseract-ocr",)),
    Phrase(re.compile(r"Is poppler installed"), "poppler", ("poppler-utils",)),
    Phrase(re.compile(r"Graphviz executables are on"), "Graphviz", ("graphviz",)),
    Phrase(
        re.compile(r"No wkhtmltopdf executable found"),
        "wkhtmltopdf",
        ("wkhtmltopdf",),
        "Debian 13 has it no more, so WeasyPrint or a browser has to take its place there",
    ),
    Phrase(
        re.compile(r"No time zone found with key"),
        "the time zone database",
        ("tzdata",),
        "or require the Python package tzdata",
    ),
    Phrase(
        re.compile(r"unsupported locale setting"),
        "a locale",
        ("locales-all",),
        "C.UTF-8 needs none",
    ),
)
_ORACLE = (
    "Oracle's client library is missing on the host, and no Debian package has it: use the thin "
    "mode of python-oracledb, which needs none (no init_oracle_client())"
)


def hint(text: str) -> str:
    """Return a sentence with the packages to add to app_system_packages, or an empty text.

    Args:
        text: What a failed build, import, hook or service printed, whole or its end.
    """
    if "DPI-1047" in text:
        return _ORACLE
    missing: list[str] = []
    packages: list[str] = []
    notes: list[str] = []
    for name, having, note in (*_by_phrase(text), *_by_name(text)):
        missing.append(name)
        packages += having
        notes += [note] if note else []
    if packages:
        return (
            f"missing on the host: {_listed(missing)}; add to app_system_packages: "
            f"[{', '.join(dict.fromkeys(packages))}]"
            + "".join(f"; {note}" for note in dict.fromkeys(notes))
        )
    unknown = _unknown(text)
    if unknown:
        return (
            f"missing on the host: {unknown}; if a Debian package has it, add that one to "
            f"app_system_packages (`apt-file search {unknown}` on any Debian tells which)"
        )
    return ""


def _listed(names: list[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _by_phrase(text: str) -> list[tuple[str, tuple[str, ...], str]]:
    # uv breaks its lines, and draws a line down their left side.
    flat = re.sub(r"[\s│]+", " ", text)
    return [
        (phrase.missing, phrase.packages, phrase.note)
        for phrase in _PHRASES
        if phrase.words.search(flat)
    ]


def _by_name(text: str) -> list[tuple[str, tuple[str, ...], str]]:
    found: list[tuple[str, tuple[str, ...], str]] = []
    for name in _named(_PROGRAM_WORDS, text):
        plain = _TARGET.sub("", name)
        if plain in _PROGRAMS:
            found.append((name, _PROGRAMS[plain], ""))
    for path in _named(_HEADER_WORDS, text):
        for beginning, packages in _HEADERS.items():
            if path.startswith(beginning):
                found.append((path, packages, ""))
                break
    for name in _named(_LIBRARY_WORDS, text):
        if _library(name) in _LIBRARIES:
            found.append((name, _LIBRARIES[_library(name)], ""))
    return found


def _named(words: re.Pattern[str], text: str) -> list[str]:
    return list(dict.fromkeys(found[found.lastgroup or 0] for found in words.finditer(text)))


def _library(name: str) -> str:
    """Return a library's own name: cffi asks for libpango-1.0-0, the loader for libpq.so.5."""
    return re.sub(r"^lib|\.so\b.*$|-0$", "", name)


def _unknown(text: str) -> str:
    """Return a header or library that no table has, as it was asked for."""
    for found in (*_HEADER_WORDS.finditer(text), *re.finditer(r"\b(lib[\w.+-]+\.so[\d.]*)", text)):
        name = found[found.lastindex or 0]
        if not _library(name).startswith(_DRIVERS):
            return name
    return ""
