"""What every door of this part of the API shares: it answers in the words that all of the clinic's
protocols share."""

from __future__ import annotations

from clinic.api.views import OperationView
from clinic.rules.own_words import OwnWords
from protocols import queries


class Door(OperationView):
    def own_words(self) -> OwnWords:
        return queries.own_words_of_house(clinic_id=self.actor.clinic_id)
