#!/usr/bin/env python3
"""Checks that no comment is wider than 100 columns, and wraps those that are: `--fix`.

    python3 verify/comments.py [--fix] [FILE...]        every tracked file by default

Whole-line comments of Rust, TypeScript, JavaScript, Python, shell, Terraform, TOML and YAML, and
the docstrings of Python. Code has its own width. Exempt are a line that is one long URL or code
span, tables, code fences, and comments that are directives to a tool.

`--fix` wraps the paragraphs that have a line which is too wide, and touches no other. Lists,
headings, fences, tables, quoted lines, link definitions and aligned text stay as they are; code
spans and links are never broken. Markdown files are wrapped by rumdl, not by this.
"""

import argparse
import ast
import pathlib
import re
import subprocess
import sys

WIDTH = 100
# By suffix or name: the markers of whole-line comments, longest first.
SLASHES, HASH, STARS = ["///", "//!", "//"], ["#"], ["///", "//", "*"]
MARKERS = {
    ".rs": SLASHES, ".ts": STARS, ".mts": STARS, ".js": STARS, ".mjs": STARS, ".py": HASH, ".sh": HASH,
    ".tf": HASH, ".hcl": HASH, ".toml": HASH, ".yml": HASH, ".yaml": HASH, "justfile": HASH,
    "Dockerfile": HASH, "run": HASH, "check": HASH,
}  # fmt: skip
GENERATED = ["clients/typescript/src/openapi.d.ts", "clients/typescript/package-lock.json"]
# What a tool reads, not a person.
DIRECTIVE = re.compile(r"^\s*(#!|#checkov:|# ?(noqa|type:|fmt:|shellcheck )|// ?(eslint|@ts-|prettier)|/// <reference)")
RULER = re.compile(r"^(\s*(?:#|//) --- .*? )-{5,}$")

FENCE = re.compile(r"^\s*(```|~~~)")
ITEM = re.compile(r"^(\s*)((?:[-*+]|\d+[.)])\s+)(?=\S)")
# Headings, tables, quotations, HTML, link definitions: what does not go on from line to line.
BLOCK = r"\s*(#|\||>|<(?!https?:)|\[[^\]]+\]:)"
VERBATIM = re.compile(rf'^(\s{{4}}|{BLOCK}|"""$)|\S {{2,}}\S|^\s*[-=*_]{{3,}}\s*$')
# A code span or a link is one word, with what clings to it.
WORD = re.compile(r"(?:`+[^`]*`+|\[(?:[^\[\]]|\[[^\]]*\])*\](?:\([^)]*\)|\[[^\]]*\])?|<[^>\s]+>|\{@[^}]*\}|\S)+")
# At the start of a line these would begin a list, a heading or a quotation.
STARTS_A_BLOCK = re.compile(r"^([-*+>|]|#+|\d+[.)])$|^[#|>]")


def markers(path):
    if path.suffix in MARKERS:
        return MARKERS[path.suffix]
    return MARKERS.get(path.name) if path.suffix == "" else None


def in_rust_string(text):
    """The numbers of the lines that begin within a string or a block comment, from 0."""
    inside, line, position = set(), 0, 0
    token = re.compile(r'//[^\n]*|/\*.*?\*/|r(#*)".*?"\1|"(?:\\.|[^"\\])*"|\'(?:\\.[^\']*|[^\'\\])\'', re.DOTALL)
    for match in token.finditer(text):
        line += text.count("\n", position, match.start())
        lines = match.group().count("\n")
        inside.update(range(line + 1, line + lines + 1))
        line, position = line + lines, match.end()
    return inside


def blocks(lines, kinds, skipped):
    """Runs of whole-line comments: their first line, the prefix of each line, and the texts."""
    found, number = [], 0
    while number < len(lines):
        prefix = comment_prefix(lines[number], kinds) if number not in skipped else None
        if prefix is None:
            number += 1
            continue
        first, texts = number, []
        while number < len(lines) and number not in skipped and comment_prefix(lines[number], kinds) == prefix:
            texts.append(lines[number][len(prefix) :].removeprefix(" "))
            number += 1
        found.append((first, f"{prefix} ", texts))
    return found


def comment_prefix(line, kinds):
    stripped = line.lstrip()
    if DIRECTIVE.match(line):
        return None
    for kind in kinds:
        rest = stripped.removeprefix(kind)
        if stripped.startswith(kind) and (rest == "" or rest[0] == " " or kind == "//" and rest[0] != "/"):
            # `*` is a comment only inside of /** */, where it is alone or before a space.
            return line[: len(line) - len(stripped)] + kind if rest == "" or rest[0] == " " else None
    return None


