"""Every figure of the library's other protocols: its value, and what it may claim to rest on (MDMA has a
table of its own).

The tables are held against the published sources. After a figure's value stands the citation it was read in,
`clinic` where no figure is published, or `recalled` where it was not read: a figure that is only recalled can
never become published without somebody changing a line here too.
"""

from __future__ import annotations

import pytest

from protocols.rules.definition import CredentialRule, ReleaseRule, SessionRule, Source, SourceStatus
from protocols.rules.figures import figures_of, to_answer_for
from tests.support.library import CODES, protocol

# What the clinic chose for the check-in of the morning after, alike wherever a protocol asks for one.
CHECK_IN = """
        check_in.window.opens | 1 d 07:00 | clinic
        check_in.window.due | 1 d 14:00 | clinic
        check_in.window.closes | 1 d | clinic
        check_in.ladder.steps[1].comes | -3 h | clinic
        check_in.ladder.steps[1].done_within | 90 min | clinic
        check_in.ladder.steps[2].comes | -90 min | clinic
        check_in.ladder.steps[2].done_within | 90 min | clinic
        check_in.ladder.steps[3].comes | 0 min | clinic
        check_in.ladder.steps[3].done_within | 60 min | clinic
        check_in.ladder.steps[4].comes | 90 min | clinic
        check_in.ladder.steps[4].done_within | 60 min | clinic
""".strip()

