#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""picture.py COLUMNS <TYPESCRIPT >SVG: what a terminal shows that was sent these bytes."""
import html
import itertools
import sys

import pyte

ROWS, WIDTH, HEIGHT, MARGIN = 100, 8.4, 18, 12
COLOURS = {"black": "#1c1c1c", "red": "#e06c75", "green": "#98c379", "brown": "#e5c07b", "blue": "#61afef",
           "magenta": "#c678dd", "cyan": "#56b6c2", "white": "#ffffff", "default": "#d8d8d8"}


def runs(line, columns):
    """Column, text and look of neighbouring characters that look the same; blanks between are no text."""
    column = 0
    cells = [line[x] for x in range(columns)]
    for (fg, bold), group in itertools.groupby(cells, lambda cell: (cell.fg, cell.bold)):
        text = "".join(cell.data for cell in group)
        if text.strip():
            start = len(text) - len(text.lstrip())
            yield column + start, text.strip(), COLOURS.get(fg, "#" + fg), bold
        column += len(text)


def main():
    columns = int(sys.argv[1])
    screen = pyte.Screen(columns, ROWS)
    pyte.ByteStream(screen).feed(sys.stdin.buffer.read())
    lines = max(i for i, text in enumerate(screen.display, 1) if text.strip())
    used = max(80, *(len(text.rstrip()) for text in screen.display))
    width, height = used * WIDTH + 2 * MARGIN, lines * HEIGHT + 2 * MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}"'
          f' font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">')
    print(f'<rect width="100%" height="100%" rx="6" fill="{COLOURS["black"]}"/>')
    for row in range(lines):
        for column, text, colour, bold in runs(screen.buffer[row], columns):
            print(f'<text x="{MARGIN + column * WIDTH:.1f}" y="{MARGIN + (row + 1) * HEIGHT - 5}" fill="{colour}"'
                  f' textLength="{len(text) * WIDTH:.1f}"{" font-weight=" + chr(34) + "bold" + chr(34) if bold else ""}>'
                  f'{html.escape(text)}</text>')
    print("</svg>")


main()
