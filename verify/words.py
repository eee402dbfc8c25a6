#!/usr/bin/env python3
"""Finds words that the glossary in ARCHITECTURE.md forbids: `just lint`.

    python3 verify/words.py [--json] [FILE...]        every tracked text file by default

The glossary's last column lists them. A plain word is forbidden everywhere: in names, comments,
help texts, logs and docs. Whole words count, in any case; identifiers are split at `_`, `-` and
capitals. A word in backticks is forbidden as a name only: of a function, type, module, constant,
variable or file.

Exit code 1 if any is left.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
GLOSSARY = "ARCHITECTURE.md"

# Files that are not searched.
SKIPPED = {
    "CHANGELOG.md": "history: it names what was renamed",
    "LICENSE-APACHE": "not ours",
    "LICENSE-MIT": "not ours",
    "Cargo.lock": "names of others",
    "package-lock.json": "names of others",
    "openapi/openapi.json": "generated from the code, where the words are found",
    "clients/typescript/src/openapi.d.ts": "generated from openapi.json",
    "console/dist/": "generated from console/src, where the words are found",
    "docs/img/": "drawn by programs",
    "verify/words.py": "it names them",
}

# Uses that are allowed: a pattern, where a space stands for any gap, and the reason.
ALLOWED = [
    (r"look(s|ed|ing)? ?(\w+ )?up", "to look up a name or a key is the standard term"),
    (r'terraform\("show"', "Terraform's command of that name"),
    (r"tokio::sync::(\{[^}]{0,200}\}|watch)", "tokio's channel of that name"),
    (r"sync::\{[^}]{0,200}\bwatch\b[^}]{0,200}\}", "the same, imported with others"),
    (r"sync::watch,", "the same, among other imports of tokio"),
    (r"given_up", "a value of the HTTP contract, which names a delivery's state"),
    (r"\[\"show\", &|DlqCommand::Show", "the command `offload dlq show`, as in `git show`"),
    (r"watch::(channel|Sender|Receiver|Ref|error)", "the same, used"),
        (r"as follows", "introduces a list"),
    (r"follow(s|ed)? from", "a conclusion"),
    (r"followed by", "what comes next in a text or a sequence"),
    (r"follow(s|ed|ing)? ((a|the|any|no) )?(redirects?|symlinks?)|(redirects?|\w+ that) (is|are) (not )?followed",
     "HTTP's and the file system's term"),
    (r"(listens|listening) (on|at)", "of a socket"),
    (r"stands for", "an abbreviation or a placeholder"),
    (r"turns (into|out)|turns \w+( \w+)? into|(by|in|takes?) turns", "the verb, and alternation"),
    (r"CloudWatch", "a service of AWS"),
    (r"dlq show|Show \{|rustup show|terraform show|auditwheel\", \"show\"", "commands, as in `git show`"),
    (r"show-?(toplevel|current|modal|ref)", "options of git and the DOM"),
    (r"\"show\", \"--all-functions\"", "a command of llvm-profdata"),
    (r"points: \{ show", "an option of uPlot"),
    (r"new, show", "the button of the console that adds new rows"),
    (r"orders show|actions show", "commands, as in `git show`"),
    (r"aria-\w+|scrollIntoView|showModal|showPopover|matchMedia", "APIs of the browser"),
    (r"name = \"show\"|(orders|actions)`? show|`show`|orders\", \"show|actions\", \"show", "commands, as in `git show`"),
    (r"watch-?mode|--watch", "options of tools"),
]  # fmt: skip

# What an item is declared by; locals are free, as a `frame` of a WebSocket is one.
NAME = r"\b(?:fn|struct|enum|trait|type|mod|const|static|def|class|function|interface)\s+{word}\b"
GENERATED = re.compile(r"<!-- generated: .*?<!-- end -->", re.DOTALL)
# Between the words of a phrase: spaces, hyphens, underscores, and a line's end with its comment
# marker.
GAP = r"(?:[ \t_-]+|[ \t]*\n[ \t]*(?:///|//!|//|[*#])?[ \t]*)"


def glossary(text):
    """Each forbidden word, the term to use in its place, and whether only names are meant."""
    table = text[text.index("\n## Glossary") :]
    rows = [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in table.split("\n") if row.startswith("| ")]
    words = []
    for row in rows[1:]:
        for word in row[2].split(", ") if len(row) > 2 else []:
            words.append((word.strip("`| "), row[0], word.startswith("`")))
    return [entry for entry in words if entry[0]]


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def spread(pattern):
    """A phrase as a pattern, whatever is between its words."""
    return re.compile(pattern.replace(" ", GAP), re.IGNORECASE)


ALLOWANCES = [spread(pattern) for pattern, _ in ALLOWED]


def split(text):
    """A text with spaces in place of what joins an identifier's words; its length stays the
    same."""
    text = re.sub(r"[_-]", " ", text)
    # A capital after a small letter begins a word: it is marked by what no pattern holds.
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "\0", text)


def uses(path, text, words):
    """Each use: its line, the word, and the term to use in its place."""
    if path == GLOSSARY:
        text = text[: text.index("\n## Glossary")]
    text = GENERATED.sub(blank, text)
    for allowance in ALLOWANCES:
        text = allowance.sub(blank, text)
    plain, found = split(text), []
    for word, term, name_only in words:
        if name_only:
            pattern, where = re.compile(NAME.format(word=re.escape(word))), text
            if pathlib.PurePath(path).stem == word:
                found.append((1, word, term))
        else:
            inner = re.escape(word).replace(r"\ ", GAP).replace(r"\-", "[ -]")
            pattern, where = re.compile(rf"(?<![A-Za-z]){inner}(?![A-Za-z])", re.IGNORECASE), plain
        found += [(where.count("\n", 0, match.start()) + 1, word, term) for match in pattern.finditer(where)]
    return sorted(found)


def skipped(name):
    return any(name == skip or name.startswith(skip) or name.endswith("/" + skip) for skip in SKIPPED)


def tracked():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\n") if name and not skipped(name)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the uses as JSON")
    parser.add_argument("files", nargs="*", help="these files in place of all that are tracked, by their path from the root")
    arguments = parser.parse_args()
    words = glossary((ROOT / GLOSSARY).read_text())
    found = []
    for name in arguments.files or tracked():
        try:
            text = (ROOT / name).read_text()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        found += [{"file": name, "line": line, "word": word, "term": term} for line, word, term in uses(name, text, words)]
    if arguments.json:
        print(json.dumps({"count": len(found), "uses": found}, ensure_ascii=False))
    else:
        for use in found:
            print(f"{use['file']}:{use['line']}: {use['word']} (say: {use['term']})")
        print(f"{len(found)} words that the glossary forbids" if found else "no word that the glossary forbids")
    return 1 if found else 0


sys.exit(main())