TABLES = {
    "psilocybin_ptsd": f"""
        preparation.count | 3 | recalled
        preparation.minutes | 90 min | clinic
        preparation.windows[1].opens | 0 d | clinic
        preparation.windows[1].target | 7 d | clinic
        preparation.windows[1].closes | 21 d | clinic
        preparation.windows[2].opens | 2 d | clinic
        preparation.windows[2].target | 7 d | clinic
        preparation.windows[2].closes | 14 d | clinic
        preparation.staff | 1 | clinic
        dosing.count | 1 | comp202-listing
        dosing.minutes | 480 min | recalled
        dosing.windows[1].opens | 3 wk | comp202-listing
        dosing.windows[1].target | 5 wk | clinic
        dosing.windows[1].closes | 6 wk | comp202-listing
        dosing.staff | 2 | clinic
        integration.count | 2 | recalled
        integration.minutes | 90 min | clinic
        integration.windows[1].opens | 1 d | clinic
        integration.windows[1].target | 1 d | recalled
        integration.windows[1].closes | 2 d | clinic
        integration.windows[2].opens | 7 d | recalled
        integration.windows[2].target | 10 d | clinic
        integration.windows[2].closes | 14 d | recalled
        integration.staff | 1 | clinic
        contact.after.count | 2 | clinic
        contact.after.every | 6 d | clinic
        contact.after.window.opens | 1 d | clinic
        contact.after.window.closes | 1 d | clinic
        contact.after.ladder.steps[1].comes | 2 h | clinic
        contact.after.ladder.steps[1].done_within | 2 h | clinic
        contact.after.ladder.steps[2].comes | 5 h | clinic
        contact.after.ladder.steps[2].done_within | 60 min | clinic
        eligibility.age.accept | 18 years | comp202-listing
        eligibility.adult_trauma.accept | yes | comp202-listing
        exclusion.psychosis_bipolar.accept | no | recalled
        pregnancy.dosing.accept | negative | clinic
        pregnancy.dosing.valid_for | 24 h | clinic
        washout.washouts.ssri | 14 d | comp001
        washout.washouts.snri | 14 d | comp001
        washout.washouts.maoi | 14 d | comp001
        washout.washouts.tricyclic | 14 d | comp001
        washout.washouts.bupropion | 14 d | comp001
        washout.washouts.fluoxetine | 35 d | clinic
        dose.strength | 5 mg | comp202-listing
        dose.initial[1].choices[1] | 25 mg | comp202-listing
        dose.max_per_session | 25 mg | comp202-listing
        dose.max_per_course | 25 mg | comp202-listing
        vitals.before.within | 60 min | clinic
        vitals.before.limits.systolic | 140 mmHg | clinic
        vitals.before.limits.diastolic | 90 mmHg | clinic
        vitals.end.within | 60 min | clinic
        observation.steps[1].at_least | 0 mg | clinic
        observation.steps[1].minutes | 360 min | recalled
        release.names | 2 | clinic
        {CHECK_IN}
        cssrs.before_dosing.window.opens | -1 d | clinic
        cssrs.before_dosing.window.closes | 0 d | clinic
        caps5.baseline.window.opens | 0 d | clinic
        caps5.baseline.window.closes | 6 wk | comp202-listing
        caps5.week_4.window.opens | 25 d | clinic
        caps5.week_4.window.target | 4 wk | comp202-summary
        caps5.week_4.window.closes | 31 d | clinic
        caps5.week_12.window.opens | 11 wk | clinic
        caps5.week_12.window.target | 12 wk | comp202-summary
        caps5.week_12.window.closes | 13 wk | clinic
        pcl5.baseline.window.opens | 0 d | clinic
        pcl5.baseline.window.closes | 6 wk | clinic
        pcl5.week_4.window.opens | 25 d | clinic
        pcl5.week_4.window.target | 4 wk | comp202-summary
        pcl5.week_4.window.closes | 31 d | clinic
        pcl5.week_12.window.opens | 11 wk | clinic
        pcl5.week_12.window.target | 12 wk | comp202-summary
        pcl5.week_12.window.closes | 13 wk | clinic
        sds.baseline.window.opens | 0 d | clinic
        sds.baseline.window.closes | 6 wk | clinic
        sds.week_4.window.opens | 25 d | clinic
        sds.week_4.window.target | 4 wk | comp202-summary
        sds.week_4.window.closes | 31 d | clinic
        sds.week_12.window.opens | 11 wk | clinic
        sds.week_12.window.target | 12 wk | comp202-summary
        sds.week_12.window.closes | 13 wk | clinic
        answers.check_in.answer_by | 14:00 | clinic
        answers.check_in.act_within | 60 min | clinic
    """,
    "psilocybin_trd": f"""
        preparation.count | 3 | recalled
        preparation.minutes | 90 min | clinic
        preparation.windows[1].opens | 0 d | clinic
        preparation.windows[1].target | 7 d | clinic
        preparation.windows[1].closes | 21 d | clinic
        preparation.windows[2].opens | 2 d | clinic
        preparation.windows[2].target | 7 d | clinic
        preparation.windows[2].closes | 14 d | clinic
        preparation.staff | 1 | clinic
        dosing.minutes | 480 min | recalled
        dosing.phases[1].count | 2 | comp006-results
        dosing.phases[1].windows[1].opens | 1 d | clinic
        dosing.phases[1].windows[1].target | 7 d | clinic
        dosing.phases[1].windows[1].closes | 21 d | clinic
        dosing.phases[1].windows[2].opens | 18 d | clinic
        dosing.phases[1].windows[2].target | 3 wk | comp006-results
        dosing.phases[1].windows[2].closes | 24 d | clinic
        dosing.phases[2].count | 1 | clinic
        dosing.phases[2].windows[1].opens | 1 d | clinic
        dosing.phases[2].windows[1].target | 14 d | clinic
        dosing.phases[2].windows[1].closes | 42 d | clinic
        dosing.staff | 2 | clinic
        integration.count | 2 | recalled
        integration.minutes | 90 min | clinic
        integration.windows[1].opens | 1 d | clinic
        integration.windows[1].target | 1 d | recalled
        integration.windows[1].closes | 2 d | clinic
        integration.windows[2].opens | 7 d | recalled
        integration.windows[2].target | 10 d | clinic
        integration.windows[2].closes | 14 d | recalled
        integration.staff | 1 | clinic
        contact.after.count | 2 | clinic
        contact.after.every | 6 d | clinic
        contact.after.window.opens | 1 d | clinic
        contact.after.window.closes | 1 d | clinic
        contact.after.ladder.steps[1].comes | 2 h | clinic
        contact.after.ladder.steps[1].done_within | 2 h | clinic
        contact.after.ladder.steps[2].comes | 5 h | clinic
        contact.after.ladder.steps[2].done_within | 60 min | clinic
        eligibility.age.accept | 18 years | comp006-listing
        eligibility.madrs.accept | 20 | comp006-listing
        eligibility.failed_treatments.accept | 2 | comp006-listing
        eligibility.first_episode_shortest.accept | 3 months | comp006-listing
        eligibility.first_episode_longest.accept | 24 months | comp006-listing
        exclusion.psychotic_features.accept | no | comp006-listing
        exclusion.psychosis_bipolar.accept | no | recalled
        pregnancy.dosing.accept | negative | clinic
        pregnancy.dosing.valid_for | 24 h | clinic
        washout.washouts.ssri | 14 d | comp001
        washout.washouts.snri | 14 d | comp001
        washout.washouts.maoi | 14 d | comp001
        washout.washouts.tricyclic | 14 d | comp001
        washout.washouts.bupropion | 14 d | comp001
        washout.washouts.fluoxetine | 35 d | clinic
        dose.initial[1].choices[1] | 25 mg | comp006-results
        dose.max_per_session | 25 mg | comp006-results
        treat_again.when[1].value | 25 | clinic
        treat_again.when[2].value | 11 | clinic
        treat_again.window.opens | 0 d | clinic
        treat_again.window.closes | 14 d | clinic
        vitals.before.within | 60 min | clinic
        vitals.before.limits.systolic | 140 mmHg | clinic
        vitals.before.limits.diastolic | 90 mmHg | clinic
        vitals.end.within | 60 min | clinic
        observation.steps[1].at_least | 0 mg | clinic
        observation.steps[1].minutes | 360 min | recalled
        release.names | 2 | clinic
        {CHECK_IN}
        cssrs.baseline.window.opens | 0 d | clinic
        cssrs.baseline.window.closes | 10 wk | clinic
        cssrs.before_dosing.window.opens | -1 d | clinic
        cssrs.before_dosing.window.closes | 0 d | clinic
        madrs.baseline.window.opens | 0 d | clinic
        madrs.baseline.window.closes | 10 wk | clinic
        madrs.day_2.window.opens | 1 d | clinic
        madrs.day_2.window.target | 1 d | effect-sizes
        madrs.day_2.window.closes | 2 d | clinic
        madrs.week_1.window.opens | 5 d | clinic
        madrs.week_1.window.target | 1 wk | effect-sizes
        madrs.week_1.window.closes | 10 d | clinic
        madrs.week_3.window.opens | 18 d | clinic
        madrs.week_3.window.target | 3 wk | effect-sizes
        madrs.week_3.window.closes | 24 d | clinic
        madrs.week_6.window.opens | 39 d | clinic
        madrs.week_6.window.target | 6 wk | comp006-listing
        madrs.week_6.window.closes | 45 d | clinic
        madrs.week_9.window.opens | 60 d | clinic
        madrs.week_9.window.target | 9 wk | effect-sizes
        madrs.week_9.window.closes | 66 d | clinic
        madrs.week_12.window.opens | 11 wk | clinic
        madrs.week_12.window.target | 12 wk | effect-sizes
        madrs.week_12.window.closes | 13 wk | clinic
        madrs.week_52.window.opens | 50 wk | clinic
        madrs.week_52.window.target | 52 wk | comp006-listing
        madrs.week_52.window.closes | 54 wk | clinic
        madrs.week_52.after_end.ended | completed, discontinued | clinic
        phq9.after_dosing.window.opens | 12 d | clinic
        phq9.after_dosing.window.closes | 18 d | clinic
        answers.check_in.answer_by | 14:00 | clinic
        answers.check_in.act_within | 60 min | clinic
        outcomes.response.scores[1].value | 50 | remission
        outcomes.partial_response.scores[1].value | 25 | comp006-results
        outcomes.remission.scores[1].value | 10 | remission
    """,
    "oregon_psilocybin": """
        preparation.count | 1 | oar-5000
        preparation.minutes | 60 min | clinic
        preparation.windows[1].opens | -90 d | oar-5000
        preparation.windows[1].target | -7 d | clinic
        preparation.windows[1].closes | -24 h | oar-5000
        preparation.staff | 1 | oar-5000
        administration.count | 1 | clinic
        administration.minutes | 360 min | oar-5250
        administration.windows[1].opens | 24 h | oar-5000
        administration.windows[1].target | 14 d | clinic
        administration.windows[1].closes | 180 d | clinic
        administration.staff | 1 | oar-5230
        integration.count | 1 | ors-475a-360
        integration.minutes | 60 min | clinic
        integration.windows[1].opens | 0 d | clinic
        integration.windows[1].target | 3 d | clinic
        integration.windows[1].closes | 30 d | clinic
        integration.staff | 1 | ors-475a-360
        contact.after.count | 1 | recalled
        contact.after.every | 1 d | clinic
        contact.after.window.opens | 0 h | recalled
        contact.after.window.target | 24 h | clinic
        contact.after.window.closes | 72 h | recalled
        contact.after.ladder.steps[1].comes | 2 h | clinic
        contact.after.ladder.steps[1].done_within | 2 h | clinic
        contact.after.ladder.steps[2].comes | 5 h | clinic
        contact.after.ladder.steps[2].done_within | 60 min | clinic
        form.client_information.window.closes | 0 h | oar-5050
        form.facilitators_approved.window.closes | 0 h | oar-5000
        form.transportation_plan.window.closes | 0 h | oar-5150
        form.safety_plan.window.closes | 0 h | recalled
        form.product_information.window.closes | 0 h | recalled
        form.data_opt_out.window.closes | 0 h | oar-5000
        form.disclosure.window.closes | -24 h | oar-4810
        eligibility.age.accept | 21 years | public-summary
        exclusion.lithium.accept | no | public-summary
        exclusion.thoughts_of_harm.accept | no | public-summary
        exclusion.active_psychosis.accept | no | recalled
        dose.initial[1].least | 0 mg | clinic
        dose.initial[1].most | 50 mg | oar-5250
        dose.max_per_session | 50 mg | oar-5250
        duration.steps[1].at_least | 0 mg | oar-5250
        duration.steps[1].minutes | 30 min | oar-5250
        duration.steps[1].when[1].returning_within | 365 d | oar-5250
        duration.steps[2].at_least | 0 mg | oar-5250
        duration.steps[2].minutes | 60 min | oar-5250
        duration.steps[3].at_least | 2.5 mg | oar-5250
        duration.steps[3].minutes | 60 min | oar-5250
        duration.steps[4].at_least | 5 mg | oar-5250
        duration.steps[4].minutes | 120 min | oar-5250
        duration.steps[5].at_least | 10 mg | oar-5250
        duration.steps[5].minutes | 240 min | oar-5250
        duration.steps[6].at_least | 25 mg | oar-5250
        duration.steps[6].minutes | 300 min | oar-5250
        duration.steps[7].at_least | 35 mg | oar-5250
        duration.steps[7].minutes | 360 min | oar-5250
        group.steps[1].at_least | 0 mg | oar-5230
        group.steps[1].patients | 25 | oar-5230
        group.steps[2].at_least | 5 mg | oar-5230
        group.steps[2].patients | 15 | oar-5230
        group.steps[3].at_least | 10 mg | oar-5230
        group.steps[3].patients | 8 | oar-5230
        group.steps[4].at_least | 15 mg | oar-5230
        group.steps[4].patients | 6 | oar-5230
        group.steps[5].at_least | 25 mg | oar-5230
        group.steps[5].patients | 4 | oar-5230
        group.steps[6].at_least | 35 mg | oar-5230
        group.steps[6].patients | 2 | oar-5230
        group.most | 25 | oar-5230
        release.names | 1 | clinic
    """,
    "lsd_anxiety": f"""
        preparation.count | 2 | clinic
        preparation.minutes | 60 min | clinic
        preparation.windows[1].opens | 0 d | clinic
        preparation.windows[1].target | 7 d | clinic
        preparation.windows[1].closes | 28 d | clinic
        preparation.windows[2].opens | 2 d | clinic
        preparation.windows[2].target | 7 d | clinic
        preparation.windows[2].closes | 21 d | clinic
        preparation.staff | 1 | clinic
        dosing.count | 2 | holze
        dosing.minutes | 720 min | recalled
        dosing.windows[1].opens | 1 d | clinic
        dosing.windows[1].target | 7 d | clinic
        dosing.windows[1].closes | 28 d | clinic
        dosing.windows[2].opens | 5 wk | clinic
        dosing.windows[2].target | 6 wk | recalled
        dosing.windows[2].closes | 7 wk | clinic
        dosing.staff | 2 | recalled
        integration.count | 2 | clinic
        integration.minutes | 60 min | clinic
        integration.windows[1].opens | 1 d | clinic
        integration.windows[1].target | 1 d | clinic
        integration.windows[1].closes | 3 d | clinic
        integration.windows[2].opens | 7 d | clinic
        integration.windows[2].target | 14 d | clinic
        integration.windows[2].closes | 21 d | clinic
        integration.staff | 1 | clinic
        contact.after.count | 2 | clinic
        contact.after.every | 6 d | clinic
        contact.after.window.opens | 1 d | clinic
        contact.after.window.closes | 1 d | clinic
        contact.after.ladder.steps[1].comes | 2 h | clinic
        contact.after.ladder.steps[1].done_within | 2 h | clinic
        contact.after.ladder.steps[2].comes | 5 h | clinic
        contact.after.ladder.steps[2].done_within | 60 min | clinic
        exclusion.psychosis_bipolar.accept | no | recalled
        exclusion.hypertension.accept | no | recalled
        pregnancy.dosing.accept | negative | clinic
        pregnancy.dosing.valid_for | 24 h | clinic
        washout.washouts.maoi | 14 d | clinic
        washout.half_lives.sertraline | 26 h | clinic
        washout.half_lives.escitalopram | 30 h | clinic
        washout.half_lives.fluoxetine | 16 d | clinic
        washout.half_lives.venlafaxine | 11 h | clinic
        washout.times | 5 | clinic
        washout.plus | 1 d | clinic
        dose.initial[1].choices[1] | 200 µg | holze
        dose.max_per_session | 200 µg | holze
        dose.max_per_course | 400 µg | holze
        observation.steps[1].at_least | 0 µg | clinic
        observation.steps[1].minutes | 720 min | recalled
        vitals.before.within | 60 min | clinic
        vitals.before.limits.systolic | 140 mmHg | clinic
        vitals.before.limits.diastolic | 90 mmHg | clinic
        vitals.end.within | 60 min | clinic
        release.names | 2 | clinic
        cssrs.baseline.window.opens | 0 d | clinic
        cssrs.baseline.window.closes | 10 wk | clinic
        cssrs.before_dosing.window.opens | -1 d | clinic
        cssrs.before_dosing.window.closes | 0 d | clinic
        {CHECK_IN}
        hama.baseline.window.opens | 0 d | clinic
        hama.baseline.window.closes | 10 wk | clinic
        hama.week_2.window.opens | 11 d | clinic
        hama.week_2.window.target | 2 wk | listing
        hama.week_2.window.closes | 17 d | clinic
        hama.week_8.window.opens | 7 wk | clinic
        hama.week_8.window.target | 8 wk | listing
        hama.week_8.window.closes | 9 wk | clinic
        hama.week_16.window.opens | 15 wk | clinic
        hama.week_16.window.target | 16 wk | holze
        hama.week_16.window.closes | 17 wk | clinic
        hama.month_12.window.opens | 50 wk | clinic
        hama.month_12.window.target | 365 d | follow-up
        hama.month_12.window.closes | 54 wk | clinic
        hama.month_12.after_end.ended | completed, discontinued | clinic
        answers.check_in.answer_by | 14:00 | clinic
        answers.check_in.act_within | 60 min | clinic
    """,
    "lsd_gad": f"""
        dosing.minutes | 720 min | recalled
        dosing.phases[1].count | 1 | mm120-abstract
        dosing.phases[1].windows[1].opens | 7 d | clinic
        dosing.phases[1].windows[1].target | 28 d | clinic
        dosing.phases[1].windows[1].closes | 90 d | clinic
        dosing.phases[2].count | 1 | clinic
        dosing.phases[2].windows[1].opens | 1 d | clinic
        dosing.phases[2].windows[1].target | 14 d | clinic
        dosing.phases[2].windows[1].closes | 42 d | clinic
        dosing.staff | 2 | recalled
        contact.after.count | 1 | clinic
        contact.after.every | 1 d | clinic
        contact.after.window.opens | 1 d | clinic
        contact.after.window.closes | 1 d | clinic
        contact.after.ladder.steps[1].comes | 2 h | clinic
        contact.after.ladder.steps[1].done_within | 2 h | clinic
        contact.after.ladder.steps[2].comes | 5 h | clinic
        contact.after.ladder.steps[2].done_within | 60 min | clinic
        eligibility.youngest.accept | 18 years | mm120-abstract
        eligibility.oldest.accept | 74 years | mm120-abstract
        eligibility.ham_a.accept | 20 | mm120-abstract
        exclusion.psychosis_bipolar.accept | no | voyage
        exclusion.substance_use.accept | no | voyage
        exclusion.unstable_illness.accept | no | voyage
        pregnancy.dosing.accept | negative | clinic
        pregnancy.dosing.valid_for | 24 h | clinic
        dose.initial[1].choices[1] | 100 µg | mm120-abstract
        dose.max_per_session | 100 µg | mm120-abstract
        dose.max_per_course | 400 µg | recalled
        treat_again.when[1].value | 10 | clinic
        treat_again.window.opens | 0 d | clinic
        treat_again.window.closes | 40 wk | phase3-news
        observation.steps[1].at_least | 0 µg | clinic
        observation.steps[1].minutes | 480 min | recalled
        vitals.before.within | 60 min | clinic
        vitals.before.limits.systolic | 140 mmHg | clinic
        vitals.before.limits.diastolic | 90 mmHg | clinic
        vitals.end.within | 60 min | clinic
        release.names | 2 | clinic
        cssrs.baseline.window.opens | 0 d | clinic
        cssrs.baseline.window.closes | 90 d | clinic
        cssrs.before_dosing.window.opens | -1 d | clinic
        cssrs.before_dosing.window.closes | 0 d | clinic
        {CHECK_IN}
        hama.baseline.window.opens | 0 d | clinic
        hama.baseline.window.closes | 90 d | clinic
        hama.week_4.window.opens | 25 d | clinic
        hama.week_4.window.target | 4 wk | mm120-abstract
        hama.week_4.window.closes | 31 d | clinic
        hama.week_12.window.opens | 11 wk | clinic
        hama.week_12.window.target | 12 wk | phase3-news
        hama.week_12.window.closes | 13 wk | clinic
        madrs.week_1.window.opens | 5 d | clinic
        madrs.week_1.window.target | 1 wk | mm120-news
        madrs.week_1.window.closes | 10 d | clinic
        madrs.week_4.window.opens | 25 d | clinic
        madrs.week_4.window.target | 4 wk | mm120-news
        madrs.week_4.window.closes | 31 d | clinic
        madrs.week_12.window.opens | 11 wk | clinic
        madrs.week_12.window.target | 12 wk | mm120-news
        madrs.week_12.window.closes | 13 wk | clinic
        answers.check_in.answer_by | 14:00 | clinic
        answers.check_in.act_within | 60 min | clinic
        outcomes.response.scores[1].value | 50 | clinic
        outcomes.remission.scores[1].value | 7 | clinic
    """,
    "ketamine_ptsd": f"""
        dosing.count | 6 | feder
        dosing.minutes | 180 min | clinic
        dosing.windows[1].opens | 0 d | clinic
        dosing.windows[1].target | 14 d | clinic
        dosing.windows[1].closes | 42 d | clinic
        dosing.windows[2].opens | 2 d | recalled
        dosing.windows[2].target | 2 d | recalled
        dosing.windows[2].closes | 3 d | recalled
        dosing.windows[3].opens | 2 d | recalled
        dosing.windows[3].target | 2 d | recalled
        dosing.windows[3].closes | 3 d | recalled
        dosing.windows[4].opens | 3 d | recalled
        dosing.windows[4].target | 3 d | recalled
        dosing.windows[4].closes | 4 d | recalled
        dosing.windows[5].opens | 2 d | recalled
        dosing.windows[5].target | 2 d | recalled
        dosing.windows[5].closes | 3 d | recalled
        dosing.windows[6].opens | 2 d | recalled
        dosing.windows[6].target | 2 d | recalled
        dosing.windows[6].closes | 3 d | recalled
        dosing.staff | 2 | clinic
        contact.after.count | 1 | clinic
        contact.after.every | 1 d | clinic
        contact.after.window.opens | 1 d | clinic
        contact.after.window.closes | 1 d | clinic
        contact.after.ladder.steps[1].comes | 2 h | clinic
        contact.after.ladder.steps[1].done_within | 2 h | clinic
        contact.after.ladder.steps[2].comes | 5 h | clinic
        contact.after.ladder.steps[2].done_within | 60 min | clinic
        eligibility.age.accept | 18 years | clinic
        eligibility.assessed.accept | yes | apa
        exclusion.psychosis.accept | no | clinic
        pregnancy.dosing.accept | negative | clinic
        pregnancy.dosing.valid_for | 24 h | clinic
        dose.round_to | 1 mg | clinic
        dose.initial[1].choices[1] | 0.5 mg/kg | feder
        dose.max_per_dose | 60 mg | clinic
        dose.max_per_session | 60 mg | clinic
        dose.max_per_course | 360 mg | clinic
        observation.steps[1].at_least | 0 mg | clinic
        observation.steps[1].minutes | 120 min | clinic
        vitals.before.within | 60 min | clinic
        vitals.before.limits.systolic | 140 mmHg | clinic
        vitals.before.limits.diastolic | 90 mmHg | clinic
        vitals.before.floors.oxygen | 94 % | clinic
        vitals.during.within | 5 min | clinic
        vitals.during.after | 15 min | recalled
        vitals.during.every | 15 min | recalled
        vitals.during.count | 4 | clinic
        vitals.end.within | 30 min | clinic
        release.names | 2 | clinic
        cssrs.baseline.window.opens | 0 d | clinic
        cssrs.baseline.window.closes | 42 d | clinic
        cssrs.before_dosing.window.opens | -1 d | clinic
        cssrs.before_dosing.window.closes | 0 d | clinic
        {CHECK_IN}
        caps5.baseline.window.opens | 0 d | clinic
        caps5.baseline.window.closes | 42 d | clinic
        madrs.baseline.window.opens | 0 d | clinic
        madrs.baseline.window.closes | 42 d | clinic
        madrs.hours_24.window.opens | 20 h | clinic
        madrs.hours_24.window.target | 24 h | feder
        madrs.hours_24.window.closes | 28 h | clinic
        madrs.week_1.window.opens | 6 d | clinic
        madrs.week_1.window.target | 7 d | feder
        madrs.week_1.window.closes | 8 d | clinic
        madrs.week_2.window.opens | 13 d | clinic
        madrs.week_2.window.target | 14 d | feder
        madrs.week_2.window.closes | 15 d | clinic
        caps5.week_1.window.opens | 6 d | clinic
        caps5.week_1.window.target | 7 d | feder
        caps5.week_1.window.closes | 8 d | clinic
        caps5.week_2.window.opens | 13 d | clinic
        caps5.week_2.window.target | 14 d | feder
        caps5.week_2.window.closes | 15 d | clinic
        pcl5.session.window.opens | -1 d | clinic
        pcl5.session.window.closes | 0 d | clinic
        answers.check_in.answer_by | 14:00 | clinic
        answers.check_in.act_within | 60 min | clinic
        outcomes.response.scores[1].value | 30 | sinai
    """,
    "esketamine_trd": """
        treatment.minutes | 150 min | clinic
        treatment.phases[1].count | 8 | label-schedule
        treatment.phases[1].windows[1].opens | 0 d | clinic
        treatment.phases[1].windows[1].target | 7 d | clinic
        treatment.phases[1].windows[1].closes | 28 d | clinic
        treatment.phases[1].windows[2].opens | 2 d | clinic
        treatment.phases[1].windows[2].target | 3 d | clinic
        treatment.phases[1].windows[2].closes | 5 d | clinic
        treatment.phases[1].windows[3].opens | 2 d | clinic
        treatment.phases[1].windows[3].target | 4 d | clinic
        treatment.phases[1].windows[3].closes | 5 d | clinic
        treatment.phases[1].windows[4].opens | 2 d | clinic
        treatment.phases[1].windows[4].target | 3 d | clinic
        treatment.phases[1].windows[4].closes | 5 d | clinic
        treatment.phases[1].windows[5].opens | 2 d | clinic
        treatment.phases[1].windows[5].target | 4 d | clinic
        treatment.phases[1].windows[5].closes | 5 d | clinic
        treatment.phases[1].windows[6].opens | 2 d | clinic
        treatment.phases[1].windows[6].target | 3 d | clinic
        treatment.phases[1].windows[6].closes | 5 d | clinic
        treatment.phases[1].windows[7].opens | 2 d | clinic
        treatment.phases[1].windows[7].target | 4 d | clinic
        treatment.phases[1].windows[7].closes | 5 d | clinic
        treatment.phases[1].windows[8].opens | 2 d | clinic
        treatment.phases[1].windows[8].target | 3 d | clinic
        treatment.phases[1].windows[8].closes | 5 d | clinic
        treatment.phases[2].count | 4 | label-schedule
        treatment.phases[2].windows[1].opens | 5 d | clinic
        treatment.phases[2].windows[1].target | 7 d | label-schedule
        treatment.phases[2].windows[1].closes | 9 d | clinic
        treatment.phases[2].windows[1].instead[1].window.opens | 2 d | clinic
        treatment.phases[2].windows[1].instead[1].window.target | 3 d | clinic
        treatment.phases[2].windows[1].instead[1].window.closes | 5 d | clinic
        treatment.phases[3].count | 1 | clinic
        treatment.phases[3].windows[1].opens | 5 d | clinic
        treatment.phases[3].windows[1].target | 7 d | label-schedule
        treatment.phases[3].windows[1].closes | 9 d | clinic
        treatment.phases[3].windows[1].instead[1].window.opens | 12 d | clinic
        treatment.phases[3].windows[1].instead[1].window.target | 14 d | label-schedule
        treatment.phases[3].windows[1].instead[1].window.closes | 16 d | clinic
        treatment.phases[3].windows[1].instead[2].window.opens | 2 d | clinic
        treatment.phases[3].windows[1].instead[2].window.target | 3 d | clinic
        treatment.phases[3].windows[1].instead[2].window.closes | 5 d | clinic
        treatment.staff | 1 | clinic
        benefit.window.opens | 21 d | clinic
        benefit.window.target | 4 wk | label-schedule
        benefit.window.closes | 35 d | clinic
        dose.strength | 28 mg | jnj-medical
        dose.initial[1].choices[1] | 56 mg | label-schedule
        dose.initial[2].choices[1] | 56 mg | label-schedule
        dose.initial[2].choices[2] | 84 mg | label-schedule
        dose.max_per_session | 84 mg | label-ph
        observation.steps[1].at_least | 0 mg | monitoring
        observation.steps[1].minutes | 120 min | monitoring
        vitals.before.within | 60 min | clinic
        vitals.before.limits.systolic | 140 mmHg | label-ph
        vitals.before.limits.diastolic | 90 mmHg | label-ph
        vitals.min_40.within | 10 min | clinic
        vitals.min_40.after | 40 min | label-ph
        vitals.end.within | 30 min | clinic
        vitals.end.limits.systolic | 140 mmHg | clinic
        vitals.end.limits.diastolic | 90 mmHg | clinic
        release.names | 1 | clinic
        rems.enrolment.window.closes | 0 h | rems-outpatient
        rems.monitoring.window.opens | 0 d | rems-form
        rems.monitoring.window.target | 1 d | clinic
        rems.monitoring.window.closes | 7 d | rems-form
        rems.certified.accept | yes | rems-outpatient
        contraindication.vascular.accept | no | label-isi
        contraindication.haemorrhage.accept | no | label-isi
        contraindication.hypersensitivity.accept | no | label-isi
        eligibility.age.accept | 18 years | label-schedule
        madrs.baseline.window.opens | -14 d | clinic
        madrs.baseline.window.closes | 28 d | clinic
        madrs.week_4.window.opens | 21 d | clinic
        madrs.week_4.window.target | 27 d | clinic
        madrs.week_4.window.closes | 35 d | clinic
        phq9.session.window.opens | -1 d | clinic
        phq9.session.window.closes | 0 d | clinic
        outcomes.response.scores[1].value | 50 | clinic
        overlays[1].dose.strength | 28 mg | jnj-medical
        overlays[1].dose.initial[1].choices[1] | 28 mg | label-hk
        overlays[1].dose.initial[1].when[1].value | 65 years | label-hk
        overlays[1].dose.initial[2].choices[1] | 56 mg | label-schedule
        overlays[1].dose.initial[3].choices[1] | 28 mg | label-hk
        overlays[1].dose.initial[3].choices[2] | 56 mg | label-hk
        overlays[1].dose.initial[3].choices[3] | 84 mg | label-hk
        overlays[1].dose.initial[3].when[1].value | 65 years | label-hk
        overlays[1].dose.initial[4].choices[1] | 56 mg | label-schedule
        overlays[1].dose.initial[4].choices[2] | 84 mg | label-schedule
        overlays[1].dose.max_per_session | 84 mg | label-ph
    """,
}

