"""Pages of the team: who is away and who stands in, deputies, credentials, reviewers from outside; and what a
supervisor oversees."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _

from clinic.models import CredentialKind
from clinic.operations import absences, credentials
from clinic.permissions import HouseSubject, Permission, require
from sessions.operations.inviting import end_invitation, invite_reviewer
from sessions.queries import oversight as overseeing
from sessions.queries import reviewers
from sessions.queries import team as team_queries
from sessions.queries.offers import credentials_asked
from sessions.web.door import Door, staff
from sessions.web.forms import RecordForm
from sessions.web.forms.team import (
    AbsenceForm,
    CredentialForm,
    DeputyForm,
    EndAbsenceForm,
    EndForm,
    HandOverForm,
    InviteForm,
    TakeBackForm,
    TeamForm,
    WithdrawCredentialForm,
)
from sessions.web.trends import where_words


@staff
def oversight(door: Door) -> HttpResponse:
    view = door.read(overseeing.oversight, now=door.now)
    return door.page(
        "sessions/oversight.html",
        here="oversight",
        view=view,
        trends=[(row, where_words(row)) for row in view.trends],
    )


@staff
def team(door: Door) -> HttpResponse:
    found = door.read(team_queries.team, now=door.now)
    return door.page(
        "sessions/team.html",
        here="team",
        view=found,
        invitations=door.read(reviewers.invitations, now=door.now) if found.reviewers_invited else [],
    )


def _people(door: Door, *, others: bool) -> list[tuple[str, str]]:
    """Everybody, or only oneself where somebody hands over nobody else's work."""
    found = door.read(team_queries.team, now=door.now)
    if others or found.for_others:
        return list(found.people)
    return [(str(door.person.public_id), door.person.printed_name)]


def _form_page(
    door: Door, form: RecordForm, *, title: str, submit: str, lede: str = "", about: str = ""
) -> HttpResponse:
    return door.page(
        "sessions/record_form.html",
        here="team",
        title=title,
        lede=lede,
        about=about,
        form=form,
        submit=submit,
        back=door.url("team"),
        back_label=_("Team"),
    )


def _choose(form: TeamForm, door: Door, name: str) -> None:
    """Oneself is chosen already; where one may choose nobody else, there is nobody else."""
    mine = _people(door, others=False)
    field = form.fields[name]
    field.initial = str(door.person.public_id)
    field.choices = mine if len(mine) == 1 else [("", _("Choose")), *mine]  # type: ignore[attr-defined]


@staff
def away(door: Door) -> HttpResponse:
    form = door.form(AbsenceForm, people=_people(door, others=True))
    _choose(form, door, "person")

    def act() -> None:
        given = form.cleaned_data
        absences.record_absence(
            actor=door.actor,
            person_id=UUID(given["person"]),
            from_on=given["from_on"],
            until_on=given["until_on"],
            stand_in=UUID(given["stand_in"]) if given["stand_in"] else None,
            reason=given["reason"],
            now=door.now,
            public_id=form.record_id,
        )

    if door.done(form, act):
        return door.go("team", said=_("The absence is recorded."))
    return _form_page(door, form, title=_("Record an absence"), submit=_("Record it"))


@staff
def hand_over(door: Door) -> HttpResponse:
    form = door.form(HandOverForm, people=_people(door, others=True))
    _choose(form, door, "giver")

    def act() -> None:
        given = form.cleaned_data
        absences.hand_over(
            actor=door.actor,
            giver_id=UUID(given["giver"]),
            taker_id=UUID(given["taker"]),
            from_on=given["from_on"],
            until_on=given["until_on"],
            reason=given["reason"],
            now=door.now,
            public_id=form.record_id,
            caseload="caseload" in given["what"],
            calls="calls" in given["what"],
            safety_tasks="safety_tasks" in given["what"],
        )

    if door.done(form, act):
        return door.go("team", said=_("It is handed over."))
    return _form_page(
        door,
        form,
        title=_("Hand over to a colleague"),
        submit=_("Hand over"),
        lede=_("From the first midnight to the last. What is still open goes back by itself."),
    )


@staff
def deputy(door: Door) -> HttpResponse:
    require(door.actor, Permission.NAME_DEPUTIES, HouseSubject(clinic_id=door.actor.clinic_id))
    form = door.form(DeputyForm, people=_people(door, others=True))

    def act() -> None:
        given = form.cleaned_data
        absences.name_deputy(
            actor=door.actor,
            supervisor_id=UUID(given["supervisor"]),
            deputy_id=UUID(given["deputy"]),
            from_on=given["from_on"],
            until_on=given["until_on"],
            reason=given["reason"],
            now=door.now,
            public_id=form.record_id,
        )

    if door.done(form, act):
        return door.go("team", said=_("The deputy is named."))
    return _form_page(door, form, title=_("Name a deputy"), submit=_("Name"))


