"""Every address of the API. What changes something is named by what it does; nothing here holds a rule."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView

from sessions.api import (
    adherence,
    bookings,
    courses,
    facts,
    held,
    notes,
    overview,
    patients,
    psychotherapy_notes,
    supervision,
    tasks,
    team,
    versions,
)
from sessions.api.page import index

app_name = "api"

course = [
    path("requirements", courses.CourseRequirements.as_view(), name="requirements"),
    path("gates", courses.CourseGates.as_view(), name="gates"),
    path("care-team", courses.CourseCareTeam.as_view(), name="change_care_team"),
    path("hold", courses.PutCourseOnHold.as_view(), name="put_course_on_hold"),
    path("resume", courses.ResumeCourse.as_view(), name="resume_course"),
    path("complete", courses.CompleteCourse.as_view(), name="complete_course"),
    path("withdraw", courses.WithdrawPatient.as_view(), name="withdraw_patient"),
    path("discontinue", courses.DiscontinueCourse.as_view(), name="discontinue_course"),
    path("stop-dosing", courses.StopDosing.as_view(), name="stop_dosing"),
    path("bookings", bookings.Bookings.as_view(), name="book_session"),
    path("sessions", held.StartSession.as_view(), name="start_session"),
    path("logged-sessions", held.LogSession.as_view(), name="log_session"),
    path("dose-orders", held.OrderDose.as_view(), name="order_dose"),
    path("facts", facts.Facts.as_view(), name="facts"),
    path("contacts", facts.Contacts.as_view(), name="record_contact"),
    path("overrides", facts.Overrides.as_view(), name="override_requirement"),
    path("version-moves", versions.VersionMoves.as_view(), name="version_moves"),
    path("undo-version-move", versions.UndoVersionMove.as_view(), name="undo_version_move"),
]
booking = [
    path("cancel", bookings.CancelBooking.as_view(), name="cancel_booking"),
    path("check-in", bookings.CheckInPatient.as_view(), name="check_in_patient"),
    path("undo-check-in", bookings.UndoCheckIn.as_view(), name="undo_check_in"),
    path("no-show", bookings.MarkNoShow.as_view(), name="mark_no_show"),
    path("undo-no-show", bookings.UndoNoShow.as_view(), name="undo_no_show"),
]
record = [
    path("facts", held.SessionFacts.as_view(), name="session_facts"),
    path("end", held.EndSession.as_view(), name="end_session"),
    path("void", held.VoidSession.as_view(), name="void_session"),
    path("times", held.CorrectTimes.as_view(), name="correct_times"),
    path("vitals", held.Vitals.as_view(), name="record_vitals"),
    path("doses", held.GiveDose.as_view(), name="give_dose"),
    path("withheld-doses", held.WithholdDose.as_view(), name="withhold_dose"),
    path("checklist", held.TickItem.as_view(), name="tick_item"),
    path("moments", held.NoteMoment.as_view(), name="note_moment"),
    path("presence", held.ChangePresence.as_view(), name="change_presence"),
    path("notes", held.Notes.as_view(), name="write_note"),
    path("note-draft", notes.NoteDrafts.as_view(), name="note_draft"),
    path("note-authors", notes.NoteContributors.as_view(), name="note_authors"),
    path("note-lead", notes.NoteLead.as_view(), name="take_note_lead"),
    path("themes", notes.NoteThemes.as_view(), name="note_theme"),
    path("presences", notes.SetPresence.as_view(), name="set_presence"),
    path("text", notes.RecordText.as_view(), name="record_text"),
    path("psychotherapy-note", psychotherapy_notes.PsychotherapyNotes.as_view(), name="psychotherapy_note"),
    path("signatures", held.SignRecord.as_view(), name="sign_record"),
]
draft = [
    path("texts", notes.DraftTexts.as_view(), name="save_note_draft"),
    path("copies", notes.DraftCopies.as_view(), name="copy_note_block"),
    path("redraw", notes.RedrawFacts.as_view(), name="redraw_note_facts"),
    path("settle", notes.SettleConflict.as_view(), name="settle_note_conflict"),
    path("hand-in", notes.HandInDraft.as_view(), name="hand_in_note_draft"),
]
clinic: list[URLPattern | URLResolver] = [
    path("today", overview.Today.as_view(), name="today"),
    path("people", overview.People.as_view(), name="people"),
    path("rooms", overview.Rooms.as_view(), name="rooms"),
    path("", include("protocols.api.urls")),
    path(
        "protocols/<uuid:protocol>/versions/<str:version>/preview",
        versions.VersionPreview.as_view(),
        name="preview_version",
    ),
    path(
        "protocols/<uuid:protocol>/versions/<str:version>/move-courses",
        versions.MoveCourses.as_view(),
        name="move_courses",
    ),
    path("patients", patients.Patients.as_view(), name="patients"),
    path(
        "patients/<uuid:patient>/contact-details",
        patients.PatientContactDetails.as_view(),
        name="change_contact_details",
    ),
    path("courses", courses.Courses.as_view(), name="enrol_patient"),
    path("courses/<uuid:course>", courses.CourseChart.as_view(), name="chart"),
    path("courses/<uuid:course>/", include(course)),
    path("bookings/<uuid:booking>/", include(booking)),
    path("sessions/<uuid:record>", held.SessionDetail.as_view(), name="session"),
    path("sessions/<uuid:record>/", include(record)),
    path("note-drafts/<uuid:draft>/", include(draft)),
    path("note-templates", notes.NoteTemplates.as_view(), name="note_templates"),
    path(
        "psychotherapy-notes/<uuid:psychotherapy_note>/texts",
        psychotherapy_notes.PsychotherapyTexts.as_view(),
        name="save_psychotherapy_note",
    ),
    path("facts/<uuid:fact>/amendments", facts.AmendFact.as_view(), name="amend_fact"),
    path("oversight", team.Oversight.as_view(), name="oversight"),
    path("team", team.Team.as_view(), name="team"),
    path("absences", team.Absences.as_view(), name="record_absence"),
    path("absences/<uuid:absence>/end", team.EndAbsence.as_view(), name="end_absence"),
    path("handovers", team.Handovers.as_view(), name="hand_over"),
    path("handovers/<uuid:handover>/take-back", team.TakeBack.as_view(), name="take_back"),
    path("deputies", team.Deputies.as_view(), name="name_deputy"),
    path("deputies/<uuid:deputy>/release", team.ReleaseDeputy.as_view(), name="release_deputy"),
    path("credentials", team.Credentials.as_view(), name="record_credential"),
    path(
        "credentials/<uuid:credential>/withdraw",
        team.WithdrawCredential.as_view(),
        name="withdraw_credential",
    ),
    path("review-invitations", team.ReviewInvitations.as_view(), name="invite_reviewer"),
    path(
        "review-invitations/<uuid:invitation>/end",
        team.EndReviewInvitation.as_view(),
        name="end_review_invitation",
    ),
    path("tasks", tasks.Tasks.as_view(), name="tasks"),
    path("tasks/<uuid:task>", tasks.Task.as_view(), name="task"),
    path("tasks/<uuid:task>/take", tasks.TakeTask.as_view(), name="take_task"),
    path("tasks/<uuid:task>/finish", tasks.FinishTask.as_view(), name="finish_task"),
    path("deviations", supervision.Deviations.as_view(), name="deviations"),
    path("deviations/<uuid:deviation>", supervision.Deviation.as_view(), name="deviation"),
    path(
        "deviations/<uuid:deviation>/reviews", supervision.ReviewDeviation.as_view(), name="review_deviation"
    ),
    path("adherence", adherence.Adherence.as_view(), name="adherence"),
    path("adherence/rows", adherence.AdherenceRows.as_view(), name="adherence_rows"),
]
urlpatterns = [
    path("api/", index, name="index"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/clinics/<slug:slug>/", include(clinic)),
]
