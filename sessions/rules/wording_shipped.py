"""The messages to patients as shipped, in four languages: data. English is complete; the others are drafts,
used by a clinic only once one of its clinicians has approved them."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    VISIT = "visit"
    VISIT_TOMORROW = "visit_tomorrow"
    CHECK_IN = "check_in"
    FORM = "form"
    MISSED = "missed"
    PRACTICE = "practice"  # what was agreed to be done between visits
    DISCREET = "discreet"  # says only that there is something to open
    CALL_US = "call_us"  # for a telephone that others hold: nothing to open, nothing to learn
    STOPPED = "stopped"
    STARTED = "started"
    HELP = "help"


# (language, kind, text). Each must fit into 160 characters of the GSM alphabet with its places filled.
TEXTS: tuple[tuple[str, Kind, str], ...] = (
    (
        "en",
        Kind.VISIT,
        "{sender}: visit {day}, {time}. Confirm or change: {link} or call {phone}. Reply STOP to opt out.",
    ),
    (
        "en",
        Kind.VISIT_TOMORROW,
        "{sender}: visit tomorrow, {day}, {time}. Change? {link} or call {phone}. Reply STOP to opt out.",
    ),
    (
        "en",
        Kind.CHECK_IN,
        "{sender}: how are you today? It takes a minute: {link} Or call {phone}. Reply STOP to opt out.",
    ),
    (
        "en",
        Kind.FORM,
        "{sender}: please fill in a short form. It takes about 5 min: {link} Reply STOP to opt out.",
    ),
    (
        "en",
        Kind.MISSED,
        "{sender}: sorry we missed you. Call {phone} and we will find a new time. Reply STOP to opt out.",
    ),
    (
        "en",
        Kind.PRACTICE,
        "{sender}: please remember what we planned. Questions? Call {phone}. Reply STOP to opt out.",
    ),
    (
        "en",
        Kind.DISCREET,
        "{sender}: there is a message for you: {link} Reply STOP to opt out.",
    ),
    (
        "en",
        Kind.CALL_US,
        "{sender}: please call us on {phone}. Reply STOP to opt out.",
    ),
    (
        "en",
        Kind.STOPPED,
        "{sender}: you will get no more texts from us. Call {phone} with questions. Reply START to turn "
        "texts back on.",
    ),
    (
        "en",
        Kind.STARTED,
        "{sender}: you will get texts from us again. Call {phone} with questions. Reply STOP to opt out.",
    ),
    (
        "en",
        Kind.HELP,
        "{sender}: we text you about your visits. Call {phone} with questions. Reply STOP to opt out.",
    ),
    (
        "es",
        Kind.VISIT,
        "{sender}: cita {day}, {time}. Confirmar o cambiar: {link} o {phone}. STOP para no recibir más.",
    ),
    (
        "es",
        Kind.VISIT_TOMORROW,
        "{sender}: cita mañana, {day}, {time}. Cambiar: {link} o {phone}. STOP para no recibir más.",
    ),
    (
        "es",
        Kind.CHECK_IN,
        "{sender}: ¿cómo está hoy? Un minuto: {link} O llame al {phone}. STOP para no recibir más.",
    ),
    (
        "es",
        Kind.FORM,
        "{sender}: por favor, rellene un breve formulario: {link} STOP para no recibir más.",
    ),
    (
        "es",
        Kind.MISSED,
        "{sender}: no nos vimos. Llame al {phone} y buscaremos otra hora. STOP para no recibir más.",
    ),
    (
        "es",
        Kind.PRACTICE,
        "{sender}: recuerde lo que planeamos para esta semana. Preguntas: {phone}. STOP para no recibir más.",
    ),
    (
        "es",
        Kind.DISCREET,
        "{sender}: hay un mensaje para usted: {link} STOP para no recibir más.",
    ),
    (
        "es",
        Kind.CALL_US,
        "{sender}: por favor, llame al {phone}. STOP para no recibir más.",
    ),
    (
        "es",
        Kind.STOPPED,
        "{sender}: no le enviaremos más SMS. Preguntas: {phone}. Responda START si los quiere de nuevo.",
    ),
    (
        "es",
        Kind.STARTED,
        "{sender}: recibirá de nuevo nuestros mensajes. Preguntas: {phone}. STOP para no recibir más.",
    ),
    (
        "es",
        Kind.HELP,
        "{sender}: le escribimos sobre sus citas. Preguntas: {phone}. STOP para no recibir más.",
    ),
    (
        "de",
        Kind.VISIT,
        "{sender}: Termin {day}, {time}. Zusagen/verschieben: {link} oder {phone}. STOP beendet SMS.",
    ),
    (
        "de",
        Kind.VISIT_TOMORROW,
        "{sender}: Termin morgen, {day}, {time}. Verschieben: {link} oder {phone}. STOP beendet SMS.",
    ),
    (
        "de",
        Kind.CHECK_IN,
        "{sender}: Wie geht es Ihnen heute? Eine Minute: {link} Oder Tel. {phone}. STOP beendet SMS.",
    ),
    (
        "de",
        Kind.FORM,
        "{sender}: Bitte füllen Sie einen kurzen Bogen aus: {link} STOP beendet SMS.",
    ),
    (
        "de",
        Kind.MISSED,
        "{sender}: Wir haben Sie verpasst. Einen neuen Termin finden wir unter {phone}. STOP beendet SMS.",
    ),
    (
        "de",
        Kind.PRACTICE,
        "{sender}: Denken Sie an das, was wir geplant haben. Fragen: {phone}. STOP beendet SMS.",
    ),
    (
        "de",
        Kind.DISCREET,
        "{sender}: Für Sie liegt eine Nachricht bereit: {link} STOP beendet SMS.",
    ),
    (
        "de",
        Kind.CALL_US,
        "{sender}: Bitte rufen Sie uns an: {phone}. STOP beendet SMS.",
    ),
    (
        "de",
        Kind.STOPPED,
        "{sender}: Sie bekommen keine SMS mehr von uns. Fragen: Tel. {phone}. START schaltet sie wieder ein.",
    ),
    (
        "de",
        Kind.STARTED,
        "{sender}: Sie bekommen wieder SMS von uns. Fragen: Tel. {phone}. STOP beendet SMS.",
    ),
    (
        "de",
        Kind.HELP,
        "{sender}: Wir schreiben Ihnen zu Ihren Terminen. Fragen: Tel. {phone}. STOP beendet SMS.",
    ),
    (
        "fr",
        Kind.VISIT,
        "{sender} : rendez-vous {day}, {time}. Confirmer/changer : {link} ou {phone}. STOP = fin des SMS.",
    ),
    (
        "fr",
        Kind.VISIT_TOMORROW,
        "{sender} : rendez-vous demain, {day}, {time}. Changer : {link} ou {phone}. STOP = fin des SMS.",
    ),
    (
        "fr",
        Kind.CHECK_IN,
        "{sender} : comment allez-vous ? Une minute : {link} Ou {phone}. STOP = fin des SMS.",
    ),
    (
        "fr",
        Kind.FORM,
        "{sender} : merci de remplir un court formulaire : {link} STOP = fin des SMS.",
    ),
    (
        "fr",
        Kind.MISSED,
        "{sender} : nous vous avons attendu. Pour une autre date : {phone}. STOP = fin des SMS.",
    ),
    (
        "fr",
        Kind.PRACTICE,
        "{sender} : pensez à ce qui est prévu cette semaine. Questions : {phone}. STOP = fin des SMS.",
    ),
    (
        "fr",
        Kind.DISCREET,
        "{sender} : un message vous attend : {link} STOP = fin des SMS.",
    ),
    (
        "fr",
        Kind.CALL_US,
        "{sender} : merci de nous appeler au {phone}. STOP = fin des SMS.",
    ),
    (
        "fr",
        Kind.STOPPED,
        "{sender} : vous ne recevrez plus de SMS. Questions : {phone}. START pour les recevoir à nouveau.",
    ),
    (
        "fr",
        Kind.STARTED,
        "{sender} : vous recevrez à nouveau nos SMS. Questions : {phone}. STOP = fin des SMS.",
    ),
    (
        "fr",
        Kind.HELP,
        "{sender} : nous vous écrivons pour vos rendez-vous. Questions : {phone}. STOP = fin des SMS.",
    ),
)

_OUT = {
    "en": "To get no more messages from us, choose “No more messages” on the page.",
    "es": "Para no recibir más mensajes, elija “No más mensajes” en la página.",
    "de": "Wenn Sie keine Nachrichten mehr möchten, wählen Sie auf der Seite „Keine Nachrichten mehr“.",
    "fr": "Pour ne plus rien recevoir, choisissez « Arrêter les messages » sur la page.",
}


def _mail(language: str, kind: Kind, subject: str, text: str) -> tuple[str, Kind, str, str]:
    return language, kind, subject, f"{text}\n\n{_OUT[language]}\n"


# (language, kind, subject, text)
MAILS: tuple[tuple[str, Kind, str, str], ...] = (
    _mail(
        "en",
        Kind.VISIT,
        "Your visit on {day}",
        "{sender}: your visit is on {day} at {time}.\n\n"
        "Confirm it or ask for another time here:\n{link}\n\n"
        "Or call {phone}.",
    ),
    _mail(
        "en",
        Kind.CHECK_IN,
        "How are you today?",
        "{sender}: please tell us how you are today. It takes about a minute:\n{link}\n\n"
        "If you would rather talk, call {phone}.",
    ),
    _mail(
        "en",
        Kind.FORM,
        "A short form for you",
        "{sender}: please fill in a short form. It takes about 5 minutes:\n{link}\n\n"
        "Questions? Call {phone}.",
    ),
    _mail(
        "en",
        Kind.MISSED,
        "Sorry we missed you",
        "{sender}: sorry we missed you. To find a new time, call {phone}.",
    ),
    _mail(
        "en",
        Kind.PRACTICE,
        "What we planned",
        "{sender}: please remember what we planned for this week.\n\nQuestions? Call {phone}.",
    ),
    _mail(
        "en",
        Kind.DISCREET,
        "A message for you",
        "{sender}: there is a message for you here:\n{link}\n\nOr call {phone}.",
    ),
    _mail(
        "es",
        Kind.VISIT,
        "Su cita el {day}",
        "{sender}: su cita es el {day} a las {time}.\n\n"
        "Confírmela o pida otra hora aquí:\n{link}\n\n"
        "O llame al {phone}.",
    ),
    _mail(
        "es",
        Kind.CHECK_IN,
        "¿Cómo está hoy?",
        "{sender}: díganos cómo está hoy. Es un minuto:\n{link}\n\nSi prefiere hablar, llame al {phone}.",
    ),
    _mail(
        "es",
        Kind.FORM,
        "Un breve formulario",
        "{sender}: por favor, rellene un breve formulario. Son unos 5 minutos:\n{link}\n\n"
        "¿Preguntas? Llame al {phone}.",
    ),
    _mail(
        "es",
        Kind.MISSED,
        "Hoy no nos vimos",
        "{sender}: hoy no nos vimos. Para buscar otra hora, llame al {phone}.",
    ),
    _mail(
        "es",
        Kind.PRACTICE,
        "Lo que planeamos",
        "{sender}: recuerde lo que planeamos para esta semana.\n\n¿Preguntas? Llame al {phone}.",
    ),
    _mail(
        "es",
        Kind.DISCREET,
        "Un mensaje para usted",
        "{sender}: hay un mensaje para usted aquí:\n{link}\n\nO llame al {phone}.",
    ),
    _mail(
        "de",
        Kind.VISIT,
        "Ihr Termin am {day}",
        "{sender}: Ihr Termin ist am {day} um {time} Uhr.\n\n"
        "Hier können Sie zusagen oder um eine andere Zeit bitten:\n{link}\n\n"
        "Oder rufen Sie an: {phone}.",
    ),
    _mail(
        "de",
        Kind.CHECK_IN,
        "Wie geht es Ihnen heute?",
        "{sender}: Bitte sagen Sie uns, wie es Ihnen heute geht. Es dauert eine Minute:\n{link}\n\n"
        "Wenn Sie lieber sprechen möchten, rufen Sie an: {phone}.",
    ),
    _mail(
        "de",
        Kind.FORM,
        "Ein kurzer Bogen für Sie",
        "{sender}: Bitte füllen Sie einen kurzen Bogen aus. Es dauert etwa 5 Minuten:\n{link}\n\n"
        "Fragen? Rufen Sie an: {phone}.",
    ),
    _mail(
        "de",
        Kind.MISSED,
        "Wir haben Sie verpasst",
        "{sender}: Wir haben Sie heute verpasst. Für eine neue Zeit rufen Sie an: {phone}.",
    ),
    _mail(
        "de",
        Kind.PRACTICE,
        "Was wir geplant haben",
        "{sender}: denken Sie bitte an das, was wir für diese Woche geplant haben.\n\n"
        "Fragen? Rufen Sie an: {phone}.",
    ),
    _mail(
        "de",
        Kind.DISCREET,
        "Eine Nachricht für Sie",
        "{sender}: Hier liegt eine Nachricht für Sie:\n{link}\n\nOder rufen Sie an: {phone}.",
    ),
    _mail(
        "fr",
        Kind.VISIT,
        "Votre rendez-vous {day}",
        "{sender} : votre rendez-vous est {day} à {time}.\n\n"
        "Confirmez-le ou demandez une autre heure ici :\n{link}\n\n"
        "Ou appelez le {phone}.",
    ),
    _mail(
        "fr",
        Kind.CHECK_IN,
        "Comment allez-vous ?",
        "{sender} : dites-nous comment vous allez. Cela prend une minute :\n{link}\n\n"
        "Si vous préférez parler, appelez le {phone}.",
    ),
    _mail(
        "fr",
        Kind.FORM,
        "Un court formulaire",
        "{sender} : merci de remplir un court formulaire. Cela prend 5 minutes :\n{link}\n\n"
        "Des questions ? Appelez le {phone}.",
    ),
    _mail(
        "fr",
        Kind.MISSED,
        "Nous vous avons attendu",
        "{sender} : nous vous avons attendu. Pour une autre date, appelez le {phone}.",
    ),
    _mail(
        "fr",
        Kind.PRACTICE,
        "Ce qui est prévu",
        "{sender} : pensez à ce qui est prévu cette semaine.\n\nDes questions ? Appelez le {phone}.",
    ),
    _mail(
        "fr",
        Kind.DISCREET,
        "Un message pour vous",
        "{sender} : un message vous attend ici :\n{link}\n\nOu appelez le {phone}.",
    ),
)
