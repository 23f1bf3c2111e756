"""Small packages, to be installed without a network."""

import zipfile
from importlib.metadata import distribution
from pathlib import Path


def make_wheel(folder: Path, name: str, version: str, *requires: str) -> str:
    """The file name of a wheel with one empty module, for any platform."""
    info = f"{name}-{version}.dist-info"
    metadata = "".join(f"Requires-Dist: {text}\n" for text in requires)
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel.name


def pack_again(folder: Path, name: str) -> str:
    """The pin of a package that is installed here, of which a wheel is made, for any platform."""
    package = distribution(name)
    with zipfile.ZipFile(folder / f"{name}-{package.version}-py3-none-any.whl", "w") as archive:
        for file in package.files or []:
            if file.parts[0] == "..":  # a command: it stands in bin
                archive.write(str(file.locate()), f"{name}-{package.version}.data/scripts/{file.name}")
            elif file.suffix != ".pyc":
                archive.write(str(file.locate()), file.as_posix())
    return f"{name}=={package.version}"
