"""What codes are called, on pages and in reports alike. A code that has no word is said by its own
letters."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

CAUSE_WORDS: dict[str, Any] = {
    "clinic": gettext_lazy("the clinic"),
    "patient_declined": gettext_lazy("the patient declined"),
    "patient_unreachable": gettext_lazy("the patient could not be reached"),
    "outside_event": gettext_lazy("an outside event"),
}
KIND_WORDS: dict[str, Any] = {
    "session": gettext_lazy("Sessions"),
    "contact": gettext_lazy("Calls and check-ins"),
    "ladder": gettext_lazy("Steps when nobody answered"),
    "assessment": gettext_lazy("Questionnaires and ratings"),
    "consent": gettext_lazy("Consents"),
    "result": gettext_lazy("Results and criteria"),
    "chart": gettext_lazy("Chart items"),
    "washout": gettext_lazy("Washouts"),
    "dose": gettext_lazy("Doses"),
    "supplement": gettext_lazy("Supplements"),
    "vitals": gettext_lazy("Vital signs"),
    "staffing": gettext_lazy("Who was in the room"),
    "checklist": gettext_lazy("Checklists"),
    "release": gettext_lazy("Release after dosing"),
    "form": gettext_lazy("Forms"),
    "decision": gettext_lazy("Decisions"),
    "observation": gettext_lazy("Observation"),
    "group": gettext_lazy("Group size"),
    "credential": gettext_lazy("Licences and trainings"),
}
STATE_WORDS: dict[str, Any] = {
    "to_review": gettext_lazy("to review"),
    "acknowledged": gettext_lazy("acknowledged"),
    "reopened": gettext_lazy("reopened"),
    "reviewed": gettext_lazy("closed"),
    "documented_late": gettext_lazy("documented late"),
}
FORESEEN_WORDS: dict[str, Any] = {
    "planned": gettext_lazy("planned"),
    "anticipated": gettext_lazy("anticipated"),
    "discovered": gettext_lazy("discovered later"),
}
SESSION_KIND_WORDS: dict[str, Any] = {
    "screening": gettext_lazy("screening"),
    "preparation": gettext_lazy("preparation"),
    "dosing": gettext_lazy("dosing"),
    "integration": gettext_lazy("integration"),
    "follow_up": gettext_lazy("follow-up"),
}
TEAM_WORDS: dict[str, Any] = {
    "lead_therapist": gettext_lazy("lead therapist"),
    "co_therapist": gettext_lazy("co-therapist"),
    "prescriber": gettext_lazy("prescriber"),
    "supervisor": gettext_lazy("supervisor"),
    "independent_rater": gettext_lazy("independent rater"),
}
MODE_WORDS: dict[str, Any] = {
    "in_person": gettext_lazy("in person"),
    "video": gettext_lazy("by video"),
    "phone": gettext_lazy("by telephone"),
    "link": gettext_lazy("by the link"),
}
RECORD_WORDS: dict[str, Any] = {
    "under_way": gettext_lazy("under way"),
    "ended": gettext_lazy("ended, not signed"),
    "signed": gettext_lazy("signed"),
    "void": gettext_lazy("started in error"),
    "entered_in_error": gettext_lazy("entered in error"),
}
COURSE_WORDS: dict[str, Any] = {
    "enrolled": gettext_lazy("enrolled"),
    "active": gettext_lazy("active"),
    "on_hold": gettext_lazy("on hold"),
    "completed": gettext_lazy("completed"),
    "withdrawn": gettext_lazy("withdrawn"),
    "discontinued": gettext_lazy("discontinued"),
}
INTAKE_WORDS: dict[str, Any] = {
    "full": gettext_lazy("taken in full"),
    "partial": gettext_lazy("taken in part"),
    "vomited": gettext_lazy("taken, then vomited"),
    "aborted": gettext_lazy("begun and stopped"),
    "not_taken": gettext_lazy("not taken"),
    "withheld": gettext_lazy("withheld"),
}
MEANING_WORDS: dict[str, Any] = {
    "author": gettext_lazy("author"),
    "contributor": gettext_lazy("contributor"),
    "reviewer": gettext_lazy("reviewer"),
}

TASK_WORDS: dict[str, Any] = {
    "worrying_answer": gettext_lazy("A worrying answer: call the patient"),
    "call_asked": gettext_lazy("Asked to be called today"),
    "no_answer": gettext_lazy("No answer: call the patient"),
    "not_reached": gettext_lazy("Nobody has reached the patient: decide what to do"),
    "missed_contact": gettext_lazy("A contact was missed: call the patient"),
    "message_not_sent": gettext_lazy("A message could not be sent: call the patient"),
    "safety_limit": gettext_lazy("Beyond a safety limit"),
    "time_asked": gettext_lazy("Needs another time"),
    "visit_moved": gettext_lazy("Took another time for a visit: see that it suits"),
    "link_locked": gettext_lazy("Locked out of a page of theirs: call the patient"),
    "missed_visit": gettext_lazy("Did not come, days after a dose: call the patient today"),
    "ring_instead": gettext_lazy("Wants a call instead of a message: call the patient"),
    "text_came": gettext_lazy("Answered a text in words: read it and call"),
    "staff_gone": gettext_lazy("Somebody booked will have left by then"),
    "staff_away": gettext_lazy("Somebody booked is away then: find somebody else"),
    "visit_to_book": gettext_lazy("A cancelled visit is wanted after all: book it again"),
    "rater_not_blind": gettext_lazy("A rater is blind no more: name another"),
    "fidelity_rater": gettext_lazy("A session’s rater may not rate it any more: name another"),
    "deviation_action": gettext_lazy("An action agreed after a deviation"),
    "effectiveness_check": gettext_lazy("Did the actions after a deviation work?"),
    "deviation_report": gettext_lazy("A deviation is to be reported"),
}
RESOLUTION_WORDS: dict[str, Any] = {
    "contact_made": gettext_lazy("Somebody reached the patient."),
    "answered": gettext_lazy("The answers came."),
    "visit_confirmed": gettext_lazy("The patient confirmed the visit."),
    "moved_by_patient": gettext_lazy("The patient took another of the times offered."),
    "booking_cancelled": gettext_lazy("The booking was cancelled."),
    "patient_died": gettext_lazy("The patient has died."),
    "booked_anew": gettext_lazy("It is booked again, or asked no more."),
    "entered_in_error": gettext_lazy("What it was about was entered in error."),
    "due_otherwise": gettext_lazy("The report is asked for otherwise now, or no more."),
    "planned_anew": gettext_lazy("The check was planned anew."),
}
"""How a task was closed where nobody wrote it."""
ACT_WORDS: dict[str, Any] = {
    "comment": gettext_lazy("Comment"),
    "acknowledge": gettext_lazy("Acknowledged"),
    "classify": gettext_lazy("Classified"),
    "set_cause": gettext_lazy("Cause"),
    "find_root_cause": gettext_lazy("Root cause"),
    "waive": gettext_lazy("Not needed"),
    "plan_check": gettext_lazy("Check planned"),
    "judge_effect": gettext_lazy("Effect judged"),
    "close": gettext_lazy("Closed"),
    "reopen": gettext_lazy("Reopened"),
}
REOPENED_WORDS: dict[str, Any] = {
    "evidence_changed": gettext_lazy("What is on record of it has changed since the review was closed."),
    "departed_again": gettext_lazy(
        "What had shown that nothing departed was corrected, or was entered in error."
    ),
    "documented_late": gettext_lazy("A record entered since shows that nothing departed."),
    "report_in_error": gettext_lazy("A report that was recorded as made in error is to be made."),
    "": gettext_lazy("What is on record changed."),
}
"""Why a review was reopened where nobody wrote it."""
RECIPIENT_WORDS: dict[str, Any] = {
    "irb": gettext_lazy("Review board (IRB, ethics committee)"),
    "sponsor": gettext_lazy("Sponsor"),
    "regulator": gettext_lazy("Regulator"),
}


def word(code: object, words: dict[str, Any]) -> str:
    """What a code is called; where there is no word for it, its own letters."""
    return str(words.get(str(code)) or str(code).replace("_", " ").replace(".", ", "))
