"""What pages ask for: fields, their words and their shape, a file for each noun.

What may be recorded is the operations' to say.
"""

from __future__ import annotations

from sessions.web.forms.answers import URGENT, AnswerForm, ConcernForm, ConcernStepForm
from sessions.web.forms.calls import NOT_REACHED, REACHED, CallForm
from sessions.web.forms.chart import (
    CHART_ITEMS,
    AdverseEventForm,
    AssessmentForm,
    ChartItemForm,
    ConsentForm,
    ContactForm,
    DoseOrderForm,
    MedicineForm,
    ResultForm,
)
from sessions.web.forms.choices import DecisionForm, FiledForm, GroupForm, WeighForm
from sessions.web.forms.courses import (
    BookForm,
    EmptyForm,
    EndCourseForm,
    EnrolForm,
    IndependentRaterForm,
    NotDoneForm,
    OverrideForm,
    ReasonForm,
    StopDosingForm,
)
from sessions.web.forms.fields import FactForm, RecordForm, kept
from sessions.web.forms.held import (
    DoseForm,
    EndForm,
    LogForm,
    MomentForm,
    NoteForm,
    ReleaseForm,
    SignForm,
    StartForm,
    TimesForm,
    VitalsForm,
    WithholdForm,
)
from sessions.web.forms.notes import NoteTemplateForm, PresenceForm, ThemeForm
from sessions.web.forms.reaching import ReachForm
from sessions.web.forms.review import (
    AssessmentNoteForm,
    CommentForm,
    ErrorAnswerForm,
    ErrorForm,
    ResolutionForm,
    ReturnForm,
)
from sessions.web.forms.step_up import STEP_FORMS, SetWordForm
from sessions.web.forms.wording import WordingForm

__all__ = [
    "CHART_ITEMS",
    "NOT_REACHED",
    "REACHED",
    "STEP_FORMS",
    "URGENT",
    "AdverseEventForm",
    "AnswerForm",
    "AssessmentForm",
    "AssessmentNoteForm",
    "BookForm",
    "CallForm",
    "ChartItemForm",
    "CommentForm",
    "ConcernForm",
    "ConcernStepForm",
    "ConsentForm",
    "ContactForm",
    "DecisionForm",
    "DoseForm",
    "DoseOrderForm",
    "EmptyForm",
    "EndCourseForm",
    "EndForm",
    "EnrolForm",
    "ErrorAnswerForm",
    "ErrorForm",
    "FactForm",
    "FiledForm",
    "GroupForm",
    "IndependentRaterForm",
    "LogForm",
    "MedicineForm",
    "MomentForm",
    "NotDoneForm",
    "NoteForm",
    "NoteTemplateForm",
    "OverrideForm",
    "PresenceForm",
    "ReachForm",
    "ReasonForm",
    "RecordForm",
    "ReleaseForm",
    "ResolutionForm",
    "ResultForm",
    "ReturnForm",
    "SetWordForm",
    "SignForm",
    "StartForm",
    "StopDosingForm",
    "ThemeForm",
    "TimesForm",
    "VitalsForm",
    "WeighForm",
    "WithholdForm",
    "WordingForm",
    "kept",
]
