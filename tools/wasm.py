"""The kernels of the page: tinychat/generation/int8.c as WebAssembly, for `make page-assets`.

    python -m tools.wasm [--check]      writes tinychat/page/int8.wasm, or compares it

The compiler and the linker are called one by one: clang's driver would run the wasm-opt that it finds.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path("tinychat/generation/int8.c")
TARGET = Path("tinychat/page/int8.wasm")
CLANG = 14  # other versions give other bytes
FUNCTIONS = ("arrange", "array_of", "pack", "forward", "logits_of")
COMPILE = ("--target=wasm32", "-O3", "-std=c11", "-msimd128", "-ffreestanding", "-ffp-contract=off", "-c")
LINK = ("--no-entry", "--strip-all", "--export=__heap_base", *(f"--export={name}" for name in FUNCTIONS))


def clang() -> tuple[str, str] | None:
    """Compiler and linker of the right version; None where they are missing."""
    for suffix in (f"-{CLANG}", ""):
        compiler, linker = shutil.which(f"clang{suffix}"), shutil.which(f"wasm-ld{suffix}")
        if compiler and linker:
            said = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
            found = re.search(r"version (\d+)\.", said)
            if found and int(found[1]) == CLANG:
                return compiler, linker
    return None


def build(source: Path, compiler: str, linker: str) -> bytes:
    """The WebAssembly module."""
    with tempfile.TemporaryDirectory() as folder:
        compiled, linked = Path(folder) / "int8.o", Path(folder) / "int8.wasm"
        subprocess.run([compiler, *COMPILE, str(source), "-o", str(compiled)], check=True)
        subprocess.run([linker, *LINK, str(compiled), "-o", str(linked)], check=True)
        return linked.read_bytes()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where the file is another")
    arguments = parser.parse_args()
    tools = clang()
    if tools is None:
        sys.exit(f"error: this takes clang {CLANG} and its wasm-ld (Debian 12: clang, lld)")
    built = build(SOURCE, *tools)
    if not arguments.check:
        TARGET.write_bytes(built)
    elif TARGET.read_bytes() != built:
        sys.exit(f"error: {TARGET} is not made of {SOURCE}; run: make page-assets")


if __name__ == "__main__":
    main()
