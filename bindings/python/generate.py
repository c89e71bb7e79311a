#!/usr/bin/env python3
"""Writes the ctypes declarations of libgradc, read from its header.

usage: generate.py gradc.h >gradc/_generated.py

Everything in the header must be understood: a declaration that is not is named, with its line, on the standard
error output, nothing is written, and the exit status is 1.  Only Python's standard library is used.
"""
import re
import sys

SCALARS = {
    "int": "c_int", "unsigned": "c_uint", "double": "c_double", "float": "c_float", "size_t": "c_size_t",
    "int32_t": "c_int32", "int64_t": "c_int64", "uint32_t": "c_uint32", "uint64_t": "c_uint64",
    "uint8_t": "c_uint8",
}

NAME = r"[A-Za-z_]\w*"


class Unreadable(Exception):
    """A part of the header that this script does not understand."""


class Header:
    """What a header declares, in its order."""

    def __init__(self):
        self.handles = []        # opaque types
        self.aliases = {}        # typedef of a scalar -> its ctypes name
        self.constants = []      # (name, value)
        self.functions = []      # (name, result, [(parameter, type)], comment)


# ---- Text ----

def without_preprocessor(text):
    """The text with its directives blanked out, and the whole numbers that they define."""
    numbers, lines, directive = [], [], False
    for line in text.split("\n"):
        inside = directive
        directive = (inside or line.lstrip().startswith("#")) and line.rstrip().endswith("\\")
        if not inside and line.lstrip().startswith("#"):
            inside = True
            found = re.match(rf"\s*#\s*define\s+({NAME})\s+(-?\d+)\s*(/\*.*)?$", line)
            if found:
                numbers.append((found[1], int(found[2])))
        lines.append("" if inside else line)
    return "\n".join(lines), numbers


def tidy(comment):
    """The words of a comment, without its frame and without headings such as `---- Tensors ----`."""
    body = re.sub(r"^\s*\*? ?", "", comment[2:-2].strip("* \n"), flags=re.MULTILINE).strip()
    return "" if body.startswith("----") else body


def pieces(text):
    """The declarations of the text: (line, code, comment).

    A comment on the lines before belongs to what follows it up to an empty line; one behind the code,
    on the same
    line, to that code alone.
    """
    token = re.compile(r"/\*.*?\*/|\n|[^/\n]+|/", re.DOTALL)
    found, code, depth, line, start, above, fresh = [], "", 0, 1, 1, "", True
    for part in token.findall(text):
        if part.startswith("/*"):
            if found and not code.strip() and not fresh:
                found[-1][2] = tidy(part)
            elif not code.strip():
                above = tidy(part)
                fresh = False
        elif part == "\n":
            if not code.strip() and fresh and above:
                above = ""
            code += " "
            fresh = True
        else:
            for character in part:
                if not code.strip():
                    start = line
                code += character
                depth += (character == "{") - (character == "}")
                fresh = fresh and character.isspace()
                if character == ";" and depth == 0 or code.strip() == 'extern "C" {' or code.strip() == "}":
                    depth = 0
                    found.append([start, " ".join(code.split()), above])
                    code = ""
        line += part.count("\n")
    if code.strip():
        raise Unreadable(f"line {start}: it ends in the middle of: {' '.join(code.split())}")
    return found


# ---- Types ----

def read_type(header, text, result=False):
    """The ctypes expression of a C type; `result`: of a function's result."""
    words = text.replace("*", " * ").split()
    stars = words.count("*")
    base = [word for word in words if word not in ("*", "const")]
    if len(base) != 1:
        raise Unreadable(f"the type '{text}'")
    base = base[0]
    if base in header.handles:
        if stars == 0:
            raise Unreadable(f"the type '{text}': a struct by value")
        inner, stars = base, stars - 1
    elif base == "void":
        if stars == 0:
            if result:
                return "None"
            raise Unreadable(f"the type '{text}'")
        inner, stars = "c_void_p", stars - 1
    elif base == "char":
        if stars == 0:
            raise Unreadable(f"the type '{text}'")
        inner, stars = "c_char_p", stars - 1
    elif base in header.aliases:
        inner = header.aliases[base]
    elif base in SCALARS:
        inner = SCALARS[base]
    else:
        raise Unreadable(f"the type '{text}'")
    for _ in range(stars):
        inner = f"POINTER({inner})"
    return inner


