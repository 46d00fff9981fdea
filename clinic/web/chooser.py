"""Where sign-in leads: straight into the only clinic, or to the choice among several."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from clinic import clock, queries
from clinic.models import Person


@never_cache
@require_safe
@login_required
def choose_clinic(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, Person)  # noqa: S101  # narrows the type; login_required has made it so
    clinics = queries.clinics_of(request.user, clock.now())
    if len(clinics) == 1:
        return redirect(f"/c/{clinics[0].slug}/")
    return render(request, "clinic/choose_clinic.html", {"clinics": clinics})
