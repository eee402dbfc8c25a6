"""An mdBook preprocessor for links that leave the book.

They lead to the repository, if book.toml names one, and become the path of the file otherwise.
"""

import json
import posixpath
import re
import sys

# A link and its target, which is no URL and no anchor of the same page.
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?![a-z]+:|#)([^)\s]+)\)")


def rewritten(content, page, repository):
    def link(match):
        text, target = match.groups()
        path, _, anchor = target.partition("#")
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), path))
        if path.startswith("docs/"):
            return match.group(0)
        if repository:
            return f"[{text}]({repository}/{path}{'#' + anchor if anchor else ''})"
        return text if path in text else f"{text} (`{path}`)"

    fenced = False
    lines = []
    for line in content.split("\n"):
        fenced ^= line.lstrip().startswith("```")
        lines.append(line if fenced else LINK.sub(link, line))
    return "\n".join(lines)


def walk(items, repository):
    for item in items:
        chapter = item.get("Chapter") if isinstance(item, dict) else None
        if chapter:
            if chapter.get("path"):
                chapter["content"] = rewritten(chapter["content"], chapter["path"], repository)
            walk(chapter["sub_items"], repository)


def main():
    if sys.argv[1:2] == ["supports"]:
        return
    context, book = json.load(sys.stdin)
    repository = context["config"].get("preprocessor", {}).get("outside", {}).get("repository", "").rstrip("/")
    walk(book["items"], repository)
    json.dump(book, sys.stdout)


main()
