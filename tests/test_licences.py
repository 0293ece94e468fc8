"""The page about licences lists everything that the image contains, and all licences are allowed."""

import json
import platform
import re
import sys
from importlib.metadata import distribution

import pytest
from packaging.licenses import canonicalize_license_expression
from packaging.utils import canonicalize_name

from tests.conftest import ROOT
from tests.machine import skip_unless

PAGE = (ROOT / "docs" / "licences.md").read_text()
PERMISSIVE = {
    *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-Open-MPI"),
    *("bzip2-1.0.6", "CC0-1.0", "FTL", "IJG", "ISC", "libpng-2.0", "libtiff", "MIT", "MIT-CMU", "MIT-open-group"),
    *("PSF-2.0", "Python-2.0", "TCL", "Unicode-3.0", "Unicode-DFS-2016", "Unlicense", "X11", "Zlib"),
}
# Part → its licence, which is not permissive. The page has the reasons.
EXCEPTIONS = {
    "libgfortran": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libquadmath": "LGPL-2.1-or-later",
    "certifi": "MPL-2.0",
}
# Names of licences in the field `License` of packages that have no SPDX expression.
SPDX_BY_NAME = {"3-Clause BSD License": "BSD-3-Clause", "MIT License": "MIT"}
ON_LINUX_X86 = skip_unless(
    sys.platform == "linux" and platform.machine() == "x86_64", "the packages for Linux on x86-64"
)


def table(heading):
    """List the rows of the table below a heading of the page, without the row of column names."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("|")]
    return rows[2:]


SERVING = dict(table("Packages of the service"))
TRACING = dict(table("Packages of the exporter of traces"))
LIBRARIES = table("Libraries inside the packages")
LICENCES = [*SERVING.items(), *TRACING.items(), *((library, licence) for _, library, _, licence in LIBRARIES)]


def locked_names(lock):
    """Read the names of the packages of a lock."""
    text = (ROOT / "requirements" / lock).read_text()
    return {canonicalize_name(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


def licence_of_package(name):
    """Read the licence of an installed package from its metadata, as an SPDX expression."""
    metadata = distribution(name).metadata
    (text,) = metadata.get_all("License-Expression", []) or metadata.get_all("License", [])
    return canonicalize_license_expression(SPDX_BY_NAME.get(text, text))


def is_allowed(expression, allowed):
    """Tell whether an SPDX expression can be fulfilled with allowed licences alone."""
    while inner := re.search(r"\(([^()]*)\)", expression):
        choice = next(iter(allowed)) if is_allowed(inner[1], allowed) else "not allowed"
        expression = expression.replace(inner[0], choice)
    return any(all(term in allowed for term in choice.split(" AND ")) for choice in expression.split(" OR "))


def installed_files(package):
    """List the files of an installed package."""
    return distribution(package).files or []


def licence_file(package):
    """Read the licence file of an installed package, which also has the licences of its libraries."""
    return next(file for file in installed_files(package) if "licenses/LICENSE" in str(file)).read_text()


def files_of_libraries(package):
    """List the files of the libraries of a package on the page, without version and ending."""
    return {file for owner, _, files, _ in LIBRARIES if owner == package for file in re.findall(r"`(.+?)`", files)}


def test_page_lists_exactly_the_packages_of_the_image():
    assert SERVING.keys() == locked_names("serve.txt")
    assert TRACING.keys() == locked_names("tracing.txt") - locked_names("serve.txt")


@pytest.mark.parametrize("package", [*SERVING, *TRACING])
def test_page_has_the_licence_that_the_package_declares(package):
    assert licence_of_package(package) == (SERVING | TRACING)[package]


@pytest.mark.parametrize(("part", "licence"), LICENCES)
def test_licence_is_an_spdx_expression_and_permissive_or_a_named_exception(part, licence):
    assert canonicalize_license_expression(licence) == licence
    assert is_allowed(licence, PERMISSIVE) or licence == EXCEPTIONS[part]


def test_page_gives_a_reason_for_each_exception_and_no_other_part_has_these_licences():
    rows = table("Exceptions")
    assert {part: licence for part, licence, _ in rows} == EXCEPTIONS
    assert all(reason for *_, reason in rows)
    assert EXCEPTIONS.items() <= set(LICENCES)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", True),
        ("(GPL-2.0-only OR GPL-3.0-only) AND MIT", False),
        ("MIT AND (GPL-3.0-only AND (MIT OR ISC))", False),
        ("UNKNOWN", False),
    ],
)
def test_expression_is_allowed_if_one_choice_has_only_permissive_licences(expression, expected):
    assert is_allowed(expression, PERMISSIVE) is expected


@ON_LINUX_X86
@pytest.mark.parametrize("package", sorted({owner for owner, _, files, _ in LIBRARIES if files}))
def test_page_lists_exactly_the_library_files_of_the_package(package):
    files = [file for file in installed_files(package) if file.parts[0] == f"{package}.libs" or "static" in file.parts]
    expected = files_of_libraries(package)
    if package == "numpy" and sys.version_info >= (3, 12):
        expected -= {"libgfortran", "libquadmath"}  # linked into OpenBLAS, and not needed
    assert {re.sub(r"-[0-9a-f]{8}.*\.so.*", "", file.name) for file in files} == expected


@ON_LINUX_X86
def test_page_lists_exactly_the_libraries_that_the_licence_file_of_pillow_names():
    sections = re.findall(r"^----\n\n([A-Z0-9_]+)$", licence_file("pillow"), re.MULTILINE)
    libraries = [library for owner, library, *_ in LIBRARIES if owner == "pillow"]
    assert sorted(sections) == sorted(library.upper().replace("/", "_") for library in libraries)


@ON_LINUX_X86
def test_page_has_each_licence_that_the_licence_file_of_numpy_names():
    licences = set(re.findall(r"^License: (.+)$", licence_file("numpy"), re.MULTILINE))
    assert len(licences) > 2
    assert licences <= {licence for owner, *_, licence in LIBRARIES if owner == "numpy"}


def test_page_has_exactly_the_licences_that_the_crates_of_pydantic_core_need():
    (file,) = [file for file in installed_files("pydantic-core") if file.name.endswith(".cyclonedx.json")]
    crates = json.loads(file.read_text())["components"]
    expressions = [licence["expression"] for crate in crates for licence in crate["licenses"]]
    (row,) = [licence for owner, *_, licence in LIBRARIES if owner == "pydantic-core"]
    needed = set(row.split(" AND "))
    assert len(expressions) == len(crates) > 50
    assert all(is_allowed(expression, needed) for expression in expressions)
    for licence in needed:
        assert not all(is_allowed(expression, needed - {licence}) for expression in expressions)
