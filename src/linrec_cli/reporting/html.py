"""A report as one page of HTML that needs nothing else: no network, no script, no file beside it."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from linrec_cli.plots.drawn import Drawn
from linrec_cli.plots.render import rendered
from linrec_cli.reporting.content import Part, Table

STYLE = """
:root { color-scheme: light; }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #222; background: #fff;
       font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin-bottom: 0; }
h2 { font-size: 1.25rem; margin-top: 2.5rem; border-bottom: 1px solid #ddd; padding-bottom: .2rem; }
p.about, figcaption, p.caption { color: #555; font-size: .85rem; }
nav a { margin-right: 1.2rem; display: inline-block; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; margin-top: 1rem; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th, td { padding: .15rem .8rem .15rem 0; text-align: left; white-space: nowrap; }
th { color: #555; font-weight: 600; border-bottom: 1px solid #999; }
td { border-bottom: 1px solid #eee; }
th.number, td.number { text-align: right; }
figure { margin: 1.5rem 0; }
img { max-width: 100%; height: auto; }
pre { background: #f5f5f5; padding: .8rem; overflow-x: auto; font-size: .85rem; }
li.deeper { margin-left: 1.5rem; }
@media print { nav { display: none; } h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""


def page(title: str, about: str, parts: Sequence[Part]) -> str:
    """Write the whole page."""
    links = "\n".join(f'<a href="#{number}">{escape(part.title)}</a>' for number, part in enumerate(parts))
    body = "".join(section(number, part) for number, part in enumerate(parts))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{escape(title)}</h1>\n<p class="about">{escape(about)}</p>\n<nav>{links}</nav>\n{body}</body>\n</html>\n'
    )


def section(number: int, part: Part) -> str:
    """Write a part: sentences, tables, figures, commands."""
    inner = [*sentences(part.sentences), *map(table, part.tables), *map(figure, part.figures)]
    if part.commands:
        inner.append(f"<pre>{escape(chr(10).join(part.commands))}</pre>\n")
    return f'<section id="{number}">\n<h2>{escape(part.title)}</h2>\n{"".join(inner)}</section>\n'


def sentences(texts: Iterable[str]) -> Iterator[str]:
    """Write sentences as a list; what is indented belongs to the line above."""
    items = [f"<li{' class=deeper' if text.startswith(' ') else ''}>{escape(text.strip())}</li>\n" for text in texts]
    if items:
        yield f"<ul>\n{''.join(items)}</ul>\n"


def table(one: Table) -> str:
    """Write a table, numbers set right."""
    right = [all(line[place][:1] in "0123456789-+.–" for line in one.lines) for place in range(len(one.columns))]

    def row(cells: Sequence[str], tag: str) -> str:
        marked = zip(cells, right, strict=True)
        return "".join(f"<{tag}{' class=number' if number else ''}>{escape(cell)}</{tag}>" for cell, number in marked)

    head = f"<caption>{escape(one.title)}</caption>\n" if one.title else ""
    body = "".join(f"<tr>{row(line, 'td')}</tr>\n" for line in one.lines)
    note = f'<p class="caption">{escape(one.caption)}</p>\n' if one.caption else ""
    shown = "".join(map(figure, one.figures))
    return f'<div class="wide"><table>\n{head}<tr>{row(one.columns, "th")}</tr>\n{body}</table></div>\n{note}{shown}'


def figure(drawn: Drawn) -> str:
    """Write a figure as a picture within the page, letters drawn, so that it looks the same everywhere."""
    picture = b64encode(rendered(drawn.figure, "svg", paths=True)).decode()
    return (
        f'<figure><img alt="{escape(drawn.stem)}" src="data:image/svg+xml;base64,{picture}">'
        f"<figcaption>{escape(drawn.caption)}</figcaption></figure>\n"
    )