RESTS_ON = {SourceStatus.CLINIC_CHOICE: "clinic", SourceStatus.UNVERIFIED: "recalled"}


def rests_on(source: Source) -> str:
    return source.citation if source.status is SourceStatus.PUBLISHED else RESTS_ON[source.status]


@pytest.mark.parametrize("code", TABLES)
def test_every_figure_has_its_value_and_rests_on_what_it_may_claim(code: str) -> None:
    found = [
        f"{figure.path} | {figure.text} | {rests_on(figure.source)}"
        for figure in figures_of(protocol(code))
        if not figure.path.startswith("reminders.")
    ]
    assert found == [row.strip() for row in TABLES[code].strip().splitlines()]


def test_there_is_a_table_for_every_protocol() -> None:
    assert {*TABLES, "mdma_ptsd"} == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_when_to_remind_is_the_clinics_own(code: str) -> None:
    reminders = [figure for figure in figures_of(protocol(code)) if figure.path.startswith("reminders.")]
    assert reminders
    assert {rests_on(figure.source) for figure in reminders} == {"clinic"}


SEVERAL_A_WEEK = {"ketamine_ptsd": {3, 1}, "esketamine_trd": {1}}


@pytest.mark.parametrize("code", CODES)
def test_every_visit_is_announced_a_week_three_days_and_a_day_ahead_unless_there_are_several_a_week(
    code: str,
) -> None:
    definition = protocol(code)
    for rule in definition.rules:
        if isinstance(rule, SessionRule):
            ahead = {
                one.before.value.amount
                for one in definition.reminders
                if one.rule == rule.code and one.purpose == "visit_reminder"
            }
            assert ahead == SEVERAL_A_WEEK.get(code, {7, 3, 1}), rule.code


