"""What a failed build or import says about the system, word by word, and the package that helps."""

from __future__ import annotations

import ctypes

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.hints import hint

COMPILER = "build-essential, python3-dev"

BUILDS = {
    # uv 0.13 on a host without git.
    "  × Failed to download and build `httpx @\n  │ git+https://git.example.com/httpx.git`\n"  # noqa: RUF001
    "  ├─▶ Git operation failed\n"
    "  ╰─▶ Git executable not found. Ensure that Git is installed and available.\n": "git",
    "FileNotFoundError: [Errno 2] No such file or directory: 'git'": "git",
    "      Error: pg_config executable not found.\n\n"
    "      pg_config is required to build psycopg2 from source.": f"libpq-dev, {COMPILER}",
    "      error: couldn't run 'pg_config' --includedir: "
    "[Errno 2] No such file or directory: 'pg_config'": f"libpq-dev, {COMPILER}",
    "      ./psycopg/psycopg.h:36:10: fatal error: libpq-fe.h: No such file or directory\n"
    "         36 | #include <libpq-fe.h>": "libpq-dev",
    "      /bin/sh: 1: pkg-config: not found\n"
    "      Trying pkg-config --exists mysqlclient\n"
    "      Exception: Can not find valid pkg-config name.\n"
    "      Specify MYSQLCLIENT_CFLAGS and MYSQLCLIENT_LDFLAGS env vars manually": (
        f"default-libmysqlclient-dev, pkg-config, {COMPILER}"
    ),
    "OSError: mysql_config not found": f"default-libmysqlclient-dev, pkg-config, {COMPILER}",
    "      MariaDB Connector/Python requires MariaDB Connector/C >= 3.3.1, found version None": (
        f"libmariadb-dev, {COMPILER}"
    ),
    "      src/foo.c:1:10: fatal error: Python.h: No such file or directory": "python3-dev",
    "      error: command 'gcc' failed: No such file or directory": COMPILER,
    "      error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory": COMPILER,
    "      error: command 'aarch64-linux-gnu-g++' failed: No such file or directory": COMPILER,
    "      error: command '/usr/bin/cc' failed: No such file or directory": COMPILER,
    "unable to execute 'gcc': No such file or directory": COMPILER,
    "error: linker `cc` not found\n  |\n  = note: No such file or directory (os error 2)": COMPILER,
    "../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc'], ['clang'], ['nvc']]": (
        COMPILER
    ),
    "CMake Error at CMakeLists.txt:3 (project):\n  No CMAKE_CXX_COMPILER could be found.": COMPILER,
    "configure: error: no acceptable C compiler found in $PATH": COMPILER,
    "/bin/sh: 1: make: not found": COMPILER,
    "      error: can't find Rust compiler\n\n      If you are using an outdated pip version": (
        f"cargo, {COMPILER}"
    ),
    "      Cargo, the Rust package manager, is not installed or is not on PATH.\n"
    "      This package requires Rust and Cargo to compile extensions.": f"cargo, {COMPILER}",
    "  Caused by: rustc, the rust compiler is not installed or not in PATH.": f"cargo, {COMPILER}",
    "RuntimeError: CMake must be installed to build the following extensions: _dlib": (
        f"cmake, {COMPILER}"
    ),
    "FileNotFoundError: [Errno 2] No such file or directory: 'cmake'": f"cmake, {COMPILER}",
    "error: command 'swig' failed: No such file or directory": f"swig, {COMPILER}",
    "/bin/sh: 1: autoreconf: not found": "autoconf, automake, libtool",
    "  The pkg-config command could not be found.": "pkg-config",
    "c/_cffi_backend.c:15:10: fatal error: ffi.h: No such file or directory": "libffi-dev",
    "fatal error: openssl/ssl.h: No such file or directory": "libssl-dev",
    "  Could not find directory of OpenSSL installation, and this `-sys` crate cannot": (
        "libssl-dev, pkg-config"
    ),
    "Error: Please make sure the libxml2 and libxslt development packages are installed.": (
        f"libxml2-dev, libxslt1-dev, {COMPILER}"
    ),
    "/bin/sh: 1: xslt-config: not found": f"libxml2-dev, libxslt1-dev, {COMPILER}",
    "fatal error: libxml/xmlversion.h: No such file or directory": "libxml2-dev, libxslt1-dev",
    "The headers or library files could not be found for jpeg,\n"
    "a required dependency when compiling Pillow from source.": "libjpeg-dev, zlib1g-dev",
    "fatal error: zlib.h: No such file or directory": "zlib1g-dev",
    "Modules/constants.h:7:10: fatal error: lber.h: No such file or directory": (
        "libldap-dev, libsasl2-dev"
    ),
    "fatal error: sasl/sasl.h: No such file or directory": "libsasl2-dev, libldap-dev",
    "      xmlsec.Error: Package 'xmlsec1', required by 'virtual:world', not found": (
        f"libxmlsec1-dev, libxml2-dev, pkg-config, {COMPILER}"
    ),
    "      error: Unable to invoke pkg-config.": "pkg-config",
    '../cairo/meson.build:31:12: ERROR: Dependency "cairo" not found, tried pkgconfig and cmake': (
        f"libcairo2-dev, pkg-config, {COMPILER}"
    ),
    "src/_portaudiomodule.c:29:10: fatal error: portaudio.h: No such file or directory": (
        "portaudio19-dev"
    ),
    "/bin/sh: 1: krb5-config: not found": f"libkrb5-dev, {COMPILER}",
    "Could not run curl-config: [Errno 2] No such file or directory: 'curl-config'": (
        f"libcurl4-openssl-dev, libssl-dev, {COMPILER}"
    ),
    "fatal error: sql.h: No such file or directory": "unixodbc-dev",
    "fatal error: librdkafka/rdkafka.h: No such file or directory": "librdkafka-dev",
    "FileNotFoundError: [Errno 2] No such file or directory: 'gdal-config'": (
        f"libgdal-dev, {COMPILER}"
    ),
}

