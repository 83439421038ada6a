"""An HTML page as its reader's browser sees it: elements, attributes, texts, pictures."""

import base64
import io
from html.parser import HTMLParser

from PIL import Image

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """What a page holds, in order; elements that are closed in another order than they were opened are an error."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.open = [], [], []
        self.rows, self.tables = [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), (tag, attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"{tag} closes something else: {self.open}"

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    @property
    def skeleton(self):
        """Elements and the names of their attributes: what no value of a run may change."""
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]

    def images(self):
        """Each picture: its attributes, and what is in its data URI."""
        for tag, attributes in self.elements:
            if tag == "img":
                content = attributes["src"].partition(";base64,")[2]
                yield attributes, Image.open(io.BytesIO(base64.b64decode(content)))
