"""The addresses of the pages: staff under `/c/<clinic>/`, patients under `/p/<token>/`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from sessions.web import (
    adherence,
    chart,
    corrections,
    courses,
    fidelity,
    links,
    overview,
    planning,
    recording,
    runs,
    versions,
    worker,
)

staff = [
    path("", overview.today, name="today"),
    path("patients/", overview.patients, name="patients"),
    path("patients/enrol/", courses.enrol, name="enrol"),
    path("deviations/", overview.deviations, name="deviations"),
    path("deviations/<uuid:deviation>/", overview.deviation, name="deviation"),
    path("adherence/", adherence.adherence, name="adherence"),
    path("adherence/rows/", adherence.rows, name="adherence_rows"),
    path("adherence/rows/<uuid:requirement>/", adherence.requirement, name="adherence_row"),
    path("adherence/therapists/", adherence.therapists, name="adherence_therapists"),
    path("adherence/time/", adherence.over_time, name="adherence_time"),
    path("fidelity/", fidelity.fidelity, name="fidelity"),
    path("fidelity/forms/", fidelity.adopt, name="fidelity_adopt"),
    path("fidelity/draw/", fidelity.draw, name="fidelity_draw"),
    path("fidelity/<uuid:review>/", fidelity.review, name="fidelity_review"),
    path("fidelity/<uuid:review>/rate/", fidelity.rate, name="fidelity_rate"),
    path("tasks/", overview.tasks, name="tasks"),
    path("tasks/<uuid:task>/", overview.task, name="task"),
    path("tasks/<uuid:task>/take/", overview.task_take, name="task_take"),
    path("courses/<uuid:course>/", chart.chart, name="chart"),
    path("courses/<uuid:course>/record/<slug:what>/", recording.record, name="record"),
    path("courses/<uuid:course>/contact/", recording.contact, name="contact"),
    path("courses/<uuid:course>/unscheduled/", planning.unscheduled, name="unscheduled"),
    path("courses/<uuid:course>/log/<str:key>/", planning.log, name="log"),
    path("courses/<uuid:course>/book/<str:key>/", planning.book, name="book"),
    path("courses/<uuid:course>/start/<str:key>/", planning.start, name="start"),
    path("courses/<uuid:course>/override/<str:key>/", planning.override, name="override"),
    path("courses/<uuid:course>/not-done/<str:key>/", recording.not_done, name="not_done"),
    path("courses/<uuid:course>/move/<slug:move>/", courses.move, name="move"),
    path("courses/<uuid:course>/undo-version-move/", versions.undo_move, name="undo_version_move"),
    path("protocols/<uuid:protocol>/preview/", versions.preview, name="version_preview"),
    path("bookings/<uuid:booking>/<slug:move>/", planning.booking_move, name="booking_move"),
    path("records/<uuid:fact>/correct/", corrections.correct, name="correct"),
    path("sessions/<uuid:held>/times/", corrections.times, name="times"),
    path("sessions/<uuid:held>/", runs.session_page, name="session"),
    path("sessions/<uuid:held>/live/", runs.live, name="live"),
    path("sessions/<uuid:held>/vitals/", runs.vitals, name="vitals"),
    path("sessions/<uuid:held>/dose/", runs.dose, name="dose"),
    path("sessions/<uuid:held>/withhold/", runs.withhold, name="withhold"),
    path("sessions/<uuid:held>/moment/", runs.moment, name="moment"),
    path("sessions/<uuid:held>/checklist/", runs.checklist, name="checklist"),
    path("sessions/<uuid:held>/note/", runs.note, name="note"),
    path("sessions/<uuid:held>/release/", runs.release, name="release"),
    path("sessions/<uuid:held>/end/", runs.end, name="end"),
    path("sessions/<uuid:held>/void/", runs.void, name="void"),
    path("sessions/<uuid:held>/sign/", runs.sign, name="sign"),
    path("sessions/<uuid:held>/vitals-sheet/", runs.vitals_sheet, name="vitals_sheet"),
]
patient = [
    path("", links.opened, name="patient_link"),
    path("confirm/", links.confirm, name="patient_confirm"),
    path("change/", links.change, name="patient_change"),
    path("keep/", links.keep, name="patient_keep"),
    path("call/", links.call, name="patient_call"),
    path("stop/", links.stop, name="patient_stop"),
]
pages: list[URLPattern | URLResolver] = [
    path("board-worker.js", worker.script, name="board_worker"),
    path("c/<slug:clinic>/", include(staff)),
    path("p/<str:token>/", include(patient)),
]
urlpatterns = [path("", include((pages, "sessions")))]