IMPORTS = {
    "OSError: libpq.so.5: cannot open shared object file: No such file or directory": "libpq5",
    "ImportError: no pq wrapper available.\nAttempts made:\n"
    "- couldn't import psycopg 'c' implementation: No module named 'psycopg_c'\n"
    "- couldn't import psycopg 'binary' implementation: No module named 'psycopg_binary'\n"
    "- couldn't import psycopg 'python' implementation: libpq library not found": "libpq5",
    "ImportError: libGL.so.1: cannot open shared object file: No such file or directory": "libgl1",
    "ImportError: libgthread-2.0.so.0: cannot open shared object file: No such file": (
        "libglib2.0-0"
    ),
    "OSError: libgomp.so.1: cannot open shared object file: No such file": "libgomp1",
    "ImportError: libmariadb.so.3: cannot open shared object file: No such file": "libmariadb3",
    "ImportError: libmysqlclient.so.21: cannot open shared object file: No such file": (
        "default-libmysqlclient-dev"
    ),
    "ImportError: failed to find libmagic.  Check your installation": "libmagic1",
    'OSError: no library called "cairo-2" was found\nno library called "cairo" was found': (
        "libcairo2"
    ),
    "OSError: cannot load library 'libcairo.so.2': libcairo.so.2: cannot open shared object file: "
    "No such file or directory": "libcairo2",
    "OSError: cannot load library 'libpango-1.0-0': libpango-1.0-0: cannot open shared object file:"
    " No such file or directory.  Additionally, ctypes.util.find_library() did not manage": (
        "libpango-1.0-0, libpangoft2-1.0-0, libharfbuzz-subset0"
    ),
    "OSError: cannot load library 'pango-1.0-0': pango-1.0-0: cannot open shared object file": (
        "libpango-1.0-0, libpangoft2-1.0-0, libharfbuzz-subset0"
    ),
    "OSError: cannot load library 'libgobject-2.0-0': libgobject-2.0-0: cannot open shared": (
        "libpango-1.0-0, libpangoft2-1.0-0, libharfbuzz-subset0"
    ),
    'django.core.exceptions.ImproperlyConfigured: Could not find the GDAL library (tried "gdal")': (
        "gdal-bin, libgdal-dev"
    ),
    "OSError: Could not find lib geos_c.so or load any of its variants": "libgeos-dev",
    "ImportError: libodbc.so.2: cannot open shared object file: No such file": "unixodbc",
    "OSError: sndfile library not found": "libsndfile1",
    "OSError: PortAudio library not found": "libportaudio2",
    "ImportError: Unable to find zbar shared library": "libzbar0",
    "ImportError: MagickWand shared library not found.": "libmagickwand-dev",
    "OSError: cannot load library 'libvips.so.42': libvips.so.42: cannot open shared object": (
        "libvips42"
    ),
    "RuntimeWarning: Couldn't find ffmpeg or avconv - defaulting to ffmpeg, but may not work": (
        "ffmpeg"
    ),
    "FileNotFoundError: [Errno 2] No such file or directory: 'ffprobe'": "ffmpeg",
    "pytesseract.TesseractNotFoundError: tesseract is not installed or it's not in your PATH.": (
        "tesseract-ocr"
    ),
    "PDFInfoNotInstalledError: Unable to get page count. Is poppler installed and in PATH?": (
        "poppler-utils"
    ),
    "graphviz.backend.execute.ExecutableNotFound: failed to execute PosixPath('dot'), make sure "
    "the Graphviz executables are on your systems' PATH": "graphviz",
    "OSError: No wkhtmltopdf executable found: \"b''\"": "wkhtmltopdf",
    "zoneinfo._common.ZoneInfoNotFoundError: 'No time zone found with key Europe/Madrid'": "tzdata",
    "locale.Error: unsupported locale setting": "locales-all",
    "ImportError: Bad git executable.\nThe git executable must be specified in one of": "git",
    "saml2.sigver.SigverError: Cannot find ['xmlsec1']": "xmlsec1",
}


