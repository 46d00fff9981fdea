"""A definition's schedule of activities as CDISC USDM v4 JSON: one interventional design, one main timeline.

Carries stages as epochs, sessions and contacts as encounters, windows as timings, eligibility as criteria,
and the substance as an intervention. What USDM has no place for (gates, limits, conditions, messages) stays
in the protocol's own document.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from protocols.rules.definition import (
    AnchorEvent,
    Compare,
    ContactRule,
    DoseRule,
    Offset,
    ProtocolDefinition,
    ResultRule,
    SessionKind,
    SessionRule,
    Unit,
)
from protocols.rules.schedule import (
    CONSENT,
    ENROLMENT,
    Milestone,
    PlannedItem,
    days,
    minutes,
    schedule,
)

MODEL_VERSION: Final = "4.0.0"
SYSTEM: Final = "Session protocol manager"
CDISC: Final = "http://www.cdisc.org"
TERMINOLOGY: Final = "2025-03-28"  # the release of CDISC's terminology that every code below is from

_EPOCHS: Final = {
    SessionKind.SCREENING: ("C48262", "Trial Screening"),
    SessionKind.PREPARATION: ("C98779", "Run-in Period"),
    SessionKind.DOSING: ("C101526", "Treatment Epoch"),
    SessionKind.INTEGRATION: ("C101526", "Treatment Epoch"),
    SessionKind.FOLLOW_UP: ("C202578", "Follow-Up Epoch"),
}
_MILESTONES: Final = {ENROLMENT: "Enrolment", CONSENT: "First consent to treatment"}
_ISO_UNITS: Final = {Unit.MINUTES: "PT{}M", Unit.HOURS: "PT{}H", Unit.DAYS: "P{}D", Unit.WEEKS: "P{}W"}


def usdm_study(definition: ProtocolDefinition) -> dict[str, Any]:
    """The USDM wrapper object as JSON values. Ids are unique in it, and the same for the same definition."""
    return _Study(definition).wrapper()


def iso_duration(offset: Offset) -> str:
    """The length of an offset in ISO 8601, without its sign.

    >>> iso_duration(Offset(amount=-90, unit=Unit.DAYS))
    'P90D'
    """
    return _ISO_UNITS[offset.unit].format(abs(offset.amount))


class _Study:
    """Builds one study; holds nothing but the ids it has given out."""

    def __init__(self, definition: ProtocolDefinition) -> None:
        self.definition = definition
        self.items = schedule(definition)
        self._given: dict[str, int] = {}

    def thing(self, kind: str, **fields: Any) -> dict[str, Any]:
        self._given[kind] = self._given.get(kind, 0) + 1
        return {"id": f"{kind}_{self._given[kind]}"} | fields | {"instanceType": kind}

    def code(self, code: str, decode: str) -> dict[str, Any]:
        return self.thing("Code", code=code, codeSystem=CDISC, codeSystemVersion=TERMINOLOGY, decode=decode)

    def alias(self, code: str, decode: str) -> dict[str, Any]:
        return self.thing("AliasCode", standardCode=self.code(code, decode), standardCodeAliases=[])

    # --- the study ------------------------------------------------------------------------------------------

    def wrapper(self) -> dict[str, Any]:
        definition = self.definition
        organization = self.thing(
            "Organization",
            name="Clinic",
            label="Clinic",
            type=self.code("C21541", "Healthcare Facility"),
            identifierScheme="Clinic's own",
            identifier="CLINIC",
            legalAddress=None,
            managedSites=[],
        )
        document_version = self.thing(
            "StudyDefinitionDocumentVersion",
            version=definition.version,
            status=self.code("C85255", "Draft"),
            dateValues=[],
            contents=[],
            childIds=[],
            notes=[],
        )
        document = self.thing(
            "StudyDefinitionDocument",
            name=definition.code,
            label=definition.title["en"],
            description=definition.indication["en"],
            language=self.thing(
                "Code", code="en", codeSystem="ISO 639-1", codeSystemVersion="2007", decode="English"
            ),
            type=self.code("C70817", "Protocol"),
            templateName=SYSTEM,
            versions=[document_version],
            childIds=[],
            notes=[],
        )
        interventions = [self._intervention(rule) for rule in definition.rules if isinstance(rule, DoseRule)]
        criteria, criterion_items = self._criteria()
        design = self._design(interventions, criteria)
        version = self.thing(
            "StudyVersion",
            versionIdentifier=definition.version,
            rationale="The schedule of activities of a clinic's protocol",
            documentVersionIds=[document_version["id"]],
            dateValues=[],
            amendments=[],
            businessTherapeuticAreas=[],
            studyIdentifiers=[
                self.thing(
                    "StudyIdentifier",
                    text=f"{definition.code} {definition.version}",
                    scopeId=organization["id"],
                )
            ],
            referenceIdentifiers=[],
            studyDesigns=[design],
            titles=[
                self.thing(
                    "StudyTitle",
                    text=definition.title["en"],
                    type=self.code("C207616", "Official Study Title"),
                )
            ],
            eligibilityCriterionItems=criterion_items,
            narrativeContentItems=[],
            abbreviations=[],
            roles=[],
            organizations=[organization],
            studyInterventions=interventions,
            administrableProducts=[],
            medicalDevices=[],
            productOrganizationRoles=[],
            biomedicalConcepts=[],
            bcCategories=[],
            bcSurrogates=[],
            dictionaries=[],
            conditions=[],
            notes=[],
        )
        return {
            "study": {
                "id": None,
                "name": definition.code,
                "description": definition.indication["en"],
                "label": definition.title["en"],
                "versions": [version],
                "documentedBy": [document],
                "instanceType": "Study",
            },
            "usdmVersion": MODEL_VERSION,
            "systemName": SYSTEM,
            "systemVersion": "1",
        }

    def _intervention(self, rule: DoseRule) -> dict[str, Any]:
        return self.thing(
            "StudyIntervention",
            name=rule.code,
            label=rule.words["en"],
            description=rule.substance,
            role=self.code("C41161", "Experimental Intervention"),
            type=self.code("C1909", "Pharmacologic Substance"),
            minimumResponseDuration=None,
            codes=[],
            administrations=[],
            notes=[],
        )

    def _criteria(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        items: list[dict[str, Any]] = []
        criteria: list[dict[str, Any]] = []
        for rule in self.definition.rules:
            if not isinstance(rule, ResultRule) or rule.per:
                continue
            item = self.thing(
                "EligibilityCriterionItem",
                name=f"{rule.code} item",
                label=rule.words["en"],
                description=None,
                text=f"<p>{rule.words['en']} ({rule.test} {rule.compare.value.replace('_', ' ')} "
                f"{rule.accept.value} {rule.unit}".rstrip()
                + ")</p>",
                dictionaryId=None,
                notes=[],
            )
            excluding = rule.compare is Compare.IS and rule.accept.value == "no"
            criteria.append(
                self.thing(
                    "EligibilityCriterion",
                    name=rule.code,
                    label=rule.words["en"],
                    description=None,
                    category=self.code("C25370", "Exclusion Criteria")
                    if excluding
                    else self.code("C25532", "Inclusion Criteria"),
                    identifier=str(len(criteria) + 1),
                    criterionItemId=item["id"],
                    previousId=None,
                    nextId=None,
                    notes=[],
                )
            )
            items.append(item)
        _chain(criteria)
        return criteria, items

    # --- the design -----------------------------------------------------------------------------------------

    def _design(
        self, interventions: Sequence[dict[str, Any]], criteria: Sequence[dict[str, Any]]
    ) -> dict[str, Any]:
        definition = self.definition
        arm = self.thing(
            "StudyArm",
            name="Treatment",
            label="Treatment",
            description="The arm that the protocol encodes",
            type=self.code("C174266", "Investigational Arm"),
            dataOriginDescription="Data collected in this clinic",
            dataOriginType=self.code("C188866", "Data Generated Within Study"),
            populationIds=[],
            notes=[],
        )
        epochs = {
            stage.code: self.thing(
                "StudyEpoch",
                name=stage.code,
                label=stage.words["en"],
                description=stage.words["en"],
                type=self.code(*_EPOCHS[stage.kind]),
                previousId=None,
                nextId=None,
                notes=[],
            )
            for stage in definition.stages
        }
        _chain(list(epochs.values()))
        elements = {
            code: self.thing(
                "StudyElement",
                name=f"{code} element",
                label=epoch["label"],
                description=None,
                transitionStartRule=None,
                transitionEndRule=None,
                studyInterventionIds=[row["id"] for row in interventions]
                if epoch["type"]["code"] == "C101526"
                else [],
                notes=[],
            )
            for code, epoch in epochs.items()
        }
        cells = [
            self.thing("StudyCell", armId=arm["id"], epochId=epoch["id"], elementIds=[elements[code]["id"]])
            for code, epoch in epochs.items()
        ]
        activities = self._activities(interventions)
        encounters, timeline = self._timeline(epochs, activities)
        population = self.thing(
            "StudyDesignPopulation",
            name="Population",
            label="Population",
            description=definition.indication["en"],
            includesHealthySubjects=False,
            plannedEnrollmentNumber=None,
            plannedCompletionNumber=None,
            plannedSex=[self.code("C16576", "Female"), self.code("C20197", "Male")],
            criterionIds=[row["id"] for row in criteria],
            plannedAge=None,
            cohorts=[],
            notes=[],
        )
        return self.thing(
            "InterventionalStudyDesign",
            name=definition.code,
            label=definition.title["en"],
            description=definition.title["en"],
            studyType=self.code("C98388", "Interventional Study"),
            studyPhase=self.alias("C48660", "Not Applicable"),
            therapeuticAreas=[],
            characteristics=[],
            encounters=encounters,
            activities=list(activities.values()),
            arms=[arm],
            studyCells=cells,
            rationale="The schedule of activities of a clinic's protocol",
            epochs=list(epochs.values()),
            elements=list(elements.values()),
            estimands=[],
            indications=[
                self.thing(
                    "Indication",
                    name="indication",
                    label=definition.indication["en"],
                    description=definition.indication["en"],
                    codes=[],
                    isRareDisease=False,
                    notes=[],
                )
            ],
            studyInterventionIds=[row["id"] for row in interventions],
            objectives=[],
            population=population,
            scheduleTimelines=[timeline],
            biospecimenRetentions=[],
            documentVersionIds=[],
            eligibilityCriteria=list(criteria),
            analysisPopulations=[],
            notes=[],
            subTypes=[],
            model=self.code("C82640", "Single Group Study"),
            intentTypes=[self.code("C49656", "Treatment Study")],
            blindingSchema=self.alias("C49659", "Open Label Study"),
        )

    def _activities(self, interventions: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """One activity for each rule that is scheduled; those that make cycles give the interventions."""
        found: dict[str, dict[str, Any]] = {}
        for item in self.items:
            if item.rule.code not in found:
                makes_cycles = isinstance(item.rule, SessionRule) and item.rule.makes_cycles
                given = interventions if makes_cycles else ()
                found[item.rule.code] = self.thing(
                    "Activity",
                    name=item.rule.code,
                    label=item.words["en"],
                    description=None,
                    previousId=None,
                    nextId=None,
                    childIds=[],
                    definedProcedures=[self._giving(intervention) for intervention in given],
                    biomedicalConceptIds=[],
                    bcCategoryIds=[],
                    bcSurrogateIds=[],
                    timelineId=None,
                    notes=[],
                )
        _chain(list(found.values()))
        return found

    def _giving(self, intervention: dict[str, Any]) -> dict[str, Any]:
        return self.thing(
            "Procedure",
            name=f"Give {intervention['name']}",
            label=intervention["label"],
            description=None,
            procedureType="Administration",
            code=self.code("C25409", "Administration"),
            studyInterventionId=intervention["id"],
            notes=[],
        )

    # --- the timeline ---------------------------------------------------------------------------------------

    def _timeline(
        self, epochs: dict[str, dict[str, Any]], activities: dict[str, dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        leave = self.thing("ScheduleTimelineExit")
        first = next(iter(epochs.values()))
        instances: dict[str, dict[str, Any]] = {}
        timings: list[dict[str, Any]] = []
        encounters: list[dict[str, Any]] = []
        hung = {item.hangs_on.key for item in self.items if item.hangs_on is not None}
        for key in [ENROLMENT, *(key for key in (CONSENT,) if key in hung)]:
            instances[key] = self._instance(key, _MILESTONES[key], first["id"], [], None)
            timings.append(self._fixed(instances[key], key))
        for item in self.items:
            encounter = None
            if isinstance(item.rule, (SessionRule, ContactRule)):
                encounter = self._encounter(item)
                encounters.append(encounter)
            instances[item.key] = self._instance(
                item.key,
                encounter["label"] if encounter else item.words["en"],
                epochs[item.stage.code]["id"],
                [activities[item.rule.code]["id"]],
                encounter["id"] if encounter else None,
            )
        for item in self.items:
            mine = instances[item.key]
            anchor = instances.get(item.hangs_on.key) if item.hangs_on is not None else None
            if anchor is None or item.hangs_on is None or anchor is mine:
                timings.append(self._fixed(mine, item.key))
                continue
            timing = self._timing(item, item.hangs_on, mine, anchor)
            timings.append(timing)
            for encounter in encounters:
                if encounter["id"] == mine["encounterId"]:
                    encounter["scheduledAtId"] = timing["id"]
        _chain(encounters)
        ordered = list(instances.values())
        for this, following in pairwise(ordered):
            this["defaultConditionId"] = following["id"]
        ordered[-1]["timelineExitId"] = leave["id"]
        return encounters, self.thing(
            "ScheduleTimeline",
            name="main",
            label="Schedule of activities",
            description="Schedule of activities",
            mainTimeline=True,
            entryCondition="The patient has been enrolled",
            entryId=ordered[0]["id"],
            exits=[leave],
            timings=timings,
            instances=ordered,
            plannedDuration=None,
        )

    def _instance(
        self, key: str, label: str, epoch: str, activities: Sequence[str], encounter: str | None
    ) -> dict[str, Any]:
        return self.thing(
            "ScheduledActivityInstance",
            name=key,
            label=label,
            description=None,
            defaultConditionId=None,
            epochId=epoch,
            timelineId=None,
            timelineExitId=None,
            activityIds=list(activities),
            encounterId=encounter,
        )

    def _encounter(self, item: PlannedItem) -> dict[str, Any]:
        number = f" {item.index}" if item.index is not None else ""
        cycle = f" ({item.stage.words['en']} {item.cycle})" if item.cycle is not None else ""
        return self.thing(
            "Encounter",
            name=item.key,
            label=f"{item.words['en']}{number}{cycle}",
            description="Only where the protocol's conditions hold" if item.conditional else None,
            type=self.code("C25716", "Visit"),
            previousId=None,
            nextId=None,
            scheduledAtId=None,
            environmentalSettings=[],
            contactModes=[
                self.code("C171525", "Telephone Call")
                if isinstance(item.rule, ContactRule)
                else self.code("C175574", "In Person")
            ],
            transitionStartRule=None,
            transitionEndRule=None,
            notes=[],
        )

    def _fixed(self, instance: dict[str, Any], key: str) -> dict[str, Any]:
        """A moment that nothing else in the schedule fixes."""
        return self.thing(
            "Timing",
            name=f"{key} fixed",
            label=instance["label"],
            description=None,
            type=self.code("C201358", "Fixed Reference"),
            value="P0D",
            valueLabel="The moment itself",
            relativeToFrom=self.code("C201355", "Start to Start"),
            relativeFromScheduledInstanceId=instance["id"],
            relativeToScheduledInstanceId=None,
            windowLower=None,
            windowUpper=None,
            windowLabel=None,
        )

    def _timing(
        self, item: PlannedItem, milestone: Milestone, mine: dict[str, Any], anchor: dict[str, Any]
    ) -> dict[str, Any]:
        target = item.target or item.opens or item.closes or Offset(amount=0, unit=Unit.DAYS)
        before = target.amount < 0
        at_end = milestone.event is AnchorEvent.SESSION_END
        lower, upper = _around(target, item.opens), _around(target, item.closes)
        return self.thing(
            "Timing",
            name=f"{item.key} timing",
            label=mine["label"],
            description=None,
            type=self.code("C201357", "Before") if before else self.code("C201356", "After"),
            value=iso_duration(target),
            valueLabel=_words(target),
            relativeToFrom=self.code("C201353", "End to Start")
            if at_end
            else self.code("C201355", "Start to Start"),
            relativeFromScheduledInstanceId=mine["id"],
            relativeToScheduledInstanceId=anchor["id"],
            windowLower=lower if upper is not None else None,
            windowUpper=upper if lower is not None else None,
            windowLabel=", ".join(_bounds(item)) or None if lower is not None and upper is not None else None,
        )


def _around(target: Offset, bound: Offset | None) -> str | None:
    """How far a bound lies from the target, in ISO 8601."""
    if bound is None:
        return None
    ours, theirs = days(target), days(bound)
    if ours is not None and theirs is not None:
        return f"P{abs(theirs - ours)}D"
    return f"PT{abs(minutes(bound) - minutes(target))}M"


def _words(offset: Offset) -> str:
    clock = f" {offset.at:%H:%M}" if offset.at is not None else ""
    return f"{offset.amount} {offset.unit.value}{clock}"


def _bounds(item: PlannedItem) -> Iterator[str]:
    for name, bound in (("opens", item.opens), ("closes", item.closes)):
        if bound is not None:
            yield f"{name} {_words(bound)}"


def _chain(rows: Sequence[dict[str, Any]]) -> None:
    """Each of the rows names the one before and the one after it."""
    for this, following in pairwise(rows):
        this["nextId"], following["previousId"] = following["id"], this["id"]
