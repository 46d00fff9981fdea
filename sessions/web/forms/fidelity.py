"""Forms of fidelity review: a rating form's document, a draw, a rater, the video, a rating, feedback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from sessions.rules.fidelity import Form
from sessions.web.forms.fields import RecordForm, day, line, one_of, set_choices, why_changed, words


class AdoptFormForm(RecordForm):
    text = words(
        _("The form’s document"),
        hint=_("YAML: items with anchors, your clinic’s own pass marks, and how sessions are drawn."),
        rows=16,
    )
    reason = why_changed()


class DrawForm(RecordForm):
    form = one_of(_("Rating form"), ())
    from_on = day(_("Sessions that ended from"))
    until_on = day(_("until"))

    def __init__(self, *args: Any, choices: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self, "form", choices)


class RaterForm(RecordForm):
    rater = one_of(_("Rater"), (), hint=_("Never somebody who treated the patient or was in the room."))

    def __init__(self, *args: Any, choices: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self, "rater", choices)


class VideoForm(RecordForm):
    reference = line(
        _("Where the video is"),
        required=False,
        hint=_("A file number or place in the clinic’s own store. No name, no date."),
    )


class FeedbackForm(RecordForm):
    text = words(_("Feedback to the therapists"))


class RatingForm(RecordForm):
    """One set of radios per item, named by its anchors."""

    comment = words(_("Comment"), required=False, rows=3)

    def __init__(self, *args: Any, asks: Form, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for item in asks.items:
            self.fields[f"item-{item.code}"] = one_of(
                item.words,
                [(str(score), f"{score}: {item.anchors[score]}") for score in sorted(item.anchors)],
            )
        self.order_fields([*(f"item-{item.code}" for item in asks.items), "comment"])

    @property
    def scores(self) -> dict[str, int]:
        return {
            name.removeprefix("item-"): int(value)
            for name, value in self.cleaned_data.items()
            if name.startswith("item-")
        }