@pytest.mark.parametrize(("said", "packages"), [*BUILDS.items(), *IMPORTS.items()])
def test_wording_leads_to_the_package(said: str, packages: str) -> None:
    assert f"app_system_packages: [{packages}]" in hint(f"Resolved 3 packages\n{said}\n  help: x")


def test_what_the_loader_really_says() -> None:
    with pytest.raises(OSError, match="cannot open shared object file") as refused:
        ctypes.CDLL("libvips.so.42.of-nobody")
    assert "app_system_packages: [libvips42]" in hint(str(refused.value))


def test_all_that_is_missing_is_told_at_once() -> None:
    told = hint(
        "/bin/sh: 1: cmake: not found\nerror: command 'gcc' failed: No such file or directory"
    )
    assert told.startswith("missing on the host: cmake, gcc;")
    assert f"[cmake, {COMPILER}]" in told


@pytest.mark.parametrize(
    ("said", "file"),
    [
        ("ImportError: libsane.so.1: cannot open shared object file: No such", "libsane.so.1"),
        ("fatal error: hidapi/hidapi.h: No such file or directory", "hidapi/hidapi.h"),
    ],
)
def test_unlisted_file_is_named_with_the_way_to_its_package(said: str, file: str) -> None:
    assert f"missing on the host: {file}; if a Debian package has it" in hint(said)
    assert "app_system_packages" in hint(said)


def test_oracle_client_is_no_package() -> None:
    assert "thin mode" in hint("DPI-1047: Cannot locate a 64-bit Oracle Client library")


@pytest.mark.parametrize(
    "said",
    [
        "",
        "ModuleNotFoundError: No module named 'shop'",
        "FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'",
        "No solution found when resolving dependencies",
        "KeyError: 'DATABASE_URL'",
        # The driver belongs to the device.
        "OSError: libcuda.so.1: cannot open shared object file: No such file or directory",
        "OSError: libnvidia-ml.so.1: cannot open shared object file: No such file or directory",
    ],
)
def test_what_no_package_mends_has_no_hint(said: str) -> None:
    assert hint(said) == ""
