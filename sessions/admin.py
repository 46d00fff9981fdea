"""Patients and what happened to them in Django's admin, to read: a therapist their own caseload, a supervisor
their clinic, an administrator nobody. What is clinical is changed by the product's own operations only; a
supervisor also assigns care teams here, through the operation that does it."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from clinic import clock
from clinic.actors import Actor, as_actor, request_id_of
from clinic.admin import ReadOnlyAdmin, why_changed
from clinic.models import Membership, Person
from clinic.permissions import HouseSubject, Permission, allows
from sessions.models import (
    CareTeamMember,
    ClosureSignature,
    ContactDetails,
    Course,
    CourseRequirement,
    CourseStage,
    DeviationAction,
    DeviationRecord,
    DeviationReport,
    DeviationReview,
    FactRecord,
    NoteRecord,
    Patient,
    SessionBooking,
    SessionRecord,
    SignatureRecord,
    StaffTask,
)
from sessions.models.courses import TeamRole
from sessions.operations.enrolment import change_care_team
from sessions.permissions import courses_visible_to


def seats(request: HttpRequest) -> list[Actor]:
    """Who the reader is in each clinic they work in today, found once per request."""
    found: list[Actor] | None = getattr(request, "_seats", None)
    if found is None:
        found = request._seats = _seats(request)  # type: ignore[attr-defined]  # read only here
    return found


def _seats(request: HttpRequest) -> list[Actor]:
    person = request.user
    if not isinstance(person, Person) or not person.is_active:
        return []
    at = clock.now()
    return [
        as_actor(membership, at=at, request_id=request_id_of(request))
        for membership in Membership.objects.standing_at(at).filter(person=person).select_related("clinic")
        if membership.active_on(at.astimezone(membership.clinic.zone_info).date())
    ]


def courses_seen(request: HttpRequest, permission: Permission) -> QuerySet[Course]:
    seen = Q(pk__in=[])
    for actor in seats(request):
        seen |= courses_visible_to(actor, permission)
    return Course.objects.filter(seen)


def sees_anybody(request: HttpRequest, permission: Permission) -> bool:
    """Asked for every table in the margin of every page, so answered once per request."""
    answers: dict[Permission, bool] = request.__dict__.setdefault("_sees_anybody", {})
    if permission not in answers:
        answers[permission] = courses_seen(request, permission).exists()
    return answers[permission]


class CaseloadAdmin(ReadOnlyAdmin):
    """Rows of the courses that the reader may see for `what`; nobody adds, changes or deletes."""

    what: ClassVar[Permission] = Permission.VIEW_CHART
    course_path: ClassVar[str] = "course"
    list_select_related: ClassVar[tuple[str, ...]] = ("course__patient",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows: QuerySet[Model] = admin.ModelAdmin.get_queryset(self, request)
        seen = courses_seen(request, self.what)
        return rows.filter(**{f"{self.course_path}__in": seen}).distinct()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        if obj is None:
            return sees_anybody(request, self.what)
        return self.get_queryset(request).filter(pk=obj.pk).exists()


def assigns_in(request: HttpRequest) -> list[Actor]:
    """The reader's seats in which they may change any care team: a supervisor's."""
    return [
        actor
        for actor in seats(request)
        if allows(actor, Permission.CHANGE_CARE_TEAM, HouseSubject(clinic_id=actor.clinic_id))
    ]


@admin.register(Patient)
class PatientAdmin(CaseloadAdmin):
    what = Permission.VIEW_PATIENT
    course_path = "courses"
    list_select_related = ("clinic",)
    list_display = ("code", "family_name", "given_name", "born_on", "clinic")
    search_fields = ("code", "family_name", "given_name")
    exclude = ("resource",)


@admin.register(ContactDetails)
class ContactDetailsAdmin(CaseloadAdmin):
    what = Permission.VIEW_CONTACT_DETAILS
    course_path = "patient__courses"
    list_select_related = ("patient",)
    list_display = ("patient", "email", "phone", "email_allowed", "email_stopped_at")


@admin.register(Course)
class CourseAdmin(CaseloadAdmin):
    what = Permission.VIEW_PATIENT
    course_path = "pk"
    list_select_related = ("patient", "protocol_version__protocol")
    list_display = ("patient", "protocol_version", "status", "enrolled_at")
    list_filter = ("status",)
    search_fields = ("patient__code",)


class CareTeamForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's takes no type argument at run time
    reason = why_changed()

    class Meta:
        model = CareTeamMember
        fields = ("course", "person", "team_role")


@admin.register(CareTeamMember)
class CareTeamMemberAdmin(CaseloadAdmin):
    """A supervisor adds a place; whoever held it leaves it. No place is edited or deleted."""

    what = Permission.VIEW_PATIENT
    form = CareTeamForm
    list_select_related = ("course__patient", "person")
    list_display = ("course", "patient", "person", "team_role", "from_at", "until_at")
    list_filter = ("team_role",)

    @admin.display(description=_("patient"))
    def patient(self, row: CareTeamMember) -> str:
        return row.course.patient.code

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return bool(assigns_in(request))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        clinics = [actor.clinic_id for actor in assigns_in(request)]
        if db_field.name == "course":
            kwargs["queryset"] = courses_seen(request, Permission.CHANGE_CARE_TEAM).select_related("patient")
        elif db_field.name == "person":
            kwargs["queryset"] = Person.objects.filter(memberships__clinic__in=clinics).distinct()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The operation decides and writes its event; the admin only asks."""
        actor = next((one for one in assigns_in(request) if one.clinic_id == obj.course.clinic_id), None)
        if actor is None or change:
            raise PermissionDenied
        member = change_care_team(
            actor=actor,
            course_id=obj.course.public_id,
            team_role=TeamRole(obj.team_role),
            person_id=obj.person.public_id,
            now=actor.at,
            reason=form.cleaned_data["reason"],
        )
        obj.pk, obj.clinic_id = member.pk, member.clinic_id


