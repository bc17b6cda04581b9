#!/usr/bin/env python3
"""Checks what no compiler checks in the interface's header: every function says on which threads it is called, every
member of every struct has its line in the layout test, and nothing but two freestanding headers is included.

usage: check_header.py <plugin.h> <layout.c>
"""
import re
import sys

TAG = re.compile(r'\[(loader|control|hot|any)\]')
COMMENT = re.compile(r'/\*.*?\*/', re.S)
STRUCT = re.compile(r'(?:typedef )?struct (cleat_\w+) \{(.*?)\n\}', re.S)
FUNCTION = re.compile(r'\(\*(\w+)\)\(')
# Called by whoever holds the last bytes, so the comment of the struct says it for both sides.
ON_ANY_THREAD = {('cleat_buf', 'release')}


def members(body):
    """(name, is it a function, the comment that belongs to it) of each member."""
    found = []
    comment = ''
    pieces = re.split(r'(/\*.*?\*/)', body, flags=re.S)
    declaration = ''
    for piece in pieces:
        if piece.startswith('/*'):
            # A comment behind a declaration on the same line belongs to it, any other to what follows.
            if found and not declaration.strip() and '\n' not in declaration:
                name, function, text = found[-1]
                found[-1] = (name, function, text + piece)
            else:
                comment = piece
                declaration = declaration if declaration.strip() else ''
            continue
        declaration += piece
        while ';' in declaration:
            one, declaration = declaration.split(';', 1)
            function = FUNCTION.search(one)
            if function:
                names = [function.group(1)]
            else:
                names = [re.findall(r'\w+', part)[-1] for part in one.split(',')]
            found += [(name, bool(function), comment) for name in names]
            comment = ''
    return found


def check(header, layout):
    faults = []
    structs = STRUCT.findall(header)
    if len(structs) < 10:
        faults.append(f'only {len(structs)} structs were understood: correct this script')
    for struct, body in structs:
        for name, is_function, comment in members(body):
            if is_function and not TAG.search(comment) and (struct, name) not in ON_ANY_THREAD:
                faults.append(f'{struct}.{name}: its comment has none of [loader] [control] [hot] [any]')
            if not re.search(rf'\bMEMBER\({struct}, {name}, \d+, \d+\)', layout):
                faults.append(f'{struct}.{name}: the layout test has no line for it')
    for exported in re.finditer(r'(/\*(?:(?!\*/).)*\*/)\s*CLEAT_EXPORT ', header, re.S):
        if not TAG.search(exported.group(1)):
            faults.append('an exported function without a thread tag')
    included = set(re.findall(r'#include (\S+)', COMMENT.sub('', header)))
    if included != {'<stddef.h>', '<stdint.h>'}:
        faults.append(f'it includes {sorted(included)}, only <stddef.h> and <stdint.h> may be')
    return faults


def main():
    with open(sys.argv[1], encoding='utf-8') as header, open(sys.argv[2], encoding='utf-8') as layout:
        faults = check(header.read(), layout.read())
    for fault in faults:
        print(f'{sys.argv[1]}: {fault}')
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