@staff
def credential(door: Door) -> HttpResponse:
    require(door.actor, Permission.MANAGE_CREDENTIALS, HouseSubject(clinic_id=door.actor.clinic_id))
    form = door.form(CredentialForm, people=_people(door, others=True), asked=credentials_asked(door.actor))

    def act() -> None:
        given = form.cleaned_data
        names = ("code", "title", "number", "issuer", "valid_from", "valid_until", "reason")
        credentials.record_credential(
            actor=door.actor,
            person_id=UUID(given["person"]),
            kind=CredentialKind(given["kind"]),
            now=door.now,
            public_id=form.record_id,
            **{name: given[name] for name in names},
        )

    if door.done(form, act):
        return door.go("team", said=_("The credential is recorded."))
    return _form_page(door, form, title=_("Record a credential"), submit=_("Record it"))


@staff
def credential_withdraw(door: Door, credential: UUID) -> HttpResponse:
    require(door.actor, Permission.MANAGE_CREDENTIALS, HouseSubject(clinic_id=door.actor.clinic_id))
    form = door.form(WithdrawCredentialForm)

    def act() -> None:
        credentials.withdraw_credential(
            actor=door.actor,
            credential_id=credential,
            from_on=form.cleaned_data["from_on"],
            reason=form.cleaned_data["reason"],
            now=door.now,
        )

    if door.done(form, act):
        return door.go("team", said=_("It is withdrawn."))
    found = door.read(team_queries.credential_to_withdraw, credential, now=door.now)
    return _form_page(
        door,
        form,
        title=_("Withdraw a credential"),
        submit=_("Withdraw"),
        about=f"{found.name} · {found.title}",
    )


@staff
def invite(door: Door) -> HttpResponse:
    require(door.actor, Permission.INVITE_REVIEWERS, HouseSubject(clinic_id=door.actor.clinic_id))
    form = door.form(InviteForm)

    def act() -> None:
        given = form.cleaned_data
        codes = {code.strip() for code in given["patients"].split(",") if code.strip()}
        invite_reviewer(
            actor=door.actor,
            email=given["email"],
            printed_name=given["printed_name"],
            course_ids=door.read(reviewers.courses_of, codes),
            until_on=given["until_on"],
            reason=given["reason"],
            now=door.now,
        )

    if door.done(form, act):
        return door.go("team", said=_("They are invited. They set their own password at the sign-in page."))
    return _form_page(
        door,
        form,
        title=_("Invite a reviewer from outside"),
        submit=_("Invite"),
        lede=_("They read and review these courses until that day, and see nothing else of the clinic."),
    )


@staff
def release(door: Door, deputy: UUID) -> HttpResponse:
    """A supervisor's deputy acts for them no more."""
    return _end_page(
        door,
        Permission.NAME_DEPUTIES,
        lambda reason: absences.release_deputy(
            actor=door.actor, deputy_id=deputy, reason=reason, now=door.now
        ),
        title=_("Release a deputy"),
        submit=_("Release"),
    )


@staff
def invitation_end(door: Door, invitation: UUID) -> HttpResponse:
    return _end_page(
        door,
        Permission.INVITE_REVIEWERS,
        lambda reason: end_invitation(
            actor=door.actor, invitation_id=invitation, reason=reason, now=door.now
        ),
        title=_("End an invitation"),
        submit=_("End it"),
        lede=_("They see the course no longer, from now."),
    )


def _end_page(
    door: Door,
    permission: Permission,
    act: Callable[[str], object],
    *,
    title: str,
    submit: str,
    lede: str = "",
) -> HttpResponse:
    require(door.actor, permission, HouseSubject(clinic_id=door.actor.clinic_id))
    form = door.form(EndForm)
    if door.done(form, lambda: act(form.cleaned_data["reason"])):
        return door.go("team", said=_("It has ended."))
    return _form_page(door, form, title=title, submit=submit, lede=lede)


@staff
def absence_end(door: Door, absence: UUID) -> HttpResponse:
    """They are back before the last day, or do not go after all."""
    form = door.form(EndAbsenceForm)

    def act() -> None:
        absences.end_absence(
            actor=door.actor, absence_id=absence, reason=form.cleaned_data["reason"], now=door.now
        )

    if door.done(form, act):
        return door.go("team", said=_("It has ended."))
    found = door.read(team_queries.absence_to_end, absence, now=door.now)
    return _form_page(
        door,
        form,
        title=_("Is back") if found.now else _("Does not go"),
        lede=_("%(name)s. What was handed over for it is taken back by its own act.") % {"name": found.name},
        submit=_("End the absence"),
    )


@staff
def handover_end(door: Door, handover: UUID) -> HttpResponse:
    """What is still open goes back, now."""
    form = door.form(TakeBackForm)

    def act() -> None:
        absences.take_back(
            actor=door.actor, handover_id=handover, reason=form.cleaned_data["reason"], now=door.now
        )

    if door.done(form, act):
        return door.go("team", said=_("It has ended."))
    found = door.read(team_queries.handover_to_end, handover, now=door.now)
    return _form_page(
        door,
        form,
        title=_("Take back"),
        lede=_("%(giver)s → %(taker)s. What is still open goes back, now.")
        % {"giver": found.giver, "taker": found.taker},
        submit=_("Take back"),
    )