@admin.register(SessionBooking)
class SessionBookingAdmin(CaseloadAdmin):
    what = Permission.VIEW_PATIENT
    list_display = ("course", "key", "kind", "starts_at", "status")
    list_filter = ("status", "kind")


@admin.register(SessionRecord)
class SessionRecordAdmin(CaseloadAdmin):
    list_display = ("course", "key", "kind", "status", "started_at", "ended_at")
    list_filter = ("status", "kind")


@admin.register(CourseStage)
class CourseStageAdmin(CaseloadAdmin):
    list_display = ("course", "code", "cycle", "status")


@admin.register(FactRecord)
class FactRecordAdmin(CaseloadAdmin):
    list_select_related = ("course__patient", "entered_by")
    list_display = ("course", "kind", "key", "occurred_at", "recorded_at", "entered_by")
    list_filter = ("kind",)


@admin.register(NoteRecord)
class NoteRecordAdmin(CaseloadAdmin):
    list_select_related = ("course__patient", "author")
    list_display = ("course", "author", "occurred_at", "addendum")


@admin.register(SignatureRecord)
class SignatureRecordAdmin(CaseloadAdmin):
    course_path = "session_record__course"
    list_select_related = ("session_record",)
    list_display = ("session_record", "printed_name", "meaning", "signed_at", "superseded")
    fields = ("session_record", "printed_name", "role", "meaning", "signed_at", "digest", "superseded")
    readonly_fields = ("superseded",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows: Any = super().get_queryset(request)
        found: QuerySet[Model] = rows.with_standing()
        return found

    @admin.display(description=_("signature superseded"), boolean=True)
    def superseded(self, row: SignatureRecord) -> bool:
        return row.superseded


@admin.register(CourseRequirement)
class CourseRequirementAdmin(CaseloadAdmin):
    list_display = ("course", "key", "status", "due_at", "firm", "important")
    list_filter = ("status", "kind")


@admin.register(DeviationRecord)
class DeviationRecordAdmin(CaseloadAdmin):
    what = Permission.VIEW_DEVIATIONS
    list_display = ("course", "key", "status", "important", "repeated", "raised_at", "reviewed_at")
    list_filter = ("status", "important", "repeated", "hazard", "cause")


@admin.register(DeviationReview)
class DeviationReviewAdmin(CaseloadAdmin):
    what = Permission.VIEW_DEVIATIONS
    course_path = "deviation__course"
    list_select_related = ("deviation", "reviewer")
    list_display = ("deviation", "act", "reviewer", "reviewed_at", "closes")


@admin.register(DeviationAction)
class DeviationActionAdmin(CaseloadAdmin):
    what = Permission.VIEW_DEVIATIONS
    course_path = "deviation__course"
    list_select_related = ("deviation", "owner", "finished_by")
    list_display = ("deviation", "kind", "owner", "due_on", "finished_at", "dropped")
    list_filter = ("kind", "dropped")


@admin.register(DeviationReport)
class DeviationReportAdmin(CaseloadAdmin):
    what = Permission.VIEW_DEVIATIONS
    course_path = "deviation__course"
    list_select_related = ("deviation", "clock")
    list_display = ("deviation", "clock", "due_at", "reported_at", "reference", "withdrawn_at")


@admin.register(ClosureSignature)
class ClosureSignatureAdmin(CaseloadAdmin):
    what = Permission.VIEW_DEVIATIONS
    course_path = "review__deviation__course"
    list_select_related = ("review__deviation",)
    list_display = ("review", "printed_name", "role", "signed_at", "digest")


@admin.register(StaffTask)
class StaffTaskAdmin(CaseloadAdmin):
    what = Permission.VIEW_TASKS
    list_select_related = ("course__patient", "owner", "cover")
    list_display = ("course", "kind", "safety", "owner", "cover", "act_by", "done_at")
    list_filter = ("kind", "safety")
