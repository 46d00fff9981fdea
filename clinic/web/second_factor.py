"""Setting up one's second factor and taking it away: allauth's pages, and what they mean for this sign-in."""

from __future__ import annotations

from allauth.account.internal.flows.login import clear_authentication_records, record_authentication
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect


class SetUp(ActivateTOTPView):  # type: ignore[misc]  # allauth ships no types
    """Setting up the app proves that one has it: the same sign-in is not asked for another code."""

    def form_valid(self, form: object) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        record_authentication(self.request, self.request.user, "mfa", type="totp")
        return response


class TakeAway(DeactivateTOTPView):  # type: ignore[misc]  # allauth ships no types
    """For another telephone. This sign-in no longer counts as one with a second factor: where it is required,
    the new one is set up before anything else."""

    def form_valid(self, form: object) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        clear_authentication_records(self.request)
        return redirect("mfa_activate_totp") if settings.SECOND_FACTOR == "required" else response


set_up = SetUp.as_view()
take_away = TakeAway.as_view()