@pytest.mark.parametrize("code", CODES)
def test_every_point_that_must_be_ticked_names_its_source_or_is_answered_for(code: str) -> None:
    definition = protocol(code)
    asked = {placed.path for placed in to_answer_for(definition, {})}
    must = [
        (f"{rule.code}.{name}.{item.code}", item)
        for rule in definition.rules
        for name in ("checklist", "items")
        for item in getattr(rule, name, ())
        if item.required or name == "items"
    ]
    for path, item in must:
        assert (item.source.citation in definition.citations) != (path in asked), path
    assert code in ("lsd_gad", "lsd_anxiety", "ketamine_ptsd") or must


@pytest.mark.parametrize("code", CODES)
def test_every_source_says_something(code: str) -> None:
    definition = protocol(code)
    sources = [figure.source for figure in figures_of(definition)]
    for rule in definition.rules:
        sources.append(rule.source)
        if isinstance(rule, SessionRule):
            sources += [item.source for item in rule.checklist]
        elif isinstance(rule, ReleaseRule):
            sources += [item.source for item in rule.items]
    for source in sources:
        if source.status is SourceStatus.PUBLISHED:
            assert source.citation in definition.citations
        else:
            assert not source.citation
            assert source.note


# What is asked of who holds a session: of whom, what, before which, and who may override it.
CREDENTIALS = {
    ("mdma_ptsd", "staff.trained", "everybody therapist", "mdma_therapy", "dosing", "supervisor"),
    ("mdma_ptsd", "staff.licensed", "somebody therapist", "licence", "dosing", "supervisor"),
    (
        "oregon_psilocybin",
        "facilitators_licensed",
        "everybody therapist",
        "psilocybin_facilitator",
        "administration integration preparation",
        "",
    ),
    ("esketamine_trd", "provider.licensed", "somebody", "licence", "treatment", "prescriber"),
    ("ketamine_ptsd", "resuscitation", "somebody", "acls", "dosing", "prescriber"),
}


