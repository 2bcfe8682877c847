"""The pages as HTML: one file each, with figures, sound and style inside, that opens anywhere, offline.

Figures stand in the page as SVG, so that their text is text. style.css has the shades of their colours on dark ground.
"""

import base64
import itertools
import json
import re
from html import escape, unescape
from pathlib import Path

import pandas as pd
from jinja2 import Environment
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from stages.presentation.wording import cell_name, set_name

HERE = Path(__file__).parent
LINK = re.compile(r'<a href="(samples/([^/"]+)/([^/"]+)/(sample\.mid|sample\.wav|notes\.csv))">([^<]*)</a>')


def html(markdown: str, reports: Path) -> str:
    """A page as one HTML file.

    Args:
        markdown: the page; its figures, samples and links are relative to `reports`.
    """
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = parser.parse(markdown)
    headings = _with_ids(tokens)
    body = parser.renderer.render(tokens, parser.options, {})
    numbers = itertools.count(1)
    body = re.sub(r"<table>(.*?)</table>", lambda found: _table(found, next(numbers)), body, flags=re.DOTALL)
    body = re.sub(r"<p>(<picture>.*?</picture>)</p>\s*<p><em>(.*?)</p>", lambda found: _figure(found, reports), body)
    body = LINK.sub(lambda link: _player(link, reports), body)
    body = body.replace('href="README.md', 'href="index.html').replace('href="appendix.md', 'href="appendix.html')
    shell = Environment(autoescape=True).from_string((HERE / "shell.html.j2").read_text(encoding="utf-8"))
    parts = {name: Markup((HERE / name).read_text(encoding="utf-8")) for name in ("style.css", "player.js")}
    return shell.render(
        title=headings[0][2],
        contents=[heading for heading in headings[1:] if heading[0] == 2],
        body=Markup(body),
        style=parts["style.css"],
        script=parts["player.js"] if "data-notes" in body else "",
        other="index.html" if "(README.md)" in markdown else "appendix.html" if "(appendix.md" in markdown else "",
    )


def _with_ids(tokens: list[Token]) -> list[tuple[int, str, str]]:
    """Gives every heading an id as forges make it, and returns (level, id, text) of each."""
    found = []
    for token, inner in zip(tokens, tokens[1:], strict=False):
        if token.type == "heading_open":
            name = re.sub(r"[^\w\- ]", "", inner.content.lower()).replace(" ", "-")
            token.attrSet("id", name)
            found.append((int(token.tag[1]), name, inner.content))
    return found


def _table(found: re.Match[str], number: int) -> str:
    """A table in a region that scrolls by itself and by keyboard; its rows are named by their first cells."""
    inner = re.sub(r"<tr>\s*<td>(.*?)</td>", r'<tr><th scope="row">\1</th>', found[1], flags=re.DOTALL)
    inner = inner.replace("<th>", '<th scope="col">').replace('<th scope="col"></th>', "<td></td>")
    first = re.sub(r"<[^>]+>", "", re.search(r"<tr>(.*?)</tr>", inner, re.DOTALL)[1]).split()
    label = escape(f"Table {number}: {' '.join(first[:8])}")
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table>{inner}</table></div>'


def _figure(found: re.Match[str], reports: Path) -> str:
    """The wide and the narrow drawing in the page itself, of which one is shown, over the caption."""
    narrow, wide = (reports / re.search(rf'{at}="([^"]+)"', found[1])[1] for at in ("srcset", "src"))
    drawings = "".join(
        f'<div class="{kind}">{_inlined(path, f"{path.stem}-")}</div>'
        for kind, path in (("wide", wide), ("narrow", narrow))
    )
    return f"<figure>{drawings}<figcaption><em>{found[2]}</figcaption></figure>"


def _inlined(path: Path, prefix: str) -> str:
    """An SVG without its head, with ids of its own, colours that follow the page, and named for a screen reader."""
    text = path.read_text(encoding="utf-8")
    text = text[text.index("<svg") :].replace("\n", " ")
    text = re.sub(r" {2,}", " ", text)
    used = set(re.findall(r"#([\w-]+)[\")]", text))
    text = re.sub(r' id="([^"]+)"', lambda at: f' id="{prefix}{at[1]}"' if at[1] in used else "", text)
    text = re.sub(r'(href="#|url\(#)([\w-]+)', rf"\g<1>{prefix}\2", text)
    text = re.sub(r"(?<=: )#([0-9a-f]{6})\b", r"var(--\1)", text)
    text = re.sub(r"(<title)(>.*?<desc)(>)", rf'\1 id="{prefix}title"\2 id="{prefix}desc"\3', text)
    size = r'(<svg[^>]*?) width="[^"]*"|(<svg[^>]*?) height="[^"]*"'
    text = re.sub(size, lambda at: at[1] or at[2], re.sub(size, lambda at: at[1] or at[2], text, count=1), count=1)
    named = f'<svg role="img" aria-labelledby="{prefix}title" aria-describedby="{prefix}desc"'
    return text.replace("<svg", named, 1)


def _player(link: re.Match[str], reports: Path) -> str:
    """A player in the place of a link to a sample, holding its sound.

    A recording becomes an audio element; music a button that plays its notes (start, end, pitch, and so on), and a link
    to the MIDI file where there is one.
    """
    path, dataset, cell, file, word = link.groups()
    sample = reports / path
    name = escape(f"{set_name(dataset)}, {'the real piece' if cell == 'real' else cell_name(cell)}")
    data = base64.b64encode(sample.read_bytes()).decode("ascii")
    if file.endswith("wav"):
        return f'<audio controls preload="metadata" aria-label="{name}" src="data:audio/wav;base64,{data}"></audio>'
    notes = pd.read_csv(sample.with_name("notes.csv"))[["start", "end", "pitch"]]
    numbers = " ".join(map(str, notes.to_numpy().ravel()))
    frame = json.loads(sample.with_name("sample.json").read_text(encoding="utf-8"))["step_seconds"]
    held = f'data-name="{name}" data-frame="{frame:g}" data-notes="{numbers}"'
    if cell == "real":
        return f"<span {held}></span>"
    address = f'href="data:audio/midi;base64,{data}" download="{dataset}-{cell}.mid"'
    return f'<a {address} {held} aria-label="{name}, MIDI file">{unescape(word)}</a>'
