"""Staff are reached by text too: at a number that is theirs, at any hour when it is about safety, in words
that tell nothing, and the next person at once when it does not arrive."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from clinic import outbox
from clinic.errors import BadInput, Forbidden, NotFound, NotNow
from clinic.models import ChangeReason, Clinic, Event, Membership, Message, MessageLog, NumberCode
from clinic.operations.own_number import (
    MOST_TRIES,
    ask_for_code,
    choose_texts,
    confirm_number,
    remove_number,
    take_number_away,
)
from clinic.rules.codes import CODE_LIFE, CODES_APART, MOST_CODES, code_for
from sessions.models import CareConcern, StaffTask, TaskTold
from sessions.operations.care_concerns import concern_undeliverable
from sessions.operations.escalating import escalate_due_tasks
from sessions.operations.telling_staff import tell_people
from sessions.operations.texts import receive_text
from sessions.queries.tasks import task as task_detail
from sessions.rules.discretion import telling_words
from sessions.rules.telling_staff import MAIL, TEXT, ways_to_tell
from tests.sessions.test_escalation import settings as set_clinic
from tests.sessions.test_escalation import told, worry
from tests.support.cast import START, Cast, enrol
from tests.support.clinic_day import set_clock
from tests.support.text_gateway import Gateway
from tests.support.texting import OURS, signed_in, texting_cast

pytestmark = pytest.mark.django_db

NUMBERS = {"ada": "+12025550111", "dov": "+12025550144", "carla": "+12025550133", "eve": "+12025550155"}
MINUTE = timedelta(minutes=1)
NIGHT = START.replace(hour=8)  # three in the morning, in New York


@pytest.fixture
def cast(text_gateway: Gateway) -> Cast:
    cast = texting_cast()
    set_clinic(cast, on_call_person=cast.people["dov"], open_from="09:00", open_until="17:00")
    cast.clinic.refresh_from_db()
    return cast


def confirmed(cast: Cast, *names: str) -> None:
    """They have confirmed their numbers long ago."""
    for name in names:
        Membership.objects.filter(clinic=cast.clinic, person=cast.people[name]).update(
            text_number=NUMBERS[name], text_number_confirmed_at=START
        )


def member(cast: Cast, name: str) -> Membership:
    return Membership.objects.get(clinic=cast.clinic, person=cast.people[name])


def digits() -> str:
    last = NumberCode.objects.latest("pk")
    return code_for(secret=django_settings.SECRET_KEY, subject=str(last.public_id))


def send(at: Any = NIGHT) -> None:
    outbox.send_due_messages(now=at)


# --- by which ways ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texted", "safety", "by_text", "expected"),
    [
        pytest.param(False, True, True, (MAIL,), id="without a number there is only mail"),
        pytest.param(False, False, True, (MAIL,), id="whatever was wished"),
        pytest.param(True, True, False, (MAIL, TEXT), id="safety goes by both"),
        pytest.param(True, True, True, (MAIL, TEXT), id="safety goes by both, whatever was wished"),
        pytest.param(True, False, False, (MAIL,), id="the rest by mail"),
        pytest.param(True, False, True, (TEXT,), id="or by text, where they want it so"),
    ],
)
def test_by_which_ways_somebody_is_told(
    texted: bool, safety: bool, by_text: bool, expected: tuple[str, ...]
) -> None:
    assert ways_to_tell(texted=texted, safety=safety, by_text=by_text) == expected


# --- whose number it is -------------------------------------------------------------------------------------


def test_a_number_is_theirs_once_the_code_that_went_there_came_back(
    cast: Cast, text_gateway: Gateway
) -> None:
    dov = cast.actor("dov")
    ask_for_code(actor=dov, number="+1 (202) 555-0144", now=START)
    assert member(cast, "dov").text_number == "", "not yet"
    send(START)
    assert digits() in text_gateway.bodies(NUMBERS["dov"])[0]
    wrong = str((int(digits()) + 1) % 10**6)
    assert not confirm_number(actor=dov, given=wrong, now=START)
    assert confirm_number(actor=dov, given=digits(), now=START + MINUTE)
    theirs = member(cast, "dov")
    assert (theirs.text_number, theirs.text_number_confirmed_at) == (NUMBERS["dov"], START + MINUTE)
    with pytest.raises(NotNow):
        confirm_number(actor=dov, given=digits(), now=START + MINUTE)
    events = Event.objects.filter(subject_id=theirs.pk, subject_type="membership").order_by("pk")
    assert [one.verb for one in events][-2:] == ["number_code_sent", "text_number_confirmed"]
    assert not any(NUMBERS["dov"] in str(one.data) for one in events), "the log holds no number"


def test_until_another_number_is_confirmed_the_old_one_stays(cast: Cast) -> None:
    confirmed(cast, "dov")
    ask_for_code(actor=cast.actor("dov"), number="+12025550199", now=START)
    assert member(cast, "dov").text_number == NUMBERS["dov"]
    confirm_number(actor=cast.actor("dov"), given=digits(), now=START)
    assert member(cast, "dov").text_number == "+12025550199"


@pytest.mark.parametrize("given", ["555 0144", "0202 555 0144", "dov@example.org", "", "+1"])
def test_what_is_no_number_with_its_country_is_refused(cast: Cast, given: str) -> None:
    with pytest.raises(BadInput):
        ask_for_code(actor=cast.actor("dov"), number=given, now=START)


def test_codes_come_seldom_and_only_where_the_clinic_sends_texts(cast: Cast) -> None:
    for turn in range(MOST_CODES):
        at = START + turn * CODES_APART
        ask_for_code(actor=cast.actor("dov"), number=NUMBERS["dov"], now=at)
        with pytest.raises(NotNow, match="on its way"):
            ask_for_code(actor=cast.actor("dov"), number=NUMBERS["dov"], now=at + CODES_APART / 2)
    with pytest.raises(NotNow, match="on its way"):
        ask_for_code(actor=cast.actor("dov"), number=NUMBERS["dov"], now=START + MOST_CODES * CODES_APART)
    ask_for_code(actor=cast.actor("eve"), number=NUMBERS["eve"], now=START)  # hers are her own to count
    Clinic.objects.filter(pk=cast.clinic.pk).update(text_sender="")
    with pytest.raises(NotNow, match="no texts"):
        ask_for_code(actor=cast.actor("ada"), number=NUMBERS["ada"], now=START)


def test_a_code_is_tried_a_few_times_and_for_a_few_minutes(cast: Cast) -> None:
    eve, dov = cast.actor("eve"), cast.actor("dov")
    ask_for_code(actor=dov, number=NUMBERS["dov"], now=START)
    right = digits()
    wrong = str((int(right) + 1) % 10**6)
    for _try in range(MOST_TRIES):
        assert not confirm_number(actor=dov, given=wrong, now=START)
    with pytest.raises(NotNow):
        confirm_number(actor=dov, given=right, now=START)
    ask_for_code(actor=eve, number=NUMBERS["eve"], now=START)
    with pytest.raises(NotNow):
        confirm_number(actor=eve, given=digits(), now=START + CODE_LIFE)
    with pytest.raises(NotNow):
        confirm_number(actor=cast.actor("ada"), given=right, now=START)  # another's code is none of hers
    assert not Membership.objects.exclude(text_number="").exists()


def test_only_they_and_an_administrator_with_a_reason_change_it(cast: Cast) -> None:
    confirmed(cast, "dov")
    theirs = member(cast, "dov").pk
    for name in ("eve", "carla", "dov"):
        with pytest.raises(Forbidden):
            take_number_away(actor=cast.actor(name), membership_id=theirs, now=START, reason="Lost.")
    with pytest.raises(NotFound):
        take_number_away(actor=cast.actor("finn"), membership_id=0, now=START, reason="Lost.")
    admin = Client()
    admin.force_login(cast.people["finn"])
    page = reverse("admin:clinic_membership_changelist")
    asked = {"action": "take_number_away", "_selected_action": [theirs]}
    admin.post(page, asked)
    assert member(cast, "dov").text_number, "not without a reason"
    admin.post(page, {**asked, "reason": "The telephone was lost."})
    assert member(cast, "dov").text_number == ""
    [event] = Event.objects.filter(verb="text_number_taken_away")
    assert ChangeReason.objects.get(event=event).text == "The telephone was lost."


def test_a_code_under_way_confirms_nothing_once_the_number_was_taken_away(cast: Cast) -> None:
    ask_for_code(actor=cast.actor("dov"), number=NUMBERS["dov"], now=START)
    take_number_away(
        actor=cast.actor("finn"), membership_id=member(cast, "dov").pk, now=START, reason="Not his."
    )
    with pytest.raises(NotNow):
        confirm_number(actor=cast.actor("dov"), given=digits(), now=START)


# --- a task at night ----------------------------------------------------------------------------------------


def test_at_three_in_the_morning_who_is_on_call_is_texted_and_the_task_says_that_it_arrived(
    cast: Cast, text_gateway: Gateway
) -> None:
    """The whole story: an answer worries, a text leads to the task, and the task says who knows."""
    confirmed(cast, "dov")
    set_clock(NIGHT)
    task = worry(enrol(cast, now=NIGHT), now=NIGHT)
    escalate_due_tasks(now=NIGHT)
    text_gateway.reports = [("delivered", "")]
    send()
    [body] = text_gateway.bodies(NUMBERS["dov"])
    assert body.startswith("Alder House: one thing waits for you. Nobody has acted yet. Sign in: http")
    assert "STOP" not in body, "nobody is invited to be reached no more"
    assert telling_words(body) == () and "P-001" not in body and cast.clinic.slug not in body.split("http")[1]
    assert [cast.people["dov"].email] in [sent.to for sent in mail.outbox], "and by mail"
    for text in text_gateway.taken:
        outbox.take_report(
            clinic_id=cast.clinic.pk,
            message=MessageLog.objects.get(channel="text").public_id,
            status="delivered",
            provider_id=text.sid,
            code="",
            now=NIGHT + MINUTE,
        )
    detail = task_detail(cast.actor("dov"), task.public_id, now=NIGHT)
    assert [(one.channel, one.state) for one in detail.tellings if one.person == "Dov Dale"] == [
        ("email", "handed_off"),
        ("text", "delivered"),
    ]
    dov = signed_in(cast, "dov")
    path = "/t/" + body.rsplit("/t/")[-1]
    page = dov.get(path, follow=True)
    assert page.redirect_chain[-1][0].endswith(f"/tasks/{task.public_id}/")
    assert re.search(r"Dov Dale</b>.*>texted [A-Z][a-z]+ 03:00, delivered<", page.content.decode())
    assert signed_in(cast, "ada").get(path).status_code == 404, "it was not sent to her"


def test_the_text_says_how_many_wait(cast: Cast, text_gateway: Gateway) -> None:
    confirmed(cast, "ada")
    worry(enrol(cast, now=NIGHT), now=NIGHT)
    worry(enrol(cast, "P-002", now=NIGHT), now=NIGHT)
    send()
    assert ["2 things wait for you" in body for body in text_gateway.bodies(NUMBERS["ada"])] == [True, True]


@pytest.mark.parametrize(
    ("way", "next_told"),
    [
        pytest.param("opted_out", [("on_call", "dov"), ("cover", "eve")], id="their number refuses texts"),
        pytest.param("no_number", [("on_call", "dov"), ("cover", "eve")], id="the number is none"),
        pytest.param("take", [("on_call", "dov")], id="it was taken: nobody else is woken"),
    ],
)
def test_when_a_text_does_not_arrive_the_next_person_is_told_at_once(
    cast: Cast, text_gateway: Gateway, way: Any, next_told: list[tuple[str, str]]
) -> None:
    confirmed(cast, "dov")
    task = worry(enrol(cast, now=NIGHT), now=NIGHT)
    escalate_due_tasks(now=NIGHT)
    text_gateway.ways = [way]
    send()
    assert told(task) == next_told
    task.refresh_from_db()
    later = [rung for rung in ("supervisor",) if rung not in dict(next_told)]
    assert task.tell_next_at is not None and later, "and the others by their minutes"
    assert [cast.people["dov"].email] in [sent.to for sent in mail.outbox]


def test_of_two_texts_alike_to_one_person_each_arrives_once_whatever_became_of_the_answers(
    cast: Cast, text_gateway: Gateway
) -> None:
    confirmed(cast, "ada")
    worry(enrol(cast, now=NIGHT), now=NIGHT)
    worry(enrol(cast, "P-002", now=NIGHT), now=NIGHT)
    text_gateway.ways = ["drop", "deaf"]  # one taken and its answer lost, one never taken
    send()
    assert len(text_gateway.bodies(NUMBERS["ada"])) == 1
    send(NIGHT + 2 * MINUTE)
    bodies = text_gateway.bodies(NUMBERS["ada"])
    assert len(bodies) == len({body.rsplit("/t/")[-1] for body in bodies}) == 2
    assert set(MessageLog.objects.filter(channel="text").values_list("state", flat=True)) == {"handed_off"}


@pytest.mark.parametrize("told_us", [True, False], ids=["by a text to us", "by the provider alone"])
def test_whoever_answers_stop_is_texted_no_more_until_they_confirm_anew(
    cast: Cast, text_gateway: Gateway, told_us: bool
) -> None:
    confirmed(cast, "dov", "carla")
    if told_us:
        for _twice in range(2):
            receive_text(
                clinic_id=cast.clinic.pk, provider_id="SM9", number=NUMBERS["dov"], body="Stop.", now=NIGHT
            )
    else:
        text_gateway.ways = ["opted_out"]
    worry(enrol(cast, now=NIGHT), now=NIGHT)
    escalate_due_tasks(now=NIGHT)
    send()
    assert [member(cast, name).text_number for name in ("dov", "carla")] == ["", NUMBERS["carla"]]
    assert Event.objects.filter(verb="text_number_stopped").count() == 1
    assert text_gateway.bodies(NUMBERS["dov"]) == []
    send(NIGHT + MINUTE)
    read = {sent.to[0]: str(sent.body) for sent in mail.outbox if "no more texts" in sent.subject}
    assert set(read) == {cast.people["dov"].email, cast.people["finn"].email}, "he and who runs the clinic"
    assert "the number of Dov Dale" in read[cast.people["finn"].email]
    assert f"send START to {OURS}" in read[cast.people["dov"].email]
    assert MessageLog.objects.filter(purpose="staff_texts_stopped").count() == 2, "once"
    worry(enrol(cast, "P-002", now=NIGHT), now=NIGHT)
    escalate_due_tasks(now=NIGHT)
    mail.outbox.clear()
    send(NIGHT + 2 * MINUTE)
    assert [cast.people["dov"].email] in [sent.to for sent in mail.outbox], "mail takes over"
    assert not Message.objects.filter(channel="text", data__person=cast.people["dov"].pk).exists()


def test_what_the_provider_tells_later_counts_too_unless_somebody_has_acted(cast: Cast) -> None:
    confirmed(cast, "dov")
    first = worry(enrol(cast, now=NIGHT), now=NIGHT)
    second = worry(enrol(cast, "P-002", now=NIGHT), now=NIGHT)
    escalate_due_tasks(now=NIGHT)
    send()
    StaffTask.objects.filter(pk=second.pk).update(untouched_since=NIGHT + 60 * MINUTE)
    for task in (first, second):
        text = MessageLog.objects.get(subject_key=f"task:{task.pk}:{cast.people['dov'].pk}", channel="text")
        for _twice in range(2):
            outbox.take_report(
                clinic_id=cast.clinic.pk,
                message=text.public_id,
                status="failed",
                provider_id="SM1",
                code="30003",
                now=NIGHT + MINUTE,
            )
    assert [told(first), told(second)] == [[("on_call", "dov"), ("cover", "eve")], [("on_call", "dov")]]


def test_a_mail_that_comes_back_wakes_somebody_else_only_where_no_text_went(cast: Cast) -> None:
    confirmed(cast, "dov")
    task = worry(enrol(cast, now=NIGHT), now=NIGHT)
    escalate_due_tasks(now=NIGHT)
    send()

    def comes_back(name: str) -> None:
        key = f"task:{task.pk}:{cast.people[name].pk}"
        outbox.take_report(
            clinic_id=cast.clinic.pk,
            message=MessageLog.objects.filter(subject_key=key, channel="email").latest("pk").public_id,
            status="failed",
            provider_id=name,
            code="550",
            now=NIGHT + MINUTE,
        )

    comes_back("dov")
    assert told(task) == [("on_call", "dov")], "his text stands"
    comes_back("ada")
    assert told(task) == [("on_call", "dov"), ("cover", "eve")], "she has no number"


def test_when_everybody_was_told_and_nobody_reached_no_loop_turns_on_itself(
    cast: Cast, text_gateway: Gateway
) -> None:
    confirmed(cast, *NUMBERS)
    task = worry(enrol(cast, now=NIGHT), now=NIGHT)
    text_gateway.ways = ["no_number"] * 20
    for _turn in range(4):
        escalate_due_tasks(now=NIGHT)
        send()
    assert {rung for rung, _who in told(task)} == {"cover", "supervisor", "on_call"}
    assert TaskTold.objects.filter(task=task).count() == 3
    states = {one.state for one in task_detail(cast.actor("carla"), task.public_id, now=NIGHT).tellings}
    assert states == {"handed_off", "failed"}


def test_a_number_taken_away_before_the_text_went_gets_none(cast: Cast, text_gateway: Gateway) -> None:
    confirmed(cast, "dov")
    task = worry(enrol(cast, now=NIGHT), now=NIGHT)
    escalate_due_tasks(now=NIGHT)
    remove_number(actor=cast.actor("dov", at=NIGHT), now=NIGHT)
    send()
    assert text_gateway.bodies() == [] and told(task) == [("on_call", "dov"), ("cover", "eve")]


# --- the rest: a concern ------------------------------------------------------------------------------------


def a_concern(cast: Cast, *, name: str = "eve", at: Any = NIGHT) -> CareConcern:
    patient = enrol(cast, now=at).patient
    concern = CareConcern.objects.create(
        clinic=cast.clinic,
        patient=patient,
        raised_at=at,
        text="Words.",
        handler=cast.people[name],
        act_by=at + timedelta(hours=72),
    )
    tell_people(
        clinic=cast.clinic,
        people=[cast.people[name].pk],
        purpose="care_concern",
        subject=f"concern:{concern.pk}",
        data={"concern": str(concern.public_id)},
        target_at=at,
        send_at=at,
        of_use=timedelta(days=7),
        safety=False,
        now=at,
    )
    return concern


def test_a_concern_comes_by_mail_or_if_they_want_it_so_by_text_in_the_morning(
    cast: Cast, text_gateway: Gateway
) -> None:
    confirmed(cast, "eve", "carla")
    choose_texts(actor=cast.actor("eve"), concerns=True, now=START)
    concern = a_concern(cast)
    send()
    assert text_gateway.bodies() == [] and mail.outbox == []
    morning = Message.objects.get(channel="text").send_at
    assert morning.astimezone(cast.clinic.zone_info).hour == 9
    send(morning)
    [body] = text_gateway.bodies(NUMBERS["eve"])
    assert "one thing waits for you. Sign in:" in body and telling_words(body) == () and mail.outbox == []
    set_clock(morning)
    path = "/t/" + body.rsplit("/t/")[-1]
    assert signed_in(cast, "eve").get(path).headers["Location"].endswith(f"/concerns/{concern.public_id}/")


def test_a_concerns_text_that_does_not_arrive_goes_by_mail(cast: Cast, text_gateway: Gateway) -> None:
    confirmed(cast, "eve")
    choose_texts(actor=cast.actor("eve"), concerns=True, now=START)
    a_concern(cast)
    text_gateway.ways = ["no_number"]
    morning = Message.objects.get(channel="text").send_at
    send(morning)
    send(morning + MINUTE)
    assert [sent.to for sent in mail.outbox] == [[cast.people["eve"].email]]
    concern_undeliverable(MessageLog.objects.get(channel="email"), "550", morning)
    assert not Message.objects.filter(purpose="care_concern").exists(), (
        "a mail that comes back is not sent again"
    )


# --- the page and the check ---------------------------------------------------------------------------------


def test_the_page_asks_for_a_number_then_its_code_then_says_where_texts_go(
    cast: Cast, text_gateway: Gateway
) -> None:
    set_clock(START)
    dov = signed_in(cast, "dov")
    page = reverse("sessions:own_texts", args=(cast.clinic.slug,))

    def post(name: str, **sent: str) -> Any:
        return dov.post(reverse(f"sessions:{name}", args=(cast.clinic.slug,)), sent, follow=True)

    assert "None yet." in dov.get(page).content.decode()
    assert post("own_number_code", number="0144").status_code == 400
    assert "It went to +12025550144" in post("own_number_code", number="+1 202 555 0144").content.decode()
    wrong = post("own_number_confirm", code=str((int(digits()) + 1) % 10**6))
    assert wrong.status_code == 400 and "not the code we sent" in wrong.content.decode()
    assert "The number is yours." in post("own_number_confirm", code=digits()).content.decode()
    assert "Saved." in post("own_texts_choose", concerns="on").content.decode()
    assert member(cast, "dov").texts_for_concerns
    assert "no more texts" in post("own_number_remove").content.decode()
    assert member(cast, "dov").text_number == ""
    assert dov.get(reverse("sessions:own_number_remove", args=(cast.clinic.slug,))).status_code == 405


@pytest.mark.parametrize(
    ("on_call", "number", "sender", "said"),
    [
        pytest.param("", "", "+12025550100", "names nobody who is on call", id="nobody is on call"),
        pytest.param("dov", "", "+12025550100", "can't be texted", id="who is on call has no number"),
        pytest.param("dov", "dov", "", "can't be texted", id="the clinic has none"),
        pytest.param("dov", "dov", "+12025550100", "", id="both have"),
    ],
)
def test_the_deployment_check_warns_where_nobody_on_call_can_be_texted(
    cast: Cast, settings: Any, on_call: str, number: str, sender: str, said: str
) -> None:
    line = {"name": "Line", "number": "988", "hours": "day and night", "country": "US", "language": "en"}
    set_clinic(
        cast,
        on_call_person=cast.people[on_call] if on_call else None,
        concern_person=cast.people["finn"],
        text_sender=sender,
        country="US",
        crisis_lines=[line],
    )
    if number:
        confirmed(cast, number)
    settings.CLINIC_MODE = "production"

    def check() -> None:
        call_command("check", databases=["default"], tags=["database"], fail_level="WARNING")

    if not said:
        check()
        return
    with pytest.raises(Exception, match=said):
        check()
