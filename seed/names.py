"""Pools of French words, from Faker's own lists (fr_FR), sampled by index instead of by calling Faker."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from faker.providers.company.fr_FR import Provider as Company
from faker.providers.job.fr_FR import Provider as Job
from faker.providers.person.fr_FR import Provider as Person

from seed.draws import Draws, Ints, Weights


def slug(name: str) -> str:
    """The name as an e-mail has it: no accents, spaces or apostrophes. Adélaïde gives Adelaide."""
    plain = unicodedata.normalize("NFKD", name)
    return "".join(c for c in plain if c.isascii() and (c.isalnum() or c == "-"))


def _distinct(pool: Iterable[str]) -> tuple[str, ...]:
    """The names of a pool without those that look like an earlier one in an e-mail."""
    found: dict[str, str] = {}
    for name in pool:
        found.setdefault(slug(name).lower(), name)
    return tuple(found.values())


MALE, FEMALE = _distinct(Person.first_names_male), _distinct(Person.first_names_female)
LAST = _distinct(Person.last_names)
FIRST: tuple[str, ...] = FEMALE + MALE
COMPANY_SUFFIXES: tuple[str, ...] = tuple(Company.company_suffixes)

# Reserved for documentation (RFC 2606): nobody can own these mailboxes.
MAIL_DOMAINS = ("courriel.example", "boite.example", "laposte.example", "messagerie.example", "mel.example")
MAIL_WEIGHTS = Weights((40, 25, 15, 12, 8))

_TRADES = (
    "informati", "web", "logiciel", "réseaux", "base de données", "data manager", "système",
    "applications mobiles", "SaaS", "green IT",
)  # fmt: skip
JOBS: tuple[str, ...] = tuple(j for j in Job.jobs if any(t in j for t in _TRADES) and "&" not in j)


FIRST_SLUGS: tuple[str, ...] = tuple(slug(n) for n in FIRST)
LAST_SLUGS: tuple[str, ...] = tuple(slug(n) for n in LAST)
FIRST_SMALL, LAST_SMALL = tuple(s.lower() for s in FIRST_SLUGS), tuple(s.lower() for s in LAST_SLUGS)


def _popularity(size: int) -> Weights:
    """Weights that fall with the rank, as those of real names do."""
    return Weights([1_000_000 // (rank + 12) for rank in range(size)])


# Faker lists first names by alphabet: a fixed stride spreads the popular ones over it. 37 shares no factor with
# the lengths of the lists, so every name keeps a rank of its own.
_STRIDE = 37
_MALE_WEIGHTS, _FEMALE_WEIGHTS, _LAST_WEIGHTS = _popularity(len(MALE)), _popularity(len(FEMALE)), _popularity(len(LAST))


def draw_first(draws: Draws, women: Ints) -> Ints:
    """Indexes into FIRST: of a woman's name where `women` is 1, of a man's where it is 0."""
    size = len(women)
    female = draws.weighted(_FEMALE_WEIGHTS, size) * _STRIDE % len(FEMALE)
    male = draws.weighted(_MALE_WEIGHTS, size) * _STRIDE % len(MALE)
    return female * women + (male + len(FEMALE)) * (1 - women)


def draw_last(draws: Draws, size: int) -> Ints:
    """Indexes into LAST."""
    return draws.weighted(_LAST_WEIGHTS, size)
