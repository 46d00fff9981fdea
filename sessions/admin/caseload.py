"""Patients and what happened to them in Django's admin, to read: a therapist their own caseload, a supervisor
their clinic, an administrator nobody. What is clinical is changed by the product's own operations only; a
supervisor also assigns care teams here, through the operation that does it."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from clinic.admin.acting import Given, OperationForm, ReadOnlyAdmin, seat_in, seats
from clinic.permissions import Permission
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
from sessions.models.bookings import RecordStatus
from sessions.models.courses import TeamRole
from sessions.operations.enrolment import change_care_team
from sessions.permissions import courses_visible_to


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
    exclude = ("word_hash",)


@admin.register(Course)
class CourseAdmin(CaseloadAdmin):
    what = Permission.VIEW_PATIENT
    course_path = "pk"
    list_select_related = ("patient", "protocol_version__protocol")
    list_display = ("patient", "protocol_version", "status", "enrolled_at")
    list_filter = ("status",)
    search_fields = ("patient__code",)


class CareTeamForm(OperationForm):
    course = forms.ModelChoiceField(queryset=Course.objects.none(), label=_("Course"))

    class Meta:
        model = CareTeamMember
        fields = ("course", "person", "team_role")


@admin.register(CareTeamMember)
class CareTeamMemberAdmin(CaseloadAdmin):
    """A supervisor adds a place; whoever held it leaves it. No place is edited or deleted."""

    what = Permission.VIEW_PATIENT
    adds = Permission.CHANGE_CARE_TEAM
    form = CareTeamForm
    list_select_related = ("course__patient", "person")
    list_display = ("course", "patient", "person", "team_role", "from_at", "until_at")
    list_filter = ("team_role",)

    @admin.display(description=_("patient"))
    def patient(self, row: CareTeamMember) -> str:
        return row.course.patient.code

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if obj is None:
            seen = courses_seen(request, Permission.CHANGE_CARE_TEAM)
            form.base_fields["course"].queryset = seen.select_related("patient")
        return form

    def _act(self, request: HttpRequest, obj: Any, given: Given) -> Model:
        course = given["course"]
        return change_care_team(
            actor=(actor := seat_in(request, course.clinic_id)),
            course_id=course.public_id,
            team_role=TeamRole(given["team_role"]),
            person_id=given["person"].public_id,
            now=actor.at,
            reason=given["reason"],
        )


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
        found: QuerySet[Model] = rows.with_standing().exclude(
            session_record__status=RecordStatus.ENTERED_IN_ERROR
        )
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


class OfADeviation(CaseloadAdmin):
    """What hangs on deviations, without what was entered in error."""

    what = Permission.VIEW_DEVIATIONS
    course_path = "deviation__course"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows = super().get_queryset(request)
        return rows.filter(**{f"{self.course_path.removesuffix('course')}entered_in_error__isnull": True})


@admin.register(DeviationReview)
class DeviationReviewAdmin(OfADeviation):
    list_select_related = ("deviation", "reviewer")
    list_display = ("deviation", "act", "reviewer", "reviewed_at", "closes")


@admin.register(DeviationAction)
class DeviationActionAdmin(OfADeviation):
    list_select_related = ("deviation", "owner", "finished_by")
    list_display = ("deviation", "kind", "owner", "due_on", "finished_at", "dropped")
    list_filter = ("kind", "dropped")


@admin.register(DeviationReport)
class DeviationReportAdmin(OfADeviation):
    list_select_related = ("deviation", "clock")
    list_display = ("deviation", "clock", "due_at", "reported_at", "reference", "withdrawn_at")


@admin.register(ClosureSignature)
class ClosureSignatureAdmin(OfADeviation):
    course_path = "review__deviation__course"
    list_select_related = ("review__deviation",)
    list_display = ("review", "printed_name", "role", "signed_at", "digest")


@admin.register(StaffTask)
class StaffTaskAdmin(CaseloadAdmin):
    what = Permission.VIEW_TASKS
    list_select_related = ("course__patient", "owner", "cover")
    list_display = ("course", "kind", "safety", "owner", "cover", "act_by", "done_at")
    list_filter = ("kind", "safety")