def split_parameters(text):
    """The parameters of a prototype, at its commas outside parentheses."""
    depth, parts = 0, [""]
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def read_parameter(header, text):
    """(name, ctypes expression) of one parameter; a function pointer becomes CFUNCTYPE(...)."""
    callback = re.fullmatch(rf"(.+?)\(\s*\*\s*({NAME})\s*\)\s*\((.*)\)", text)
    if callback:
        types = [read_type(header, callback[1], result=True)]
        types += [kind for _, kind in read_parameters(header, callback[3])]
        return callback[2], f"CFUNCTYPE({', '.join(types)})"
    plain = re.fullmatch(rf"(.*[\s*])({NAME})", text)
    if not plain or plain[2] in SCALARS or plain[2] in header.aliases or plain[2] in header.handles:
        raise Unreadable(f"the parameter '{text}'")
    return plain[2], read_type(header, plain[1])


def read_parameters(header, text):
    if text.strip() == "void":
        return []
    return [read_parameter(header, part) for part in split_parameters(text)]


# ---- Declarations ----

def read_enum(header, body):
    value = -1
    for item in filter(None, (part.strip() for part in body.split(","))):
        found = re.fullmatch(rf"({NAME})(?:\s*=\s*(-?\d+))?", item)
        if not found:
            raise Unreadable(f"the constant '{item}'")
        value = int(found[2]) if found[2] else value + 1
        header.constants.append((found[1], value))


def read_declaration(header, code, comment):
    opaque = re.fullmatch(rf"typedef struct ({NAME}) ({NAME});", code)
    alias = re.fullmatch(rf"typedef ({NAME}) ({NAME});", code)
    enum = re.fullmatch(r"enum \{(.*)\};", code)
    function = re.fullmatch(rf"GRADC_API (.*?[\s*])({NAME})\((.*)\);", code)
    if code in ('extern "C" {', "}"):
        return
    if opaque and opaque[1] == opaque[2]:
        header.handles.append(opaque[2])
    elif alias and alias[1] in SCALARS:
        header.aliases[alias[2]] = SCALARS[alias[1]]
    elif enum:
        read_enum(header, enum[1])
    elif function:
        header.functions.append((function[2], read_type(header, function[1], result=True),
                                 read_parameters(header, function[3]), comment))
    else:
        raise Unreadable("a declaration of a kind that is not known here")


def read_header(text):
    header = Header()
    text, numbers = without_preprocessor(text)
    header.constants += numbers
    for line, code, comment in pieces(text):
        try:
            read_declaration(header, code, comment)
        except Unreadable as reason:
            raise Unreadable(f"line {line}: {reason} in: {code}") from None
    if not header.functions:
        raise Unreadable("it declares no function marked GRADC_API")
    return header


# ---- Output ----

def write_python(header):
    lines = ['"""Declarations of libgradc for ctypes.  Made by generate.py: changes here are lost."""',
             "from ctypes import (CFUNCTYPE, POINTER, c_char_p, c_double, c_float, c_int, c_int32, c_int64,",
             "                    c_size_t, c_uint, c_uint8, c_uint32, c_uint64, c_void_p)", ""]
    for name in header.handles:
        lines += ["", f"class {name}(c_void_p):", '    """An opaque handle."""', ""]
    lines += ["", "CONSTANTS = {"]
    lines += [f'    "{name}": {value},' for name, value in header.constants]
    lines += ["}", "", "# name: (result, [(parameter, type)], what the header says of it)", "FUNCTIONS = {"]
    for name, result, parameters, comment in header.functions:
        typed = ", ".join(f'("{parameter}", {kind})' for parameter, kind in parameters)
        lines += [f'    "{name}": ({result}, [{typed}],', f"        {comment!r}),"]
    lines += ["}", "", "", "def declare(library):",
              '    """Gives every function of a library its types; AttributeError names one it lacks."""',
              "    for name, (result, parameters, _) in FUNCTIONS.items():",
              "        function = getattr(library, name)",
              "        function.restype = result",
              "        function.argtypes = [kind for _, kind in parameters]"]
    return "\n".join(lines) + "\n"


def main(arguments):
    if len(arguments) != 2:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    try:
        with open(arguments[1], encoding="utf-8") as file:
            text = write_python(read_header(file.read()))
    except (OSError, Unreadable) as reason:
        print(f"generate.py: {arguments[1]}: {reason}", file=sys.stderr)
        return 1
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
