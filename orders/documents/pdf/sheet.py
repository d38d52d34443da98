"""A4 pages that are filled from the top, and tables that go on over as many of them as they need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from orders.documents.pdf.scripts import in_sight_order
from orders.documents.pdf.typesetting import BOLD, REGULAR, broken, load_fonts, width_of

WIDTH, HEIGHT = A4
LEFT, RIGHT = 50.0, WIDTH - 50.0
TOP, BOTTOM = HEIGHT - 50.0, 62.0
GREY, LIGHT, BLACK = 0.42, 0.85, 0.0
LEADING = 1.32

Drawing = Callable[[Canvas], None]


@dataclass(frozen=True)
class Column:
    title: str
    width: float  # points
    right: bool = False  # set flush right: figures


class Sheet:
    """Collects drawings page by page; positions are points from the lower left corner. ``y`` is where it goes on."""

    def __init__(self, *, title: str, author: str) -> None:
        load_fonts()
        self._title, self._author = title, author
        self._page: list[Drawing] = []  # the one that is drawn on
        self._pages = [self._page]
        self.y = TOP

    # --- single things

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 9,
        bold: bool = False,
        right: bool = False,
        grey: float = BLACK,
    ) -> None:
        """Draw one printable line that ends (``right``) or begins at ``x``."""
        seen = in_sight_order(text)
        start = x - width_of(seen, size=size, bold=bold) if right else x

        def draw(canvas: Canvas) -> None:
            canvas.setFont(BOLD if bold else REGULAR, size)
            canvas.setFillGray(grey)
            canvas.drawString(start, y, seen)

        self._page.append(draw)

    def block(self, x: float, y: float, width: float, texts: Sequence[str], *, size: float = 9, **look: Any) -> float:
        """Draw texts below each other, the first line at ``y``; return where the next line would be."""
        for text in texts:
            for line in broken(text, width, size=size, bold=bool(look.get("bold"))):
                self.text(x, y, line, size=size, **look)
                y -= size * LEADING
        return y

    def rule(self, y: float, *, x: float = LEFT, grey: float = LIGHT) -> None:
        def draw(canvas: Canvas) -> None:
            canvas.setStrokeGray(grey)
            canvas.setLineWidth(0.6)
            canvas.line(x, y, RIGHT, y)

        self._page.append(draw)

    def qr_code(self, x: float, y: float, side: float, text: str) -> None:
        """Draw a QR code with its lower left corner at ``x``, ``y``."""
        code = QRCode(None, QRErrorCorrectLevel.M)
        code.addData(text)
        code.make()
        modules = code.modules
        module = side / len(modules)

        def draw(canvas: Canvas) -> None:
            canvas.setFillGray(BLACK)
            for row, cells in enumerate(modules):
                for column, dark in enumerate(cells):
                    if dark:
                        top = y + side - (row + 1) * module
                        canvas.rect(x + column * module, top, module, module, stroke=0, fill=1)

        self._page.append(draw)

    # --- pages

    def room_for(self, height: float) -> None:
        """Go on at the top of a new page if less than ``height`` points are left."""
        if self.y - height < BOTTOM:
            self.new_page()

    def new_page(self) -> None:
        self._page = []
        self._pages.append(self._page)
        self.y = TOP

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[tuple[str, ...]]], *, size: float = 8.5) -> None:
        """Draw rows of cells from ``y`` on; the head stands on each page, and no row is parted.

        A cell is a text and, smaller and grey below it, further ones.
        """
        self._head(columns)
        for row in rows:
            cells = [self._lines_of(cell, column, size) for cell, column in zip(row, columns, strict=True)]
            height = max(sum(leading for _, _, leading in lines) for lines in cells) + 8
            if self.y - height < BOTTOM:
                self.new_page()
                self._head(columns)
            self._row(columns, cells, size)
            self.y -= height
            self.rule(self.y + size + 3)

    def _lines_of(self, cell: tuple[str, ...], column: Column, size: float) -> list[tuple[str, bool, float]]:
        """Return the lines of a cell: text, whether it is a further one, and its height."""
        width = column.width - 8
        main, *further = cell
        lines = [(line, False, size * LEADING) for line in broken(main, width, size=size)]
        small = size - 1.5
        lines += [(line, True, small * LEADING) for text in further for line in broken(text, width, size=small)]
        return lines

    def _head(self, columns: Sequence[Column]) -> None:
        self._cells(columns, [column.title for column in columns], size=7.5)
        self.y -= 8
        self.rule(self.y, grey=GREY)
        self.y -= 14

    def _cells(self, columns: Sequence[Column], texts: Sequence[str], *, size: float) -> None:
        x = LEFT
        for column, text in zip(columns, texts, strict=True):
            at = x + column.width - 4 if column.right else x
            self.text(at, self.y, text, size=size, right=column.right, grey=GREY)
            x += column.width

    def _row(self, columns: Sequence[Column], cells: Sequence[list[tuple[str, bool, float]]], size: float) -> None:
        x = LEFT
        for column, lines in zip(columns, cells, strict=True):
            y = self.y
            for line, is_further, leading in lines:
                at = x + column.width - 4 if column.right else x
                look = (size - 1.5, GREY) if is_further else (size, BLACK)
                self.text(at, y, line, right=column.right, size=look[0], grey=look[1])
                y -= leading
            x += column.width

    # --- the file

    def as_pdf(self, *, footer: str) -> bytes:
        """Return the file. Its dates are fixed and its id follows from its content, so it is always the same."""
        for number, page in enumerate(self._pages, 1):
            self._page = page
            self.rule(BOTTOM - 14)
            self.text(LEFT, BOTTOM - 28, footer, size=7.5, grey=GREY)
            self.text(RIGHT, BOTTOM - 28, f"Page {number} of {len(self._pages)}", size=7.5, right=True, grey=GREY)
        file = BytesIO()
        canvas = Canvas(file, pagesize=A4, invariant=1, pageCompression=1)
        canvas.setTitle(self._title)
        canvas.setAuthor(self._author)
        canvas.setProducer("ByteMtaani")
        canvas.setCreator("ByteMtaani")
        for drawings in self._pages:
            for draw in drawings:
                draw(canvas)
            canvas.showPage()
        canvas.save()
        return file.getvalue()
