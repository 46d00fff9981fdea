"""What a protocol asks of who holds a session, of people who are not in it yet: chosen, or about to be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db.models import F, Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clinic.models import Credential, Person
from clinic.rules.wall_time import day_of
from protocols.rules.definition import CredentialRule, HeldBy, ProtocolDefinition
from sessions.models import Course
from sessions.queries.words import say
from sessions.rules.engine import timeline_of
from sessions.rules.facts import HeldCredential, History, Somebody
from sessions.rules.kinds.credentials import Lack, lacked_by_each, lacking


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """What a protocol asks for and these people do not hold on the day; no names: nobody at all has it."""

    what: str
    names: Sequence[str]

    @property
    def words(self) -> str:
        if not self.names:
            return self.what
        return _("%(what)s: not held that day by %(names)s") % {
            "what": self.what,
            "names": ", ".join(self.names),
        }


def with_credentials_of(history: History, *, clinic_id: int, people: Collection[int]) -> History:
    """The history, and what these people hold: they may have nothing to do with the course yet."""
    counts = Q(withdrawn_from=None) | Q(withdrawn_from__gt=F("valid_from"))
    rows = Credential.objects.filter(counts, clinic_id=clinic_id, person_id__in=people)
    known = {one.id: one for one in history.setting.credentials}
    known |= {row.public_id: held_credential(row) for row in rows}
    found = tuple(sorted(known.values(), key=lambda one: (one.from_on, one.id)))
    return replace(history, setting=replace(history.setting, credentials=found))


def held_credential(row: Credential) -> HeldCredential:
    last = row.last_day
    return HeldCredential(
        id=row.public_id,
        person_id=row.person_id,
        kind=row.kind,
        code=row.code,
        from_on=row.valid_from,
        until_on=last,
    )


def asks_for_any(definition: ProtocolDefinition) -> bool:
    return any(isinstance(rule, CredentialRule) for rule in definition.rules)


def lacking_at(
    *,
    course: Course,
    definition: ProtocolDefinition,
    history: History,
    key: str,
    people: Sequence[Somebody],
    at: datetime,
    now: datetime,
) -> list[Lacking]:
    """What these people lack to hold the session of that key at `at`. At most two queries, and none where
    the protocol asks for nothing."""
    if not asks_for_any(definition):
        return []
    history = with_credentials_of(
        history, clinic_id=course.clinic_id, people=[person for person, _roles in people]
    )
    timeline = timeline_of(definition=definition, history=history, as_of=now)
    found = lacking(timeline, key, people, at=at)
    names = names_of({person for _rule, standing in found for person in standing.people})
    return [
        Lacking(what=say(rule.words), names=sorted(names[person] for person in standing.people))
        for rule, standing in found
    ]


def missing_of_each(
    *,
    course: Course,
    definition: ProtocolDefinition,
    history: History,
    key: str,
    people: Sequence[Somebody],
    at: datetime,
    now: datetime,
) -> Mapping[int, Sequence[str]]:
    """Person → in words, what they would not hold at `at` of what the session of that key asks. One query,
    however many they are, and none where the protocol asks for nothing."""
    if not asks_for_any(definition):
        return {}
    history = with_credentials_of(
        history, clinic_id=course.clinic_id, people=[person for person, _roles in people]
    )
    timeline = timeline_of(definition=definition, history=history, as_of=now)
    day = day_of(at, course.clinic.zone_info)
    return {
        person: [_lack_words(one, day) for one in lacks]
        for person, lacks in lacked_by_each(timeline, key, people, at=at).items()
        if lacks
    }


def _lack_words(lack: Lack, day: date) -> str:
    what = say(lack.rule.words)
    if lack.rule.held_by is HeldBy.SOMEBODY:
        what = _("%(what)s (one is enough)") % {"what": what}
    last = lack.last
    if last is None:
        return _("%(what)s: not recorded") % {"what": what}
    if last.until_on is not None and last.until_on < day:
        return _("%(what)s: ended %(day)s") % {"what": what, "day": date_format(last.until_on, "j M Y")}
    return _("%(what)s: only from %(day)s") % {"what": what, "day": date_format(last.from_on, "j M Y")}


def names_of(people: Collection[int]) -> Mapping[int, str]:
    """No query for nobody."""
    if not people:
        return {}
    return dict(Person.objects.filter(pk__in=list(people)).values_list("pk", "printed_name"))
