"""PromQL-style series selectors: `name{label="value", other=~"re.*"}`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kullback.core.errors import ErrorId, RequestError
from kullback.core.labels import NAME, Labels

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_MATCHER = re.compile(
    r"""\s*([a-zA-Z_][a-zA-Z0-9_.]*|"(?:[^"\\]|\\.)*")\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)\s*"""
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
MAX_SELECTOR_CHARACTERS = 10_000


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label; regular expressions are anchored at both ends, as in PromQL."""

    label: str
    operator: str
    value: str
    pattern: re.Pattern[str] | None

    def accepts(self, value: str) -> bool:
        """Whether a label value fulfils the condition ("" stands for an absent label).

        Parameters
        ----------
        value : str
        """
        same = self.pattern.fullmatch(value) is not None if self.pattern else value == self.value
        return same is (self.operator in ("=", "=~"))


@dataclass(frozen=True, slots=True)
class Selector:
    """Matchers that must all accept; without matchers it selects everything."""

    matchers: tuple[Matcher, ...]
    text: str

    def matches(self, labels: Labels) -> bool:
        """Whether a label set is selected.

        Parameters
        ----------
        labels : Labels
        """
        if not self.matchers:
            return True
        values = dict(labels)
        return all(matcher.accepts(values.get(matcher.label, "")) for matcher in self.matchers)


def parse_selector(text: str) -> Selector:
    """Read a selector.

    Parameters
    ----------
    text : str
        `name`, `{…}` or `name{…}`; `{}` selects every series.

    Raises
    ------
    RequestError
        BAD_SELECTOR, naming the place.
    """
    if len(text) > MAX_SELECTOR_CHARACTERS:
        raise _bad(text[:40] + "…", "it is too long")
    rest = text.strip()
    matchers: list[Matcher] = []
    if name := _METRIC.match(rest):
        matchers.append(Matcher(NAME, "=", name.group(), None))
        rest = rest[name.end() :].strip()
    if rest:
        matchers += _braces(text, rest)
    elif not matchers:
        raise _bad(text, "it is empty; use {} to select everything")
    return Selector(tuple(matchers), text.strip())


def _braces(text: str, rest: str) -> list[Matcher]:
    if not (rest.startswith("{") and rest.endswith("}")):
        raise _bad(text, "matchers must stand between { and }")
    body, at, matchers = rest[1:-1], 0, []
    while body[at:].strip():
        found = _MATCHER.match(body, at)
        if not found:
            raise _bad(text, f'expected label="value" at {body[at:].strip()[:40]!r}')
        matchers.append(_matcher(text, *found.groups()))
        at = found.end()
        if at < len(body) and body[at] != ",":
            raise _bad(text, f"expected a comma at {body[at:][:40]!r}")
        at += 1
    return matchers


def _matcher(text: str, label: str, operator: str, quoted: str) -> Matcher:
    value = quoted[1:-1] if quoted[0] == "`" else _unescape(quoted[1:-1])
    if label[0] == '"':
        label = _unescape(label[1:-1])
    if "~" not in operator:
        return Matcher(label, operator, value, None)
    try:
        return Matcher(label, operator, value, re.compile(value))
    except re.error as problem:
        raise _bad(text, f"the regular expression {value!r} is not valid: {problem}") from problem


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found.group(1), found.group(1)), text)


def _bad(text: str, why: str) -> RequestError:
    return RequestError(ErrorId.BAD_SELECTOR, f"Cannot read the selector {text!r}: {why}.")