def paragraphs(texts):
    """Splits a comment: (first line, lines, hanging indent or None for what is left alone)."""
    result, fenced = [], False
    for number, text in enumerate(texts):
        if FENCE.match(text):
            fenced = not fenced
            result.append((number, [text], None))
        elif fenced or not text.strip():
            result.append((number, [text], None))
        elif item := ITEM.match(text):
            result.append((number, [text], len(item.group(0))))
        elif result and result[-1][2] is not None and continues(text, result[-1][2]):
            result[-1][1].append(text)
        elif VERBATIM.search(text):
            result.append((number, [text], None))
        else:
            result.append((number, [text], len(text) - len(text.lstrip())))
    return result


def continues(text, hanging):
    indent = len(text) - len(text.lstrip())
    # A tag such as `@throws` begins a paragraph of its own.
    return indent == hanging and not VERBATIM.search(text[indent:]) and text[indent] != "@"


def wrapped(lines, hanging, width):
    """A paragraph in lines of at most `width` columns."""
    first = re.match(r"\s*", lines[0]).group()
    words = WORD.findall(" ".join(line.strip() for line in lines))
    result, line = [], []
    for word in words:
        indent = len(first) if not result else hanging
        if line and indent + len(" ".join([*line, word])) > width:
            carried = [word]
            while len(line) > 1 and STARTS_A_BLOCK.match(carried[0]):
                carried.insert(0, line.pop())
            result.append((first if not result else " " * hanging) + " ".join(line))
            line = carried
        else:
            line.append(word)
    result.append((first if not result else " " * hanging) + " ".join(line))
    return result


def too_wide(prefix, text):
    return len(prefix) + len(text) > WIDTH


def exempt(text):
    """One long word, or a table's row."""
    return len(WORD.findall(text)) <= 2 and re.search(r"https?://|`", text) or text.lstrip().startswith("|")


def docstrings(text, lines):
    """Python's docstrings, as `blocks` has comments; the quotes are words of theirs."""
    for node in ast.walk(ast.parse(text)):
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            first, last = node.body[0].lineno - 1, node.body[0].end_lineno
            indent = lines[first][: node.body[0].col_offset]
            yield first, indent, [line.removeprefix(indent) for line in lines[first:last]]


def examine(path, fix):
    """The lines that are too wide, from 1; with `fix`, those that are left."""
    text = path.read_text()
    lines, wide, edits = text.split("\n"), [], []
    skipped = in_rust_string(text) if path.suffix == ".rs" else set()
    for number, line in enumerate(lines):
        if (ruler := RULER.match(line)) and len(line) > WIDTH:
            if fix:
                lines[number] = ruler.group(1) + "-" * (WIDTH - len(ruler.group(1)))
            else:
                wide.append(number + 1)
    found = blocks(lines, markers(path), skipped)
    if path.suffix == ".py":
        found += docstrings(text, lines)
    for first, prefix, texts in found:
        for start, paragraph, hanging in paragraphs(texts):
            numbers = [first + start + n for n, t in enumerate(paragraph) if too_wide(prefix, t) and not exempt(t)]
            if not numbers or RULER.match(lines[numbers[0]]):
                continue
            fenced = hanging is None and any(FENCE.match(t) for t in texts[:start])
            if hanging is None and (fenced or paragraph[0].lstrip().startswith(("|", "#"))):
                continue
            new = wrapped(paragraph, hanging, WIDTH - len(prefix)) if hanging is not None else paragraph
            if fix and hanging is not None:
                edits.append((first + start, len(paragraph), [(prefix + line).rstrip() for line in new]))
                numbers = [first + start + 1 for t in new if too_wide(prefix, t) and not exempt(t)]
            wide += [number + 1 for number in numbers]
    for start, count, new in sorted(edits, reverse=True):
        lines[start : start + count] = new
    if fix and "\n".join(lines) != text:
        path.write_text("\n".join(lines))
    return sorted(set(wide))


def tracked():
    names = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split("\n")
    return [pathlib.Path(name) for name in names if name and name not in GENERATED]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fix", action="store_true", help="wrap what is too wide")
    parser.add_argument("files", nargs="*", type=pathlib.Path, help="these files in place of all that are tracked")
    arguments = parser.parse_args()
    count = 0
    for path in arguments.files or tracked():
        if markers(path) and path.is_file():
            for number in examine(path, arguments.fix):
                count += 1
                print(f"{path}:{number}: a comment of more than {WIDTH} columns")
    if count:
        print(f"{count} comments are too wide; `just format` wraps them, and leaves those that it must not touch")
    return 1 if count else 0


sys.exit(main())
