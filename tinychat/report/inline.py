"""SVG pictures inlined into a page: its fonts and colours, unique ids, a description for screen readers."""

from xml.dom import minidom
from xml.parsers.expat import ExpatError

from tinychat.errors import FaultError

# The pictures' colours → the page's, which have a light and a dark value in summary.css.
COLOURS = {
    "#1f2430": "var(--ink)",
    "#697180": "var(--muted)",
    "#d9dce3": "var(--line)",
    "#ffffff": "var(--card)",
    "#4666e5": "var(--accent)",
    "#c8641b": "var(--second)",
}


def inline(svg: str, name: str, description: str) -> str:
    """The picture as an element of an HTML page; `name` is a unique prefix of its ids.

    Its width is in the variable `--width`, for the style sheet. Raises ValueError where it is no picture of ours.
    """
    try:
        return _inlined(svg, name, description)
    except (ExpatError, KeyError, IndexError) as error:
        raise FaultError("not a picture: {error}", error=" ".join(str(error).split())) from None


def _inlined(svg: str, name: str, description: str) -> str:
    root = minidom.parseString(svg).documentElement
    assert root is not None
    for tag in ("style", "metadata", "script"):
        for element in list(root.getElementsByTagName(tag)):
            if element.parentNode is not None:
                element.parentNode.removeChild(element)
    names = {
        element.getAttribute("id"): f"{name}-{number}"
        for number, element in enumerate(root.getElementsByTagName("*"))
        if element.hasAttribute("id")
    }
    for element in root.getElementsByTagName("*"):
        for key, value in list(element.attributes.items()):
            element.setAttribute(key, _renamed(key, value, names))
    width = float(root.getAttribute("viewBox").split()[2])
    for key in ("width", "height"):
        root.removeAttribute(key)
    root.setAttribute("role", "img")
    root.setAttribute("aria-label", description)
    root.setAttribute("style", f"--width: {width:g}px; stroke-linejoin: round; stroke-linecap: butt")
    return str(root.toxml())


def _renamed(key: str, value: str, names: dict[str, str]) -> str:
    """An attribute with the ids and colours of the page."""
    if key == "id":
        return names[value]
    if key == "xlink:href" and value.startswith("#"):
        return f"#{names[value[1:]]}"
    if key == "clip-path":
        return f"url(#{names[value.removeprefix('url(#').removesuffix(')')]})"
    if key == "style":
        parts = [part.strip() for part in value.split(";") if "font-family" not in part]
        return "; ".join(_coloured(part) for part in parts if part)
    return value


def _coloured(declaration: str) -> str:
    name, value = (half.strip() for half in declaration.split(":", 1))
    if name == "font":  # matplotlib before 3.10: weight, size and family in one
        *weight, size = value.partition(" '")[0].split()
        return "; ".join([*(f"font-weight: {w}" for w in weight), f"font-size: {size}"])
    return f"{name}: {COLOURS.get(value, value)}"