def test_what_is_asked_of_who_holds_a_session() -> None:
    found = {
        (
            code,
            rule.code,
            " ".join([rule.held_by.value, *sorted(rule.roles)]),
            rule.credential.value if rule.credential is not None else " ".join(sorted(rule.any_of)),
            " ".join(sorted(block.rule for block in rule.blocks)),
            " ".join(sorted({role.value for block in rule.blocks for role in block.override})),
        )
        for code in CODES
        for rule in protocol(code).rules
        if isinstance(rule, CredentialRule)
    }
    assert found == CREDENTIALS


# Rules of which nothing was read: however the figures are filled in, the rule itself may not claim a source.
RECALLED = {
    "psilocybin_ptsd": ["integration", "exclusion.psychosis_bipolar", "observation"],
    "psilocybin_trd": ["preparation", "integration", "exclusion.psychosis_bipolar", "observation"],
    "oregon_psilocybin": [
        "consent.treatment",
        "contact.after",
        "exclusion.active_psychosis",
        "facilitators_licensed",
        "form.product_information",
        "form.safety_plan",
    ],
    "lsd_anxiety": [
        "preparation",
        "integration",
        "exclusion.psychosis_bipolar",
        "exclusion.hypertension",
        "washout",
        "observation",
    ],
    "lsd_gad": ["observation"],
    "ketamine_ptsd": ["vitals.during", "release", "resuscitation"],
    "esketamine_trd": ["provider.licensed"],
}


@pytest.mark.parametrize("code", RECALLED)
def test_what_is_only_recalled_is_shown_as_recalled(code: str) -> None:
    rules = protocol(code).rules
    assert {rule.code for rule in rules if rule.source.status is SourceStatus.UNVERIFIED} == set(
        RECALLED[code]
    )
