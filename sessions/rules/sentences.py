"""One English sentence for each code a gate or a breach can carry, so that no door invents its own."""

from __future__ import annotations

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    # gates
    "absent": "Nothing is on record yet.",
    "withdrawn": "It was withdrawn.",
    "not_asked": "It has not been asked yet.",
    "not_acceptable": "The result on record does not allow it.",
    "expired": "The result on record is too old.",
    "older_than_version": "It was given before the course moved to this version, which asks for it anew.",
    "no_legal_basis": "The clinic has recorded nothing that allows it to dose under this protocol.",
    "legal_basis_expired": "What allowed the clinic to dose under this protocol is no longer in force.",
    "not_clear": "A medicine has not been out of the body for long enough.",
    "perhaps_not_clear": "A medicine is written almost like one that must have left the body: correct its "
    "name, or let the prescriber clear it.",
    "not_done_yet": "It has not been done yet.",
    "not_done": "It was decided not to do it.",
    "not_open_yet": "Its window has not opened yet.",
    "anchor_not_held": "What comes before it has not happened yet.",
    "not_taken": "The readings are not complete or not recent enough.",
    "above_limit": "A reading is above its limit.",
    "items_missing": "Items of the list are not ticked yet.",
    "names_missing": "Another name is needed on the list.",
    "adverse_events_not_asked": "The question about adverse events has not been answered.",
    "not_agreed": "The patient's agreement is not on record.",
    "below_floor": "A reading is below its floor.",
    "not_decided": "It has not been decided yet.",
    "not_long_enough": "By what was given, the session must last longer.",
    "not_held": "Somebody in the session does not hold it on that day.",
    "held_by_nobody": "Nobody in the session holds it on that day.",
    "does_not_apply": "The protocol does not provide for it now: what it depends on does not hold.",
    # doses and orders
    "no_weight": "{measured} is reckoned per weight, and no weight is recorded.",
    "not_whole": "{measured} can't be given in whole units of {limit}.",
    "over_dose_ceiling": "{measured} at once is more than the ceiling of {limit}.",
    "too_many_supplements": "This would be supplemental dose {measured}; the protocol has {limit}.",
    "no_order": "There is no order for this dosing session.",
    "second_initial_dose": "An initial dose was already given in this session.",
    "wrong_unit": "{measured} is not in {limit}.",
    "amount_differs_from_order": "{measured} is not the {limit} that was ordered.",
    "amount_not_in_protocol": "{measured} is not a dose of this protocol for this session ({limit}).",
    "no_supplement_in_protocol": "This protocol has no supplemental dose.",
    "supplement_not_ordered": "The order does not allow a supplemental dose.",
    "supplement_without_initial": "No initial dose was given in this session.",
    "supplement_amount_differs": "{measured} is not the supplemental dose of {limit}.",
    "supplement_early": "{measured} after the initial dose is sooner than {limit}.",
    "supplement_late": "{measured} after the initial dose is later than {limit}.",
    "over_session_ceiling": "{measured} in this session is more than its ceiling of {limit}.",
    "over_course_ceiling": "{measured} in this course is more than its ceiling of {limit}.",
    "no_such_cycle": "The protocol has {limit} dosing sessions.",
    "dosing_stopped": "Dosing was stopped after session {limit}.",
    "not_a_dosing_session": "This is not one of the protocol's dosing sessions.",
    # groups
    "group_too_large": "The group is too large for its facilitators and the largest dose in it.",
    # vital signs
    "systolic_above_limit": "{measured} is above {limit}.",
    "diastolic_above_limit": "{measured} is above {limit}.",
    "pulse_above_limit": "{measured} is above {limit}.",
    "temperature_above_limit": "{measured} is above {limit}.",
    "distress_above_limit": "{measured} is above {limit}.",
    "oxygen_above_limit": "{measured} is above {limit}.",
    "breaths_above_limit": "{measured} is above {limit}.",
    "systolic_below_floor": "{measured} is below {limit}.",
    "diastolic_below_floor": "{measured} is below {limit}.",
    "pulse_below_floor": "{measured} is below {limit}.",
    "temperature_below_floor": "{measured} is below {limit}.",
    "distress_below_floor": "{measured} is below {limit}.",
    "oxygen_below_floor": "{measured} is below {limit}.",
    "breaths_below_floor": "{measured} is below {limit}.",
}


def sentence(code: str, *, measured: str = "", limit: str = "") -> str:
    return SENTENCES.get(code, code).format(measured=measured, limit=limit)
