"""What a drawing says of itself, read back from its SVG."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from service.console.charts.figure import NAMESPACE, Figure
from service.console.charts.lettering import SIZE, width_of

SVG = f"{{{NAMESPACE}}}"
NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Box:
    """Where a text lies."""

    text: str
    left: float
    right: float
    top: float
    bottom: float

    def touches(self, other: Box) -> bool:
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom


def parsed(figure: Figure) -> ET.Element:
    """The drawing as XML; nothing in it is inline style or script."""
    root = ET.fromstring(figure.standalone())
    assert all(not name.startswith("on") and name != "style" for one in root.iter() for name in one.attrib)
    return root


def points(root: ET.Element) -> Iterator[tuple[float, float]]:
    """Every place that a mark touches."""
    for one in root.iter():
        get = {
            name: float(value)
            for name, value in one.attrib.items()
            if name in {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height"}
        }
        match one.tag.removeprefix(SVG):
            case "line":
                yield from ((get["x1"], get["y1"]), (get["x2"], get["y2"]))
            case "rect":
                assert get["width"] >= 0
                assert get["height"] >= 0
                yield from ((get["x"], get["y"]), (get["x"] + get["width"], get["y"] + get["height"]))
            case "circle":
                yield get["cx"], get["cy"]
            case "text":
                yield get["x"], get["y"]
            case "path":
                numbers = [float(number) for number in NUMBERS.findall(one.attrib["d"])]
                yield from zip(numbers[::2], numbers[1::2], strict=True)


def boxes(root: ET.Element) -> list[Box]:
    """Where the texts lie, at the width that they are taken to have."""
    return [_box(one) for one in root.iter(f"{SVG}text")]


def _box(one: ET.Element) -> Box:
    text = (one.text or "") + "".join(child.tail or "" for child in one)
    x, y, width = float(one.attrib["x"]), float(one.attrib["y"]), width_of(text)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[one.attrib.get("text-anchor", "start")]
    return Box(text, left, left + width, y - 0.75 * SIZE, y + 0.15 * SIZE)


def check(figure: Figure) -> ET.Element:
    """What holds for every drawing: it is XML, has a name and a description, all of it lies inside, and no text lies upon another."""
    root = parsed(figure)
    assert (root.attrib["role"], root.findtext(f"{SVG}title"), bool(root.findtext(f"{SVG}desc"))) == ("img", _plain(figure.title), True)
    assert root.attrib["viewBox"] == f"0 0 {figure.width:g} {figure.height:g}"
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    for x, y in points(root):
        assert -0.01 <= x <= width + 0.01
        assert -0.01 <= y <= height + 0.01
    texts = boxes(root)
    for at, one in enumerate(texts):
        assert one.left >= -0.01, one
        assert one.right <= width + 0.01, one
        assert [other.text for other in texts[:at] if one.touches(other)] == [], one
    assert not {"nan", "inf"} & set(
        re.findall("[a-z]+", " ".join(part for one in root.iter() for name, part in one.attrib.items() if name in {"d", "x", "y"}).lower())
    )
    return root


def _plain(text: str) -> str:
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text).replace("\r\n", "\n").replace("\r", "\n")
