"""What a benchmark writes into docs/PERFORMANCE.md: tables, between markers of its own."""


def markdown_table(heading: list[str], rows: list[list[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def markers(name: str) -> tuple[str, str]:
    return f"<!-- {name}: begin; what stands between is written by it -->", f"<!-- {name}: end -->"


def replace_block(text: str, name: str, block: str) -> str:
    """Puts `block` between the markers of `name`, or behind the text if it has none. @error ValueError if one lacks"""
    begin, end = markers(name)
    if (begin in text) != (end in text) or text.count(begin) > 1 or text.count(end) > 1:
        raise ValueError(f"the markers '{begin}' and '{end}' must stand once each")
    if begin not in text:
        return text.rstrip("\n") + f"\n\n{begin}\n{block}{end}\n"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"'{end}' stands before '{begin}'")
    return f"{before}{begin}\n{block}{end}{after}"
