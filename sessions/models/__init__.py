"""Columns, constraints and indexes of what does happen: patients, courses, bookings, records, and what the
engine writes."""

from __future__ import annotations

from sessions.models.answers import AnswerGiven
from sessions.models.bookings import ResourceUse, SessionBooking, SessionRecord
from sessions.models.care_concerns import CareConcern, CareConcernStep
from sessions.models.closing import ClosureSignature, DeviationAction
from sessions.models.courses import CareTeamMember, Course, CourseStage
from sessions.models.errors import EnteredInError, ErrorMark
from sessions.models.fidelity import (
    FidelityDraw,
    FidelityFeedback,
    FidelityForm,
    FidelityRating,
    FidelityReview,
)
from sessions.models.invitations import ReviewInvitation
from sessions.models.notes import (
    NoteContributor,
    NoteDraft,
    NoteDraftVersion,
    NoteTemplate,
    PsychotherapyNote,
    PsychotherapyNoteVersion,
)
from sessions.models.patients import ContactChoice, ContactDetails, Patient, PatientLink, ReceivedText
from sessions.models.records import FactRecord, NoteRecord, SignatureRecord
from sessions.models.reporting import DeviationReport, ReportingClock
from sessions.models.requirements import CourseRequirement, DeviationRecord, DeviationReview
from sessions.models.reviews import PassageComment, RecordSubmission
from sessions.models.step_up import StepUpCode, StepUpTry
from sessions.models.tasks import StaffTask, TaskTold
from sessions.models.trends import DeviationPolicy, DeviationTrend, TrendMember, TrendReview
from sessions.models.versions import CourseVersionMove
from sessions.models.wording import MessageWording, WordingApproval

__all__ = [
    "AnswerGiven",
    "CareConcern",
    "CareConcernStep",
    "CareTeamMember",
    "ClosureSignature",
    "ContactChoice",
    "ContactDetails",
    "Course",
    "CourseRequirement",
    "CourseStage",
    "CourseVersionMove",
    "DeviationAction",
    "DeviationPolicy",
    "DeviationRecord",
    "DeviationReport",
    "DeviationReview",
    "DeviationTrend",
    "EnteredInError",
    "ErrorMark",
    "FactRecord",
    "FidelityDraw",
    "FidelityFeedback",
    "FidelityForm",
    "FidelityRating",
    "FidelityReview",
    "MessageWording",
    "NoteContributor",
    "NoteDraft",
    "NoteDraftVersion",
    "NoteRecord",
    "NoteTemplate",
    "PassageComment",
    "Patient",
    "PatientLink",
    "PsychotherapyNote",
    "PsychotherapyNoteVersion",
    "ReceivedText",
    "RecordSubmission",
    "ReportingClock",
    "ResourceUse",
    "ReviewInvitation",
    "SessionBooking",
    "SessionRecord",
    "SignatureRecord",
    "StaffTask",
    "StepUpCode",
    "StepUpTry",
    "TaskTold",
    "TrendMember",
    "TrendReview",
    "WordingApproval",
]
