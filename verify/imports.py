#!/usr/bin/env python3
"""Finds circles of imports between the Rust files of a crate: `just lint`.

    python3 verify/imports.py [--json] [FOLDER...]    every crate of the service by default

A file imports another if it names an item of it, by `use` or in full. A re-export counts as the
file that declares the item, and `mod` and tests do not count. Exit code 1 if there is a circle.
"""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDERS = ["api", "worker", "local", "cli", "clients/rust", "shared"]


def modules(src):
    """The files of a crate by their module paths, such as ("push", "session")."""
    found = {}
    for path in sorted(src.rglob("*.rs")):
        parts = list(path.relative_to(src).with_suffix("").parts)
        if parts[0] == "bin" or parts == ["main"]:
            continue
        if parts[-1] in ("mod", "lib"):
            parts.pop()
        found[tuple(parts)] = path
    return found


def code(path):
    """A file without comments, strings and its test modules."""
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', path.read_text())
    text = re.sub(r"//[^\n]*", "", text)
    return re.sub(r"#\[cfg\(test\)\]\s*(?:pub(?:\([a-z]+\))? )?(?:mod \w+\s*\{.*\Z|\w+[^;{]*(?:;|\{.*?\n\}))", "",
                  text, flags=re.DOTALL)


def leaves(tree):
    """The paths of a use tree, each with the name that it brings in."""
    tree = tree.strip()
    match = re.match(r"^((?:\w+\s*::\s*)*)\{(.*)\}$", tree, re.DOTALL)
    if not match:
        path, _, name = tree.partition(" as ")
        parts = [part.strip() for part in path.split("::")]
        return [(parts, name.strip() or parts[-1])]
    prefix = [part.strip() for part in match.group(1).split("::") if part.strip()]
    branches, depth, start = [], 0, 0
    inner = match.group(2)
    for at, char in enumerate(inner):
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            branches.append(inner[start:at])
            start = at + 1
    branches.append(inner[start:])
    return [(prefix + path, name) for branch in branches if branch.strip() for path, name in leaves(branch)]


def absolute(path, module, known):
    """A path from the crate's root; `None` if it leaves the crate."""
    head, *rest = path
    if head == "crate":
        return rest
    if head == "self":
        return list(module) + rest
    if head == "super":
        module = module[:-1]
        while rest and rest[0] == "super":
            module, rest = module[:-1], rest[1:]
        return list(module) + rest
    return list(module) + path if tuple(module) + (head,) in known else None


def imports(known):
    """Which module names items of which, by the module that declares the item."""
    reexports, named = {}, {}
    for module, path in known.items():
        text = code(path)
        uses = re.findall(r"\b(pub(?:\([a-z]+\))? )?use ([^;]+);", text)
        named[module], local = [], {}
        for visibility, tree in uses:
            for parts, name in leaves(tree):
                target = absolute(parts, module, known)
                if target is None:
                    continue
                local[name] = target
                if visibility:
                    reexports.setdefault(module, {})[name] = target
                else:
                    named[module].append(target)
        for inline in re.findall(r"\b((?:crate|super)(?:::\w+)+)", re.sub(r"\buse [^;]+;", "", text)):
            target = absolute(inline.split("::"), module, known)
            named[module].append(target)
        for name, rest in re.findall(r"(?<![:\w])(\w+)((?:::\w+)+)", re.sub(r"\buse [^;]+;", "", text)):
            if name in local:
                named[module].append(local[name] + rest.split("::")[1:])

    def declaring(target, depth=0):
        here = ()
        for at, part in enumerate(target):
            if here + (part,) in known:
                here += (part,)
                continue
            further = reexports.get(here, {}).get(part)
            if further and depth < 8:
                return declaring(further + list(target[at + 1:]), depth + 1)
            break
        return here

    return {module: {declaring(t) for t in targets} - {module} for module, targets in named.items()}


def circles(graph):
    """The groups of modules that reach each other (Tarjan's algorithm)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in graph.get(node, ()):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            group = []
            while True:
                group.append(stack.pop())
                if group[-1] == node:
                    break
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10_000)
    for node in graph:
        if node not in index:
            visit(node)
    return found


def main():
    args = [a for a in sys.argv[1:] if not a.startswith("--")]
    result = []
    for folder in args or FOLDERS:
        for src in sorted((ROOT / folder).rglob("src")):
            if not (src.parent / "Cargo.toml").exists():
                continue
            known = modules(src)
            for group in circles(imports(known)):
                result.append([str(known[m].relative_to(ROOT)) for m in group])
    if "--json" in sys.argv:
        print(json.dumps(result))
    else:
        for group in result:
            print("circle:", " ".join(group))
        print(f"{len(result)} circles of imports" if result else "no circle of imports")
    return 1 if result else 0


if __name__ == "__main__":
    sys.exit(main())
