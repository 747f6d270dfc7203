"""What schools and their systems call things, besides the codes and synonyms of the fact schema."""

import re

_NOT_ALNUM = re.compile(r"[\W_]+")
YES = frozenset({"yes", "y", "true", "t", "1"})
NO = frozenset({"no", "n", "false", "f", "0"})
NOT_KNOWN = frozenset(
    {"unknown", "notknown", "unk", "dontknow", "donotknow", "notsure", "unsure", "unclear", "tbc"}
)

# fact -> code -> other words for it, compared without case, spaces, hyphens and underscores.
WORDS: dict[str, dict[str, str]] = {
    "concern_types": {
        "physical": "physical harm, physical assault, non-accidental injury, nai",
        "sexual": "csa, child sexual abuse, sexual harm",
        "emotional": "emotional harm, psychological abuse",
        "neglect": "neglected",
        "online_contact_grooming": "online grooming, grooming online, sexual communication",
        "online_content": "harmful content, pornography, problematic content",
        "nudes": "nudes and semi nudes, semi nudes, youth produced sexual imagery, sextortion,"
        " deepfake, indecent images, self generated intimate images",
        "cyberbullying": "cyber bullying, online bullying",
        "cyber_dependent_crime": "hacking, cyber crime",
        "fgm": "female circumcision",
        "forced_marriage": "child marriage, fm, marriage by force",
        "hba": "honour based abuse, honor based abuse, honour based violence, hbv,"
        " so called honour based abuse, honour abuse",
        "radicalisation": "radicalization, prevent concern, extremist, terrorism",
        "cse": "sexual exploitation",
        "cce_county_lines": "criminal exploitation, child criminal exploitation (cce), gangs",
        "modern_slavery": "human trafficking, child trafficking, slavery",
        "serious_violence": "knife crime, serious youth violence",
        "child_on_child_sexual_violence": "peer sexual violence, peer on peer sexual violence",
        "child_on_child_sexual_harassment": "sexual harassment, peer on peer sexual harassment",
        "child_on_child_other": "peer on peer abuse, child on child, child on child abuse,"
        " bullying, peer abuse",
        "allegation_adult": "lado, allegation against staff, allegation, position of trust",
        "low_level_concern": "low level",
        "domestic_abuse": "dv, da, domestic",
        "missing_now": "missing child, missing from home, absconded, missing from school",
        "cme": "child missing education, children missing education, missing education",
        "absence": "attendance, truancy, persistent absence, school absence",
        "mental_health": "mental ill health, anxiety, depression",
        "self_harm_suicide": "suicidal, suicidal thoughts, suicidal ideation, overdose",
        "private_fostering": "privately fostered",
        "homelessness": "homeless, housing",
        "young_carer": "young carers",
        "bereavement": "bereaved",
        "parent_custody": "parent in custody, parent in prison",
        "parental_substance_mh": "parental substance misuse, parental mental health,"
        " parental alcohol misuse, parental drug misuse",
        "fabricated_illness": "fii, fabricated or induced illness",
        "faith_belief_abuse": "abuse linked to faith or belief, witchcraft, spirit possession",
        "non_recent_abuse": "historic abuse, historical abuse, non recent",
        "child_death": "death of a child",
    },
    "harm_level": {
        "significant_actual_or_likely": "significant harm, actual significant harm,"
        " likely significant harm",
        "suspected_significant": "suspected significant harm, section 47",
        "in_need": "child in need, section 17, s17",
        "emerging_need": "early help, emerging needs, emerging",
    },
    "knowledge_basis": {
        "told_by_the_child": "disclosed by child, child disclosed, child told me, child said",
        "physical_signs_observed": "signs seen, marks seen, observed, injury seen, observation",
        "told_by_third_party": "told by someone else, told by another, hearsay, told by parent",
        "suspicion_or_risk": "suspected, at risk, risk",
        "seen_online": "online",
        "police_notification": "encompass, police notice, police",
    },
    "source_of_harm": {
        "parent_carer": "parents, step father, step mother, step parent, mum, dad, guardian",
        "other_family": "sibling, brother, sister, uncle, aunt, grandparent, relative, family",
        "adult_known": "known adult, family friend",
        "adult_online": "online adult, stranger online",
        "adult_unknown": "unknown adult",
        "child_10_17": "another child, another pupil, peer, pupil, student",
        "staff": "member of staff, staff member, ta, teaching assistant",
        "headteacher": "head teacher, principal",
        "supply": "supply teacher, supply staff, agency",
        "self": "self harm",
    },
    "reporter_role": {
        "teacher": "class teacher, form tutor, head of year, tutor, lecturer",
        "teaching_assistant": "hlta, lsa, learning support assistant",
        "other_staff": "staff, office, office staff, support staff, admin, receptionist",
        "dsl": "designated safeguarding lead, safeguarding lead",
        "deputy_dsl": "deputy designated safeguarding lead",
        "headteacher": "head teacher, principal",
        "supply": "supply teacher, supply staff",
        "health_professional": "school nurse, doctor, gp",
        "pupil": "child, student",
        "system": "mis",
    },
    "police_investigation": {
        "live": "open, ongoing, yes, active, current",
        "ended": "closed, finished, complete",
        "none": "no, not involved",
    },
    "csc_status": {
        "none": "no, not known to social care",
        "early_help": "eh, eha, family help",
        "cin": "section 17, s17",
        "cp_plan": "child protection plan, cp",
        "looked_after": "child looked after, children looked after, in care, looked after child",
    },
    "consent": {
        "given": "yes, agreed, true",
        "refused": "no, declined, withheld, false",
        "not_sought": "not asked, not obtained",
    },
    "image": {
        "none": "no, no image, false",
        "mentioned": "described, image mentioned, yes, true",
        "held_on_device": "on device, on phone, on a phone",
        "viewed": "seen",
        "attached_to_report": "attached, attachment",
    },
    "disclosure_request": {
        "none": "no, false, no request",
        "subject_parents": "parents of the child, own parents, childs parents",
        "all_parents": "parent letter, letter to parents, whole school parents",
        "other_schools": "schools, neighbouring schools",
        "all_staff": "staff, whole staff",
        "press": "newspaper, journalist",
        "website_social": "facebook, newsletter, twitter",
        "foi": "freedom of information, foi request",
        "sar": "subject access request, dsar",
    },
    "sex": {"U": "not known, not specified, other, indeterminate"},
}  # fmt: skip


def folded_code(text: str) -> str:
    return _NOT_ALNUM.sub("", text.casefold())
